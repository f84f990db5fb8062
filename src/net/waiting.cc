#include "net/waiting.h"

#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <utility>

namespace rdpwhy::net {
namespace {

constexpr auto kOutcome = asio::experimental::as_tuple(asio::use_awaitable);

}  // namespace

void Interruption::raise() {
  raised_ = true;
  pending_ = timer_ == nullptr;
  if (timer_ != nullptr) timer_->cancel();
}

bool Interruption::meets_next_wait() { return std::exchange(pending_, false); }

asio::awaitable<bool> wait_until_ready(asio::ip::tcp::socket& socket,
                                       asio::ip::tcp::socket::wait_type what, Deadline deadline) {
  using asio::experimental::awaitable_operators::operator||;
  if (std::chrono::steady_clock::now() >= deadline) co_return false;
  const auto executor = co_await asio::this_coro::executor;
  auto& interruption = asio::use_service<Interruption>(executor.context());
  if (interruption.meets_next_wait()) co_return false;
  asio::steady_timer timer(executor, deadline);
  const Interruption::Waiting waiting(interruption, timer);
  const auto first = co_await (socket.async_wait(what, kOutcome) || timer.async_wait(kOutcome));
  co_return first.index() == 0;
}

asio::awaitable<void> wait_until(Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  auto& interruption = asio::use_service<Interruption>(executor.context());
  if (interruption.meets_next_wait()) co_return;
  asio::steady_timer timer(executor, deadline);
  const Interruption::Waiting waiting(interruption, timer);
  [[maybe_unused]] const auto ignored = co_await timer.async_wait(kOutcome);
}

}  // namespace rdpwhy::net
