#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

// What the three NTLM messages have in common.
namespace rdpwhy::auth {

/// The Len, MaxLen and BufferOffset of one part of the payload, and how that part is read.
struct PayloadPart {
  std::string_view name;  ///< "TargetName"
  std::uint16_t length = 0;
  std::uint32_t offset = 0;
  /// Takes exactly `length` octets of the reader; null: they are taken as they are.
  std::function<void(Reader&, std::size_t)> read;
};

/// MS-NLMP 2.2.1: Signature and MessageType.
void read_signature(Reader& r, std::uint32_t type);
std::uint32_t read_negotiate_flags(Reader& r);
NtlmVersion read_ntlm_version(Reader& r);
void read_part_fields(Reader& r, std::string_view fields, PayloadPart& part);

/// Where the payload begins: the least offset of a part that is there and does not point into the
/// first `least` octets; the whole message's size when there is none.
[[nodiscard]] std::size_t payload_begin(ByteSpan message, std::size_t least,
                                        std::span<const PayloadPart> parts);
/// The parts in the order in which they stand. Parts that overlap, and octets that no part points
/// to, are noted; a part that reaches behind the message's end is an error. Takes all of `r`.
void read_payload(Reader& r, ByteSpan message, std::span<const PayloadPart> parts);
/// The octets of a part, or nothing where they are not all there.
[[nodiscard]] ByteSpan octets_of(ByteSpan message, const PayloadPart& part);

/// UTF-16LE or the OEM code page, whichever the flags say, as UTF-8. Of the code page only ASCII is
/// known; everything else becomes U+FFFD.
[[nodiscard]] std::string text_of(ByteSpan octets, std::uint32_t flags);
/// Takes a text and notes what is odd in it.
std::string read_text(Reader& r, std::size_t length, std::string_view field, std::uint32_t flags);
/// A list up to the end of `list`.
AvPairs read_av_pairs(Reader& list);

/// The twin: parts are put in the order in which they shall stand, their fields are written
/// wherever the header has them.
class PayloadWriter {
 public:
  struct Place {
    std::uint16_t length = 0;
    std::uint32_t offset = 0;
    void write_fields(Writer& w) const { w.u16le(length).u16le(length).u32le(offset); }
  };

  /// `header_size` octets stand before the payload.
  explicit PayloadWriter(std::size_t header_size) : header_size_(header_size) {}

  Place put(ByteSpan octets);
  [[nodiscard]] ByteSpan view() const { return payload_; }

 private:
  std::size_t header_size_;
  Bytes payload_;
};
void write_signature(Writer& w, std::uint32_t type);
void write_ntlm_version(Writer& w, const NtlmVersion& version);
[[nodiscard]] Bytes octets_of_text(std::string_view text, std::uint32_t flags);

}  // namespace rdpwhy::auth
