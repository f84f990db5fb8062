#include "rdpwhy/base/hex.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace rdpwhy::base {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

void append_octet(std::string& out, std::uint8_t octet) {
  out.push_back(kDigits[octet >> 4]);
  out.push_back(kDigits[octet & 15]);
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_separator(char c) {
  return std::string_view(" \t\r\n\f\v:,-").find(c) != std::string_view::npos;
}

bool is_prefix(std::string_view text) {
  return text.size() >= 2 && (text[0] == '0' || text[0] == '\\') &&
         (text[1] == 'x' || text[1] == 'X');
}

std::string shown(char c) {
  const auto octet = static_cast<std::uint8_t>(c);
  return octet > 0x20 && octet < 0x7F ? fmt::format("'{}'", c)
                                      : fmt::format("octet {}", to_hex_number(octet, 2));
}

// What a terminal or a person would read as something else than what is there.
bool is_deceptive(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) ||                          // C0, DEL, C1
         c == 0x061C || c == 0x200E || c == 0x200F ||                     // direction marks
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||  // embeddings, isolates
         c == 0x2028 || c == 0x2029 ||                                    // line separators
         c == 0xFEFF || c == 0x200B ||                                    // of no width
         (c >= 0xE0000 && c <= 0xE007F);                                  // tags: invisible text
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const auto octet : bytes) append_octet(out, octet);
  return out;
}

std::expected<Bytes, Error> parse_hex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i < text.size();) {
    if (is_separator(text[i])) {
      ++i;
      continue;
    }
    if (is_prefix(text.substr(i))) {
      i += 2;
      if (i == text.size() || digit_value(text[i]) < 0) {
        return std::unexpected(Error{fmt::format("column {}: a prefix without digits", i - 1)});
      }
    }
    const auto high = digit_value(text[i]);
    if (high < 0) {
      return std::unexpected(
          Error{fmt::format("column {}: {} is not a hex digit", i + 1, shown(text[i]))});
    }
    const auto low = i + 1 < text.size() ? digit_value(text[i + 1]) : -1;
    if (low < 0) {
      return std::unexpected(
          Error{i + 1 == text.size() || is_separator(text[i + 1])
                    ? fmt::format("column {}: {} is half an octet", i + 1, shown(text[i]))
                    : fmt::format("column {}: {} is not a hex digit", i + 2, shown(text[i + 1]))});
    }
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
    i += 2;
  }
  return out;
}

std::string to_hex_number(std::uint64_t value, int digits) {
  return fmt::format("0x{:0{}x}", value, std::max(digits, 1));
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto step = step_utf8(text);
    const auto here = text.substr(0, step.size);
    text.remove_prefix(step.size);
    if (step.valid && !is_deceptive(step.code_point)) {
      out += here;
      continue;
    }
    for (const char c : here) {
      out += "\\x";
      append_octet(out, static_cast<std::uint8_t>(c));
    }
  }
  return out;
}

}  // namespace rdpwhy::base
