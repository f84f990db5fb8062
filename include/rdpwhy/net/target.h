#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/error.h"

namespace rdpwhy::net {

/// A host and a port as a person gives them.
struct Target {
  std::string host;            ///< name or address, without brackets
  std::uint16_t port = 3389;
  std::string text;            ///< as typed, for reports

  friend bool operator==(const Target&, const Target&) = default;
};

/// "host", "host:port", "[v6]:port", "v6". Errors name what is wrong.
[[nodiscard]] std::expected<Target, Error> parse_target(std::string_view text);

/// What an .rdp file says that matters to a handshake.
struct RdpFile {
  Target target;
  std::string routing_token;           ///< loadbalanceinfo
  bool enable_credssp = true;          ///< enablecredsspsupport
  int authentication_level = -1;       ///< -1: not given
  std::string user_name;
  bool gateway_in_use = false;         ///< gatewayusagemethod and gatewayhostname
  std::string gateway_host;
  std::string redirection_server_name;
  std::vector<std::string> remarks;    ///< what was read and what it means, one sentence each
};

/// UTF-8 or UTF-16 with or without a mark, at most 1 MiB.
[[nodiscard]] std::expected<RdpFile, Error> parse_rdp_file(std::string_view octets);

/// --proxy socks5://host:port or http://host:port.
struct Proxy {
  enum class Kind { kSocks5, kHttpConnect };
  Kind kind = Kind::kSocks5;
  Target server;
};
[[nodiscard]] std::expected<Proxy, Error> parse_proxy(std::string_view url);

}  // namespace rdpwhy::net
