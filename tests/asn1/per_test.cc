#include "rdpwhy/asn1/per.h"

#include <gtest/gtest.h>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::asn1 {
namespace {

Bytes octets(std::string_view hex) { return base::parse_hex(hex).value(); }

// X.691 11.5
TEST(PerReader, TakesBitsAcrossOctets) {
  const auto bytes = octets("2180");
  Notes notes;
  Reader r(bytes, &notes);
  PerReader bits(r);
  EXPECT_EQ(bits.bits(6, "choice"), 8u);
  EXPECT_EQ(bits.bits(3, "reason"), 3u);
  EXPECT_EQ(bits.align("reason"), 0u);
  EXPECT_TRUE(r.finish(true).has_value());
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(PerReader, NotesPaddingThatIsNotZero) {
  const auto bytes = octets("21ff");
  Notes notes;
  Reader r(bytes, &notes);
  PerReader bits(r);
  bits.bits(9, "x");
  EXPECT_EQ(bits.align("x"), 0x7Fu);
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].text, "the padding is not zero");
}

TEST(PerReader, FailsWhereTheOctetsEnd) {
  const auto bytes = octets("80");
  Reader r(bytes);
  PerReader bits(r);
  EXPECT_TRUE(bits.bit("a"));
  bits.bits(8, "b");
  const auto done = r.finish(true);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().message(), "b needs 1 byte at offset 1, 0 left");
}

// X.691 11.9
TEST(PerLength, HasOneOctetOrTwo) {
  const std::pair<const char*, unsigned> kCases[] = {
      {"00", 0}, {"7f", 127}, {"8000", 0}, {"8080", 128}, {"bfff", 16383}};
  for (const auto& [hex, length] : kCases) {
    const auto bytes = octets(hex);
    Notes notes;
    Reader r(bytes, &notes);
    const auto read = r.finish(read_per_length(r, "length"));
    ASSERT_TRUE(read.has_value()) << hex;
    EXPECT_EQ(*read, length) << hex;
    EXPECT_TRUE(notes.anomalies.empty()) << hex;
  }
}

TEST(PerLength, OfFifteenBitsIsReadAndNoted) {
  const auto bytes = octets("c001");
  Notes notes;
  Reader r(bytes, &notes);
  EXPECT_EQ(read_per_length(r, "length"), 0x4001u);
  EXPECT_EQ(notes.anomalies.size(), 1u);
}

TEST(PerLength, IsWrittenAsShortAsItCanBe) {
  const std::pair<std::size_t, const char*> kCases[] = {
      {0, "00"}, {127, "7f"}, {128, "8080"}, {16383, "bfff"}};
  for (const auto& [length, hex] : kCases) {
    Writer w;
    write_per_length(w, length);
    EXPECT_EQ(base::to_hex(w.view()), hex);
  }
}

// X.691 11.7
TEST(PerUnsigned, HasAsManyOctetsAsItNeeds) {
  const std::pair<const char*, std::uint32_t> kCases[] = {
      {"0100", 0}, {"01ff", 255}, {"020100", 256}, {"04ffffffff", 0xFFFFFFFF}};
  for (const auto& [hex, value] : kCases) {
    const auto bytes = octets(hex);
    Reader r(bytes);
    EXPECT_EQ(r.finish(read_per_unsigned(r, "n")), value) << hex;
    Writer w;
    write_per_unsigned(w, value);
    EXPECT_EQ(base::to_hex(w.view()), hex);
  }
  for (const auto* hex : {"00", "050000000000", "0201"}) {
    const auto bytes = octets(hex);
    Reader r(bytes);
    EXPECT_FALSE(r.finish(read_per_unsigned(r, "n")).has_value()) << hex;
  }
}

TEST(PerWriter, FillsItsLastOctetWithZeros) {
  Writer w;
  {
    PerWriter bits(w);
    bits.bits(8, 6).bits(3, 3);
  }
  EXPECT_EQ(base::to_hex(w.view()), "2180");
}

}  // namespace
}  // namespace rdpwhy::asn1
