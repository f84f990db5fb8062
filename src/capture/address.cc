#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "capture/octet_order.h"
#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {
namespace {

// By hand: two endpoints stand in every report of a capture, and a format string costs several
// times as much.
void append_number(std::string& out, unsigned number) {
  std::array<char, std::numeric_limits<unsigned>::digits10 + 1> digits{};
  out.append(digits.data(),
             std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

std::string text_of_v4(const std::uint8_t* octets) {
  std::string text;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) text += '.';
    append_number(text, octets[i]);
  }
  return text;
}

struct Run {
  int begin = 0;
  int size = 0;
};

/// RFC 5952 4.2: the longest run of at least two zero groups, the first one of equals.
Run longest_zero_run(const std::array<std::uint16_t, 8>& groups) {
  Run best;
  Run run;
  for (int i = 0; i < 8; ++i) {
    if (groups[static_cast<std::size_t>(i)] != 0) {
      run = {};
      continue;
    }
    if (run.size == 0) run.begin = i;
    if (++run.size > best.size) best = run;
  }
  return best.size >= 2 ? best : Run{};
}

/// RFC 4291 2.5.5.2: ::ffff:a.b.c.d
bool is_v4_mapped(const Address& address) {
  return std::all_of(address.octets.begin(), address.octets.begin() + 10,
                     [](std::uint8_t octet) { return octet == 0; }) &&
         address.octets[10] == 0xFF && address.octets[11] == 0xFF;
}

}  // namespace

std::string Address::text() const {
  if (!v6) return text_of_v4(octets.data());
  if (is_v4_mapped(*this)) return "::ffff:" + text_of_v4(octets.data() + 12);
  std::array<std::uint16_t, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = load16be(octets.data() + 2 * i);
  const auto zeros = longest_zero_run(groups);
  std::string text;
  for (int i = 0; i < 8;) {
    if (zeros.size > 0 && i == zeros.begin) {
      text += "::";
      i += zeros.size;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[static_cast<std::size_t>(i)]);
    ++i;
  }
  return text;
}

std::string Endpoint::text() const {
  auto text = address.v6 ? "[" + address.text() + "]:" : address.text() + ":";
  append_number(text, port);
  return text;
}

}  // namespace rdpwhy::capture
