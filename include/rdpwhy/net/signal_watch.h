#pragma once

#include <memory>
#include <optional>

namespace rdpwhy::net {

/// SIGINT and SIGTERM do not end the program as long as this lives, but are kept for who asks:
/// between the probes of a row there is nobody else to hear them. Probes that run meanwhile hear
/// them as well.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// The first that came. Not for several threads at a time.
  [[nodiscard]] std::optional<int> caught();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::net
