#pragma once

#include <sys/socket.h>

#include <asio/ip/tcp.hpp>
#include <optional>
#include <string>

#include "rdpwhy/capture/segment.h"

namespace rdpwhy::net {

[[nodiscard]] capture::Address address_of(const asio::ip::address& address);
[[nodiscard]] capture::Endpoint endpoint_of(const asio::ip::tcp::endpoint& endpoint);

/// Nothing for families other than IPv4 and IPv6.
[[nodiscard]] std::optional<capture::Endpoint> endpoint_of(const sockaddr_storage& address);

}  // namespace rdpwhy::net
