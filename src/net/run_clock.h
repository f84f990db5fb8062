#pragma once

#include <chrono>

#include "rdpwhy/base/time.h"

namespace rdpwhy::net {

using Deadline = std::chrono::steady_clock::time_point;

/// What time it is, for one run: wall-clock time at its start, monotonic from there on.
class RunClock {
 public:
  [[nodiscard]] Moment now() const {
    const auto passed = std::chrono::steady_clock::now() - steady_start_;
    return {wall_start_ns_ + std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count()};
  }

 private:
  std::chrono::steady_clock::time_point steady_start_ = std::chrono::steady_clock::now();
  Nanoseconds wall_start_ns_ = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count();
};

}  // namespace rdpwhy::net
