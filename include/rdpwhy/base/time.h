#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rdpwhy::base {

/// A length of time in nanoseconds.
using Nanoseconds = std::int64_t;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z. Nothing in this project asks what time
/// it is except `net` and `cli`; everybody else is told.
struct Moment {
  Nanoseconds ns = 0;

  friend auto operator<=>(const Moment&, const Moment&) = default;
  friend Nanoseconds operator-(Moment a, Moment b) {
    // Captures are hostile: two absurd stamps must not overflow.
    return static_cast<Nanoseconds>(static_cast<std::uint64_t>(a.ns) -
                                    static_cast<std::uint64_t>(b.ns));
  }
};

[[nodiscard]] constexpr Moment from_seconds(std::int64_t seconds) {
  constexpr std::int64_t kLimit = INT64_MAX / 1'000'000'000;
  if (seconds > kLimit) return {INT64_MAX};
  if (seconds < -kLimit) return {INT64_MIN};
  return {seconds * 1'000'000'000};
}

[[nodiscard]] constexpr double to_milliseconds(Nanoseconds ns) {
  return static_cast<double>(ns) / 1e6;
}

/// RFC 3339 in UTC with `fraction_digits` (0, 3, 6 or 9): "2026-11-21T10:00:00.000Z".
[[nodiscard]] std::string to_rfc3339(Moment moment, int fraction_digits);

/// Seconds since the epoch of a civil UTC time (proleptic Gregorian); no range checks beyond the
/// month, which is taken modulo 12.
[[nodiscard]] std::int64_t seconds_from_civil(int year, int month, int day, int hour, int minute,
                                              int second);

}  // namespace rdpwhy::base

namespace rdpwhy {
using base::Moment;
using base::Nanoseconds;
}  // namespace rdpwhy
