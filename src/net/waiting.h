#pragma once

#include <asio/awaitable.hpp>
#include <asio/execution_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "net/run_clock.h"

// A rule for every coroutine of this room: what is awaited gets a name before it is looked at.
// g++ 12.2 makes an illegal instruction of `if (co_await f()) co_return x;`, seen in drive.cc at
// -O0.
namespace rdpwhy::net {

/// The user's wish to end a run: the wait that it meets, or the next one, ends as if its deadline
/// had passed. Those behind it go on as ever, so that a connection is still ended in order. One per
/// io_context, touched in its thread only.
class Interruption : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  explicit Interruption(asio::execution_context& context)
      : asio::execution_context::service(context) {}

  void raise();
  [[nodiscard]] bool raised() const { return raised_; }
  /// Whether a wait that begins now is the one that is met.
  [[nodiscard]] bool meets_next_wait();

  /// A timer that is waited for as long as this lives.
  class Waiting {
   public:
    Waiting(Interruption& interruption, asio::steady_timer& timer) : interruption_(interruption) {
      interruption_.timer_ = &timer;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { interruption_.timer_ = nullptr; }

   private:
    Interruption& interruption_;
  };

 private:
  void shutdown() override {}

  asio::steady_timer* timer_ = nullptr;  ///< a run waits for one thing at a time
  bool raised_ = false;
  bool pending_ = false;
};

/// True when the socket became ready (or failed) in time. Reading and writing are then done without
/// waiting, so that nothing that arrives in the instant of the deadline is lost.
[[nodiscard]] asio::awaitable<bool> wait_until_ready(asio::ip::tcp::socket& socket,
                                                     asio::ip::tcp::socket::wait_type what,
                                                     Deadline deadline);

[[nodiscard]] asio::awaitable<void> wait_until(Deadline deadline);

}  // namespace rdpwhy::net
