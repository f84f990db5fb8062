// Redirections are followed: with their token, with what they hand out, and never blindly.
#include "rdpwhy/investigate/redirection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/logging_on.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/investigate/investigate.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/session_summary.h"
#include "rdpwhy/replay/replay.h"

namespace rdpwhy::investigate {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kSsl = static_cast<std::uint32_t>(rdp::Protocol::kSsl);
constexpr auto kRdstls = static_cast<std::uint32_t>(rdp::Protocol::kRdstls);

// --- what is asked for

net::ProbedConnection met(rdp::ServerRedirection redirection) {
  net::ProbedConnection met;
  Evidence e;
  e.id = 1;
  e.where.side = Side::kServer;
  e.phase = Phase::kCapabilities;
  e.fact = std::move(redirection);
  met.record.evidence.push_back(std::move(e));
  return met;
}

net::Target here() { return {.host = "farm.example", .port = 3390, .text = "farm"}; }

rdp::ServerRedirection with_token(std::string_view token) {
  rdp::ServerRedirection redirection{.session_id = 4};
  redirection.load_balance_info = base::to_bytes(base::as_bytes(token));
  return redirection;
}

FollowUp followed(const rdp::ServerRedirection& redirection, const net::ProbeOptions& options = {},
                  std::shared_ptr<const Secret> password = nullptr) {
  auto connection = met(redirection);
  connection.redirection_password = std::move(password);
  auto next = follow_redirection(here(), options, connection, 0);
  EXPECT_TRUE(next);
  EXPECT_TRUE(next && *next) << (next && !*next ? next->error().text : "");
  return next && *next ? **std::move(next) : FollowUp{};
}

std::string refusal(const rdp::ServerRedirection& redirection, int before = 0) {
  const auto next = follow_redirection(here(), {}, met(redirection), before);
  EXPECT_TRUE(next);
  return next && !*next ? next->error().text : "";
}

TEST(FollowRedirection, TakesATokenBackToTheSameHostInPlaceOfTheCookie) {
  const auto next = followed(with_token("Cookie: msts=1.2.0000\r\n"));
  EXPECT_EQ(next.target, here());
  EXPECT_EQ(next.options.plan.request.routing_token, "Cookie: msts=1.2.0000");
  EXPECT_EQ(next.options.plan.request.cookie, std::nullopt);
  EXPECT_EQ(next.options.plan.session.redirected_session_id, 4u);
  EXPECT_EQ(next.options.delay, net::kPace);
  EXPECT_FALSE(next.options.plan.rdstls);
  EXPECT_EQ(next.options.plan.request.negotiation->requested.bits & kRdstls, 0u);
}

TEST(FollowRedirection, GoesToANamedAddressWithoutTheTokenAndWithoutWhatWasTyped) {
  auto redirection = with_token("Cookie: msts=1.2.0000\r\n");
  redirection.target_net_address = "192.0.2.7";
  net::ProbeOptions options;
  options.resolve_to = "127.0.0.1";
  options.plan.tls.server_name = "farm.example";
  const auto next = followed(redirection, options);
  EXPECT_EQ(next.target.host, "192.0.2.7");
  EXPECT_EQ(next.target.port, 3390);
  EXPECT_EQ(next.target.text, "192.0.2.7:3390");
  EXPECT_EQ(next.options.plan.request.routing_token, std::nullopt);
  EXPECT_EQ(next.options.plan.request.cookie, "rdpwhy");
  EXPECT_EQ(next.options.resolve_to, "");
  EXPECT_EQ(next.options.plan.tls.server_name, "");
}

TEST(FollowRedirection, KeepsTheNameThatGoesWithAnAddress) {
  rdp::ServerRedirection redirection;
  redirection.target_net_address = "2001:db8::7";
  redirection.target_fqdn = "host7.example";
  const auto next = followed(redirection);
  EXPECT_EQ(next.target.host, "host7.example");
  EXPECT_EQ(next.options.resolve_to, "2001:db8::7");
  redirection.target_net_address.reset();
  const auto named = followed(redirection);
  EXPECT_EQ(named.target.host, "host7.example");
  EXPECT_EQ(named.options.resolve_to, "");
}

TEST(FollowRedirection, GoesBackWhereNothingIsNamed) {
  EXPECT_EQ(followed({.session_id = 3}).target, here());
}

TEST(FollowRedirection, LeavesTheUsersCredentialsBehind) {
  net::ProbeOptions options;
  auto& plan = options.plan;
  plan.credssp.authentication = dialogue::Authentication::kKerberos;
  plan.credssp.restricted_admin = true;
  plan.credssp.credentials = std::make_shared<dialogue::OneAttempt>(
      dialogue::Credentials{.user = "alice", .domain = {}, .password = Secret("unused")});
  plan.request.negotiation->flags = rdp::NegotiationRequest::kRestrictedAdminModeRequired;
  const auto next = followed(with_token("x\r\n"), options);
  EXPECT_EQ(next.options.plan.credssp.credentials, nullptr);
  EXPECT_EQ(next.options.plan.credssp.authentication, dialogue::Authentication::kNegotiate);
  EXPECT_FALSE(next.options.plan.credssp.restricted_admin);
  EXPECT_EQ(next.options.plan.request.negotiation->flags, 0);
}

TEST(FollowRedirection, OffersRdstlsOnlyForCredentialsThatAreThere) {
  auto redirection = with_token("x\r\n");
  redirection.redirection_guid = std::string("Z3VpZA==\0", 9);
  redirection.user_name = "alice";
  const auto password = std::make_shared<const Secret>("blob");
  const auto next = followed(redirection, {}, password);
  ASSERT_TRUE(next.options.plan.rdstls);
  EXPECT_EQ(next.options.plan.rdstls->redirection_guid, "Z3VpZA==");
  EXPECT_EQ(next.options.plan.rdstls->user, "alice");
  EXPECT_NE(next.options.plan.request.negotiation->requested.bits & kRdstls, 0u);
  EXPECT_FALSE(followed(redirection).options.plan.rdstls) << "no password";
  redirection.redirection_guid.reset();
  EXPECT_FALSE(followed(redirection, {}, password).options.plan.rdstls) << "no GUID";
  // What an earlier redirection handed out does not go on to a third host.
  const auto third = followed(with_token("y\r\n"), next.options);
  EXPECT_FALSE(third.options.plan.rdstls);
  EXPECT_EQ(third.options.plan.request.negotiation->requested.bits & kRdstls, 0u);
}

/// Base64 in characters of two octets around an element of the type and encoding of a certificate.
TEST(FollowRedirection, KeepsTheCertificateThatIsNamedToCompareIt) {
  auto redirection = with_token("Cookie: msts=1\r\n");
  EXPECT_THAT(followed(redirection).options.expected_certificate, testing::IsEmpty());
  redirection.target_certificate = base::utf8_to_utf16le("IAAAAAEAAAAEAAAAMIIBAg==");
  EXPECT_EQ(followed(redirection).options.expected_certificate, (Bytes{0x30, 0x82, 0x01, 0x02}));
  redirection.target_certificate = base::utf8_to_utf16le("what is this?");
  EXPECT_THAT(followed(redirection).options.expected_certificate, testing::IsEmpty());
}

TEST(FollowRedirection, TakesNothingOnTrust) {
  for (const auto* host : {"a b", "host\x1b[2J", "host\r\nX: y", "h\xc2\x9b", "10.0.0.1:22", "-x",
                           "http://h", "a:b:c:d", "\xe2\x80\xaetxt"}) {
    rdp::ServerRedirection redirection;
    redirection.target_net_address = host;
    const auto why = refusal(redirection);
    EXPECT_THAT(why, HasSubstr("neither a host nor an address")) << host;
    EXPECT_EQ(why.find('\x1b'), std::string::npos);
  }
  EXPECT_THAT(refusal(with_token("a\r\nCookie: b\r\n")), HasSubstr("more than one line"));
  EXPECT_THAT(refusal(with_token(std::string(239, 'a'))), HasSubstr("239 octets"));
  EXPECT_EQ(followed(with_token(std::string(238, 'a') + "\r\n"))
                .options.plan.request.routing_token->size(),
            238u);
  EXPECT_THAT(refusal(with_token("x\r\n"), kMostRedirections), HasSubstr("3 redirections"));
}

TEST(FollowRedirection, FollowsNothingThatIsNoRedirection) {
  auto redirection = with_token("x\r\n");
  redirection.flags = rdp::ServerRedirection::kNoRedirect;
  EXPECT_FALSE(follow_redirection(here(), {}, met(redirection), 0));
  EXPECT_FALSE(follow_redirection(here(), {}, {}, 0));
  auto interrupted = met(with_token("x\r\n"));
  interrupted.signal = 2;
  EXPECT_FALSE(follow_redirection(here(), {}, interrupted, 0));
}

// --- the whole chain, against the lab

struct Chain {
  Investigation first;
  std::optional<FollowUp> next;
  std::optional<Investigation> second;
  Bytes capture;  ///< of the second connection
};

Chain chain(const lab::Server& server) {
  crypto::CertificateJudge judge(crypto::TrustStore::none());
  const net::Target target{"127.0.0.1", server.port(), "lab"};
  net::ProbeOptions options;
  options.plan.until = Phase::kFinalization;
  options.keep_redirection_password = true;
  options.phase_timeout = std::chrono::seconds(20);
  Chain out;
  auto first = investigate(target, options, judge, {});
  EXPECT_TRUE(first);
  if (!first) return out;
  out.first = *std::move(first);
  auto next = follow_redirection(target, options, out.first.handshake, 0);
  EXPECT_TRUE(next && *next);
  if (!next || !*next) return out;
  out.next = **std::move(next);
  out.next->options.capture_sink = [&](ByteSpan octets) {
    out.capture.insert(out.capture.end(), octets.begin(), octets.end());
  };
  auto second = investigate(out.next->target, out.next->options, judge, {});
  EXPECT_TRUE(second);
  if (second) out.second = *std::move(second);
  return out;
}

std::string first_cause(const Investigation& found) { return found.diagnosis.causes.at(0).id; }

void expect_equal_replay(const Chain& met) {
  HandshakeRecord replayed;
  const auto summary = replay::replay(
      met.capture, {},
      [&](const replay::ReplayedConnection& connection) { replayed = connection.record; });
  ASSERT_TRUE(summary);
  const auto& live = met.second->handshake.record;
  EXPECT_TRUE(record::same_evidence(live, replayed)) << record::first_difference(live, replayed);
}

TEST(RedirectedChain, ReachesTheFontMapWithTheToken) {
  const auto server = lab::Server::start(lab::faults_of("redirects"));
  ASSERT_TRUE(server);
  const auto met = chain(*server);
  EXPECT_EQ(first_cause(met.first), "redirected");
  ASSERT_TRUE(met.second);
  const auto& record = met.second->handshake.record;
  EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
  EXPECT_EQ(first_cause(*met.second), "handshake-complete");
  const auto* request = record::first<rdp::ConnectionRequest>(record);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->routing_token, "Cookie: msts=16777343.15629.0000");
  const auto summary = record::session_summary(record);
  ASSERT_TRUE(summary && summary->client);
  EXPECT_EQ(summary->client->blocks.find<rdp::ClientClusterData>()->redirected_session_id, 7u);
  EXPECT_GE(met.second->handshake.started.ns - met.first.handshake.started.ns, 200'000'000);
  EXPECT_EQ(server->connections(), 2u);
  expect_equal_replay(met);
}

