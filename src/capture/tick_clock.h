#pragma once

#include <cstdint>

#include "rdpwhy/base/time.h"

namespace rdpwhy::capture {

/// What the time stamps of a pcapng interface mean: draft-ietf-opsawg-pcapng-02 4.2, if_tsresol and
/// if_tsoffset. Times beyond what a Moment holds stop at its ends.
class TickClock {
 public:
  /// The most significant bit says whether the rest is a negative power of 2 or of 10.
  void set_resolution(std::uint8_t if_tsresol);
  void set_offset(std::int64_t if_tsoffset_seconds) { offset_ = if_tsoffset_seconds; }

  [[nodiscard]] Moment moment(std::uint64_t ticks) const {
    if (offset_ == 0 && ticks <= most_) {
      return {static_cast<Nanoseconds>(ticks * multiplier_)};
    }
    return slow_moment(ticks);
  }

 private:
  [[nodiscard]] Moment slow_moment(std::uint64_t ticks) const;

  // One tick is multiplier_ / (divisor_ * 2^shift_) nanoseconds; the fast path holds up to most_.
  std::uint64_t multiplier_ = 1000;
  std::uint64_t divisor_ = 1;
  unsigned shift_ = 0;
  std::uint64_t most_ = static_cast<std::uint64_t>(INT64_MAX) / 1000;
  std::int64_t offset_ = 0;
};

}  // namespace rdpwhy::capture
