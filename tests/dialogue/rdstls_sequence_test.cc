#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dialogue/session_server.h"
#include "dialogue/talk.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/record/session_summary.h"

// RDSTLS behind TLS, with what a redirection handed out, against a server in this process.
namespace rdpwhy::dialogue {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr auto kRdstls = static_cast<std::uint32_t>(rdp::Protocol::kRdstls);
constexpr std::string_view kPassword = "no report may hold this";

/// Takes one authentication request, answers it, and goes on as a session host.
class RdstlsServer {
 public:
  std::uint32_t result = 0;
  std::uint16_t versions = 1;
  bool greets = true;
  std::vector<Bytes> requests;
  SessionServer session;

  Bytes operator()(ByteSpan octets) {
    if (!requests.empty()) return session(octets);
    requests.push_back(base::to_bytes(octets));
    return auth::encode(auth::RdstlsAuthenticationResponse{.result_code = result});
  }
};

/// A redirected client's talk with it.
class RdstlsTalk {
 public:
  explicit RdstlsTalk(RdstlsServer& server)
      : talk_({.confirm = {.flags = 0x01, .selected_protocol = kRdstls},
               .tls = crypto::settings_for_tests(),
               .session = [&server](ByteSpan octets) { return server(octets); },
               .greeting = server.greets ? auth::encode(auth::RdstlsCapabilities{server.versions})
                                         : Bytes{}}) {
    plan.request.negotiation->requested.bits |= kRdstls;
    plan.until = Phase::kFinalization;
    plan.session.redirected_session_id = 9;
    plan.rdstls = RdstlsPlan{.redirection_guid = "Z3VpZA==",
                             .user = "alice",
                             .domain = "LAB",
                             .password = std::make_shared<const Secret>(kPassword)};
  }
  Talk& run() {
    talk_.run(plan);
    return talk_;
  }

  ProbePlan plan;

 private:
  Talk talk_;
};

TEST(RdstlsSequence, ShowsWhatTheRedirectionHandedOutOnceAndGoesOnToTheFontMap) {
  RdstlsServer server;
  RdstlsTalk redirected(server);
  auto& talk = redirected.run();
  ASSERT_EQ(server.requests.size(), 1u);
  const auto expected = auth::encode(
      {.redirection_guid = "Z3VpZA==", .user_name = "alice", .domain = "LAB"}, Secret(kPassword));
  EXPECT_TRUE(std::ranges::equal(server.requests[0], expected.reveal()));
  ASSERT_GT(talk.phases.size(), 4u);
  EXPECT_THAT(std::vector(talk.phases.begin(), talk.phases.begin() + 4),
              ElementsAre(Phase::kX224, Phase::kTls, Phase::kRdstls, Phase::kMcs));
  EXPECT_EQ(talk.phases.back(), Phase::kFinalization);
  const auto summary = record::session_summary(talk.record());
  ASSERT_TRUE(summary);
  EXPECT_NE(summary->font_map_at, nullptr);
  ASSERT_NE(summary->client_info, nullptr);
  EXPECT_EQ(summary->client_info->user_name, "alice");
  EXPECT_EQ(summary->client_info->domain, "LAB");
  ASSERT_NE(summary->client, nullptr);
  const auto* core = summary->client->blocks.find<rdp::ClientCoreData>();
  EXPECT_EQ(core->server_selected_protocol, kRdstls);
  const auto* cluster = summary->client->blocks.find<rdp::ClientClusterData>();
  ASSERT_NE(cluster, nullptr);
  EXPECT_EQ(cluster->redirected_session_id, 9u);
  EXPECT_NE(cluster->flags & rdp::ClientClusterData::kRedirectedSessionIdFieldValid, 0u);
  EXPECT_FALSE(talk.timed_out);
}

TEST(RdstlsSequence, GoesNoFartherThanARefusal) {
  RdstlsServer server;
  server.result = 0x52E;
  RdstlsTalk redirected(server);
  auto& talk = redirected.run();
  EXPECT_EQ(talk.phases.back(), Phase::kRdstls);
  EXPECT_THAT(server.session.heard, IsEmpty());
  EXPECT_FALSE(talk.timed_out);
}

TEST(RdstlsSequence, WaitsForTheServerToSpeakFirst) {
  RdstlsServer server;
  server.greets = false;
  RdstlsTalk redirected(server);
  auto& talk = redirected.run();
  EXPECT_THAT(server.requests, IsEmpty());
  EXPECT_TRUE(talk.timed_out);
}

TEST(RdstlsSequence, GivesNothingToAServerOfAnotherVersion) {
  RdstlsServer server;
  server.versions = 2;
  RdstlsTalk redirected(server);
  redirected.run();
  EXPECT_THAT(server.requests, IsEmpty());
}

TEST(RdstlsSequence, IsNotBegunWithoutARedirectionNorUnasked) {
  RdstlsServer server;
  RdstlsTalk without(server);
  without.plan.rdstls.reset();
  EXPECT_EQ(without.run().phases.back(), Phase::kTls);
  RdstlsTalk unasked(server);
  unasked.plan.request.negotiation->requested.bits &= ~kRdstls;
  EXPECT_EQ(unasked.run().phases.back(), Phase::kTls);
  EXPECT_THAT(server.requests, IsEmpty());
}

TEST(RdstlsSequence, StopsWhereItIsAskedTo) {
  RdstlsServer server;
  RdstlsTalk redirected(server);
  redirected.plan.until = Phase::kMcs;
  auto& talk = redirected.run();
  EXPECT_EQ(talk.phases.back(), Phase::kMcs);
  EXPECT_THAT(server.session.heard, ElementsAre("connect_initial"));
  EXPECT_THAT(talk.phases, Not(Contains(Phase::kChannels)));
}

TEST(ProbePlan, WhoWasRedirectedGoesNoFartherThanTheChallengeOfNla) {
  ProbePlan plan;
  plan.until = Phase::kFinalization;
  plan.until_without_nla = Phase::kMcs;
  EXPECT_EQ(plan.depth(2), Phase::kFinalization);
  EXPECT_EQ(plan.depth(kRdstls), Phase::kMcs);
  plan.session.redirected_session_id = 1;
  plan.rdstls.emplace();
  EXPECT_EQ(plan.depth(2), Phase::kCredssp);
  EXPECT_EQ(plan.depth(8), Phase::kCredssp);
  EXPECT_EQ(plan.depth(kRdstls), Phase::kFinalization);
  EXPECT_EQ(plan.depth(1), Phase::kMcs);
}

}  // namespace
}  // namespace rdpwhy::dialogue
