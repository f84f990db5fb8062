#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace rdpwhy::investigate {

/// A phase's deadline against a scenario of the lab: short where silence is the point, and where it
/// is not, so long that only a broken machine misses it.
inline std::chrono::milliseconds patience(std::string_view scenario) {
  static constexpr std::array<std::string_view, 3> kSilent = {"silent", "one-octet-a-second",
                                                              "silent-after-client-hello"};
  const bool is_silent = std::ranges::find(kSilent, scenario) != kSilent.end();
  return is_silent ? std::chrono::seconds(1) : std::chrono::seconds(20);
}

}  // namespace rdpwhy::investigate
