#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::base {

/// Lower-case hex without separators.
[[nodiscard]] std::string to_hex(ByteSpan bytes);

/// Octets of a text of hex digits that a person typed: white space, colons, dashes, commas and "0x"
/// or "\x" prefixes are passed over. Errors name the column.
[[nodiscard]] std::expected<Bytes, Error> parse_hex(std::string_view text);

/// "0x0000c030" with at least `digits` digits.
[[nodiscard]] std::string to_hex_number(std::uint64_t value, int digits = 1);

/// A dump with one line per field (offset, octets, name, value), nested by depth; octets that no
/// field covers are shown on lines of their own.
[[nodiscard]] std::string annotated_dump(ByteSpan bytes, std::span<const FieldNote> fields);

/// Text of unknown origin made safe for a terminal and a line-based log: control characters, DEL,
/// C1 controls, bidirectional overrides and invalid UTF-8 become \xNN.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace rdpwhy::base
