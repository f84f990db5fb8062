#include "report/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "rdpwhy/base/hex.h"

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

/// Sixteen octets at once, in whatever the processor has for it (a vector of GCC's and clang's).
using Octets = signed char __attribute__((vector_size(16)));

/// All ones for every octet that is no printable ASCII, a quote or a backslash. What has its high
/// bit set is negative, and so below the blank.
Octets odd_octets(Octets octets) {
  return (octets < ' ') | (octets == '\x7f') | (octets == '"') | (octets == '\\');
}

bool any(Octets octets) {
  std::uint64_t halves[2];
  std::memcpy(halves, &octets, sizeof halves);
  return (halves[0] | halves[1]) != 0;
}

/// Copies sixteen octets and gives those that are odd.
Octets copy_block(char* to, const char* from) {
  Octets block;
  std::memcpy(&block, from, sizeof block);
  std::memcpy(to, &block, sizeof block);
  return odd_octets(block);
}

template <typename Word>
Word copy_word(char* to, const char* from) {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  std::memcpy(to, &word, sizeof word);
  return word;
}

/// Fewer than sixteen octets, by two words that may overlap: a call of memcpy would cost more.
Octets copy_short(char* to, std::string_view text) {
  constexpr std::uint64_t kBlanks = 0x2020202020202020;
  std::uint64_t halves[] = {kBlanks, kBlanks};
  const auto* from = text.data();
  const auto size = text.size();
  if (size >= 8) {
    halves[0] = copy_word<std::uint64_t>(to, from);
    halves[1] = copy_word<std::uint64_t>(to + size - 8, from + size - 8);
  } else if (size >= 4) {
    const std::uint64_t front = copy_word<std::uint32_t>(to, from);
    halves[0] = front | std::uint64_t{copy_word<std::uint32_t>(to + size - 4, from + size - 4)}
                            << 32U;
  } else {
    for (std::size_t i = 0; i < size; ++i)
      halves[0] = halves[0] << 8U | static_cast<unsigned char>(to[i] = from[i]);
  }
  Octets block;
  std::memcpy(&block, halves, sizeof block);
  return odd_octets(block);
}

/// Copies a text and says whether it can go as it is: nearly every text can. The last block may
/// cover some of the octets before it once more.
bool copy_clean(char* to, std::string_view text) {
  constexpr std::size_t kBlock = sizeof(Octets);
  if (text.size() < kBlock) return !any(copy_short(to, text));
  const auto last = text.size() - kBlock;
  Octets odd{};
  for (std::size_t i = 0; i < last; i += kBlock) odd |= copy_block(to + i, text.data() + i);
  odd |= copy_block(to + last, text.data() + last);
  return !any(odd);
}

/// RFC 8259 7: the short form where there is one.
char short_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

char32_t code_point_of(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead;
  char32_t code_point = lead & (0x7FU >> sequence.size());
  for (const char c : sequence.substr(1))
    code_point = code_point << 6U | (static_cast<unsigned char>(c) & 0x3FU);
  return code_point;
}

char* write_unit(char* at, char32_t unit) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  *at++ = '\\';
  *at++ = 'u';
  for (const unsigned shift : {12U, 8U, 4U, 0U}) *at++ = kHex[unit >> shift & 0x0FU];
  return at;
}

/// What would move the cursor of a terminal, or turn the text around it, goes as its number: a
/// parser gives it back whole.
char* write_code_point(char* at, char32_t code_point) {
  if (code_point < 0x10000) return write_unit(at, code_point);
  code_point -= 0x10000;
  at = write_unit(at, 0xD800 + (code_point >> 10U));
  return write_unit(at, 0xDC00 + (code_point & 0x3FFU));
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

void JsonWriter::grow(std::size_t count) {
  constexpr std::size_t kBeginning = 8192;  // most reports need half of it
  const auto written = size();
  const auto capacity = std::max({kBeginning, written * 2, written + count + 1});
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (written > 0) std::memcpy(larger.get(), buffer_.get(), written);
  buffer_ = std::move(larger);
  at_ = buffer_.get() + written;
  end_ = buffer_.get() + capacity;
}

void JsonWriter::text(std::string_view value) {
  char* at = room(value.size() + 2);
  *at++ = '"';
  if (copy_clean(at, value)) {
    at += value.size();
    *at++ = '"';
    end_value(at);
  } else if (is_valid_utf8(value)) {
    escaped(value);
  } else {
    escaped(valid_utf8(value));
  }
}

void JsonWriter::escaped(std::string_view utf8) {
  constexpr std::size_t kLongestEscape = 6;  // per octet; a pair of surrogates stands for four
  char* at = room(utf8.size() * kLongestEscape + 2);
  *at++ = '"';
  while (!utf8.empty()) {
    const auto here = utf8.substr(0, sequence_length(utf8));
    utf8.remove_prefix(here.size());
    if (const char letter = short_escape(here[0]); letter != 0) {
      *at++ = '\\';
      *at++ = letter;
    } else if (base::printable(here) != here) {
      at = write_code_point(at, code_point_of(here));
    } else {
      at += here.copy(at, here.size());
    }
  }
  *at++ = '"';
  end_value(at);
}

void JsonWriter::milliseconds(Nanoseconds ns) {
  // Microseconds, rounded; a hostile capture's absurd stamps stay numbers.
  const bool negative = ns < 0;
  const auto magnitude =
      negative ? ~static_cast<std::uint64_t>(ns) + 1 : static_cast<std::uint64_t>(ns);
  const auto us = (magnitude + 500) / 1000;
  char* at = room(kMostDigits + 5);
  if (negative && us != 0) *at++ = '-';
  at = std::to_chars(at, at + kMostDigits, us / 1000).ptr;
  if (const auto fraction = us % 1000; fraction != 0) {
    *at++ = '.';
    *at++ = static_cast<char>('0' + fraction / 100);
    *at++ = static_cast<char>('0' + fraction / 10 % 10);
    *at++ = static_cast<char>('0' + fraction % 10);
    while (at[-1] == '0') --at;
  }
  end_value(at);
}

}  // namespace rdpwhy::report
