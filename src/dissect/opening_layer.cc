#include "dissect/opening_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace rdpwhy::dissect {
namespace {

using Cut = OpeningLayer::Cut;

constexpr std::size_t kMostHead = 16 * 1024;  // an HTTP request or response head
constexpr std::size_t kMostProxyLine = 107;   // PROXY protocol, 2.1
constexpr std::size_t kMostSocks4 = 1024;
constexpr std::size_t kMostDue = 8;
constexpr std::uint8_t kSocks5 = 5;
constexpr std::uint8_t kSocks4 = 4;
constexpr std::uint8_t kSocksAuthentication = 1;
constexpr std::string_view kConnect = "CONNECT ";
constexpr std::string_view kProxy = "PROXY ";
constexpr std::string_view kHttp = "HTTP/";
constexpr std::string_view kProxySignature("\r\n\r\n\0\r\nQUIT\n", 12);

Cut not_mine() { return {}; }
Cut need_more() { return {Cut::Kind::kNeedMore, 0}; }
Cut sized(ByteSpan view, std::size_t size) {
  return view.size() < size ? need_more() : Cut{Cut::Kind::kUnit, size};
}

/// A text that begins with `begin` and goes up to `end`, at most `most` octets.
Cut text_until(ByteSpan view, std::string_view begin, std::string_view end, std::size_t most,
               std::size_t searched) {
  const auto text = base::as_text(view);
  if (text.substr(0, begin.size()) != begin.substr(0, text.size())) return not_mine();
  const auto from = searched - std::min(searched, end.size() - 1);
  const auto at = text.substr(0, most).find(end, from);
  if (at != std::string_view::npos) return {Cut::Kind::kUnit, at + end.size()};
  return text.size() >= most ? not_mine() : need_more();
}

/// Header, address form and address, port: the common end of a SOCKS5 request and reply (RFC 1928
/// 4, 6).
Cut cut_socks5_message(ByteSpan view) {
  if (view.size() < 5) return need_more();
  switch (view[3]) {
    case 1:
      return sized(view, 4 + 4 + 2);
    case 3:
      return sized(view, 4 + 1 + view[4] + 2u);
    case 4:
      return sized(view, 4 + 16 + 2);
    default:
      return not_mine();
  }
}

Cut cut_socks4(ByteSpan view) {
  if (view.size() < 2) return need_more();
  if (view[1] != 1 && view[1] != 2) return not_mine();
  if (view.size() < 9) return need_more();
  const bool named = view[4] == 0 && view[5] == 0 && view[6] == 0 && view[7] != 0;  // SOCKS4a
  auto end = std::ranges::find(view.subspan(8), std::uint8_t{0});
  if (named && end != view.end()) end = std::find(end + 1, view.end(), std::uint8_t{0});
  if (end == view.end()) return view.size() > kMostSocks4 ? not_mine() : need_more();
  return {Cut::Kind::kUnit, static_cast<std::size_t>(end - view.begin()) + 1};
}

/// RFC 1929: version, user name, password.
Cut cut_authentication(ByteSpan view) {
  if (view.size() < 2) return need_more();
  const std::size_t password = 2u + view[1];
  if (view.size() <= password) return need_more();
  return sized(view, password + 1 + view[password]);
}

std::string dotted(ByteSpan v4) { return fmt::format("{}.{}.{}.{}", v4[0], v4[1], v4[2], v4[3]); }

std::string colons(ByteSpan v6) {
  std::string text = "[";
  for (std::size_t i = 0; i < 16; i += 2) {
    text += fmt::format("{}{:x}", i == 0 ? "" : ":", v6[i] << 8 | v6[i + 1]);
  }
  return text + "]";
}

std::uint16_t port_at(ByteSpan octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]);
}

std::string socks5_target(ByteSpan octets) {
  const auto port = port_at(octets, octets.size() - 2);
  switch (octets[3]) {
    case 1:
      return fmt::format("{}:{}", dotted(octets.subspan(4, 4)), port);
    case 3:
      return fmt::format("{}:{}", base::as_text(octets.subspan(5, octets[4])), port);
    default:
      return fmt::format("{}:{}", colons(octets.subspan(4, 16)), port);
  }
}

