#include "rdpwhy/net/signal_watch.h"

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>

namespace rdpwhy::net {

class SignalWatch::Impl {
 public:
  Impl() : signals_(context_, SIGINT, SIGTERM) {
    signals_.async_wait([this](const asio::error_code& cancelled, int signal) {
      if (!cancelled) caught_ = signal;
    });
  }

  std::optional<int> caught() {
    context_.poll();
    return caught_;
  }

 private:
  asio::io_context context_{1};
  asio::signal_set signals_;
  std::optional<int> caught_;
};

SignalWatch::SignalWatch() : impl_(std::make_unique<Impl>()) {}
SignalWatch::~SignalWatch() = default;
std::optional<int> SignalWatch::caught() { return impl_->caught(); }

}  // namespace rdpwhy::net
