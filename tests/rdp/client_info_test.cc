#include "rdpwhy/rdp/client_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdp/octets.h"
#include "rdp/share_oracles.h"

namespace rdpwhy::rdp {
namespace {

using testing::IsEmpty;

ClientInfo an_info() {
  ExtendedClientInfo extended{.address = "127.0.0.1", .directory = "C:\\mstscax.dll"};
  extended.time_zone.emplace();
  extended.time_zone->bias = -60;
  extended.time_zone->standard_name = "CET";
  extended.time_zone->standard_date = {0, 10, 0, 5, 3, 0, 0, 0};
  extended.time_zone->daylight_name = "CEST";
  extended.time_zone->daylight_bias = -60;
  extended.session_id = 0;
  extended.performance_flags = 0x87;
  extended.auto_reconnect_cookie_size = 28;
  extended.reserved1 = 0;
  extended.reserved2 = 0;
  extended.dynamic_dst_time_zone_key_name = "W. Europe Standard Time";
  extended.dynamic_daylight_time_disabled = 0;
  return {.code_page = 0x407,
          .flags = ClientInfo::kUnicode | ClientInfo::kMouse,
          .domain = "LAB",
          .user_name = "j\u00fcrgen",
          .password_size = 12,
          .working_dir = "D:\\",
          .extended = extended};
}

TEST(ClientInfo, IsWrittenAndReadWithoutItsPassword) {
  const auto octets = encode(an_info(), Secret(std::string_view("secret")));
  Notes notes;
  const auto info = decode_client_info(octets.reveal(), &notes);
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(*info, an_info());
  EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
  const auto written = base::to_hex(octets.reveal());
  EXPECT_NE(written.find(base::to_hex(from_hex("7300650063007200650074000000"))),
            std::string::npos);
}

TEST(ClientInfo, OfAnyAgeIsReadToWhereItEnds) {
  const auto octets = encode(an_info(), Secret());
  std::size_t whole = 0;
  for (std::size_t size = 0; size <= octets.reveal().size(); ++size) {
    if (decode_client_info(octets.reveal().first(size))) ++whole;
  }
  // Without an extension, and with it ended behind each of its nine last fields or before them.
  EXPECT_EQ(whole, 10u);
}

TEST(ClientInfo, OfACodePageIsReadAsFarAsItIsAscii) {
  Notes notes;
  const auto info = decode_client_info(
      from_hex("00000000 01000000 0000 0300 0200 0000 0000 00 62e462 00 7070 00 00 00"), &notes);
  ASSERT_TRUE(info) << info.error().message();
  EXPECT_EQ(info->user_name, "b\uFFFDb");
  EXPECT_EQ(info->password_size, 2);
  EXPECT_EQ(said(notes), "UserName is not ASCII, and its code page is not known; ");
}

TEST(ClientInfo, SizesBehindTheEndAreExactErrors) {
  const auto info = decode_client_info(from_hex("00000000 10000000 ffff 0000 0000 0000 0000 0000"));
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().message(), "Domain needs 65535 bytes at offset 18, 2 left");
}

TEST(ClientInfo, FlagsHaveNames) {
  EXPECT_THAT(client_info_flag_names(0x80000011),
              testing::ElementsAre("INFO_MOUSE", "INFO_UNICODE", "0x80000000"));
  EXPECT_THAT(performance_flag_names(1), testing::ElementsAre("PERF_DISABLE_WALLPAPER"));
}

TEST(ClientInfo, DamagedIsBoundedAndExact) {
  auto octets = base::to_bytes(encode(an_info(), Secret(std::string_view("secret"))).reveal());
  for (std::size_t at = 0; at < octets.size(); ++at) {
    oracle::check_client_info(ByteSpan(octets).first(at));
    for (const int flip : {0x01, 0x80, 0xFF}) {
      octets[at] ^= static_cast<std::uint8_t>(flip);
      oracle::check_client_info(octets);
      octets[at] ^= static_cast<std::uint8_t>(flip);
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
