// Every way in which a session host says no from MCS on: what the lab's session host says, through
// the dissector, to the first cause. No socket, no time: the same table holds live (lab) and here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "dissect/session_streams.h"
#include "lab/session_client.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::investigate {
namespace {

using At = lab::SessionFaults::At;
using Broken = lab::SessionFaults::Broken;
using How = record::Ending::How;
using lab::Close;
using lab::SessionFaults;
using Then = lab::SessionDialogue::Then;
namespace streams = dissect::streams;

constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kDeadline = 5'000'000'000;

/// The conversation inside TLS, and how the connection ended.
HandshakeRecord met(const SessionFaults& faults, bool live) {
  const auto conversation = lab::testing::converse(faults);
  // A ticket shows that the server took the client's Finished, so that TLS has passed.
  streams::Connection connection =
      streams::opened_connection(1, {streams::server(streams::sealed_handshake(streams::handshake(
                                        tls::HandshakeType::kNewSessionTicket, Bytes(32, 3))))});
  for (const auto& said : conversation.said) {
    auto octets = streams::inside(said.octets);
    connection.push_back(said.server ? streams::server(std::move(octets))
                                     : streams::client(std::move(octets)));
  }
  dissect::Dissector dissector(streams::opening_options());
  streams::play(dissector, connection);
  auto at = Moment{streams::moment_of(connection.size() + 2)};
  const bool waits = conversation.then == Then::kSilent;
  at.ns += waits ? kDeadline : kMillisecond;
  const auto first = conversation.then == Then::kLeave || conversation.then == Then::kReset
                         ? Side::kServer
                         : Side::kClient;
  dissector.ended(first, conversation.then == Then::kReset ? How::kReset : How::kClose, at);
  if (conversation.then != Then::kReset) {
    at.ns += kMillisecond;
    dissector.ended(record::other(first), How::kClose, at);
  }
  auto record = dissector.take();
  if (live) {
    record.run.emplace();
    record.run->until = Phase::kFinalization;
    if (waits) record.run->missed_deadline = record::progress(record).reached;
  }
  return record;
}

std::string listing(const HandshakeRecord& record) {
  std::string text;
  for (const auto& line : streams::said(record)) text += line + "\n";
  return text;
}

diagnose::Diagnosis diagnosed(const HandshakeRecord& record) {
  diagnose::Circumstances circumstances;
  circumstances.live = record.run.has_value();
  return diagnose::diagnose(record, circumstances);
}

/// Live and in a capture alike.
void expect_first(const SessionFaults& faults, std::string_view cause,
                  diagnose::Confidence confidence) {
  for (const bool live : {false, true}) {
    SCOPED_TRACE(live ? "live" : "capture");
    const auto record = met(faults, live);
    const auto diagnosis = diagnosed(record);
    ASSERT_FALSE(diagnosis.causes.empty());
    const auto& finding = diagnosis.causes.front();
    EXPECT_EQ(finding.id, cause) << finding.says << "\n" << listing(record);
    EXPECT_EQ(name_of(finding.confidence), name_of(confidence)) << finding.says;
    EXPECT_FALSE(finding.because.empty());
    EXPECT_FALSE(finding.fix.empty());
    for (const auto id : finding.because) EXPECT_LE(id, record.evidence.size());
  }
}

constexpr auto kCertain = diagnose::Confidence::kCertain;
constexpr auto kLikely = diagnose::Confidence::kLikely;
constexpr auto kPossible = diagnose::Confidence::kPossible;

struct Place {
  const char* name;
  At at;
  const char* closed;             ///< first cause of a close or a reset
  diagnose::Confidence how_sure;  ///< of it
  const char* silent;             ///< of silence; null: nothing is due there
  diagnose::Confidence how_silent = kPossible;
};
std::ostream& operator<<(std::ostream& out, const Place& place) { return out << place.name; }

constexpr Place kPlaces[] = {
    {"ConnectInitial", At::kConnectInitial, "server-closes-after-tls", kLikely, "stalled",
     kPossible},
    {"ErectDomain", At::kErectDomain, "unexplained", kPossible, "stalled", kLikely},
    {"AttachUser", At::kAttachUser, "unexplained", kPossible, "stalled", kLikely},
    {"FirstJoin", At::kFirstJoin, "unexplained", kPossible, "stalled", kLikely},
    {"LastJoin", At::kLastJoin, "unexplained", kPossible, "stalled", kLikely},
    {"ClientInfo", At::kClientInfo, "unexplained", kPossible, "stalled"},
    {"DemandActive", At::kDemandActive, "unexplained", kPossible, "stalled"},
    {"ConfirmActive", At::kConfirmActive, "unexplained", kPossible, "stalled"},
    {"Synchronize", At::kSynchronize, "unexplained", kPossible, "stalled"},
    {"RequestControl", At::kRequestControl, "unexplained", kPossible, "stalled"},
    {"FontList", At::kFontList, "unexplained", kPossible, "stalled"},
    {"AfterFontMap", At::kAfterFontMap, "session-ended-after-handshake", kLikely, nullptr},
};

class EveryStep : public testing::TestWithParam<Place> {};

TEST_P(EveryStep, ACloseOrAResetIsNotExplainedByMoreThanIsSeen) {
  const auto& place = GetParam();
  for (const auto how : {Close::kClose, Close::kReset})
    expect_first({.at = place.at, .leave = how}, place.closed, place.how_sure);
}

TEST_P(EveryStep, SilenceIsSilenceAndNoRefusal) {
  const auto& place = GetParam();
  if (place.silent != nullptr)
    expect_first({.at = place.at, .silent = true}, place.silent, place.how_silent);
}

TEST_P(EveryStep, AnUltimatumIsARefusalUntilThereIsASession) {
  const auto& place = GetParam();
  const bool active = place.at == At::kAfterFontMap;
  for (std::uint8_t reason = 0; reason < 5; ++reason) {
    expect_first({.at = place.at, .ultimatum = reason},
                 active ? "session-ended-after-handshake" : "session-host-refused", kLikely);
  }
}

TEST_P(EveryStep, TheServersNumberIsShownWithItsName) {
  const auto& place = GetParam();
  const SessionFaults faults{.at = place.at, .error_info = 7};
  const auto diagnosis = diagnosed(met(faults, true));
  const auto& finding = diagnosis.causes.front();
  EXPECT_EQ(finding.id, "session-host-refused");
  EXPECT_EQ(finding.confidence, kCertain);
  EXPECT_NE(finding.says.find("ERRINFO_SERVER_DENIED_CONNECTION (0x7)"), std::string::npos)
      << finding.says;
  ASSERT_TRUE(diagnosis.mstsc);
  EXPECT_EQ(diagnosis.mstsc->code, 0x3u);
  EXPECT_EQ(diagnosis.mstsc->extended, 7u);
}

INSTANTIATE_TEST_SUITE_P(Session, EveryStep, testing::ValuesIn(kPlaces),
                         [](const auto& row) { return row.param.name; });

struct Number {
  std::uint32_t error_info;
  const char* cause;
  const char* name;
};

constexpr Number kNumbers[] = {
    {0x01, "ended-by-server-code", "ERRINFO_RPC_INITIATED_DISCONNECT"},
    {0x02, "ended-by-server-code", "ERRINFO_RPC_INITIATED_LOGOFF"},
    {0x03, "ended-by-server-code", "ERRINFO_IDLE_TIMEOUT"},
    {0x04, "ended-by-server-code", "ERRINFO_LOGON_TIMEOUT"},
    {0x05, "ended-by-server-code", "ERRINFO_DISCONNECTED_BY_OTHER_CONNECTION"},
    {0x06, "ended-by-server-code", "ERRINFO_OUT_OF_MEMORY"},
    {0x07, "session-host-refused", "ERRINFO_SERVER_DENIED_CONNECTION"},
    {0x09, "insufficient-privileges", "ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES"},
    {0x0A, "ended-by-server-code", "ERRINFO_SERVER_FRESH_CREDENTIALS_REQUIRED"},
    {0x0C, "ended-by-server-code", "ERRINFO_LOGOFF_BYUSER"},
    {0x11, "ended-by-server-code", "ERRINFO_CLOSE_STACK_ON_DRIVER_FAILURE"},
    {0x100, "licensing-failure", "ERRINFO_LICENSE_INTERNAL"},
    {0x101, "licensing-failure", "ERRINFO_LICENSE_NO_LICENSE_SERVER"},
    {0x10A, "licensing-failure", "ERRINFO_LICENSE_NO_REMOTE_CONNECTIONS"},
    {0x400, "connection-broker-failure", "ERRINFO_CB_DESTINATION_NOT_FOUND"},
    {0x412, "connection-broker-failure", ""},
    {0x10C9, "protocol-error-reported", ""},
    {0x1129, "protocol-error-reported", ""},
    {0x1196, "protocol-error-reported", ""},
    {0x7777, "protocol-error-reported",
     "0x7777, a number without a published name in the range of protocol errors"},
    {0x99, "ended-by-server-code", "0x99, a number without a published name."},
};

TEST(SetErrorInfo, EveryFamilyHasItsCause) {
  for (const auto& [error_info, cause, name] : kNumbers) {
    SCOPED_TRACE(fmt::format("0x{:X}", error_info));
    expect_first({.at = At::kClientInfo, .error_info = error_info}, cause, kCertain);
    expect_first({.at = At::kDemandActive, .error_info = error_info, .ultimatum = 1}, cause,
                 kCertain);
    const auto diagnosis = diagnosed(met({.at = At::kClientInfo, .error_info = error_info}, true));
    EXPECT_NE(diagnosis.causes.front().says.find(name), std::string::npos)
        << diagnosis.causes.front().says;
    EXPECT_NE(diagnosis.causes.front().says.find(fmt::format("0x{:X}", error_info)),
              std::string::npos);
    ASSERT_TRUE(diagnosis.mstsc);
    EXPECT_EQ(diagnosis.mstsc->extended, error_info);
  }
}

TEST(SetErrorInfo, NoneIsNoError) {
  const auto record = met({.at = At::kDemandActive, .error_info = 0}, true);
  EXPECT_NE(diagnosed(record).causes.front().id, "ended-by-server-code");
}

TEST(SetErrorInfo, AUserWhoSignsOffIsNoFailureOfTheHandshake) {
  const auto record = met({.at = At::kAfterFontMap, .error_info = 0x0C, .ultimatum = 3}, false);
  const auto diagnosis = diagnosed(record);
  EXPECT_EQ(diagnosis.causes.front().id, "handshake-complete") << listing(record);
  EXPECT_NE(diagnosis.causes.front().says.find("ERRINFO_LOGOFF_BYUSER"), std::string::npos);
}

TEST(Licensing, AnAlertIsAFailureWithEachTransition) {
  for (const std::uint32_t code : {1u, 2u, 3u, 4u, 6u, 8u, 11u, 12u, 0x77u}) {
    for (const std::uint32_t transition : {1u, 2u, 3u, 4u, 9u}) {
      SCOPED_TRACE(fmt::format("code {} transition {}", code, transition));
      const SessionFaults faults{.licensing_error = code, .licensing_transition = transition};
      const auto diagnosis = diagnosed(met(faults, true));
      const auto& finding = diagnosis.causes.front();
      EXPECT_EQ(finding.id, "licensing-failure") << finding.says;
      // ST_TOTAL_ABORT alone ends it; a client that goes on behind another one meets silence here.
      EXPECT_EQ(finding.confidence, transition == 1 ? kCertain : kLikely);
      // An unknown number stands by itself, a known one behind its name.
      const auto number =
          code == 0x77 ? fmt::format("alert is {}", code) : fmt::format("({})", code);
      EXPECT_NE(finding.says.find(number), std::string::npos) << finding.says;
    }
  }
}

TEST(Licensing, ValidClientIsNeverTheSevenOfMstsc) {
  for (const bool licensed : {false, true}) {
    const auto record =
        met({.at = At::kDemandActive, .leave = Close::kClose, .license_request = licensed}, true);
    const auto diagnosis = diagnosed(record);
    EXPECT_EQ(diagnosis.causes.front().id, "unexplained") << listing(record);
    for (const auto& finding : diagnosis.causes) {
      EXPECT_NE(finding.id, "licensing-failure");
      EXPECT_NE(finding.id, "session-host-refused");
    }
  }
}

TEST(Licensing, ARequestIsAWarningAndNoFailure) {
  const auto diagnosis = diagnosed(met({.license_request = true}, false));
  EXPECT_EQ(diagnosis.causes.front().id, "handshake-complete");
  EXPECT_TRUE(std::ranges::any_of(diagnosis.warnings, [](const diagnose::Warning& warning) {
    return warning.id == "licence-wanted";
  }));
}

TEST(Session, ARefusalOfMcsIsTheServersWord) {
  expect_first({.at = At::kConnectInitial, .refused = true}, "session-host-refused", kCertain);
  expect_first({.at = At::kAttachUser, .refused = true}, "session-host-refused", kCertain);
  expect_first({.at = At::kFirstJoin, .refused = true}, "session-host-refused", kLikely);
}

TEST(Session, ARedirectionIsToBeFollowed) {
  const SessionFaults faults{.at = At::kDemandActive, .redirected = true};
  expect_first(faults, "redirected", kCertain);
  const auto diagnosis = diagnosed(met(faults, true));
  EXPECT_NE(diagnosis.causes.front().says.find("back to the same host"), std::string::npos);
  EXPECT_FALSE(diagnosis.mstsc);
}

TEST(Session, WhatDoesNotBelongThereIsABreachAndCostsNoTime) {
  for (const auto how : {Broken::kEmptyBlock, Broken::kBlockTooLong, Broken::kTruncated})
    expect_first({.at = At::kConnectInitial, .broken = how}, "protocol-violation", kLikely);
  expect_first({.at = At::kDemandActive, .broken = Broken::kHugeCapabilities}, "protocol-violation",
               kLikely);
  expect_first({.at = At::kAttachUser, .broken = Broken::kText}, "protocol-violation", kLikely);
}

/// Behind X.224 without TLS, until the client hangs up after its deadline or the server leaves.
HandshakeRecord said_in_the_clear(streams::Connection rest, Side leaves, bool live) {
  const auto connection = streams::plain_connection(std::move(rest));
  dissect::Dissector dissector{dissect::Dissector::Options{}};
  streams::play(dissector, connection);
  auto at = Moment{streams::moment_of(connection.size() + 2)};
  at.ns += leaves == Side::kClient ? kDeadline : kMillisecond;
  dissector.ended(leaves, How::kClose, at);
  auto record = dissector.take();
  if (!live) return record;
  record.run.emplace();
  record.run->until = Phase::kFinalization;
  if (leaves == Side::kClient) record.run->missed_deadline = record::progress(record).reached;
  return record;
}

/// A Font Map is no session, and STATUS_VALID_CLIENT no licence, before the client has said what
/// they answer.
TEST(Session, WhatComesWhereSomethingElseIsDueIsTalkAndNoSuccess) {
  using dissect::streams::bare;
  using dissect::streams::share;
  const auto whole = streams::whole_session();
  const std::pair<Bytes, const char*> cases[] = {
      {bare(Side::kServer, share(Side::kServer, rdp::FontMap{})), "Font Map"},
      {bare(Side::kServer, streams::demand_active()), "Demand Active"},
      {streams::licensing_alert(), "License Error Alert"}};
  for (const std::size_t kept : {1u, 4u, 6u}) {
    for (const auto& [octets, name] : cases) {
      for (const bool live : {false, true}) {
        SCOPED_TRACE(fmt::format("{} behind {} messages, {}", name, kept, live));
        streams::Connection begun(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept));
        begun.push_back(streams::server(octets));
        const auto record = said_in_the_clear(begun, Side::kClient, live);
        EXPECT_EQ(record::progress(record).reached, kept == 1 ? Phase::kX224 : Phase::kMcs);
        const auto diagnosis = diagnosed(record);
        const auto& first = diagnosis.causes.front();
        EXPECT_EQ(first.id, "unexplained") << first.says;
        EXPECT_EQ(first.confidence, kPossible);
        EXPECT_NE(first.says.find(name), std::string::npos) << first.says;
      }
    }
  }
}

