#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdp/octets.h"
#include "rdp/share_oracles.h"

// The small messages behind a security header, the header itself, and the fast-path one.
namespace rdpwhy::rdp {
namespace {

using testing::IsEmpty;

TEST(SecurityHeader, OfEveryFormIsReadAndWritten) {
  const SecurityHeader basic{.flags = security_flags::kInfoPacket};
  EXPECT_EQ(base::to_hex(encode(basic, from_hex("aa"))), "40000000aa");
  const auto signed_octets = from_hex("0800 0000 0102030405060708 aabb");
  const auto read = decode_security_header(signed_octets, SecurityHeaderForm::kNonFips);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->header_size, 12u);
  EXPECT_EQ(read->header.form(), SecurityHeaderForm::kNonFips);
  EXPECT_EQ((*read->header.signature)[7], 8);
  const auto fips = decode_security_header(from_hex("0800 0000 1000 01 05 0102030405060708 aabb"),
                                           SecurityHeaderForm::kFips);
  ASSERT_TRUE(fips);
  EXPECT_EQ(fips->header.padding, 5);
  EXPECT_EQ(fips->header_size, 16u);
  EXPECT_EQ(
      decode_security_header(from_hex("0800 00"), SecurityHeaderForm::kBasic).error().message(),
      "flagsHi needs 2 bytes at offset 2, 1 left");
  EXPECT_THAT(security_flag_names(0x0808),
              testing::ElementsAre("SEC_ENCRYPT", "SEC_SECURE_CHECKSUM"));
  EXPECT_EQ(form_of_encrypted(0x10), SecurityHeaderForm::kFips);
  EXPECT_EQ(form_of_encrypted(0x02), SecurityHeaderForm::kNonFips);
}

TEST(Autodetect, OfEveryTypeIsReadAndWritten) {
  using A = Autodetect;
  const Autodetect pdus[] = {
      {.sequence_number = 1, .type = A::kRttConnectTime},
      {.sequence_number = 1, .type = A::kRttContinuous},
      {.type = A::kBandwidthStartConnectTime},
      {.type = A::kBandwidthPayload, .payload_size = 300},
      {.type = A::kBandwidthStopConnectTime, .payload_size = 0},
      {.type = A::kBandwidthStopReliable},
      {.type = A::kResultBaseAndAverageRtt, .base_rtt = 3, .average_rtt = 4},
      {.type = A::kResultBandwidthAndAverageRtt, .bandwidth = 1000, .average_rtt = 4},
      {.type = A::kResultAll, .base_rtt = 3, .bandwidth = 1000, .average_rtt = 4},
      {.header_type = 1, .type = A::kRttResponse},
      {.header_type = 1, .type = A::kBandwidthResultsConnectTime, .time_delta = 5, .byte_count = 6},
      {.header_type = 1, .type = A::kBandwidthResultsContinuous, .time_delta = 5, .byte_count = 6},
      {.header_type = 1, .type = A::kSync, .bandwidth = 7, .average_rtt = 8},
  };
  for (const auto& pdu : pdus) {
    Notes notes;
    EXPECT_EQ(decode_autodetect(encode(pdu), &notes), pdu) << pdu.type;
    EXPECT_THAT(notes.anomalies, IsEmpty()) << said(notes);
    EXPECT_TRUE(autodetect_name(pdu.header_type, pdu.type).has_value());
  }
}

TEST(Autodetect, OfUnknownTypeIsKeptByItsHeaderAndNoted) {
  Notes notes;
  const auto pdu = decode_autodetect(from_hex("08 00 0500 3412 0000"), &notes);
  ASSERT_TRUE(pdu);
  EXPECT_EQ(pdu->sequence_number, 5);
  EXPECT_EQ(said(notes), "requestType 0x1234 is a type without a meaning; ");
}

TEST(Autodetect, PayloadBehindTheEndIsAnExactError) {
  EXPECT_EQ(decode_autodetect(from_hex("06 00 0000 0200 ffff 00")).error().message(),
            "payload needs 65535 bytes at offset 8, 1 left");
}

TEST(Multitransport, IsReadWithoutItsCookieAndAnswered) {
  const auto request = decode_multitransport_request(
      from_hex("05000000 0100 0000 000102030405060708090a0b0c0d0e0f"));
  EXPECT_EQ(request, (MultitransportRequest{.request_id = 5, .requested_protocol = 1}));
  EXPECT_EQ(base::to_hex(encode(MultitransportResponse{.request_id = 5})), "0500000004400080");
  EXPECT_EQ(decode_multitransport_response(from_hex("05000000 00000000")),
            (MultitransportResponse{.request_id = 5, .hr_response = 0}));
}

TEST(Heartbeat, IsReadAndWritten) {
  const auto octets = from_hex("00 1e 03 05");
  const auto pdu = decode_heartbeat(octets);
  EXPECT_EQ(pdu, (Heartbeat{.period = 30, .count1 = 3, .count2 = 5}));
  EXPECT_EQ(encode(*pdu), octets);
}

TEST(FastPath, LengthsOfBothFormsAreReadAsSoonAsTheyAreThere) {
  for (const auto* part : {"10", "10 81"}) {
    const auto header = decode_fast_path_header(from_hex(part));
    ASSERT_TRUE(header);
    EXPECT_FALSE(header->has_value());
  }
  const auto shorter = decode_fast_path_header(from_hex("10 07"));
  ASSERT_TRUE(shorter && *shorter);
  EXPECT_EQ(**shorter, (FastPathHeader{.number_events = 4, .length = 7, .header_size = 2}));
  const auto longer = decode_fast_path_header(from_hex("c0 8123"));
  ASSERT_TRUE(longer && *longer);
  EXPECT_EQ(**longer, (FastPathHeader{.flags = 3, .length = 0x123, .header_size = 3}));
  EXPECT_TRUE((*longer)->is_encrypted());
  EXPECT_EQ(decode_fast_path_header(from_hex("03 00")).error().message(),
            "fpHeader: 0x3 is not the action of a fast-path PDU (offset 0)");
  EXPECT_EQ(decode_fast_path_header(from_hex("00 00")).error().message(),
            "length1: 0 octets leave no room for anything (offset 1)");
}

TEST(FastPath, ProtectionIsReadInTheFormOfTheConnection) {
  const auto pdu =
      decode_fast_path(from_hex("80 0c 0102030405060708 aabb"), SecurityHeaderForm::kNonFips);
  ASSERT_TRUE(pdu) << pdu.error().message();
  EXPECT_EQ(pdu->payload_at, 10u);
  EXPECT_EQ((*pdu->signature)[0], 1);
  const auto fips = decode_fast_path(from_hex("80 10 1000 01 02 0102030405060708 aabb"),
                                     SecurityHeaderForm::kFips);
  ASSERT_TRUE(fips) << fips.error().message();
  EXPECT_EQ(fips->padding, 2);
  EXPECT_EQ(base::to_hex(encode_fast_path(1, from_hex("aabb"))), "0404aabb");
  EXPECT_EQ(encode_fast_path(0, Bytes(200)).size(), 203u);
}

TEST(ChannelMessages, DamagedAreBoundedAndExact) {
  const Bytes messages[] = {
      encode(Autodetect{.type = Autodetect::kResultAll}),
      encode(Autodetect{.type = Autodetect::kBandwidthPayload, .payload_size = 4}),
      encode(MultitransportRequest{.request_id = 1}),
      encode(MultitransportResponse{.request_id = 1}),
      from_hex("0800 0000 1000 01 05 0102030405060708 aabb"),
      from_hex("80 0c 0102030405060708 aabb"),
  };
  for (auto octets : messages) {
    for (std::size_t at = 0; at < octets.size(); ++at) {
      oracle::check_session_pdus(ByteSpan(octets).first(at));
      for (int flip = 1; flip < 256; ++flip) {
        octets[at] ^= static_cast<std::uint8_t>(flip);
        oracle::check_session_pdus(octets);
        octets[at] ^= static_cast<std::uint8_t>(flip);
      }
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
