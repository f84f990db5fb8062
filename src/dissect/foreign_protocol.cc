#include "dissect/foreign_protocol.h"

#include <algorithm>
#include <array>
#include <optional>

#include "dissect/evidence_log.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::dissect {
namespace {

constexpr std::size_t kMostWaited = EvidenceLog::kMostFirst;
constexpr std::size_t kWaitedOfUnknown = 16;
constexpr std::uint8_t kTelnetCommand = 0xFF;  // RFC 854 IAC

struct Opening {
  std::string_view begin;
  std::string_view protocol;
};

// What the first octets of either side say, longest first where one begins another.
constexpr std::array kOpenings{
    Opening{"SSH-", "SSH"},
    Opening{"RFB ", "RFB (VNC)"},
    Opening{"HTTP/", "HTTP"},
    Opening{"GET ", "HTTP"},
    Opening{"POST ", "HTTP"},
    Opening{"HEAD ", "HTTP"},
    Opening{"PUT ", "HTTP"},
    Opening{"OPTIONS ", "HTTP"},
    Opening{"DELETE ", "HTTP"},
    Opening{"CONNECT ", "HTTP"},
    Opening{"RDG_OUT_DATA ", "HTTP"},
    Opening{"RDG_IN_DATA ", "HTTP"},
    Opening{"RPC_OUT_DATA ", "HTTP"},
    Opening{"RPC_IN_DATA ", "HTTP"},
    Opening{"PRI * HTTP/2", "HTTP/2"},
    Opening{"<!DOCTYPE", "HTTP"},
    Opening{"<html", "HTTP"},
    Opening{"<HTML", "HTTP"},
    Opening{"<?xml", "XML"},
    Opening{"<stream", "XMPP"},
    Opening{"EHLO ", "SMTP"},
    Opening{"HELO ", "SMTP"},
    Opening{"+OK", "POP3"},
    Opening{"* OK", "IMAP"},
    Opening{"-ERR", "Redis"},
    Opening{"AMQP", "AMQP"},
    Opening{"INFO {", "NATS"},
    Opening{"SIP/2.0", "SIP"},
    Opening{"RTSP/", "RTSP"},
    Opening{"JRMI", "Java RMI"},
};

bool contains_any_case(std::string_view text, std::string_view wanted) {
  const auto equal = [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 32 : a) == b; };
  return !std::ranges::search(text, wanted, equal).empty();
}

std::optional<std::string_view> recognise_text(std::string_view text) {
  for (const auto& opening : kOpenings) {
    if (text.starts_with(opening.begin)) return opening.protocol;
  }
  if (text.starts_with("220 ") || text.starts_with("220-")) {
    if (contains_any_case(text, "SMTP") || contains_any_case(text, "MAIL")) return "SMTP";
    if (contains_any_case(text, "FTP")) return "FTP";
    return "SMTP or FTP";
  }
  return {};
}

bool is_mysql_greeting(ByteSpan first) {
  constexpr std::uint8_t kProtocolVersion = 0x0A;
  return first.size() >= 6 && first[1] == 0 && first[2] == 0 && first[3] == 0 &&
         first[4] == kProtocolVersion && first[5] >= '0' && first[5] <= '9';
}

bool is_smb(ByteSpan first) {
  return first.size() >= 8 && first[0] == 0 && (first[4] == 0xFF || first[4] == 0xFE) &&
         first[5] == 'S' && first[6] == 'M' && first[7] == 'B';
}

bool is_http2_settings(ByteSpan first) {
  return first.size() >= 9 && first[0] == 0 && first[1] == 0 && first[3] == 4 && first[4] == 0 &&
         first[5] == 0 && first[6] == 0 && first[7] == 0 && first[8] == 0;
}

/// RFC 1928 section 3 and 6, RFC 1929: answers to an opening that nobody here made.
bool is_socks_answer(ByteSpan first) {
  if (first.size() == 2) return first[0] == 5 && (first[1] <= 2 || first[1] == 0xFF);
  return first.size() == 8 && first[0] == 0 && first[1] >= 0x5A && first[1] <= 0x5D;
}

}  // namespace

std::size_t octets_to_recognise(ByteSpan begin) {
  if (begin.empty()) return 1;
  const auto first = begin[0];
  if (first >= 20 && first <= 24) {  // perhaps a TLS record: all of it
    if (begin.size() < 2) return 2;
    if (begin[1] == 3) {
      const auto header = tls::decode_record_header(begin);
      if (!header) return tls::RecordHeader::kSize;
      return std::min(kMostWaited, tls::RecordHeader::kSize + header->length);
    }
    return kWaitedOfUnknown;
  }
  if (first == kTelnetCommand) return 3;
  if (first == 5) return 2;
  const bool binary = begin.size() > 1 && begin[1] < 0x09;
  if (first >= 0x20 && first < 0x7F && !binary) {  // text: a line
    const auto line = begin.first(std::min(begin.size(), kMostWaited));
    const auto end = std::ranges::find(line, std::uint8_t{'\n'});
    if (end != line.end()) return static_cast<std::size_t>(end - line.begin()) + 1;
    return kMostWaited;
  }
  return kWaitedOfUnknown;
}

std::string_view recognise_protocol(ByteSpan first, Side side) {
  if (const auto name = recognise_text(base::as_text(first))) return *name;
  if (const auto header = tls::decode_record_header(first); header && tls::plausible(*header))
    return "TLS";
  if (side == Side::kClient && first.size() > 4 && tls::looks_like_ssl2_hello(first)) return "TLS";
  if (first.size() >= 3 && first[0] == kTelnetCommand && first[1] >= 0xFB && first[1] <= 0xFE) {
    return "Telnet";
  }
  if (is_mysql_greeting(first)) return "MySQL";
  if (is_smb(first)) return "SMB";
  if (is_http2_settings(first)) return "HTTP/2";
  if (is_socks_answer(first)) return "SOCKS";
  constexpr std::uint8_t kSsl2ServerHello = 4;
  if (side == Side::kServer && first.size() >= 3 && (first[0] & 0x80) != 0 &&
      first[2] == kSsl2ServerHello) {
    return "SSLv2";
  }
  return {};
}

}  // namespace rdpwhy::dissect
