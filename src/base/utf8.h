#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rdpwhy::base {

/// One step through a UTF-8 text.
struct Utf8Step {
  char32_t code_point = 0;  ///< meaningless unless `valid`
  std::size_t size = 1;     ///< octets to go on by: of the sequence, or of its ill-formed beginning
  bool valid = false;
};

/// RFC 3629 / Unicode table 3-7: no overlong forms, no surrogates, nothing beyond U+10FFFF. An
/// ill-formed sequence is stepped over by its maximal subpart, at least one octet. `text` is not
/// empty.
[[nodiscard]] Utf8Step step_utf8(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

}  // namespace rdpwhy::base