std::string socks4_target(ByteSpan octets) {
  const auto port = port_at(octets, 2);
  if (octets[4] != 0 || octets[5] != 0 || octets[6] != 0 || octets[7] == 0) {
    return fmt::format("{}:{}", dotted(octets.subspan(4, 4)), port);
  }
  const auto user_end = std::ranges::find(octets.subspan(8), std::uint8_t{0});
  const auto name =
      base::as_text(octets.subspan(static_cast<std::size_t>(user_end - octets.begin()) + 1));
  return fmt::format("{}:{}", name.substr(0, name.size() - 1), port);
}

/// The word behind the first one of a line: the target of CONNECT.
std::string second_word(std::string_view text) {
  const auto begin = std::min(text.find(' ') + 1, text.size());
  const auto end = text.find_first_of(" \r\n", begin);
  return std::string(text.substr(begin, end == std::string_view::npos ? end : end - begin));
}

/// "PROXY TCP4 source destination sport dport": the destination.
std::string proxy_v1_target(std::string_view line) {
  std::string words[6];
  std::size_t count = 0;
  line = line.substr(0, line.find("\r\n"));
  while (count < 6 && !line.empty()) {
    const auto end = line.find(' ');
    words[count++] = line.substr(0, end);
    line = end == std::string_view::npos ? "" : line.substr(end + 1);
  }
  if (count < 6) return {};
  return words[1] == "TCP6" ? fmt::format("[{}]:{}", words[3], words[5])
                            : fmt::format("{}:{}", words[3], words[5]);
}

std::string proxy_v2_target(ByteSpan octets) {
  const auto family = octets[13] >> 4;
  const auto addresses = octets.subspan(16);
  if (family == 1 && addresses.size() >= 12) {
    return fmt::format("{}:{}", dotted(addresses.subspan(4, 4)), port_at(addresses, 10));
  }
  if (family == 2 && addresses.size() >= 36) {
    return fmt::format("{}:{}", colons(addresses.subspan(16, 16)), port_at(addresses, 34));
  }
  return {};
}

std::string socks5_reply(std::uint8_t code) {
  constexpr std::string_view kReplies[] = {"succeeded",
                                           "general SOCKS server failure",
                                           "connection not allowed by ruleset",
                                           "Network unreachable",
                                           "Host unreachable",
                                           "Connection refused",
                                           "TTL expired",
                                           "Command not supported",
                                           "Address type not supported"};
  return code < std::size(kReplies) ? std::string(kReplies[code]) : fmt::format("reply {}", code);
}

std::uint64_t content_length(std::string_view head) {
  constexpr std::string_view kField = "\r\ncontent-length:";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  const auto found = std::ranges::search(head, kField, same);
  if (found.empty()) return 0;
  auto value = head.substr(static_cast<std::size_t>(found.end() - head.begin()));
  while (value.starts_with(' ')) value.remove_prefix(1);
  std::uint64_t length = 0;
  std::from_chars(value.data(), value.data() + value.size(), length);
  return length;
}

}  // namespace

OpeningLayer::Cut OpeningLayer::cut(Side side, ByteSpan view, std::size_t searched) const {
  if (view.empty()) return need_more();
  return side == Side::kClient ? cut_client(view, searched) : cut_answer(view, searched);
}

OpeningLayer::Cut OpeningLayer::cut_client(ByteSpan view, std::size_t searched) const {
  if (due_.size() >= kMostDue) return not_mine();
  switch (view[0]) {
    case kSocks5:
      if (socks5_greeted_) return cut_socks5_message(view);
      if (view.size() < 2) return need_more();
      return view[1] == 0 ? not_mine() : sized(view, 2u + view[1]);
    case kSocksAuthentication:
      return socks5_greeted_ ? cut_authentication(view) : not_mine();
    case kSocks4:
      return cut_socks4(view);
    case 'C':
      return text_until(view, kConnect, "\r\n\r\n", kMostHead, searched);
    case 'P':
      return text_until(view, kProxy, "\r\n", kMostProxyLine, searched);
    case '\r': {
      const auto begin = base::as_text(view.first(std::min(view.size(), kProxySignature.size())));
      if (!kProxySignature.starts_with(begin)) return not_mine();
      if (view.size() < 16) return need_more();
      return sized(view, 16u + port_at(view, 14));
    }
    default:
      return not_mine();
  }
}

