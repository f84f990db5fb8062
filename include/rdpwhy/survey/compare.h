#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/survey/result.h"

namespace rdpwhy::survey {

/// Of the second beside the first.
enum class Direction : std::uint8_t { kDifferent, kWeaker, kStronger };
[[nodiscard]] std::string_view name_of(Direction direction);  // "different", "weaker", "stronger"

/// One thing in which two configurations differ.
struct Difference {
  std::string where;          ///< "TLSv1.2 cipher suites", "certificate", ...
  std::string what;           ///< "TLS_RSA_WITH_RC4_128_SHA"; empty: `where` says it
  std::string first, second;  ///< "accepted", "not accepted", ...
  Direction direction = Direction::kDifferent;
  std::string reason;  ///< of a direction that is weaker or stronger

  friend bool operator==(const Difference&, const Difference&) = default;
};

/// Two surveys side by side.
struct Comparison {
  std::vector<Difference> differences;
  /// What one of the two, or both, do not know: neither equal nor different.
  std::vector<std::string> unknown;

  friend bool operator==(const Comparison&, const Comparison&) = default;
};
[[nodiscard]] Comparison compare(const Result& first, const Result& second);

}  // namespace rdpwhy::survey
