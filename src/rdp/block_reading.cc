#include "rdp/block_reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::rdp {

BlockHeader read_block_header(Reader& r) {
  BlockHeader header{.type = r.u16le("type")};
  const auto length = r.u16le("length");
  if (r.wants_fields()) r.value(fmt::format("{} octets, header included", length));
  if (length < kBlockHeaderSize) {
    r.require(false, fmt::format("is {}, less than the four octets of its header", length),
              "length");
    return header;
  }
  header.body = static_cast<std::uint16_t>(length - kBlockHeaderSize);
  return header;
}

void skip_block_surplus(Reader& r) {
  if (!r.more()) return;
  const auto surplus = r.rest("surplus");
  r.expect(false, fmt::format("{} octets behind the last known field", surplus.size()));
}

UnknownBlock read_unknown_block(Reader& r, std::uint16_t type) {
  return {.type = type, .body = base::to_bytes(r.rest("unknown block"))};
}

std::string read_fixed_utf16(Reader& r, std::size_t size, std::string_view field) {
  const auto octets = r.bytes(size, field);
  std::size_t end = 0;
  while (end + 1 < octets.size() && (octets[end] | octets[end + 1]) != 0) end += 2;
  auto text = base::utf16le_to_utf8(octets.first(end));
  if (r.wants_fields()) r.value('"' + base::printable(text) + '"');
  if (r.failed()) return text;
  r.expect(end < octets.size(), "is not ended by zero", field);
  r.expect(std::ranges::all_of(octets.subspan(end), [](auto octet) { return octet == 0; }),
           "goes on behind its terminator", field);
  r.expect(base::equal(base::utf8_to_utf16le(text), octets.first(end)), "is no UTF-16", field);
  return text;
}

std::string read_fixed_octets(Reader& r, std::size_t size, std::string_view field) {
  const auto octets = r.bytes(size, field);
  const auto end =
      static_cast<std::size_t>(std::ranges::find(octets, std::uint8_t{0}) - octets.begin());
  std::string text(base::as_text(octets.first(end)));
  if (r.wants_fields()) r.value('"' + base::printable(text) + '"');
  if (r.failed()) return text;
  r.expect(end < octets.size(), "is not ended by zero", field);
  r.expect(std::ranges::all_of(octets.subspan(end), [](auto octet) { return octet == 0; }),
           "goes on behind its terminator", field);
  return text;
}

void write_fixed_utf16(Writer& w, std::string_view text, std::size_t size) {
  auto octets = base::utf8_to_utf16le(text);
  octets.resize(std::min(octets.size(), size - 2));
  octets.resize(size);
  w.bytes(octets);
}

void write_fixed_octets(Writer& w, std::string_view text, std::size_t size) {
  const auto kept = text.substr(0, size - 1);
  w.text(kept).zeros(size - kept.size());
}

}  // namespace rdpwhy::rdp
