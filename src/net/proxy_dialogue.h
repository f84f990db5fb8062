#pragma once

#include <asio/awaitable.hpp>

#include "net/stream.h"
#include "rdpwhy/net/target.h"

namespace rdpwhy::net {

enum class ProxyVerdict {
  kGranted,
  kRefused,  ///< or what it said is no answer, or it left
  kSilent,   ///< no answer within the deadline
};

/// Asks the proxy at the other end of `stream` for `target`, whose name it resolves itself (SOCKS5,
/// RFC 1928; HTTP CONNECT, RFC 9110 9.3.6). Everything it says is evidence.
[[nodiscard]] asio::awaitable<ProxyVerdict> open_through_proxy(Stream& stream, Proxy::Kind kind,
                                                               const Target& target,
                                                               Deadline deadline);

}  // namespace rdpwhy::net
