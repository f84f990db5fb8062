#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include "net/run_clock.h"

// A rule for every coroutine of this room: what is awaited gets a name before it is looked at.
// g++ 12.2 makes an illegal instruction of `if (co_await f()) co_return x;`, seen in drive.cc at
// -O0.
namespace rdpwhy::net {

/// True when the socket became ready (or failed) in time. Reading and writing are then done without
/// waiting, so that nothing that arrives in the instant of the deadline is lost.
[[nodiscard]] asio::awaitable<bool> wait_until_ready(asio::ip::tcp::socket& socket,
                                                     asio::ip::tcp::socket::wait_type what,
                                                     Deadline deadline);

[[nodiscard]] asio::awaitable<void> wait_until(Deadline deadline);

}  // namespace rdpwhy::net
