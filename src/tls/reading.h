#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/reader.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::tls {

using Naming = std::optional<std::string_view> (*)(std::uint16_t);

/// In an annotated dump the field just read is shown as "0xc030 NAME"; costs nothing otherwise.
void show_name(Reader& r, std::optional<std::string_view> name, std::uint32_t code, int digits);
/// The same with text in quotes, made safe to print.
void show_text(Reader& r, ByteSpan text);

/// A version number, shown by name.
std::uint16_t read_version(Reader& r, std::string_view field);
std::uint16_t read_named(Reader& r, std::string_view field, Naming name);

/// The items of a list whose scope is `list`. An odd last octet is an anomaly and is passed over.
std::vector<std::uint16_t> read_items16(Reader& list, std::string_view item, Naming name);
std::vector<std::uint8_t> read_items8(Reader& list, std::string_view item);

/// opaque<0..2^8-1>, opaque<0..2^16-1>: the octets behind a length.
ByteSpan read_opaque8(Reader& r, std::string_view field);
ByteSpan read_opaque16(Reader& r, std::string_view field);

}  // namespace rdpwhy::tls