TEST(Session, HalfAMessageIsTold) {
  const auto whole = streams::whole_session();
  for (const std::size_t kept : {1u, 3u, 16u, 17u}) {
    streams::Connection begun(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept));
    begun.push_back(streams::server(Bytes{3, 0, 0, 9, 2, 0xF0, 0x80}));
    for (const bool live : {false, true}) {
      const auto diagnosis = diagnosed(said_in_the_clear(begun, Side::kServer, live));
      EXPECT_EQ(diagnosis.causes.front().id, "protocol-violation");
      EXPECT_NE(diagnosis.causes.front().says.find("7 octets"), std::string::npos)
          << diagnosis.causes.front().says;
    }
  }
}

/// In a capture as live: what the server says of its keys is nothing that keys can be made of.
TEST(Session, SecurityDataThatNobodyCanUseAreTheServersFault) {
  for (const std::uint32_t method : {0x40u, 0x03u}) {
    auto begun = streams::connected_session(method, 2);
    begun.push_back(streams::client(streams::mcs(rdp::DisconnectProviderUltimatum{3})));
    const auto diagnosis = diagnosed(said_in_the_clear(begun, Side::kClient, false));
    EXPECT_EQ(diagnosis.causes.front().id, "protocol-violation") << diagnosis.causes.front().says;
    EXPECT_EQ(diagnosis.causes.front().confidence, kLikely);
  }
  auto usable = streams::connected_session(0x02, 2);
  usable.push_back(streams::client(streams::mcs(rdp::DisconnectProviderUltimatum{3})));
  EXPECT_EQ(diagnosed(said_in_the_clear(usable, Side::kClient, false)).causes.front().id,
            "unexplained");
}

TEST(Session, AWholeHandshakeIsComplete) {
  const auto record = met({}, false);
  const auto diagnosis = diagnosed(record);
  EXPECT_EQ(diagnosis.causes.front().id, "handshake-complete") << listing(record);
  EXPECT_EQ(diagnosis.causes.front().confidence, kCertain);
  EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
}

TEST(Session, AFrontWithOtherNamesThatLeavesWithTheClientsDataMayBeABastion) {
  const auto record = met({.at = At::kClientInfo, .leave = Close::kClose}, true);
  diagnose::Circumstances circumstances;
  circumstances.live = true;
  circumstances.target_host = "server.example.org";
  circumstances.certificate_problems = {"name_mismatch"};
  const auto diagnosis = diagnose::diagnose(record, circumstances);
  EXPECT_EQ(diagnosis.causes.front().id, "unexplained") << "one name alone proves little";
  ASSERT_EQ(diagnosis.causes.size(), 2u);
  EXPECT_EQ(diagnosis.causes.back().id, "intermediary-backend-failed");
  EXPECT_EQ(diagnosis.causes.back().confidence, kPossible);
}

}  // namespace
}  // namespace rdpwhy::investigate
