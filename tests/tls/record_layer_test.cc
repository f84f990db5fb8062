#include "rdpwhy/tls/record_layer.h"

#include <gtest/gtest.h>

#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

TEST(RecordHeader, IsReadFromItsFiveOctets) {
  const auto header = decode_record_header(from_hex("16 0301 0102 ff"));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->content(), ContentType::kHandshake);
  EXPECT_EQ(header->version, 0x0301);
  EXPECT_EQ(header->length, 0x0102);
}

TEST(RecordHeader, NeedsAllFiveOctets) {
  const auto octets = from_hex("16 0301 0102");
  for (std::size_t size = 0; size < 5; ++size) {
    EXPECT_FALSE(decode_record_header(ByteSpan(octets).first(size))) << size;
  }
  EXPECT_TRUE(decode_record_header(octets));
}

TEST(RecordHeader, IsPlausibleForEveryContentTypeAndNoOther) {
  for (unsigned type = 0; type < 256; ++type) {
    const RecordHeader header{static_cast<std::uint8_t>(type), 0x0303, 100};
    EXPECT_EQ(plausible(header), type >= 20 && type <= 24) << type;
  }
}

TEST(RecordHeader, IsPlausibleForMajorVersionThreeOnly) {
  EXPECT_TRUE(plausible({22, 0x0300, 1}));
  EXPECT_TRUE(plausible({22, 0x0304, 1}));
  EXPECT_FALSE(plausible({22, 0x0200, 1}));
  EXPECT_FALSE(plausible({22, 0x0400, 1}));
  EXPECT_FALSE(plausible({22, 0xFEFF, 1}));
}

TEST(RecordHeader, IsPlausibleUpToTheLongestCiphertext) {
  EXPECT_TRUE(plausible({23, 0x0303, 0}));
  EXPECT_TRUE(plausible({23, 0x0303, 18432}));
  EXPECT_FALSE(plausible({23, 0x0303, 18433}));
}

TEST(Record, IsWrittenWithItsLength) {
  EXPECT_EQ(encode_record(ContentType::kAlert, 0x0303, from_hex("0228")),
            from_hex("15 0303 0002 0228"));
  EXPECT_EQ(encode_record(ContentType::kApplicationData, 0x0301, {}), from_hex("17 0301 0000"));
}

TEST(Ssl2Hello, IsRecognisedFromTwoOctetsOn) {
  const auto hello = from_hex("802e 01 0301 0015");
  for (std::size_t size = 2; size <= hello.size(); ++size) {
    EXPECT_TRUE(looks_like_ssl2_hello(ByteSpan(hello).first(size))) << size;
  }
  EXPECT_TRUE(looks_like_ssl2_hello(from_hex("802e 01 0002")));
}

TEST(Ssl2Hello, IsNotSeenInOtherProtocols) {
  EXPECT_FALSE(looks_like_ssl2_hello({}));
  EXPECT_FALSE(looks_like_ssl2_hello(from_hex("80")));
  EXPECT_FALSE(looks_like_ssl2_hello(from_hex("16 03")));         // TLS
  EXPECT_FALSE(looks_like_ssl2_hello(from_hex("03 00")));         // TPKT
  EXPECT_FALSE(looks_like_ssl2_hello(from_hex("8008 01")));       // too short for its fields
  EXPECT_FALSE(looks_like_ssl2_hello(from_hex("802e 04 0002")));  // a SERVER-HELLO
  EXPECT_FALSE(looks_like_ssl2_hello(from_hex("802e 01 0003")));
  EXPECT_FALSE(looks_like_ssl2_hello(from_hex("802e 01 05")));
}

}  // namespace
}  // namespace rdpwhy::tls
