#include "rdpwhy/rdp/mcs.h"

#include <gtest/gtest.h>

#include "rdp/rdp_oracles.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/gcc.h"

namespace rdpwhy::rdp {
namespace {

Bytes octets(std::string_view hex) { return base::parse_hex(hex).value(); }

template <typename Pdu>
Pdu decoded(std::string_view hex, Notes* notes = nullptr) {
  const auto pdu = decode_mcs(octets(hex), notes);
  EXPECT_TRUE(pdu.has_value()) << hex << ' ' << (pdu ? "" : pdu.error().message());
  if (!pdu || !std::holds_alternative<Pdu>(*pdu)) {
    ADD_FAILURE() << hex << " is another PDU";
    return {};
  }
  return std::get<Pdu>(*pdu);
}

// Decodes without a note, and comes back octet for octet.
template <typename Pdu>
void expect_both_ways(std::string_view hex, const Pdu& pdu) {
  Notes notes;
  EXPECT_EQ(decoded<Pdu>(hex, &notes), pdu) << hex;
  EXPECT_TRUE(notes.anomalies.empty()) << hex << ' ' << notes.anomalies[0].text;
  EXPECT_EQ(base::to_hex(encode(pdu)), base::to_hex(octets(hex)));
}

const ConnectInitial kInitial{
    .minimum = {.max_channel_ids = 1,
                .max_user_ids = 1,
                .max_token_ids = 1,
                .max_mcs_pdu_size = 1056},
    .maximum = {.max_channel_ids = 65535, .max_user_ids = 64535, .max_token_ids = 65535},
    .user_data = {1, 2, 3}};

TEST(ConnectInitial, WritesNumbersWithoutASign) {
  expect_both_ways(
      "7f65 62 040101 040101 0101ff"
      "3019 020122 020102 020100 020101 020100 020101 0202ffff 020102"
      "3019 020101 020101 020101 020101 020100 020101 02020420 020102"
      "301c 0202ffff 0202fc17 0202ffff 020101 020100 020101 0202ffff 020102"
      "0403 010203",
      kInitial);
}

TEST(ConnectInitial, ReadsNumbersAndLengthsInLongerForms) {
  Notes notes;
  const auto initial = decoded<ConnectInitial>(
      "7f65 820070 04820001 01 040101 0101ff"
      "30820019 020122 020102 020100 020101 020100 020101 0202ffff 020102"
      "3019 020101 020101 020101 020101 020100 020101 02020420 020102"
      "3081 22 020300ffff 020300fc17 0205000000ffff 020101 020100 020101 020300ffff 020102"
      "0483000003 010203",
      &notes);
  EXPECT_EQ(initial, kInitial);
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(ConnectInitial, OfMoreThanNumbersOfFourOctetsIsAnError) {
  const auto pdu = decode_mcs(octets("7f65 0f 040101 040101 0101ff 3004 0205 0100000000"));
  ASSERT_FALSE(pdu.has_value());
}

TEST(ConnectResponse, SaysItsResult) {
  ConnectResponse response{.parameters = {.max_user_ids = 3, .max_mcs_pdu_size = 0xFFF8},
                           .user_data = {9}};
  expect_both_ways(
      "7f66 24 0a0100 020100"
      "3019 020122 020103 020100 020101 020100 020101 0202fff8 020102 0401 09",
      response);
  response.result = 14;
  const auto bytes = encode(response);
  EXPECT_EQ(decode_mcs(bytes), McsPdu(response));
  EXPECT_EQ(mcs_result_name(14), "rt-unspecified-failure");
  EXPECT_FALSE(mcs_result_name(16).has_value());
}

// MS-RDPBCGR 2.2.1.5 to 2.2.1.9
TEST(ConnectResponse, WithALengthThatNothingHasIsAnErrorOfItsOwn) {
  const auto refused = decode_mcs(octets("7f66 88 7f7f7f7f7f7f7f7f 0a0100"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "Connect-Response: a length of 4 GiB or more (offset 0)");
  EXPECT_FALSE(decode_mcs(octets("7f65")));
  EXPECT_FALSE(decode_mcs(octets("7f66 80")));
}

TEST(DomainPdu, OfTheChannelsPhaseComesBackFromItsEncoding) {
  expect_both_ways("04 0100 0100", ErectDomainRequest{});
  expect_both_ways("04 0101 020400", ErectDomainRequest{.sub_height = 1, .sub_interval = 1024});
  expect_both_ways("28", AttachUserRequest{});
  expect_both_ways("2e00 0006", AttachUserConfirm{.initiator = 1007});
  expect_both_ways("38 0006 03eb", ChannelJoinRequest{.initiator = 1007, .channel_id = 1003});
  expect_both_ways("3e00 0006 03eb 03eb",
                   ChannelJoinConfirm{.initiator = 1007, .requested = 1003, .channel_id = 1003});
}

TEST(DomainPdu, HasAResultOfFourBitsOverTwoOctets) {
  expect_both_ways("2dc0", AttachUserConfirm{.result = 14});
  expect_both_ways("2c60", AttachUserConfirm{.result = 3});
  expect_both_ways("3cc0 0006 03ef",
                   ChannelJoinConfirm{.result = 6, .initiator = 1007, .requested = 1007});
  expect_both_ways(
      "3fe0 0006 03ef 0000",
      ChannelJoinConfirm{.result = 15, .initiator = 1007, .requested = 1007, .channel_id = 0});
}

TEST(DomainPdu, WithTheResultInAWholeOctetIsReadAndNoted) {
  Notes notes;
  EXPECT_EQ(decoded<AttachUserConfirm>("2c0e", &notes), AttachUserConfirm{.result = 14});
  EXPECT_EQ(notes.anomalies.size(), 1u);
}

TEST(SendData, OfEitherDirectionKeepsItsUserData) {
  expect_both_ways("64 0006 03eb 70 04 01020304",
                   SendData{.initiator = 1007, .channel_id = 1003, .user_data = {1, 2, 3, 4}});
  expect_both_ways("68 0001 03eb 70 00",
                   SendData{.indication = true, .initiator = 1002, .channel_id = 1003});
  SendData large{.initiator = 1007, .channel_id = 1003, .user_data = Bytes(300, 7)};
  const auto bytes = encode(large);
  EXPECT_EQ(base::to_hex(ByteSpan(bytes).first(8)), "64000603eb70812c");
  EXPECT_EQ(decode_mcs(bytes), McsPdu(large));
}

TEST(SendData, HasItsLengthInTwoOctetsFromMany) {
  Notes notes;
  EXPECT_EQ(decoded<SendData>("64 0006 03eb 70 8001 aa", &notes).user_data, Bytes{0xAA});
  EXPECT_TRUE(notes.anomalies.empty());
}

TEST(SendData, ThatIsCutOrGoesOnIsSaidExactly) {
  const auto cut = decode_mcs(octets("68 0001 03eb 70 05 01020304"));
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().message(), "userData needs 5 bytes at offset 7, 4 left");
  Notes notes;
  EXPECT_EQ(decoded<SendData>("68 0001 03eb 70 01 0102", &notes).user_data, Bytes{1});
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].text, "1 octets behind the last known field");
  Notes part;
  decoded<SendData>("68 0001 03eb 60 01 01", &part);
  EXPECT_EQ(part.anomalies.size(), 1u);
}

TEST(DomainPdu, ThatRdpHasNoUseForKeepsItsName) {
  const auto other = decoded<OtherDomainPdu>("3400 0100 0006");
  EXPECT_EQ(domain_pdu_name(other.choice), "detachUserIndication");
  EXPECT_EQ(other.size, 6u);
  EXPECT_EQ(decode_mcs(octets("b0")).error().message(),
            "DomainMCSPDU: 44 is no DomainMCSPDU (offset 0)");
  EXPECT_FALSE(decode_mcs({}).has_value());
}

TEST(DomainPdu, WithAUserBeyondItsRangeIsAnError) {
  const auto pdu = decode_mcs(octets("38 fc17 03eb"));
  ASSERT_FALSE(pdu.has_value());
  EXPECT_EQ(pdu.error().text, "is no user id that T.125 has");
}

// --- GCC
// --------------------------------------------------------------------------------------------

TEST(ConferenceCreateRequest, ComesBackFromItsEncoding) {
  const ConferenceCreateRequest request{.user_data = {1, 2, 3}};
  const auto bytes = octets("000500147c0001 10 0008 0010 00 01 c000 44756361 03 010203");
  Notes notes;
  EXPECT_EQ(decode_conference_create_request(bytes, &notes), request);
  EXPECT_TRUE(notes.anomalies.empty()) << notes.anomalies[0].text;
  EXPECT_EQ(base::to_hex(encode(request)), base::to_hex(bytes));
}

TEST(ConferenceCreateRequest, MayHaveALongerName) {
  const ConferenceCreateRequest request{.conference_name = "90210", .user_data = Bytes(200, 5)};
  const auto bytes = encode(request);
  EXPECT_EQ(decode_conference_create_request(bytes), request);
}

TEST(ConferenceCreateResponse, ComesBackFromItsEncoding) {
  const auto bytes = octets("000500147c0001 2a 14 760a 0101 00 01 c000 4d63446e 02 0102");
  const ConferenceCreateResponse response{.user_data = {1, 2}};
  Notes notes;
  EXPECT_EQ(decode_conference_create_response(bytes, &notes), response);
  EXPECT_TRUE(notes.anomalies.empty()) << notes.anomalies[0].text;
  EXPECT_EQ(base::to_hex(encode(response)), base::to_hex(bytes));
}

TEST(ConferenceCreateResponse, SaysItsResult) {
  const ConferenceCreateResponse response{.result = 2, .user_data = {1}};
  const auto bytes = encode(response);
  EXPECT_EQ(decode_conference_create_response(bytes), response);
  EXPECT_EQ(conference_result_name(2), "resourcesNotAvailable");
  Notes notes;
  const auto octet = decode_conference_create_response(
      octets("000500147c0001 2a 14 760a 0101 01 01 c000 4d63446e 02 0102"), &notes);
  ASSERT_TRUE(octet.has_value());
  EXPECT_EQ(octet->result, 1);
  EXPECT_EQ(notes.anomalies.size(), 1u);
}

TEST(Conference, OfAnotherKindOrKeyIsSaid) {
  const auto request = octets("000500147c0001 10 0008 0010 00 01 c000 44756361 03 010203");
  EXPECT_FALSE(decode_conference_create_response(request).has_value());
  auto other = request;
  other[6] = 2;
  EXPECT_EQ(decode_conference_create_request(other).error().text, "is not T.124's");
  auto key = request;
  key[16] = 'X';
  Notes notes;
  EXPECT_TRUE(decode_conference_create_request(key, &notes).has_value());
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].text, "is not the key of this side");
  auto length = request;
  length[7] = 0x11;
  Notes lengths;
  EXPECT_TRUE(decode_conference_create_request(length, &lengths).has_value());
  EXPECT_EQ(lengths.anomalies.size(), 1u);
}

TEST(McsAndGcc, AreReadOrRefusedHoweverTheyAreDamaged) {
  const Bytes samples[] = {
      encode(kInitial),
      encode(ConnectResponse{.user_data = {1, 2}}),
      encode(AttachUserConfirm{.initiator = 1007}),
      encode(ChannelJoinConfirm{.initiator = 1007, .requested = 1003, .channel_id = 1003}),
      encode(SendData{.initiator = 1007, .channel_id = 1003, .user_data = {1, 2, 3}}),
      encode(DisconnectProviderUltimatum{.reason = 3}),
      encode(ConferenceCreateRequest{.user_data = {1, 2}}),
      encode(ConferenceCreateResponse{.user_data = {1, 2}}),
  };
  for (auto bytes : samples) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      oracle::check_mcs(ByteSpan(bytes).first(at));
      for (int value = 0; value < 256; value += 7) {
        const auto kept = bytes[at];
        bytes[at] = static_cast<std::uint8_t>(value);
        oracle::check_mcs(bytes);
        bytes[at] = kept;
      }
    }
  }
}

}  // namespace
}  // namespace rdpwhy::rdp
