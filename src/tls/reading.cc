#include "tls/reading.h"

#include "rdpwhy/base/hex.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::tls {

void show_name(Reader& r, std::optional<std::string_view> name, std::uint32_t code, int digits) {
  if (!r.wants_fields()) return;
  auto text = base::to_hex_number(code, digits);
  if (name) text.append(" ").append(*name);
  if (!name && digits == 4 && is_grease(static_cast<std::uint16_t>(code))) text += " GREASE";
  r.value(std::move(text));
}

void show_text(Reader& r, ByteSpan text) {
  if (r.wants_fields()) r.value("\"" + base::printable(base::as_text(text)) + "\"");
}

std::uint16_t read_version(Reader& r, std::string_view field) {
  const auto version = r.u16be(field);
  if (r.wants_fields()) r.value(base::to_hex_number(version, 4) + " " + version_name(version));
  return version;
}

std::uint16_t read_named(Reader& r, std::string_view field, Naming name) {
  const auto code = r.u16be(field);
  if (r.wants_fields()) show_name(r, name(code), code, 4);
  return code;
}

std::vector<std::uint16_t> read_items16(Reader& list, std::string_view item, Naming name) {
  std::vector<std::uint16_t> items;
  list.expect(list.left() % 2 == 0, "odd length of a list of two-octet items", item);
  items.reserve(list.left() / 2);
  if (list.wants_fields()) {
    while (list.left() >= 2) items.push_back(read_named(list, item, name));
  } else {  // hellos are lists above all: one bounds check for the whole of them
    const auto octets = list.bytes(list.left() & ~std::size_t{1}, item);
    for (std::size_t i = 0; i + 1 < octets.size(); i += 2) {
      items.push_back(static_cast<std::uint16_t>(octets[i] << 8 | octets[i + 1]));
    }
  }
  if (list.more()) list.skip_rest(item);
  return items;
}

std::vector<std::uint8_t> read_items8(Reader& list, std::string_view item) {
  if (!list.more()) return {};
  const auto view = list.rest(item);
  return {view.begin(), view.end()};
}

ByteSpan read_opaque8(Reader& r, std::string_view field) {
  Reader scope = r.block8(field);
  return scope.more() ? scope.rest(field) : ByteSpan{};
}

ByteSpan read_opaque16(Reader& r, std::string_view field) {
  Reader scope = r.block16be(field);
  return scope.more() ? scope.rest(field) : ByteSpan{};
}

}  // namespace rdpwhy::tls
