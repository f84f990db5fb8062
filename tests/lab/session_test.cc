#include "lab/session.h"

#include <gtest/gtest.h>

#include "lab/expected.h"
#include "lab/session_client.h"
#include "rdpwhy/rdp/server_blocks.h"

namespace rdpwhy::lab {
namespace {

using At = SessionFaults::At;
using Then = SessionDialogue::Then;
using testing::converse;

}  // namespace

const std::vector<Expected>& session_expectations() {
  using enum record::EndedHow;
  using enum Phase;
  constexpr auto kNone = std::optional<Phase>();
  static const std::vector<Expected> kRows = {
      {"standard-security", kFinalization, kNone},
      {"standard-security-other-keys", kLicensing, kCapabilities, Side::kServer, {kMalformed}},
      {"mcs-refused", kTls, kMcs, Side::kServer, {kFailurePdu}},
      {"mcs-closes", kTls, kMcs, Side::kServer, {kClose}},
      {"mcs-silent", kTls, kMcs, Side::kClient, {kTimeout}, kShort},
      {"mcs-truncated", kTls, kMcs, Side::kServer, {kClose}},
      {"gcc-empty-block", kTls, kMcs, Side::kServer, {kMalformed}},
      {"gcc-block-too-long", kTls, kMcs, Side::kServer, {kMalformed}},
      {"attach-refused", kMcs, kChannels, Side::kServer, {kFailurePdu}},
      {"join-refused", kMcs, kChannels, Side::kServer, {kFailurePdu}},
      {"ultimatum", kChannels, kClientInfo, Side::kServer, {kFailurePdu}},
      {"error-info", kChannels, kClientInfo, Side::kServer, {kFailurePdu}},
      {"closes-on-client-info", kChannels, kClientInfo, Side::kServer, {kClose}},
      {"resets-on-client-info", kChannels, kClientInfo, Side::kServer, {kReset}},
      {"silent-on-client-info", kChannels, kClientInfo, Side::kClient, {kTimeout}, kShort},
      {"licensing-error", kClientInfo, kLicensing, Side::kServer, {kFailurePdu}},
      {"asks-for-licence", kClientInfo, kNone},
      {"redirects", kLicensing, kCapabilities, Side::kServer, {kFailurePdu}},
      {"redirects-to-rdstls", kLicensing, kCapabilities, Side::kServer, {kFailurePdu}},
      {"rdstls-result", kLicensing, kCapabilities, Side::kServer, {kFailurePdu}},
      {"no-demand-active", kLicensing, kCapabilities, Side::kClient, {kTimeout}, kShort},
      {"huge-capabilities", kLicensing, kCapabilities, Side::kServer, {kMalformed}},
      {"closes-on-confirm-active", kLicensing, kCapabilities, Side::kServer, {kClose}},
      {"closes-after-font-map", kFinalization, kNone},
      {"error-info-after-font-map", kFinalization, kNone},
  };
  return kRows;
}

namespace {

/// Every PDU of MCS that the server said.
std::vector<rdp::McsPdu> said_by_server(const testing::Conversation& conversation) {
  std::vector<rdp::McsPdu> out;
  for (const auto& said : conversation.said) {
    if (!said.server) continue;
    for (ByteSpan rest = said.octets; !rest.empty();) {
      const auto size = SessionDialogue::message_size(rest);
      EXPECT_TRUE(size.has_value());
      constexpr std::size_t kHeaders = 7;
      auto pdu = rdp::decode_mcs(rest.first(*size).subspan(kHeaders));
      EXPECT_TRUE(pdu.has_value()) << pdu.error().message();
      if (!pdu) return out;
      out.push_back(std::move(*pdu));
      rest = rest.subspan(*size);
    }
  }
  return out;
}

template <typename Content>
std::vector<Content> share_data_of(const std::vector<rdp::McsPdu>& pdus) {
  std::vector<Content> out;
  for (const auto& pdu : pdus) {
    const auto* data = std::get_if<rdp::SendData>(&pdu);
    if (data == nullptr) continue;
    const auto control = rdp::decode_share_control(data->user_data);
    const auto* share = control ? std::get_if<rdp::ShareData>(&control->content) : nullptr;
    if (share == nullptr) continue;
    if (const auto* content = std::get_if<Content>(&share->content)) out.push_back(*content);
  }
  return out;
}

TEST(SessionDialogue, GoesToTheFontMapWithWhoeverDoesEverythingRight) {
  for (const bool licensed : {false, true}) {
    const auto conversation = converse({.license_request = licensed});
    EXPECT_EQ(conversation.then, Then::kGoOn);
    const auto pdus = said_by_server(conversation);
    const auto& response = std::get<rdp::ConnectResponse>(pdus.at(0));
    EXPECT_EQ(response.result, rdp::kMcsSuccessful);
    const auto conference = rdp::decode_conference_create_response(response.user_data);
    ASSERT_TRUE(conference.has_value());
    const auto blocks = rdp::decode_server_blocks(conference->user_data);
    ASSERT_TRUE(blocks.has_value());
    EXPECT_EQ(blocks->find<rdp::ServerNetworkData>()->channel_ids,
              (std::vector<std::uint16_t>{1004, 1005}));
    EXPECT_EQ(share_data_of<rdp::Synchronize>(pdus).size(), 1u);
    EXPECT_EQ(share_data_of<rdp::Control>(pdus).size(), 2u);
    EXPECT_EQ(share_data_of<rdp::FontMap>(pdus).size(), 1u);
    EXPECT_TRUE(share_data_of<rdp::SetErrorInfo>(pdus).empty());
  }
}

constexpr At kPlaces[] = {At::kConnectInitial, At::kErectDomain,   At::kAttachUser,
                          At::kFirstJoin,      At::kLastJoin,      At::kClientInfo,
                          At::kDemandActive,   At::kConfirmActive, At::kSynchronize,
                          At::kRequestControl, At::kFontList,      At::kAfterFontMap};

TEST(SessionDialogue, EndsWhereItIsTold) {
  std::size_t before = 0;
  for (const auto place : kPlaces) {
    SCOPED_TRACE(static_cast<int>(place));
    const auto closed = converse({.at = place, .leave = Close::kClose});
    EXPECT_EQ(closed.then, Then::kLeave);
    EXPECT_EQ(converse({.at = place, .leave = Close::kReset}).then, Then::kReset);
    EXPECT_EQ(converse({.at = place, .silent = true}).then, Then::kSilent);
    std::size_t turns = 0;
    for (const auto& said : closed.said) turns += said.server ? 0 : 1;
    EXPECT_GE(turns, before);
    before = turns;
  }
}

TEST(SessionDialogue, SaysWhyWhereItIsTold) {
  for (const auto place : kPlaces) {
    SCOPED_TRACE(static_cast<int>(place));
    const auto conversation = converse({.at = place, .error_info = 0x400, .ultimatum = 1});
    EXPECT_EQ(conversation.then, Then::kLeave);
    const auto pdus = said_by_server(conversation);
    const auto errors = share_data_of<rdp::SetErrorInfo>(pdus);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].error_info, 0x400u);
    EXPECT_EQ(std::get<rdp::DisconnectProviderUltimatum>(pdus.back()).reason, 1);
  }
}

TEST(SessionDialogue, ABlockOfLengthZeroIsWhatItSays) {
  const auto conversation =
      converse({.at = At::kConnectInitial, .broken = SessionFaults::Broken::kEmptyBlock});
  const auto pdus = said_by_server(conversation);
  const auto conference =
      rdp::decode_conference_create_response(std::get<rdp::ConnectResponse>(pdus.at(0)).user_data);
  ASSERT_TRUE(conference.has_value());
  EXPECT_EQ(conference->user_data[2] | conference->user_data[3], 0);
  EXPECT_FALSE(rdp::decode_server_blocks(conference->user_data).has_value());
}

TEST(SessionDialogue, OctetsThatAreNoTpktEndIt) {
  SessionDialogue server({}, 1);
  const auto text = base::as_bytes("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(SessionDialogue::message_size(text), text.size());
  EXPECT_EQ(server.answer(text).then, Then::kLeave);
  EXPECT_EQ(SessionDialogue::message_size(text.first(2)), std::nullopt);
}

}  // namespace
}  // namespace rdpwhy::lab