TEST(RedirectedChain, ReachesTheFontMapThroughRdstls) {
  const auto server = lab::Server::start(lab::faults_of("redirects-to-rdstls"));
  ASSERT_TRUE(server);
  const auto met = chain(*server);
  EXPECT_EQ(first_cause(met.first), "redirected");
  ASSERT_TRUE(met.second);
  const auto progress = record::progress(met.second->handshake.record);
  EXPECT_EQ(progress.reached, Phase::kFinalization);
  EXPECT_TRUE(progress.as_asked);
  EXPECT_EQ(first_cause(*met.second), "handshake-complete");
  const auto rdstls =
      std::ranges::find(progress.phases, Phase::kRdstls, &record::PhaseProgress::phase);
  ASSERT_NE(rdstls, progress.phases.end());
  EXPECT_EQ(rdstls->state, record::PhaseState::kPassed);
  expect_equal_replay(met);
}

TEST(RedirectedChain, SaysWhyItsCredentialsAreRefused) {
  struct Row {
    const char* scenario;
    std::uint32_t code;
    const char* cause;
  };
  for (const auto& row : {Row{"rdstls-result", 0x52E, "logon-failure"},
                          Row{"rdstls-result:0x775", 0x775, "account-locked-out"},
                          Row{"rdstls-result:0x532", 0x532, "password-expired"},
                          Row{"rdstls-result:5", 5, "remote-desktop-right-missing"}}) {
    SCOPED_TRACE(row.scenario);
    const auto server = lab::Server::start(lab::faults_of(row.scenario));
    ASSERT_TRUE(server);
    const auto met = chain(*server);
    ASSERT_TRUE(met.second);
    const auto& record = met.second->handshake.record;
    const auto progress = record::progress(record);
    ASSERT_TRUE(progress.failure);
    EXPECT_EQ(progress.failure->phase, Phase::kRdstls);
    EXPECT_EQ(progress.failure->how, record::EndedHow::kFailurePdu);
    EXPECT_EQ(first_cause(*met.second), row.cause);
    const auto& finding = met.second->diagnosis.causes.front();
    if (row.code != 5) {
      EXPECT_THAT(finding.says, HasSubstr("that the redirection handed out"));
    }
    if (row.code == 0x52E) {
      EXPECT_THAT(finding.fix.front(), HasSubstr("redirection"));
    }
    EXPECT_EQ(server->connections(), 2u) << "shown once";
    expect_equal_replay(met);
  }
}

TEST(RedirectedChain, WithoutAWordOfTheUserNothingIsKeptToBeHandedOn) {
  const auto server = lab::Server::start(lab::faults_of("redirects-to-rdstls"));
  ASSERT_TRUE(server);
  net::ProbeOptions options;
  options.plan.until = Phase::kFinalization;
  const auto met = net::probe({"127.0.0.1", server->port(), "lab"}, options);
  ASSERT_TRUE(met);
  EXPECT_EQ(met->redirection_password, nullptr);
  EXPECT_EQ(server->connections(), 1u);
}

}  // namespace
}  // namespace rdpwhy::investigate
