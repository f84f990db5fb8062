#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dialogue/session_server.h"
#include "dialogue/talk.h"
#include "rdpwhy/record/session_summary.h"

// From MCS to the font map and out again, against a server in this process.
namespace rdpwhy::dialogue {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A talk with that server, in TLS or in the clear.
class SessionTalk {
 public:
  explicit SessionTalk(SessionServer& server, std::uint32_t selected = 1)
      : talk_({.confirm = {.flags = 0x01, .selected_protocol = selected},
               .tls = crypto::settings_for_tests(),
               .session = [&server](ByteSpan octets) { return server(octets); }}) {}

  SessionTalk& run(Phase until, SessionPlan session = {}) {
    ProbePlan plan;
    plan.until = until;
    plan.session = std::move(session);
    talk_.run(plan);
    return *this;
  }
  Talk* operator->() { return &talk_; }
  [[nodiscard]] record::SessionSummary summary() const {
    return record::session_summary(talk_.record()).value_or(record::SessionSummary{});
  }

 private:
  Talk talk_;
};

TEST(SessionSequences, StopAtTheConnectResponseWithoutAttachingAnybody) {
  SessionServer server;
  SessionTalk talk(server);
  talk.run(Phase::kMcs);
  EXPECT_THAT(server.heard, ElementsAre("connect_initial"));
  EXPECT_THAT(talk->phases, ElementsAre(Phase::kX224, Phase::kTls, Phase::kMcs));
  ASSERT_NE(talk.summary().server, nullptr);
  EXPECT_TRUE(talk.summary().server->accepts());
  EXPECT_FALSE(talk->timed_out);
}

TEST(SessionSequences, SayTheSameInTheClear) {
  SessionServer server;
  SessionTalk talk(server, 0);
  talk.run(Phase::kMcs);
  EXPECT_THAT(talk->phases, ElementsAre(Phase::kX224, Phase::kMcs));
  ASSERT_NE(talk.summary().client, nullptr);
  const auto* core = talk.summary().client->blocks.find<rdp::ClientCoreData>();
  ASSERT_NE(core, nullptr);
  EXPECT_EQ(core->server_selected_protocol, 0u);
  EXPECT_EQ(core->client_name, "rdpwhy");
}

TEST(SessionSequences, GoNoFartherAfterAConnectResponseThatRefuses) {
  SessionServer server;
  server.connect_result = 4;
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_THAT(server.heard, ElementsAre("connect_initial"));
  EXPECT_FALSE(talk->timed_out);
}

TEST(SessionSequences, JoinEveryChannelThatIsThereAndLeave) {
  SessionServer server;
  SessionTalk talk(server);
  talk.run(Phase::kChannels);
  EXPECT_THAT(server.heard,
              ElementsAre("connect_initial", "erect_domain", "attach_user", "ultimatum"));
  EXPECT_THAT(server.joined, ElementsAre(SessionServer::kUser, SessionServer::kIo,
                                         SessionServer::kMessage, 1004, 1005, 1006));
}

TEST(SessionSequences, LeaveWhenAChannelIsRefused) {
  SessionServer server;
  server.refused_channel = SessionServer::kIo;
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_THAT(server.joined, ElementsAre(SessionServer::kUser, SessionServer::kIo));
  EXPECT_EQ(server.heard.back(), "ultimatum");
}

TEST(SessionSequences, SayNothingMoreWhenAttachingIsRefused) {
  SessionServer server;
  server.attach_result = 15;
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_EQ(server.heard.back(), "attach_user");
  EXPECT_FALSE(talk->timed_out);
}

TEST(SessionSequences, ReachTheFontMapAndShutDown) {
  for (const std::uint32_t selected : {0u, 1u}) {
    SessionServer server;
    SessionTalk talk(server, selected);
    talk.run(Phase::kFinalization);
    EXPECT_THAT(server.heard,
                ElementsAre("connect_initial", "erect_domain", "attach_user", "client_info",
                            "confirm_active", "synchronize", "font_list", "shutdown"));
    EXPECT_NE(talk.summary().font_map_at, nullptr);
    EXPECT_NE(talk.summary().server_ultimatum, nullptr);
    ASSERT_TRUE(server.confirmed);
    EXPECT_EQ(server.confirmed->share_id, SessionServer::kShare);
    const auto* bitmap = rdp::find(server.confirmed->capability_sets, rdp::CapabilityType::kBitmap);
    ASSERT_NE(bitmap, nullptr);
    EXPECT_EQ(bitmap->number("desktopWidth"), 800u);
    EXPECT_FALSE(talk->timed_out);
  }
}

TEST(SessionSequences, EndBySayingSoThemselvesWhenTheShutdownIsDenied) {
  SessionServer server;
  server.denies_shutdown = true;
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_EQ(server.heard.back(), "ultimatum");
}

TEST(SessionSequences, AnswerMeasurementsAndTransportRequestsWhereTheyCome) {
  SessionServer server;
  server.measures = true;
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_THAT(server.heard, ElementsAre("connect_initial", "erect_domain", "attach_user",
                                        "client_info", "autodetect", "autodetect", "multitransport",
                                        "confirm_active", "synchronize", "font_list", "shutdown"));
  ASSERT_TRUE(server.last_answer);
  EXPECT_EQ(server.last_answer->sequence_number, 9);
  EXPECT_EQ(server.last_answer->byte_count, 120u);
}

TEST(SessionSequences, AnswerNoTransportRequestOfAServerWithoutSoftSync) {
  SessionServer server;
  server.measures = true;
  server.multitransport_flags = 0x1;
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_THAT(server.heard, testing::Not(testing::Contains("multitransport")));
  EXPECT_NE(talk.summary().font_map_at, nullptr);
}

TEST(SessionSequences, NeverAskForALicence) {
  SessionServer server;
  server.license = {.type = 0x01, .message = rdp::LicenseRequest{}};
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_THAT(server.heard, ElementsAre("connect_initial", "erect_domain", "attach_user",
                                        "client_info", "ultimatum"));
  EXPECT_FALSE(talk->timed_out);
  ASSERT_TRUE(talk->facts.own_stop);
  EXPECT_EQ(talk->facts.own_stop->why, record::RunFacts::OwnStop::Why::kLicenseNotRequested);
}

TEST(SessionSequences, SayThatALicenceRequestWithoutAKeyCannotBeAnswered) {
  SessionServer server;
  server.license = {.type = 0x01, .message = rdp::LicenseRequest{}};
  SessionTalk talk(server);
  talk.run(Phase::kFinalization, {.request_license = true});
  EXPECT_EQ(server.heard.back(), "ultimatum");
  ASSERT_TRUE(talk->facts.own_stop);
  EXPECT_EQ(talk->facts.own_stop->why, record::RunFacts::OwnStop::Why::kLicensingNotPossible);
}

TEST(SessionSequences, LeaveAfterALicensingError) {
  SessionServer server;
  server.license.message = rdp::LicensingError{.error_code = 4, .state_transition = 1};
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_EQ(server.heard.back(), "ultimatum");
  ASSERT_NE(talk.summary().licensing_error, nullptr);
  EXPECT_EQ(talk.summary().licensing_error->error_code, 4u);
}

TEST(SessionSequences, LeaveAfterSetErrorInfoAndAfterARedirection) {
  for (const bool redirects : {false, true}) {
    SessionServer server;
    server.redirects = redirects;
    if (!redirects) server.error_info = 7;
    SessionTalk talk(server);
    talk.run(Phase::kFinalization);
    EXPECT_EQ(server.heard.back(), "ultimatum");
    EXPECT_FALSE(talk->timed_out);
    EXPECT_EQ(talk.summary().redirection != nullptr, redirects);
    EXPECT_EQ(talk.summary().error_info == 7u, !redirects);
  }
}

TEST(SessionSequences, StillHearAnErrorBehindTheFontMap) {
  SessionServer server;
  server.late_error = 0x10C9;
  SessionTalk talk(server);
  talk.run(Phase::kFinalization);
  EXPECT_EQ(talk.summary().error_info, 0x10C9u);
  EXPECT_NE(talk.summary().server_ultimatum, nullptr);
  EXPECT_THAT(server.heard, testing::Not(testing::Contains("shutdown")));
}

TEST(SessionSequences, ConfirmAnewWhenTheServerDemandsAnewButNotForEver) {
  SessionServer patient;
  patient.demands = 2;
  SessionTalk talk(patient);
  talk.run(Phase::kFinalization);
  EXPECT_NE(talk.summary().font_map_at, nullptr);
  SessionServer endless;
  endless.demands = 1000;
  SessionTalk other(endless);
  other.run(Phase::kFinalization);
  EXPECT_EQ(endless.heard.back(), "ultimatum");
}

TEST(SessionSequences, StopWhereTheyAreAskedTo) {
  SessionServer server;
  SessionTalk talk(server);
  talk.run(Phase::kLicensing);
  EXPECT_THAT(server.heard, ElementsAre("connect_initial", "erect_domain", "attach_user",
                                        "client_info", "ultimatum"));
  SessionServer other;
  SessionTalk farther(other);
  farther.run(Phase::kCapabilities);
  EXPECT_THAT(other.heard, ElementsAre("connect_initial", "erect_domain", "attach_user",
                                       "client_info", "confirm_active", "ultimatum"));
}

TEST(SessionSequences, HaveADepthOfTheirOwnWhereNlaIsNotSelected) {
  SessionServer server;
  SessionTalk talk(server);
  ProbePlan plan;
  plan.until = Phase::kCredssp;
  plan.until_without_nla = Phase::kMcs;
  talk->run(plan);
  EXPECT_THAT(server.heard, ElementsAre("connect_initial"));
  EXPECT_EQ(plan.depth(2), Phase::kCredssp);
  EXPECT_EQ(plan.depth(8), Phase::kCredssp);
  EXPECT_EQ(plan.depth(1), Phase::kMcs);
  EXPECT_EQ(plan.depth(0), Phase::kMcs);
}

}  // namespace
}  // namespace rdpwhy::dialogue