OpeningLayer::Cut OpeningLayer::cut_answer(ByteSpan view, std::size_t searched) const {
  if (body_left_ > 0) {
    return {Cut::Kind::kUnit,
            static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, view.size()))};
  }
  if (due_.empty()) return not_mine();
  switch (due_.front()) {
    case Answer::kMethod:
      return view[0] == kSocks5 ? sized(view, 2) : not_mine();
    case Answer::kAuthentication:
      return view[0] == kSocksAuthentication ? sized(view, 2) : not_mine();
    case Answer::kSocks5:
      return view[0] == kSocks5 ? cut_socks5_message(view) : not_mine();
    case Answer::kSocks4:
      return view[0] == 0 ? sized(view, 8) : not_mine();
    case Answer::kHttp:
      return text_until(view, kHttp, "\r\n\r\n", kMostHead, searched);
  }
  return not_mine();
}

void OpeningLayer::read(const Unit& unit, EvidenceLog& log) {
  if (unit.side == Side::kClient) {
    read_client(unit, log);
  } else {
    read_answer(unit, log);
  }
}

void OpeningLayer::read_client(const Unit& unit, EvidenceLog& log) {
  const auto octets = unit.octets;
  record::ProxyOpening opening;
  switch (octets[0]) {
    case kSocks5:
      opening.protocol = "SOCKS5";
      if (socks5_greeted_) opening.target = socks5_target(octets);
      due_.push_back(socks5_greeted_ ? Answer::kSocks5 : Answer::kMethod);
      socks5_greeted_ = !socks5_greeted_;
      break;
    case kSocksAuthentication:
      due_.push_back(Answer::kAuthentication);
      return;  // credentials: passed over
    case kSocks4:
      opening = {.protocol = "SOCKS4", .target = socks4_target(octets), .answer = {}};
      due_.push_back(Answer::kSocks4);
      break;
    case 'C':
      opening = {
          .protocol = "HTTP CONNECT", .target = second_word(base::as_text(octets)), .answer = {}};
      due_.push_back(Answer::kHttp);
      break;
    case 'P':
      opening = {
          .protocol = "PROXY v1", .target = proxy_v1_target(base::as_text(octets)), .answer = {}};
      break;
    default:
      opening = {.protocol = "PROXY v2", .target = proxy_v2_target(octets), .answer = {}};
      break;
  }
  log.add(unit.where(), unit.at, std::move(opening));
}

void OpeningLayer::read_answer(const Unit& unit, EvidenceLog& log) {
  const auto octets = unit.octets;
  if (body_left_ > 0) {
    body_left_ -= octets.size();
    return;
  }
  const auto answer = due_.front();
  due_.erase(due_.begin());
  record::ProxyOpening opening{.protocol = "SOCKS5", .target = {}, .answer = {}};
  switch (answer) {
    case Answer::kMethod:
      opening.granted = octets[1] != 0xFF;
      opening.answer = opening.granted ? fmt::format("authentication method {}", octets[1])
                                       : "no acceptable authentication method";
      break;
    case Answer::kAuthentication:
      opening.granted = octets[1] == 0;
      opening.answer =
          opening.granted ? "authenticated" : fmt::format("authentication status {}", octets[1]);
      break;
    case Answer::kSocks5:
      opening.granted = octets[1] == 0;
      opening.answer = socks5_reply(octets[1]);
      break;
    case Answer::kSocks4: {
      constexpr std::uint8_t kGranted = 0x5A;
      opening.protocol = "SOCKS4";
      opening.granted = octets[1] == kGranted;
      opening.answer = opening.granted ? "request granted" : fmt::format("code {}", octets[1]);
      break;
    }
    case Answer::kHttp:
      read_http_answer(unit, log);
      return;
  }
  log.add(unit.where(), unit.at, std::move(opening));
}

void OpeningLayer::read_http_answer(const Unit& unit, EvidenceLog& log) {
  const auto head = base::as_text(unit.octets);
  const auto status = second_word(head);
  // RFC 9110 15.2: interim answers come ahead of the real one.
  if (status.starts_with('1')) due_.insert(due_.begin(), Answer::kHttp);
  const bool granted = status.starts_with('2') || status.starts_with('1');
  if (!granted) body_left_ = content_length(head);
  log.add(unit.where(), unit.at,
          record::ProxyOpening{
              .protocol = "HTTP CONNECT",
              .target = {},
              .answer = std::string(head.substr(0, std::min(head.find("\r\n"), std::size_t{200}))),
              .granted = granted});
}

}  // namespace rdpwhy::dissect
