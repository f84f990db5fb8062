#include "capture/tick_clock.h"

#include <algorithm>

namespace rdpwhy::capture {
namespace {

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t value = 1;
  for (unsigned i = 0; i < exponent; ++i) value *= 10;
  return value;
}

}  // namespace

void TickClock::set_resolution(std::uint8_t if_tsresol) {
  const unsigned exponent = if_tsresol & 0x7FU;
  multiplier_ = 1'000'000'000;
  divisor_ = 1;
  shift_ = 0;
  if ((if_tsresol & 0x80U) != 0) {
    shift_ = exponent;
  } else if (exponent <= 9) {
    multiplier_ = power_of_ten(9 - exponent);
  } else {
    multiplier_ = 1;
    // Beyond 10^-28 s not even 2^64 ticks make a nanosecond.
    divisor_ = exponent - 9 <= 19 ? power_of_ten(exponent - 9) : 0;
  }
  const bool fast = divisor_ == 1 && shift_ == 0;
  most_ = fast ? static_cast<std::uint64_t>(INT64_MAX) / multiplier_ : 0;
}

Moment TickClock::slow_moment(std::uint64_t ticks) const {
  if (divisor_ == 0) ticks = 0;
  const Wide ns =
      (static_cast<Wide>(ticks) * multiplier_ / std::max<std::uint64_t>(divisor_, 1)) >> shift_;
  const SignedWide sum =
      static_cast<SignedWide>(ns) + static_cast<SignedWide>(offset_) * 1'000'000'000;
  const auto clamped =
      std::clamp(sum, static_cast<SignedWide>(INT64_MIN), static_cast<SignedWide>(INT64_MAX));
  return {static_cast<Nanoseconds>(clamped)};
}

}  // namespace rdpwhy::capture
