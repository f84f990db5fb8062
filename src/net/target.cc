#include "rdpwhy/net/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "net/idna.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::net {
namespace {

constexpr std::size_t kLongestHost = 255;

Error wrong(std::string_view text, std::string_view what) {
  return Error{"\"" + base::printable(text.substr(0, 300)) + "\": " + std::string(what)};
}

bool is_ipv6(std::string_view host) {
  const std::string address(host.substr(0, host.find('%')));
  in6_addr parsed{};
  return inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

std::expected<std::uint16_t, Error> parse_port(std::string_view text, std::string_view whole) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0 || value > 65535) {
    return std::unexpected(wrong(whole, "the port must be a number from 1 to 65535"));
  }
  return static_cast<std::uint16_t>(value);
}

std::expected<void, Error> check_host(std::string_view host, std::string_view whole) {
  if (host.empty()) return std::unexpected(wrong(whole, "no host is given"));
  if (host.size() > kLongestHost) return std::unexpected(wrong(whole, "the host is too long"));
  if (host.front() == '-')
    return std::unexpected(wrong(whole, "a host does not begin with a dash"));
  for (const char c : host) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet <= 0x20 || octet == 0x7F || std::string_view("/\\@\"'<>[]{}|^`?#,;:").contains(c)) {
      // A colon that is left here is neither a port's nor an IPv6 address's.
      return std::unexpected(wrong(whole, "this is neither a host name nor an address"));
    }
  }
  return {};
}

/// What stands in brackets, or bare with two colons or more: an IPv6 address.
std::expected<Target, Error> parse_ipv6_target(std::string_view text, std::uint16_t default_port) {
  Target target{.host = {}, .port = default_port, .text = std::string(text)};
  auto address = text;
  if (text.front() == '[') {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::unexpected(wrong(text, "\"]\" is missing"));
    address = text.substr(1, end - 1);
    const auto behind = text.substr(end + 1);
    if (!behind.empty()) {
      if (behind.front() != ':') {
        return std::unexpected(wrong(text, "only \":port\" may follow \"]\""));
      }
      const auto port = parse_port(behind.substr(1), text);
      if (!port) return std::unexpected(port.error());
      target.port = *port;
    }
  }
  if (!is_ipv6(address)) return std::unexpected(wrong(text, "this is no IPv6 address"));
  target.host = std::string(address);
  return target;
}

std::expected<Target, Error> parse_with_default(std::string_view text, std::uint16_t default_port) {
  if (text.empty()) return std::unexpected(Error{"no target is given"});
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    return std::unexpected(wrong(text, "a target is host or host:port, without a scheme"));
  }
  if (text.front() == '[' || std::ranges::count(text, ':') > 1) {
    return parse_ipv6_target(text, default_port);
  }
  Target target{.host = std::string(text), .port = default_port, .text = std::string(text)};
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    target.host = std::string(text.substr(0, colon));
    const auto port = parse_port(text.substr(colon + 1), text);
    if (!port) return std::unexpected(port.error());
    target.port = *port;
  }
  if (const auto checked = check_host(target.host, text); !checked) {
    return std::unexpected(checked.error());
  }
  auto ascii = to_ascii_host(target.host);
  if (!ascii) return std::unexpected(wrong(text, ascii.error().text));
  target.host = std::move(*ascii);
  return target;
}

}  // namespace

std::expected<Target, Error> parse_target(std::string_view text) {
  return parse_with_default(text, kRdpPort);
}

bool is_address(std::string_view host) {
  in_addr parsed{};
  return is_ipv6(host) || inet_pton(AF_INET, std::string(host).c_str(), &parsed) == 1;
}

std::expected<Proxy, Error> parse_proxy(std::string_view url) {
  struct Scheme {
    std::string_view prefix;
    Proxy::Kind kind;
    std::uint16_t port;
  };
  static constexpr Scheme kSchemes[] = {{"socks5://", Proxy::Kind::kSocks5, 1080},
                                        {"socks5h://", Proxy::Kind::kSocks5, 1080},
                                        {"http://", Proxy::Kind::kHttpConnect, 8080}};
  for (const auto& scheme : kSchemes) {
    if (!url.starts_with(scheme.prefix)) continue;
    auto rest = url.substr(scheme.prefix.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.contains('@')) {
      return std::unexpected(Error{"a proxy with a user name is not supported"});
    }
    auto server = parse_with_default(rest, scheme.port);
    if (!server) return std::unexpected(server.error().in("proxy"));
    return Proxy{scheme.kind, *std::move(server)};
  }
  return std::unexpected(
      wrong(url, "a proxy is given as socks5://host:port or http://host:port").in("proxy"));
}

std::string text_of(const Proxy& proxy) {
  const auto& host = proxy.server.host;
  const bool v6 = host.contains(':');
  return std::string(proxy.kind == Proxy::Kind::kSocks5 ? "socks5://" : "http://") +
         (v6 ? "[" + host + "]" : host) + ":" + std::to_string(proxy.server.port);
}

}  // namespace rdpwhy::net
