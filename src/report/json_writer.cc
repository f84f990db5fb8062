#include "report/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rdpwhy::report {
namespace {

/// How many octets the valid UTF-8 sequence at the front of `text` has; 0 when there is none.
/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
std::size_t sequence_length(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = octet(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return 0;
  }
  if ((lead == 0xE0 && octet(1) < 0xA0) || (lead == 0xED && octet(1) > 0x9F) ||
      (lead == 0xF0 && octet(1) < 0x90) || (lead == 0xF4 && octet(1) > 0x8F)) {
    return 0;
  }
  return length;
}

/// Printable ASCII without a quote or a backslash; one pass without branches, since nearly all is.
bool is_clean(std::string_view text) {
  bool odd = false;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    odd |= octet < 0x20 || octet >= 0x7F || octet == '"' || octet == '\\';
  }
  return !odd;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const auto length = sequence_length(text);
    if (length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
    } else {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return out;
}

void JsonWriter::text(std::string_view value) {
  if (is_clean(value)) {
    writer_.clean_text(value);
    return;
  }
  if (is_valid_utf8(value)) {
    writer_.String(value.data(), size_of(value));
    return;
  }
  const auto safe = valid_utf8(value);
  writer_.String(safe.data(), size_of(safe));
}

void JsonWriter::milliseconds(Nanoseconds ns) {
  // Microseconds, rounded; a hostile capture's absurd stamps stay numbers.
  const bool negative = ns < 0;
  const auto magnitude =
      negative ? ~static_cast<std::uint64_t>(ns) + 1 : static_cast<std::uint64_t>(ns);
  const auto us = (magnitude + 500) / 1000;
  char digits[40];
  auto* end = fmt::format_to(digits, "{}{}", negative && us != 0 ? "-" : "", us / 1000);
  if (const auto fraction = us % 1000; fraction != 0) {
    end = fmt::format_to(end, ".{:03}", fraction);
    while (end[-1] == '0') --end;
  }
  writer_.RawValue(digits, static_cast<std::size_t>(end - digits), rapidjson::kNumberType);
}

}  // namespace rdpwhy::report
