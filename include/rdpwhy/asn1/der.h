#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/time.h"

// X.690: elements of tag, length and value, as DER writes them and as the field sends them. BER's
// longer forms of lengths and integers are noted and read; indefinite lengths and strings in pieces
// are refused. There is no recursion: nesting is as deep as the grammar of whoever reads.
namespace rdpwhy::asn1 {

/// X.690 8.1.2: the identifier octets as one number: 0x30, 0xA0, 0x7F65.
struct Tag {
  std::uint32_t octets = 0;
  friend bool operator==(Tag, Tag) = default;
};
inline constexpr Tag kBoolean{0x01};
inline constexpr Tag kInteger{0x02};
inline constexpr Tag kBitString{0x03};
inline constexpr Tag kOctetString{0x04};
inline constexpr Tag kNull{0x05};
inline constexpr Tag kObjectIdentifier{0x06};
inline constexpr Tag kEnumerated{0x0A};
inline constexpr Tag kUtf8String{0x0C};
inline constexpr Tag kGeneralizedTime{0x18};
inline constexpr Tag kGeneralString{0x1B};
inline constexpr Tag kSequence{0x30};
inline constexpr Tag kSet{0x31};
/// [number] around an element (EXPLICIT), or of a constructed one; below 31.
[[nodiscard]] constexpr Tag context(unsigned number) { return {0xA0 | number}; }
[[nodiscard]] constexpr Tag application(unsigned number) { return {0x60 | number}; }
/// "SEQUENCE", "[1]", "[APPLICATION 14]", "0x9f"
[[nodiscard]] std::string tag_name(Tag tag);

/// Identifier and length octets.
struct Header {
  Tag tag;
  std::uint8_t size = 0;     ///< octets of identifier and length
  std::uint64_t length = 0;  ///< octets of the content, as claimed; less than 2^32
  bool minimal = true;       ///< false: the length could have been written shorter
};
/// Nothing while the octets do not reach to the header's end; an error for what can be no header:
/// an indefinite or oversized length, a tag number that no structure of ours has.
[[nodiscard]] std::expected<std::optional<Header>, DecodeError> decode_header(
    ByteSpan begin, std::string_view field);

// --- reading, on base::Reader -------------------------------------------------------------------

/// Whether an element with that tag comes next.
[[nodiscard]] bool next_is(const Reader& r, Tag tag);
/// The number of the context-specific, constructed tag that comes next, if one does.
[[nodiscard]] std::optional<unsigned> next_context_number(const Reader& r);

/// Whether a length may be written longer than it has to be: BER's writers do as they like (MCS's
/// always take three octets), where DER is due it is noted.
enum class LengthForm { kShortest, kAny };

/// The scope of a constructed element: to be read to its end.
[[nodiscard]] Reader open(Reader& r, Tag tag, std::string_view field,
                          LengthForm form = LengthForm::kShortest);
/// The content of a primitive element.
ByteSpan read_primitive(Reader& r, Tag tag, std::string_view field,
                        LengthForm form = LengthForm::kShortest);
/// Any element, unread; its whole encoding.
ByteSpan read_any(Reader& r, std::string_view field);

std::int32_t read_int32(Reader& r, std::string_view field, Tag tag = kInteger);
std::uint32_t read_uint32(Reader& r, std::string_view field, Tag tag = kInteger);
/// 32 bits that some write as a negative number and some as a positive one.
std::uint32_t read_bits32(Reader& r, std::string_view field, Tag tag = kInteger);
inline ByteSpan read_octet_string(Reader& r, std::string_view field) {
  return read_primitive(r, kOctetString, field);
}
/// "1.3.6.1.5.5.2"
std::string read_object_identifier(Reader& r, std::string_view field);
/// GeneralString or another string type: its octets as they are.
std::string read_string(Reader& r, Tag tag, std::string_view field);
/// X.680 46 in the form that DER has, "20261127231500Z", with or without a fraction.
Moment read_generalized_time(Reader& r, std::string_view field);

/// X.690 8.6
struct BitString {
  std::uint8_t unused = 0;  ///< bits of the last octet
  Bytes octets;
  /// Bit 0 is the first one; false behind the end.
  [[nodiscard]] bool bit(std::size_t index) const;
  friend bool operator==(const BitString&, const BitString&) = default;
};
BitString read_bit_string(Reader& r, std::string_view field);

/// The [n] elements of a SEQUENCE whose parts are optional, in whatever order. `read_one(n)` opens
/// and reads the element, or says false for a number it does not know. Unknown elements, repeated
/// ones and those out of order are noted.
template <typename ReadOne>
void read_tagged(Reader& sequence, std::string_view field, ReadOne read_one) {
  std::optional<unsigned> last;
  while (sequence.more()) {
    const auto number = next_context_number(sequence);
    const auto at = sequence.offset();
    if (number && last && *number <= *last) {
      sequence.expect(false, *number == *last ? "stands twice" : "stands out of order", field, at);
    }
    if (number) last = number;
    if (number && read_one(*number)) continue;
    sequence.expect(false, "an element that this structure does not have", field, at);
    read_any(sequence, "unknown element");
  }
}

// --- writing ------------------------------------------------------------------------------------

/// The twin: DER, with lengths filled in when a scope ends.
///
///   DerWriter w;
///   {
///     const auto request = w.open(kSequence);
///     const auto version = w.open(context(0));
///     w.integer(6);
///   }
class DerWriter {
 public:
  class Scope {
   public:
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() noexcept(false) { writer_.fill(at_); }

   private:
    friend class DerWriter;
    Scope(DerWriter& writer, std::size_t at) : writer_(writer), at_(at) {}

    DerWriter& writer_;
    std::size_t at_;
  };

  DerWriter() = default;
  /// Octets that are secret must not lie about in blocks of memory that were outgrown: whoever
  /// writes such says how many it will be at most.
  explicit DerWriter(std::size_t most_octets) : most_(most_octets) { out_.reserve(most_octets); }

  [[nodiscard]] Scope open(Tag tag);
  DerWriter& primitive(Tag tag, ByteSpan content);
  DerWriter& integer(std::int64_t value, Tag tag = kInteger);
  DerWriter& octet_string(ByteSpan octets) { return primitive(kOctetString, octets); }
  /// Our own constants; anything but a dotted OID is our bug.
  DerWriter& object_identifier(std::string_view dotted);
  DerWriter& string(Tag tag, std::string_view text) { return primitive(tag, base::as_bytes(text)); }
  DerWriter& generalized_time(Moment moment);
  DerWriter& bit_string(const BitString& bits);
  /// Octets that are DER already, or no ASN.1 at all.
  DerWriter& raw(ByteSpan octets);

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] Bytes take() { return std::move(out_); }

 private:
  void append(ByteSpan octets);
  void tag(Tag tag);
  void fill(std::size_t at);

  Bytes out_;
  std::optional<std::size_t> most_;
};

}  // namespace rdpwhy::asn1
