#include "rdp/texts.h"

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kUnit = 2;

bool is_null(ByteSpan octets, std::size_t at) { return octets[at] == 0 && octets[at + 1] == 0; }

void show(Reader& r, std::string_view text) {
  constexpr std::size_t kMostShown = 128;
  if (r.wants_fields()) r.value('"' + base::printable(text.substr(0, kMostShown)) + '"');
}

void expect_whole_units(Reader& r, std::size_t size, std::string_view field) {
  r.expect(size % kUnit == 0, "has an odd number of octets for UTF-16", field);
}

}  // namespace

std::string read_utf16(Reader& r, std::size_t size, std::string_view field) {
  if (size == 0) return {};
  auto text = base::utf16le_to_utf8(r.bytes(size, field));
  expect_whole_units(r, size, field);
  show(r, text);
  return text;
}

std::string read_terminated_utf16(Reader& r, std::size_t size, std::string_view field) {
  if (size == 0) return {};
  auto octets = r.bytes(size, field);
  if (octets.empty()) return {};
  expect_whole_units(r, size, field);
  const bool ends = size % kUnit == 0 && is_null(octets, size - kUnit);
  r.expect(ends, "is not ended by a null character", field);
  if (ends) octets = octets.first(size - kUnit);
  auto text = base::utf16le_to_utf8(octets);
  show(r, text);
  return text;
}

std::string read_padded_utf16(Reader& r, std::size_t size, std::string_view field) {
  const auto octets = r.bytes(size, field);
  std::size_t end = 0;
  while (end + kUnit <= octets.size() && !is_null(octets, end)) end += kUnit;
  auto text = base::utf16le_to_utf8(octets.first(end));
  r.expect(end < octets.size(), "is not ended by a null character", field);
  show(r, text);
  return text;
}

std::string read_ansi(Reader& r, std::size_t size, std::string_view field) {
  if (size == 0) return {};
  std::string text;
  bool is_ascii = true;
  for (const auto octet : r.bytes(size, field)) {
    text += octet < 0x80 ? std::string(1, static_cast<char>(octet)) : "\xEF\xBF\xBD";
    is_ascii = is_ascii && octet < 0x80;
  }
  r.expect(is_ascii, "is not ASCII, and its code page is not known", field);
  show(r, text);
  return text;
}

void write_utf16(Writer& w, std::string_view text) { w.bytes(base::utf8_to_utf16le(text)); }

void write_terminated_utf16(Writer& w, std::string_view text) {
  write_utf16(w, text);
  w.u16le(0);
}

void write_padded_utf16(Writer& w, std::string_view text, std::size_t size) {
  const auto octets = base::utf8_to_utf16le(text);
  const auto kept = std::min(octets.size(), size - kUnit);
  w.bytes(ByteSpan(octets).first(kept)).zeros(size - kept);
}

}  // namespace rdpwhy::rdp
