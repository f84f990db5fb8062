#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/rdp/client_blocks.h"

// What the data blocks of both sides have in common (MS-RDPBCGR 2.2.1.3.1, 2.2.1.4.1).
namespace rdpwhy::rdp {

inline constexpr std::uint16_t kBlockHeaderSize = 4;

/// TS_UD_HEADER: type and length. A length less than the header's own is an error, not a block
/// that would be read for ever.
struct BlockHeader {
  std::uint16_t type = 0;
  std::uint16_t body = 0;  ///< octets behind the header
};
[[nodiscard]] BlockHeader read_block_header(Reader& r);

/// What stands behind the last field that we know.
void skip_block_surplus(Reader& r);

[[nodiscard]] UnknownBlock read_unknown_block(Reader& r, std::uint16_t type);

/// A text of UTF-16 or of octets in a field of fixed size, ended by zero and filled with zeros.
[[nodiscard]] std::string read_fixed_utf16(Reader& r, std::size_t size, std::string_view field);
[[nodiscard]] std::string read_fixed_octets(Reader& r, std::size_t size, std::string_view field);
/// Cut to what has room with its terminator.
void write_fixed_utf16(Writer& w, std::string_view text, std::size_t size);
void write_fixed_octets(Writer& w, std::string_view text, std::size_t size);

/// An optional field of 8, 16 or 32 bits: absent where the block ends before it.
template <typename Number>
void read_optional(Reader& r, std::optional<Number>& kept, std::string_view field) {
  if (!r.more()) return;
  if constexpr (std::is_same_v<Number, std::uint8_t>) {
    kept = r.u8(field);
  } else if constexpr (std::is_same_v<Number, std::uint16_t>) {
    kept = r.u16le(field);
  } else {
    kept = r.u32le(field);
  }
}

/// The twin; false where it is absent, and with it all behind it.
template <typename Number>
[[nodiscard]] bool write_optional(Writer& w, const std::optional<Number>& kept) {
  if (!kept) return false;
  if constexpr (std::is_same_v<Number, std::uint8_t>) {
    w.u8(*kept);
  } else if constexpr (std::is_same_v<Number, std::uint16_t>) {
    w.u16le(*kept);
  } else {
    w.u32le(*kept);
  }
  return true;
}

/// Block after block to the end: `name_of(type)` names one in a dump, `read_body(r, type)` reads
/// it.
template <typename Blocks, typename NameOf, typename ReadBody>
[[nodiscard]] Blocks read_blocks(Reader& r, NameOf name_of, ReadBody read_body) {
  Blocks read;
  while (r.more()) {
    const auto header = read_block_header(r);
    auto body = r.body(header.body, name_of(header.type));
    read.blocks.push_back(read_body(body, header.type));
    skip_block_surplus(body);
  }
  return read;
}

/// The twin: `write_body(w, block)` writes what stands behind the header.
template <typename Blocks, typename WriteBody>
[[nodiscard]] Bytes encode_blocks(const Blocks& written, WriteBody write_body) {
  Writer w;
  for (const auto& block : written.blocks) {
    std::visit(
        [&]<typename Block>(const Block& one) {
          if constexpr (std::is_same_v<Block, UnknownBlock>) {
            w.u16le(one.type);
          } else {
            w.u16le(Block::kType);
          }
          const auto length = w.length16le_including(2);
          write_body(w, one);
        },
        block);
  }
  return w.take();
}

}  // namespace rdpwhy::rdp
