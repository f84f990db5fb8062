#include "net/waiting.h"

#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

namespace rdpwhy::net {
namespace {

constexpr auto kOutcome = asio::experimental::as_tuple(asio::use_awaitable);

}  // namespace

asio::awaitable<bool> wait_until_ready(asio::ip::tcp::socket& socket,
                                       asio::ip::tcp::socket::wait_type what, Deadline deadline) {
  using asio::experimental::awaitable_operators::operator||;
  if (std::chrono::steady_clock::now() >= deadline) co_return false;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  const auto first = co_await (socket.async_wait(what, kOutcome) || timer.async_wait(kOutcome));
  co_return first.index() == 0;
}

asio::awaitable<void> wait_until(Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  [[maybe_unused]] const auto ignored = co_await timer.async_wait(kOutcome);
}

}  // namespace rdpwhy::net
