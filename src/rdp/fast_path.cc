#include "rdpwhy/rdp/fast_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdp/bit_names.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::uint8_t kLongLength = 0x80;
constexpr std::size_t kMostLength = 0x7FFF;

constexpr BitName kFlagNames[] = {
    {FastPathHeader::kSecureChecksum, "FASTPATH_SECURE_CHECKSUM"},
    {FastPathHeader::kEncrypted, "FASTPATH_ENCRYPTED"},
};

FastPathHeader read_header(Reader& r) {
  FastPathHeader header;
  const auto first = r.u8("fpHeader");
  r.require(begins_fast_path(first),
            base::to_hex_number(first & 3, 1) + " is not the action of a fast-path PDU",
            "fpHeader");
  header.number_events = first >> 2 & 0x0F;
  header.flags = first >> 6;
  if (r.wants_fields()) r.value(bits_text(header.flags, 1, kFlagNames));
  header.length = r.u8("length1");
  if ((header.length & kLongLength) != 0) {
    header.length = static_cast<std::uint16_t>((header.length & ~kLongLength) << 8);
    header.length = static_cast<std::uint16_t>(header.length | r.u8("length2"));
  }
  header.header_size = static_cast<std::size_t>(r.offset());
  r.require(header.length > header.header_size,
            fmt::format("{} octets leave no room for anything", header.length), "length1");
  return header;
}

}  // namespace

std::expected<std::optional<FastPathHeader>, DecodeError> decode_fast_path_header(ByteSpan begin) {
  Reader r(begin);
  const auto header = read_header(r);
  if (r.failed()) {
    if (r.error()->kind == DecodeError::Kind::kTruncated) return std::nullopt;
    return std::unexpected(*r.error());
  }
  r.skip_rest("rest");
  return header;
}

std::expected<FastPathPdu, DecodeError> decode_fast_path(ByteSpan octets, SecurityHeaderForm form,
                                                         Notes* notes) {
  Reader r(octets, notes);
  FastPathPdu pdu{.header = read_header(r)};
  r.require(pdu.header.length == octets.size() || pdu.header.length > octets.size(),
            fmt::format("is {}, and the PDU has {} octets", pdu.header.length, octets.size()),
            "length1");
  if (form == SecurityHeaderForm::kFips) {
    const auto length = r.u16le("length");
    r.expect(length == SecurityHeader::kFipsLength, fmt::format("is {}, not 16", length), "length");
    r.expect(r.u8("version") == SecurityHeader::kFipsVersion, "is not 1", "version");
    pdu.padding = r.u8("padlen");
  }
  if (form != SecurityHeaderForm::kBasic) {
    pdu.signature.emplace();
    std::ranges::copy(r.bytes(pdu.signature->size(), "dataSignature"), pdu.signature->begin());
  }
  pdu.payload_at = static_cast<std::size_t>(r.offset());
  r.skip(r.failed() || pdu.header.length < pdu.payload_at ? 0 : pdu.header.length - pdu.payload_at,
         "payload");
  return r.finish(pdu);
}

Bytes encode_fast_path(std::uint8_t number_events, ByteSpan payload) {
  RDPWHY_CHECK(!payload.empty());
  Writer w;
  w.u8(static_cast<std::uint8_t>((number_events & 0x0F) << 2));
  const bool is_long = payload.size() + 2 >= kLongLength;
  const auto length = payload.size() + (is_long ? 3 : 2);
  RDPWHY_CHECK(length <= kMostLength);
  if (is_long) {
    w.u16be(static_cast<std::uint16_t>(length | kLongLength << 8));
  } else {
    w.u8(static_cast<std::uint8_t>(length));
  }
  return w.bytes(payload).take();
}

}  // namespace rdpwhy::rdp
