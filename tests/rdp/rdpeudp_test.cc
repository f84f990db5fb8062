#include "rdpwhy/rdp/rdpeudp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdp/octets.h"
#include "rdp/share_oracles.h"

namespace rdpwhy::rdp {
namespace {

using testing::IsEmpty;

RdpUdpSyn a_syn(std::uint16_t version) {
  RdpUdpSyn syn{.receive_window = 64,
                .flags = rdpudp_flags::kSyn | rdpudp_flags::kCorrelationId | rdpudp_flags::kSynEx,
                .initial_sequence_number = 0x12345678,
                .correlation_id = {{1, 2, 3}},
                .syn_ex_flags = RdpUdpSyn::kVersionInfoValid,
                .version = version,
                .padding = 10};
  if (version == RdpUdpSyn::kVersion3) syn.cookie_hash = {{9, 8, 7}};
  return syn;
}

TEST(RdpUdp, SynOfEveryVersionIsReadAndWritten) {
  for (const auto version : {RdpUdpSyn::kVersion1, RdpUdpSyn::kVersion2, RdpUdpSyn::kVersion3}) {
    const auto octets = encode(a_syn(version));
    Notes notes;
    const auto syn = decode_rdpudp_syn(octets, &notes);
    ASSERT_TRUE(syn) << syn.error().message();
    EXPECT_EQ(*syn, a_syn(version));
    EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
    EXPECT_TRUE(begins_rdpudp_syn(octets));
    EXPECT_TRUE(rdpudp_version_name(version).has_value());
  }
}

TEST(RdpUdp, AnswerToVersion3HasNoHash) {
  const auto syn = decode_rdpudp_syn(from_hex("00000042 0400 1005 00000042 04d0 04d0 0001 0101"));
  ASSERT_TRUE(syn) << syn.error().message();
  EXPECT_TRUE(syn->is_answer());
  EXPECT_EQ(syn->version, RdpUdpSyn::kVersion3);
  EXPECT_EQ(syn->cookie_hash, std::nullopt);
}

TEST(RdpUdp, MtuOutOfRangeIsNotedAndNoSynElsewhere) {
  const auto octets = from_hex("ffffffff 0040 0001 12345678 03e8 046c");
  Notes notes;
  ASSERT_TRUE(decode_rdpudp_syn(octets, &notes));
  EXPECT_EQ(said(notes), "uUpStreamMtu is 1000, out of the range 1132 to 1232; ");
  EXPECT_FALSE(begins_rdpudp_syn(octets));
}

TEST(RdpUdp, WhatIsNoSynIsAnExactError) {
  EXPECT_EQ(decode_rdpudp_syn(from_hex("ffffffff 0040 0004")).error().message(),
            "uFlags: does not have RDPUDP_FLAG_SYN (offset 6)");
  EXPECT_EQ(
      decode_rdpudp_syn(from_hex("ffffffff 0040 1001 12345678 04d0 04d0 0001")).error().message(),
      "uUdpVer needs 2 bytes at offset 18, 0 left");
}

TEST(RdpUdp, DamagedIsBoundedAndExact) {
  auto octets = encode(a_syn(RdpUdpSyn::kVersion3));
  for (std::size_t at = 0; at < octets.size(); ++at) {
    oracle::check_rdpudp(ByteSpan(octets).first(at));
    for (int flip = 1; flip < 256; ++flip) {
      octets[at] ^= static_cast<std::uint8_t>(flip);
      oracle::check_rdpudp(octets);
      octets[at] ^= static_cast<std::uint8_t>(flip);
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
