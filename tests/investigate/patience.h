#pragma once

#include <chrono>
#include <string_view>

namespace rdpwhy::investigate {

/// A phase's deadline against a scenario of the lab: short where silence is the point, and where it
/// is not, so long that only a broken machine misses it.
inline std::chrono::milliseconds patience(std::string_view scenario) {
  const bool is_silent = scenario.starts_with("silent") || scenario == "one-octet-a-second";
  return is_silent ? std::chrono::seconds(1) : std::chrono::seconds(20);
}

}  // namespace rdpwhy::investigate
