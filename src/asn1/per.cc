#include "rdpwhy/asn1/per.h"

#include <string>

#include "rdpwhy/base/check.h"

namespace rdpwhy::asn1 {
namespace {

constexpr std::uint8_t kTwoOctets = 0x80;
constexpr std::uint8_t kPieces = 0xC0;
constexpr std::size_t kPiece = 0x4000;

}  // namespace

std::uint16_t PerReader::bits(unsigned count, std::string_view field) {
  unsigned value = 0;
  while (count-- > 0) {
    if (left_ == 0) {
      octet_ = r_.u8(field);
      left_ = 8;
    }
    --left_;
    value = value << 1 | (static_cast<unsigned>(octet_) >> left_ & 1u);
  }
  return static_cast<std::uint16_t>(value);
}

std::uint8_t PerReader::align(std::string_view field) {
  const auto padding = static_cast<std::uint8_t>(octet_ & ((1u << left_) - 1));
  left_ = 0;
  r_.expect(padding == 0, "the padding is not zero", field);
  return padding;
}

std::uint16_t read_per_length(Reader& r, std::string_view field) {
  const auto ahead = r.peek(1);
  if (ahead.empty() || ahead[0] < kTwoOctets) {
    const auto length = r.u8(field);
    if (r.wants_fields()) r.value(std::to_string(length));
    return length;
  }
  const auto length = static_cast<std::uint16_t>(r.u16be(field) & 0x7FFF);
  if (r.wants_fields()) r.value(std::to_string(length));
  r.expect((ahead[0] & kPieces) != kPieces, "a length of 15 bits, which X.691 does not have",
           field);
  return length;
}

std::uint32_t read_per_unsigned(Reader& r, std::string_view field) {
  const auto count = read_per_length(r, field);
  r.require(count >= 1 && count <= 4, "is no number of one to four octets", field);
  const auto octets = r.bytes(r.failed() ? 0 : count, field);
  std::uint32_t value = 0;
  for (const auto octet : octets) value = value << 8 | octet;
  if (r.wants_fields()) r.value(std::to_string(value));
  return value;
}

PerWriter& PerWriter::bits(std::uint16_t value, unsigned count) {
  while (count-- > 0) {
    octet_ = static_cast<std::uint8_t>(octet_ << 1 | (value >> count & 1));
    if (++used_ < 8) continue;
    w_.u8(octet_);
    used_ = 0;
  }
  return *this;
}

void PerWriter::align() {
  if (used_ > 0) bits(0, 8 - used_);
}

void write_per_length(Writer& w, std::size_t length) {
  RDPWHY_CHECK(length < kPiece);
  if (length < kTwoOctets) {
    w.u8(static_cast<std::uint8_t>(length));
  } else {
    w.u16be(static_cast<std::uint16_t>(kTwoOctets << 8 | length));
  }
}

void write_per_unsigned(Writer& w, std::uint32_t value) {
  unsigned count = 1;
  while (count < 4 && value >> 8 * count != 0) ++count;
  write_per_length(w, count);
  while (count-- > 0) w.u8(static_cast<std::uint8_t>(value >> 8 * count));
}

}  // namespace rdpwhy::asn1
