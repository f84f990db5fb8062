// From MCS on: floods, other messages than the one that is due, answers without an end, and several
// words of a server about why it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/story.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::diagnose {
namespace {

using record::Ending;
using testing::HasSubstr;
using testing::Not;
using How = Ending::How;

rdp::ShareControl share(rdp::ShareControlContent content) {
  rdp::ShareControl control;
  control.content = std::move(content);
  return control;
}
rdp::ShareControl data(rdp::ShareDataContent content) {
  rdp::ShareData data;
  data.content = std::move(content);
  return share(std::move(data));
}
rdp::LicensingPdu valid_client() {
  return {.type = static_cast<std::uint8_t>(rdp::LicensingType::kErrorAlert),
          .message = rdp::LicensingError{.error_code = 7, .state_transition = 2}};
}

/// Standard RDP Security without encryption, up to the channels.
Story joined() {
  Story story;
  story.tcp().request(0).confirm(0);
  story.until(Phase::kFinalization);
  story.add(Phase::kMcs, Side::kClient, record::McsConnectInitial{});
  story.add(Phase::kMcs, Side::kServer, record::McsConnectResponse{});
  story.add(Phase::kChannels, Side::kClient, rdp::AttachUserRequest{});
  story.add(Phase::kChannels, Side::kServer, rdp::AttachUserConfirm{.initiator = 1007});
  return story;
}
Story informed() { return joined().add(Phase::kClientInfo, Side::kClient, rdp::ClientInfo{}); }
Story licensed() { return informed().add(Phase::kLicensing, Side::kServer, valid_client()); }
Story confirmed() {
  return licensed()
      .add(Phase::kCapabilities, Side::kServer, share(rdp::DemandActive{}))
      .add(Phase::kCapabilities, Side::kClient, share(rdp::ConfirmActive{}))
      .add(Phase::kFinalization, Side::kClient, data(rdp::FontList{}));
}
Story active() {
  return confirmed()
      .add(Phase::kFinalization, Side::kServer, data(rdp::Synchronize{}))
      .add(Phase::kFinalization, Side::kServer, data(rdp::FontMap{}));
}
Story& set_error_info(Story& story, std::uint32_t code) {
  return story.add(Phase::kFinalization, Side::kServer, data(rdp::SetErrorInfo{code}));
}

/// The same message, again and again, each so long after the one before.
Story& repeat(Story& story, int times, Phase phase, const record::Fact& fact, double after_ms) {
  for (int i = 0; i < times; ++i) story.add(phase, Side::kServer, fact, after_ms).on_wire_of(20);
  return story;
}

TEST(SessionFindings, AFloodIsNoSilenceAndIsNamed) {
  const rdp::Autodetect measured{.header_type = rdp::Autodetect::kRequestHeader,
                                 .type = rdp::Autodetect::kBandwidthPayload};
  auto story = informed();
  repeat(story, 300, Phase::kAutodetect, measured, 0.01);
  story.end(Side::kClient, How::kClose, 1);
  const auto diagnosis = story.diagnose();
  EXPECT_EQ(found(diagnosis), "protocol-violation likely");
  EXPECT_THAT(diagnosis.causes.front().says,
              HasSubstr("300 and more (Auto-Detect Request (300 times))"));
}

TEST(SessionFindings, AFloodCountsWhatTheRecordHasNoRoomFor) {
  auto story = licensed();
  repeat(story, 4, Phase::kLicensing, record::ChannelData{.channel_id = 1004, .size = 1000}, 0.01);
  story.end(Side::kClient, How::kClose, 1);
  std::get<Ending>(story.record.evidence.back().fact).server_untold = 4000;
  const auto diagnosis = story.diagnose();
  EXPECT_EQ(found(diagnosis), "protocol-violation likely");
  EXPECT_THAT(diagnosis.causes.front().says, HasSubstr("the Demand Active was due"));
  EXPECT_THAT(diagnosis.causes.front().says, HasSubstr("4004 and more"));
}

TEST(SessionFindings, WhatComesInPlaceOfTheAnswerIsSaidAndNoSilence) {
  struct Case {
    Story begun;
    record::Fact fact;
    const char* says;
  };
  const Case cases[] = {
      {licensed(), rdp::Heartbeat{}, "in 5.0 s it sent only Heartbeat (5 times)"},
      {licensed(), record::FastPathPdu{.size = 6}, "it sent only Fast-Path PDU (5 times)"},
      {confirmed(), share(rdp::DeactivateAll{}), "it sent only Deactivate All (5 times)"},
      {joined(), rdp::OtherDomainPdu{}, "it sent only another PDU of MCS (5 times)"}};
  for (auto [story, fact, says] : cases) {
    SCOPED_TRACE(says);
    const auto phase = story.record.evidence.back().phase;
    repeat(story, 5, phase, fact, 900);
    const auto diagnosis = story.wait_and_hang_up(490).diagnose();
    EXPECT_EQ(found(diagnosis), "unexplained possible");
    EXPECT_THAT(diagnosis.causes.front().says, HasSubstr(says));
    EXPECT_THAT(diagnosis.causes.front().says, HasSubstr("not silent"));
  }
}

TEST(SessionFindings, OnlyWhatCameSinceTheClientWentOnIsTalk) {
  auto story = licensed();
  story.add(Phase::kLicensing, Side::kServer, rdp::Heartbeat{});
  story.add(Phase::kCapabilities, Side::kServer, share(rdp::DemandActive{}));
  story.add(Phase::kCapabilities, Side::kClient, share(rdp::ConfirmActive{}));
  const auto diagnosis = story.wait_and_hang_up(5000).diagnose();
  EXPECT_EQ(found(diagnosis), "stalled possible");
  EXPECT_THAT(diagnosis.causes.front().says, HasSubstr("silent for 5.0 s"));
}

TEST(SessionFindings, AnAnswerThatIsNotFinishedIsNoSilence) {
  for (auto story : {joined(), licensed(), confirmed()}) {
    const auto diagnosis = story.partial(40).wait_and_hang_up(5000).diagnose();
    EXPECT_EQ(found(diagnosis), "stalled possible, slow-server possible");
    EXPECT_THAT(diagnosis.causes.front().says, HasSubstr("40 octets of an answer came"));
    EXPECT_THAT(diagnosis.causes.front().says, Not(HasSubstr("silent")));
    EXPECT_THAT(diagnosis.causes.front().title, HasSubstr("did not finish"));
  }
}

TEST(SessionFindings, WhoDemandsAnewWithoutEndBreaksTheProtocol) {
  auto story = confirmed();
  for (int i = 0; i < 4; ++i) {
    story.add(Phase::kCapabilities, Side::kServer, share(rdp::DeactivateAll{}), 900);
    story.add(Phase::kCapabilities, Side::kServer, share(rdp::DemandActive{}));
    story.add(Phase::kCapabilities, Side::kClient, share(rdp::ConfirmActive{}));
  }
  story.add(Phase::kCapabilities, Side::kClient, rdp::DisconnectProviderUltimatum{.reason = 3});
  const auto diagnosis = story.end(Side::kClient, How::kClose).diagnose();
  EXPECT_EQ(found(diagnosis), "protocol-violation likely");
  EXPECT_THAT(diagnosis.causes.front().says, HasSubstr("demanded 5 times"));
}

TEST(SessionFindings, OfTwoErrorInfosBothAreSaidAndTheLastCounts) {
  auto story = confirmed();
  set_error_info(story, 0x07);
  set_error_info(story, 0x0B);
  const auto diagnosis = story.end(Side::kServer, How::kClose).diagnose();
  EXPECT_EQ(found(diagnosis), "ended-by-server-code certain");
  EXPECT_THAT(diagnosis.causes.front().says,
              HasSubstr("ERRINFO_RPC_INITIATED_DISCONNECT_BYUSER (0xB); before that it had said "
                        "ERRINFO_SERVER_DENIED_CONNECTION (0x7). The last one counts."));
  auto twice = confirmed();
  set_error_info(twice, 0x07);
  set_error_info(twice, 0x07);
  EXPECT_THAT(twice.end(Side::kServer, How::kClose).diagnose().causes.front().says,
              Not(HasSubstr("before that")));
}

TEST(SessionFindings, AnUnknownErrorInfoDoesNotContradictItself) {
  auto story = confirmed();
  set_error_info(story, 0xDEADBEEF);
  const auto diagnosis = story.end(Side::kServer, How::kClose).diagnose();
  EXPECT_EQ(found(diagnosis), "protocol-error-reported certain");
  EXPECT_THAT(diagnosis.causes.front().says,
              HasSubstr("0xDEADBEEF, a number without a published name in the range of protocol "
                        "errors (0x10C9 and above)"));
}

TEST(SessionFindings, MessagesHaveTheNamesThatPeopleKnow) {
  const auto left = confirmed().end(Side::kServer, How::kClose).diagnose();
  EXPECT_THAT(left.causes.front().says, HasSubstr("after the Font List"));
  auto ended = confirmed();
  ended.add(Phase::kFinalization, Side::kServer, rdp::DisconnectProviderUltimatum{.reason = 3});
  EXPECT_THAT(ended.diagnose().causes.front().says, HasSubstr("after the Font List, before"));
  const auto hung_up = joined().end(Side::kClient, How::kClose).diagnose();
  EXPECT_THAT(hung_up.causes.front().says, HasSubstr("after the Attach User Confirm"));
}

TEST(SessionWarnings, TheSameOddityIsToldOnceAndCounted) {
  auto story = active();
  for (int i = 0; i < 30; ++i)
    story.add(Phase::kFinalization, Side::kServer, share(rdp::DeactivateAll{})).note("is odd");
  const auto diagnosis = story.end(Side::kClient, How::kClose).diagnose();
  ASSERT_EQ(diagnosis.warnings.size(), 1u);
  EXPECT_EQ(diagnosis.warnings[0].says,
            "In the server's Deactivate All: field: is odd (30 times).");
  EXPECT_EQ(diagnosis.warnings[0].because.size(), 8u);
}

TEST(SessionWarnings, AnOddityThatOneMessageHasTwiceNamesItOnce) {
  auto story = active().note("is odd").note("is odd");
  const auto diagnosis = story.end(Side::kClient, How::kClose).diagnose();
  ASSERT_EQ(diagnosis.warnings.size(), 1u);
  EXPECT_THAT(diagnosis.warnings[0].says, HasSubstr("(2 times)"));
  EXPECT_EQ(diagnosis.warnings[0].because.size(), 1u);
}

TEST(SessionWarnings, ALicenceRequestIsNotAsLongAsAServerLikes) {
  rdp::LicensingPdu pdu{.type = static_cast<std::uint8_t>(rdp::LicensingType::kLicenseRequest)};
  pdu.message = rdp::LicenseRequest{.product = {.company_name = std::string(8000, 'A'),
                                                .product_id = "\u00e4" + std::string(99, 'B')}};
  const auto diagnosis = informed()
                             .add(Phase::kLicensing, Side::kServer, pdu)
                             .end(Side::kServer, How::kClose)
                             .diagnose();
  ASSERT_EQ(diagnosis.warnings.size(), 1u);
  EXPECT_LT(diagnosis.warnings[0].says.size(), 400u);
  EXPECT_THAT(diagnosis.warnings[0].says, HasSubstr("AAA..."));
}

TEST(SessionWarnings, TheCertificateIsComparedWithTheRedirections) {
  const auto compared = [](Bytes expected) {
    auto story = Story().tcp().request().confirm(1).client_hello().tls12_to_the_end();
    story.circumstances.expected_certificate = std::move(expected);
    std::vector<std::string> ids;
    for (const auto& warning : story.diagnose().warnings) ids.push_back(warning.id);
    return ids;
  };
  Bytes shown;
  const auto story = Story().tcp().request().confirm(1).client_hello().tls12_to_the_end();
  for (const auto& e : story.record.evidence) {
    const auto* certificates = std::get_if<record::Certificates>(&e.fact);
    if (certificates != nullptr) shown = certificates->chain.front()->der;
  }
  ASSERT_FALSE(shown.empty());
  EXPECT_THAT(compared(shown), testing::Contains("redirection-certificate-match"));
  EXPECT_THAT(compared({1, 2, 3}), testing::Contains("redirection-certificate-mismatch"));
  EXPECT_THAT(compared({}), testing::Each(Not(HasSubstr("redirection-certificate"))));
}

}  // namespace
}  // namespace rdpwhy::diagnose
