#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "lab/expected.h"
#include "lab/logging_on.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/net/probe.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::lab {
namespace {

using record::EndedHow;
using record::Phase;

net::ProbedConnection probe(const Server& server, std::chrono::milliseconds timeout,
                            net::ProbeOptions options = {}) {
  options.phase_timeout = timeout;
  auto probed = net::probe({"127.0.0.1", server.port(), "lab"}, options);
  EXPECT_TRUE(probed) << (probed ? "" : probed.error().text);
  return probed ? *std::move(probed) : net::ProbedConnection{};
}

std::string listing(const HandshakeRecord& record) {
  std::string text;
  for (const auto& e : record.evidence) {
    text += std::string(record::name_of(e.where.side)) + ": " + record::describe(e) + "\n";
  }
  return text;
}

const std::vector<Expected>& expectations() {
  using enum EndedHow;
  constexpr auto kNone = std::optional<Phase>();
  static std::vector<Expected> kRows = {
      {"valid", Phase::kTls, kNone},
      {"closes-at-once", Phase::kTcp, Phase::kX224, Side::kServer, {kClose}},
      {"resets-at-once", Phase::kTcp, Phase::kX224, Side::kServer, {kReset}},
      {"closes-after-request", Phase::kTcp, Phase::kX224, Side::kServer, {kClose}},
      {"resets-after-request", Phase::kTcp, Phase::kX224, Side::kServer, {kReset}},
      {"silent", Phase::kTcp, Phase::kX224, Side::kClient, {kTimeout}, kShort},
      {"ssh-banner", Phase::kTcp, Phase::kX224, Side::kServer, {kMalformed}},
      {"vnc-banner", Phase::kTcp, Phase::kX224, Side::kServer, {kMalformed}},
      {"http-answer", Phase::kTcp, Phase::kX224, Side::kServer, {kMalformed}},
      {"tls-first", Phase::kTcp, Phase::kX224, Side::kServer, {kMalformed, kAlert}},
      {"garbage", Phase::kTcp, Phase::kX224, Side::kServer, {kMalformed}},
      {"failure-1", Phase::kTcp, Phase::kX224, Side::kServer, {kFailurePdu}},
      {"failure-2", Phase::kTcp, Phase::kX224, Side::kServer, {kFailurePdu}},
      {"failure-3", Phase::kTcp, Phase::kX224, Side::kServer, {kFailurePdu}},
      {"failure-4", Phase::kTcp, Phase::kX224, Side::kServer, {kFailurePdu}},
      {"failure-5", Phase::kTcp, Phase::kX224, Side::kServer, {kFailurePdu}},
      {"failure-6", Phase::kTcp, Phase::kX224, Side::kServer, {kFailurePdu}},
      {"failure-unknown", Phase::kTcp, Phase::kX224, Side::kServer, {kFailurePdu}},
      {"no-negotiation", Phase::kX224, kNone},
      {"selects-rdp", Phase::kX224, kNone},
      {"selects-not-offered", Phase::kTls, kNone},
      {"confirm-truncated", Phase::kTcp, Phase::kX224, Side::kServer, {kMalformed, kClose}},
      {"confirm-bad-length", Phase::kTcp, Phase::kX224, Side::kServer, {kMalformed}},
      {"one-octet-a-second", Phase::kTcp, Phase::kX224, Side::kClient, {kTimeout}, kShort},
      {"closes-after-confirm", Phase::kX224, Phase::kTls, Side::kServer, {kClose}},
      {"resets-after-client-hello", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
      {"closes-after-client-hello", Phase::kX224, Phase::kTls, Side::kServer, {kClose}},
      {"alert-40", Phase::kX224, Phase::kTls, Side::kServer, {kAlert}},
      {"alert-70", Phase::kX224, Phase::kTls, Side::kServer, {kAlert}},
      {"alert-80", Phase::kX224, Phase::kTls, Side::kServer, {kAlert}},
      {"ultimatum-on-client-hello", Phase::kX224, Phase::kTls, Side::kServer, {kFailurePdu}},
      {"garbage-on-client-hello", Phase::kX224, Phase::kTls, Side::kServer, {kMalformed}},
      {"silent-after-client-hello", Phase::kX224, Phase::kTls, Side::kClient, {kTimeout}, kShort},
      {"endless-after-client-hello", Phase::kX224, Phase::kTls, Side::kServer, {kMalformed}},
      {"tls12-only", Phase::kTls, kNone},
      {"tls13-only", Phase::kTls, kNone},
      {"tls13-no-tickets", Phase::kTls, kNone},
      {"tls10-only", Phase::kTls, kNone},
      {"closes-after-tls", Phase::kTls, kNone},
      {"resets-after-tls", Phase::kTls, kNone},
      {"client-certificate-requested", Phase::kTls, kNone},
      {"client-certificate-required", Phase::kX224, Phase::kTls, Side::kServer, {kAlert}},
      {"expired-certificate", Phase::kTls, kNone},
      {"not-yet-valid", Phase::kTls, kNone},
      {"sha1-certificate", Phase::kTls, kNone},
      {"rsa1024", Phase::kTls, kNone},
      {"wrong-name", Phase::kTls, kNone},
      {"missing-intermediate", Phase::kTls, kNone},
      {"private-authority", Phase::kTls, kNone},
      {"wrong-usage", Phase::kTls, kNone},
      {"ecdsa", Phase::kTls, kNone},
      {"ed25519", Phase::kX224, Phase::kTls, Side::kServer, {kAlert}},
      {"wants-proxy-header", Phase::kTcp, Phase::kX224, Side::kServer, {kClose}},
      {"silent-without-proxy-header", Phase::kTcp, Phase::kX224, Side::kClient, {kTimeout}, kShort},
      {"dislikes-cookie", Phase::kTcp, Phase::kX224, Side::kServer, {kClose}},
      {"closes-where-tls-is-offered", Phase::kTcp, Phase::kX224, Side::kServer, {kClose}},
      {"tls-without-x224", Phase::kTcp, Phase::kX224, Side::kServer, {kClose}},
      {"refuses-every-second", Phase::kTcp, Phase::kX224, Side::kServer, {kClose}},
      {"resets-large-hello", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
      {"silent-on-large-hello", Phase::kX224, Phase::kTls, Side::kClient, {kTimeout}, kShort},
      {"resets-tls13-hello", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
      {"resets-without-common-cipher", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
      {"resets-where-ecdsa-is-offered", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
      {"resets-whole-hello", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
      {"resets-server-name", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
      {"silent-large-segments", Phase::kX224, Phase::kTls, Side::kClient, {kTimeout}, kShort},
      {"limits-connections", Phase::kX224, Phase::kTls, Side::kServer, {kReset}},
  };
  static const auto kAll = [] {
    auto all = std::move(kRows);
    all.insert(all.end(), nla_expectations().begin(), nla_expectations().end());
    all.insert(all.end(), session_expectations().begin(), session_expectations().end());
    return all;
  }();
  return kAll;
}

class EveryScenario : public testing::TestWithParam<Expected> {};

TEST_P(EveryScenario, EndsOnTheWireAsItSays) {
  const auto& expected = GetParam();
  const auto server = Server::start(faults_of(expected.scenario), 0, account_for_tests());
  ASSERT_TRUE(server) << server.error().text;
  const auto began = std::chrono::steady_clock::now();
  const auto record = probe(*server, expected.timeout, options_for(expected.scenario)).record;
  const auto took = std::chrono::steady_clock::now() - began;
  const auto progress = record::progress(record);
  const bool later = expected.or_later && progress.reached > expected.reached;
  if (!later) {
    EXPECT_EQ(progress.reached, expected.reached) << listing(record);
  }
  ASSERT_EQ(progress.failure.has_value(), expected.failed.has_value()) << listing(record);
  EXPECT_LT(took, std::chrono::seconds(15)) << "nobody waits for the deadline in vain";
  EXPECT_EQ(server->logons(), expected.logons) << listing(record);
  if (!expected.failed) return;
  if (!later) {
    EXPECT_EQ(progress.failure->phase, *expected.failed) << listing(record);
  }
  EXPECT_EQ(progress.failure->by, expected.by) << listing(record);
  EXPECT_TRUE(expected.how.contains(progress.failure->how))
      << record::name_of(progress.failure->how) << "\n"
      << listing(record);
}

INSTANTIATE_TEST_SUITE_P(Lab, EveryScenario, testing::ValuesIn(expectations()),
                         [](const auto& row) {
                           std::string name(row.param.scenario);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

/// MS-RDPBCGR 5.3: the lab encrypts as a server does, and leaves whoever gets a MAC wrong.
TEST(StandardSecurity, IsSpokenWithEveryMethodAndEveryMacFits) {
  struct Method {
    const char* scenario;
    std::uint32_t method;
    std::uint32_t level;
  };
  for (const auto& [scenario, method, level] :
       {Method{"standard-security:40", 0x01, 2}, Method{"standard-security:56", 0x08, 2},
        Method{"standard-security:128", 0x02, 3}, Method{"standard-security:168", 0x10, 4}}) {
    SCOPED_TRACE(scenario);
    const auto server = Server::start(faults_of(scenario));
    ASSERT_TRUE(server) << server.error().text;
    const auto record =
        probe(*server, std::chrono::seconds(20), options_for("standard-security")).record;
    EXPECT_EQ(record::progress(record).reached, Phase::kFinalization) << listing(record);
    const auto* response = record::first<record::McsConnectResponse>(record);
    ASSERT_NE(response, nullptr);
    const auto* security = response->blocks.find<rdp::ServerSecurityData>();
    EXPECT_EQ(security->encryption_method, method);
    EXPECT_EQ(security->encryption_level, level);
    EXPECT_EQ(response->server_key->signature, record::ServerKeyJudgement::Signature::kValid);
    EXPECT_EQ(response->server_key->key_bits, 2048u);
    EXPECT_TRUE(record::first<record::SecurityExchanged>(record)->keys_known);
    EXPECT_EQ(record::first<record::ClosedPayload>(record), nullptr);
    for (const auto& e : record.evidence) EXPECT_TRUE(e.notes.empty()) << record::describe(e);
  }
}

TEST(Scenarios, EachIsExpectedAboveAndNamesItsCauses) {
  std::set<std::string_view> expected;
  for (const auto& row : expectations()) expected.insert(row.scenario);
  for (const auto& scenario : scenarios()) {
    EXPECT_TRUE(expected.contains(scenario.name)) << scenario.name;
    EXPECT_FALSE(scenario.causes.empty()) << scenario.name;
    EXPECT_FALSE(scenario.summary.empty()) << scenario.name;
    EXPECT_FALSE(scenario.story.empty()) << scenario.name;
    EXPECT_EQ(find_scenario(scenario.name), &scenario) << "names are unique";
  }
  EXPECT_EQ(expected.size(), scenarios().size());
  EXPECT_EQ(find_scenario("no-such"), nullptr);
  EXPECT_EQ(find_scenario(""), nullptr);
}

// The wire of a close and of a reset must differ, whoever is slow: FIN without RST, RST without
// FIN.
TEST(Server, ClosesWithoutResetAndResetsWithoutClose) {
  for (const auto* name : {"closes-at-once", "closes-after-request", "closes-after-client-hello",
                           "resets-at-once", "resets-after-request", "resets-after-client-hello"}) {
    const auto server = Server::start(faults_of(name));
    ASSERT_TRUE(server);
    const auto record = probe(*server, std::chrono::seconds(20)).record;
    const bool closes = std::string_view(name).starts_with("closes");
    std::size_t endings = 0;
    for (const auto& e : record.evidence) {
      const auto* ending = std::get_if<record::Ending>(&e.fact);
      if (ending == nullptr || ending->by != Side::kServer) continue;
      ++endings;
      EXPECT_EQ(ending->how, closes ? record::Ending::How::kClose : record::Ending::How::kReset)
          << name << "\n"
          << listing(record);
    }
    EXPECT_EQ(endings, 1u) << name << "\n" << listing(record);
  }
}

// A client that writes first cannot tell these by itself; the connection that stays silent can.
TEST(Probe, ASilentConnectionTellsWhoClosesUnasked) {
  const auto watch = [](std::string_view name) {
    const auto server = Server::start(faults_of(name));
    EXPECT_TRUE(server);
    auto record = probe(*server, std::chrono::seconds(20)).record;
    EXPECT_TRUE(record.run);
    EXPECT_EQ(server->connections(), 2u) << name;
    return record.run->silent_connection;
  };
  const auto closes = watch("closes-at-once");
  ASSERT_TRUE(closes);
  EXPECT_TRUE(closes->connected && closes->ended_by_peer && !closes->reset);
  const auto resets = watch("resets-at-once");
  ASSERT_TRUE(resets);
  EXPECT_TRUE(resets->ended_by_peer && resets->reset);
  for (const auto* name : {"closes-after-request", "resets-after-request"}) {
    const auto later = watch(name);
    ASSERT_TRUE(later) << name;
    EXPECT_TRUE(later->connected) << name;
    EXPECT_FALSE(later->ended_by_peer) << name;
    EXPECT_GE(later->after, 300'000'000) << name;
    EXPECT_EQ(later->bytes, 0u) << name;
  }
}

TEST(Probe, ALicenceRequestIsAnsweredOnlyWhereThatIsAllowed) {
  const auto server = Server::start(faults_of("asks-for-licence"));
  ASSERT_TRUE(server);
  auto options = options_for("asks-for-licence");
  const auto left = probe(*server, std::chrono::seconds(20), options).record;
  EXPECT_EQ(record::progress(left).reached, Phase::kClientInfo) << listing(left);
  options.plan.session.request_license = true;
  const auto licensed = probe(*server, std::chrono::seconds(20), options).record;
  EXPECT_EQ(record::progress(licensed).reached, Phase::kFinalization) << listing(licensed);
}

TEST(Probe, OneConnectionIsEnoughWhereTheServerAnswered) {
  for (const auto* name : {"valid", "failure-5", "resets-after-client-hello", "ssh-banner"}) {
    const auto server = Server::start(faults_of(name));
    ASSERT_TRUE(server);
    const auto record = probe(*server, std::chrono::seconds(20)).record;
    EXPECT_EQ(server->connections(), 1u) << name;
    EXPECT_FALSE(record.run->silent_connection) << name;
  }
}

TEST(Probe, TheSilentConnectionCanBeSwitchedOff) {
  const auto server = Server::start(faults_of("closes-at-once"));
  ASSERT_TRUE(server);
  net::ProbeOptions options;
  options.watch_silent_connection = false;
  const auto record = probe(*server, std::chrono::seconds(20), options).record;
  EXPECT_EQ(server->connections(), 1u);
  EXPECT_FALSE(record.run->silent_connection);
}

TEST(Probe, AMissedDeadlineIsNamedWithItsPhaseAndIsNoRefusal) {
  for (const auto& [name, phase] :
       {std::pair("silent", Phase::kX224), std::pair("silent-after-client-hello", Phase::kTls)}) {
    const auto server = Server::start(faults_of(name));
    ASSERT_TRUE(server);
    const auto record = probe(*server, kShort).record;
    EXPECT_EQ(record.run->missed_deadline, phase) << name;
    const auto& last = record.evidence.back();
    ASSERT_TRUE(std::holds_alternative<record::Ending>(last.fact)) << listing(record);
    EXPECT_EQ(std::get<record::Ending>(last.fact).by, Side::kServer) << "it answers our FIN";
  }
}

TEST(Probe, KnowsWhatTheKernelSaysAboutTheConnection) {
  const auto server = Server::start({});
  ASSERT_TRUE(server);
  const auto record = probe(*server, std::chrono::seconds(20)).record;
  ASSERT_TRUE(record.run);
  const auto& run = *record.run;
  EXPECT_TRUE(run.local_address.starts_with("127.0.0.1:")) << run.local_address;
  EXPECT_GT(run.rtt_us.value_or(0), 0u);
  EXPECT_GT(run.segment_size.value_or(0), 500u);
  EXPECT_EQ(run.retransmissions, 0u);
  EXPECT_EQ(run.until, Phase::kTls);
  EXPECT_FALSE(run.missed_deadline);
}

TEST(Probe, GoesOnlyAsFarAsAsked) {
  const auto server = Server::start({});
  ASSERT_TRUE(server);
  net::ProbeOptions options;
  options.plan.until = Phase::kX224;
  const auto record = probe(*server, std::chrono::seconds(20), options).record;
  EXPECT_EQ(record::progress(record).reached, Phase::kX224);
  EXPECT_EQ(record::first<tls::ClientHello>(record), nullptr);
}

TEST(Probe, WithoutTlsOnOfferX224IsAsFarAsItGoes) {
  const auto server = Server::start({});
  ASSERT_TRUE(server);
  net::ProbeOptions options;
  options.plan.request.negotiation->requested.bits = 0;
  const auto record = probe(*server, std::chrono::seconds(20), options).record;
  EXPECT_EQ(record.run->until, Phase::kX224);
  EXPECT_FALSE(record::progress(record).failure);
}

TEST(Probe, SendsTheTargetAsServerNameUnlessToldOtherwise) {
  const auto server_name = [](std::optional<std::string> chosen) {
    const auto server = Server::start({});
    EXPECT_TRUE(server);
    net::ProbeOptions options;
    options.server_name = std::move(chosen);
    const auto record = probe(*server, std::chrono::seconds(20), options).record;
    const auto* hello = record::first<tls::ClientHello>(record);
    return hello == nullptr ? std::optional<std::string>("no hello") : hello->server_name;
  };
  EXPECT_EQ(server_name({}), "127.0.0.1");
  EXPECT_EQ(server_name("other.example"), "other.example");
  EXPECT_EQ(server_name(""), std::nullopt);
}

TEST(Probe, TellsItsPhasesAsTheyBegin) {
  const auto server = Server::start({});
  ASSERT_TRUE(server);
  std::vector<Phase> phases;
  net::ProbeOptions options;
  options.on_phase = [&](Phase phase) { phases.push_back(phase); };
  probe(*server, std::chrono::seconds(20), options);
  EXPECT_THAT(phases, testing::ElementsAre(Phase::kTcp, Phase::kX224, Phase::kTls));
}

TEST(Probe, GivesEverySecretOfTheHandshakeOnce) {
  const auto server = Server::start(faults_of("tls13-only"));
  ASSERT_TRUE(server);
  std::vector<std::string> lines;
  net::ProbeOptions options;
  options.on_secret = [&](std::string_view line) { lines.emplace_back(line); };
  probe(*server, std::chrono::seconds(20), options);
  EXPECT_THAT(lines, testing::Contains(testing::StartsWith("CLIENT_HANDSHAKE_TRAFFIC_SECRET ")));
  EXPECT_THAT(lines, testing::Contains(testing::StartsWith("SERVER_TRAFFIC_SECRET_0 ")));
  EXPECT_EQ(std::set(lines.begin(), lines.end()).size(), lines.size());
}

TEST(Server, ManyClientsAtOnceAreServedAndTheServerEndsWithThem) {
  auto server = Server::start(faults_of("silent"));
  ASSERT_TRUE(server);
  for (int i = 0; i < 3; ++i) {
    net::ProbeOptions options;
    options.watch_silent_connection = false;
    probe(*server, std::chrono::milliseconds(50), options);
  }
  EXPECT_EQ(server->connections(), 3u);
}

}  // namespace
}  // namespace rdpwhy::lab
