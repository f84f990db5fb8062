#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/error.h"

namespace rdpwhy::net {

/// The default port everywhere.
inline constexpr std::uint16_t kRdpPort = 3389;

/// A host and a port as a person gives them.
struct Target {
  std::string host;  ///< name or address, without brackets
  std::uint16_t port = kRdpPort;
  std::string text;  ///< as typed, for reports

  friend bool operator==(const Target&, const Target&) = default;
};

/// "host", "host:port", "[v6]:port", "v6". Errors name what is wrong.
[[nodiscard]] std::expected<Target, Error> parse_target(std::string_view text);

/// An IPv4 or IPv6 address and no name.
[[nodiscard]] bool is_address(std::string_view host);

/// What an .rdp file says that matters to a handshake.
struct RdpFile {
  Target target;
  std::string routing_token;      ///< loadbalanceinfo
  bool enable_credssp = true;     ///< enablecredsspsupport
  int authentication_level = -1;  ///< -1: not given
  std::string user_name;          ///< username: "name", "DOMAIN\name" or "name@domain"
  std::string domain;             ///< domain
  bool gateway_in_use = false;    ///< gatewayusagemethod and gatewayhostname
  std::string gateway_host;
  bool use_redirection_server_name = false;
  std::vector<std::string> remarks;  ///< what was read and what it means, one sentence each
};

/// UTF-8 or UTF-16 with or without a mark, at most 1 MiB.
[[nodiscard]] std::expected<RdpFile, Error> parse_rdp_file(std::string_view octets);

/// --proxy socks5://host:port (default 1080) or http://host:port (default 8080), without
/// credentials.
struct Proxy {
  enum class Kind { kSocks5, kHttpConnect };
  Kind kind = Kind::kSocks5;
  Target server;
};
[[nodiscard]] std::expected<Proxy, Error> parse_proxy(std::string_view url);
/// "socks5://host:1080": as it is shown, and given back to parse_proxy.
[[nodiscard]] std::string text_of(const Proxy& proxy);

}  // namespace rdpwhy::net
