#include "base/utf8.h"

namespace rdpwhy::base {
namespace {

struct Lead {
  std::size_t size;           // of the whole sequence, 0 for an octet that cannot begin one
  char32_t bits;              // what the first octet gives
  std::uint8_t second_least;  // the second octet is where overlong forms and surrogates show
  std::uint8_t second_most;
};

Lead lead_of(std::uint8_t first) {
  if (first < 0x80) return {1, first, 0, 0};
  if (first < 0xC2) return {0, 0, 0, 0};
  if (first < 0xE0) return {2, first & 0x1Fu, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x0D, 0x80, 0x9F};
  if (first < 0xF0) return {3, first & 0x0Fu, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0, 0x90, 0xBF};
  if (first < 0xF4) return {4, first & 0x07u, 0x80, 0xBF};
  if (first == 0xF4) return {4, 4, 0x80, 0x8F};
  return {0, 0, 0, 0};
}

}  // namespace

Utf8Step step_utf8(std::string_view text) {
  const auto lead = lead_of(static_cast<std::uint8_t>(text[0]));
  if (lead.size == 0) return {};
  char32_t code_point = lead.bits;
  for (std::size_t i = 1; i < lead.size; ++i) {
    if (i == text.size()) return {.size = i};
    const auto octet = static_cast<std::uint8_t>(text[i]);
    const std::uint8_t least = i == 1 ? lead.second_least : 0x80;
    const std::uint8_t most = i == 1 ? lead.second_most : 0xBF;
    if (octet < least || octet > most) return {.size = i};
    code_point = code_point << 6 | (octet & 0x3Fu);
  }
  return {.code_point = code_point, .size = lead.size, .valid = true};
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t octet) { out.push_back(static_cast<char>(octet)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

}  // namespace rdpwhy::base
