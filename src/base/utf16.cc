#include "rdpwhy/base/utf16.h"

#include "base/utf8.h"

namespace rdpwhy::base {
namespace {

constexpr bool is_high_surrogate(char32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
constexpr bool is_low_surrogate(char32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

void append_unit(Bytes& out, char32_t unit) {
  out.push_back(static_cast<std::uint8_t>(unit));
  out.push_back(static_cast<std::uint8_t>(unit >> 8));
}

}  // namespace

std::string utf16le_to_utf8(ByteSpan bytes) {
  std::string out;
  out.reserve(bytes.size());
  std::size_t i = 0;
  const auto unit_at = [&](std::size_t at) {
    return static_cast<char32_t>(bytes[at] | bytes[at + 1] << 8);
  };
  while (bytes.size() - i >= 2) {
    const auto unit = unit_at(i);
    i += 2;
    if (is_high_surrogate(unit) && bytes.size() - i >= 2 && is_low_surrogate(unit_at(i))) {
      append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (unit_at(i) - 0xDC00));
      i += 2;
    } else if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
      append_utf8(out, kReplacementCharacter);
    } else {
      append_utf8(out, unit);
    }
  }
  if (i < bytes.size()) append_utf8(out, kReplacementCharacter);
  return out;
}

Bytes utf8_to_utf16le(std::string_view text) {
  Bytes out;
  out.reserve(2 * text.size());
  while (!text.empty()) {
    const auto step = step_utf8(text);
    text.remove_prefix(step.size);
    const auto code_point = step.valid ? step.code_point : kReplacementCharacter;
    if (code_point < 0x10000) {
      append_unit(out, code_point);
    } else {
      append_unit(out, 0xD800 + ((code_point - 0x10000) >> 10));
      append_unit(out, 0xDC00 + ((code_point - 0x10000) & 0x3FF));
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto step = step_utf8(text);
    if (!step.valid) return false;
    text.remove_prefix(step.size);
  }
  return true;
}

}  // namespace rdpwhy::base
