#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

// UTF-16LE texts of the room's PDUs, UTF-8 in their structures.
namespace rdpwhy::rdp {

/// `size` octets of UTF-16LE. What is odd about them is noted.
std::string read_utf16(Reader& r, std::size_t size, std::string_view field);
/// The same with a terminating null character in `size`, which is not part of the text. A missing
/// one is noted; so is an odd number of octets. Nothing at all is an empty text.
std::string read_terminated_utf16(Reader& r, std::size_t size, std::string_view field);
/// A field of fixed size, padded with null characters; what stands behind the first is not read.
std::string read_padded_utf16(Reader& r, std::size_t size, std::string_view field);

/// `size` octets of a code page of which only ASCII is known; everything else becomes U+FFFD.
std::string read_ansi(Reader& r, std::size_t size, std::string_view field);

void write_utf16(Writer& w, std::string_view text);
void write_terminated_utf16(Writer& w, std::string_view text);
/// Cut to what leaves room for one null character.
void write_padded_utf16(Writer& w, std::string_view text, std::size_t size);

}  // namespace rdpwhy::rdp
