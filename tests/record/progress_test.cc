#include <gtest/gtest.h>

#include "rdpwhy/record/queries.h"

namespace rdpwhy::record {
namespace {

using How = Ending::How;

/// A record put together by hand, one evidence per call, a millisecond each.
class Made {
 public:
  Made& add(Phase phase, Side side, Fact fact, Nanoseconds after = 1'000'000) {
    now_ += after;
    record_.evidence.push_back({.id = static_cast<EvidenceId>(record_.evidence.size() + 1),
                                .phase = phase,
                                .where = {.side = side},
                                .at = {now_},
                                .fact = std::move(fact),
                                .notes = {}});
    return *this;
  }
  Made& tcp() {
    add(Phase::kTcp, Side::kClient, Connecting{});
    return add(Phase::kTcp, Side::kServer, Connected{});
  }
  Made& request(std::uint32_t offered = 3) {
    rdp::ConnectionRequest request;
    request.negotiation = rdp::NegotiationRequest{.flags = 0, .requested = {offered}};
    return add(Phase::kX224, Side::kClient, request);
  }
  Made& confirm(std::uint32_t selected = 1) {
    rdp::ConnectionConfirm confirm;
    confirm.negotiation = rdp::NegotiationResponse{.flags = 0, .selected_protocol = selected};
    return add(Phase::kX224, Side::kServer, confirm);
  }
  Made& refuse(std::uint32_t code) {
    rdp::ConnectionConfirm confirm;
    confirm.negotiation = rdp::NegotiationFailure{.flags = 0, .failure_code = code};
    return add(Phase::kX224, Side::kServer, confirm);
  }
  Made& client_hello() { return add(Phase::kTls, Side::kClient, tls::ClientHello{}); }
  Made& server_hello(std::uint16_t version = 0x0303) {
    tls::ServerHello hello;
    hello.legacy_version = 0x0303;
    if (version > 0x0303) hello.selected_version = version;
    return add(Phase::kTls, Side::kServer, hello);
  }
  Made& message(Side side, tls::HandshakeType type) {
    return add(Phase::kTls, side,
               HandshakeMessage{
                   .type = static_cast<std::uint8_t>(type), .size = 0, .signature_algorithm = {}});
  }
  Made& server_flight() {
    server_hello().add(Phase::kTls, Side::kServer, Certificates{});
    return message(Side::kServer, tls::HandshakeType::kServerHelloDone);
  }
  Made& finished(Side side) {
    add(Phase::kTls, side, ChangeCipherSpec{});
    return add(Phase::kTls, side, ProtectedRecord{.type = 22, .size = 40});
  }
  Made& full_tls12() {
    client_hello().server_flight().message(Side::kClient, tls::HandshakeType::kClientKeyExchange);
    return finished(Side::kClient).finished(Side::kServer);
  }
  Made& sealed(Side side, std::uint32_t size) {
    return add(Phase::kTls, side, ProtectedRecord{.type = 23, .size = size});
  }
  Made& alert(Side side, std::uint8_t level, std::uint8_t code) {
    return add(Phase::kTls, side, TlsAlert{tls::Alert{level, code}});
  }
  Made& ended(Side by, How how = How::kClose, Nanoseconds silence = 1'000'000) {
    return add(Phase::kTcp, by, Ending{.by = by, .how = how, .silence = silence}, silence);
  }
  Made& on_wire() {  // the last evidence: octets of its side
    record_.evidence.back().where.layer = Layer::kWire;
    return *this;
  }
  Made& icmp(std::optional<std::uint8_t> type, std::optional<std::uint8_t> code, bool v6 = false) {
    return add(Phase::kX224, Side::kNetwork,
               IcmpError{.type = type, .code = code, .v6 = v6, .offender = {}, .meaning = {}});
  }
  Made& until(Phase phase) {
    record_.run = RunFacts{};
    record_.run->until = phase;
    return *this;
  }
  [[nodiscard]] Progress progress() const { return record::progress(record_); }
  [[nodiscard]] const HandshakeRecord& record() const { return record_; }

 private:
  HandshakeRecord record_;
  Nanoseconds now_ = 0;
};

PhaseState state_of(const Progress& progress, Phase phase) {
  for (const auto& row : progress.phases) {
    if (row.phase == phase) return row.state;
  }
  ADD_FAILURE() << name_of(phase) << " is not listed";
  return PhaseState::kNotReached;
}

void expect_failure(const Made& made, Phase phase, Side by, EndedHow how, std::string_view after) {
  const auto progress = made.progress();
  ASSERT_TRUE(progress.failure);
  EXPECT_EQ(progress.failure->phase, phase);
  EXPECT_EQ(progress.failure->by, by);
  EXPECT_EQ(name_of(progress.failure->how), name_of(how));
  EXPECT_EQ(progress.failure->after, after);
  EXPECT_EQ(state_of(progress, phase), PhaseState::kFailed);
}

TEST(Progress, ARefusedSynIsATcpFailureByTheServer) {
  Made made;
  made.add(Phase::kTcp, Side::kClient, Connecting{}).ended(Side::kServer, How::kRefused);
  expect_failure(made, Phase::kTcp, Side::kServer, EndedHow::kRefused, "syn");
  EXPECT_FALSE(made.progress().reached);
}

TEST(Progress, AnUnansweredSynIsATimeoutOfTheNetwork) {
  Made made;
  made.add(Phase::kTcp, Side::kClient, Connecting{})
      .ended(Side::kNetwork, How::kUnanswered, 5'000'000'000);
  expect_failure(made, Phase::kTcp, Side::kNetwork, EndedHow::kTimeout, "syn");
  EXPECT_EQ(made.progress().failure->after_ns, 5'000'000'000);
}

TEST(Progress, AnIcmpErrorBelongsToTheEndingThatFollows) {
  Made made;
  made.add(Phase::kTcp, Side::kClient, Connecting{})
      .add(Phase::kTcp, Side::kNetwork,
           IcmpError{.type = 3, .code = 1, .offender = {}, .meaning = {}})
      .ended(Side::kNetwork, How::kUnreachable);
  expect_failure(made, Phase::kTcp, Side::kNetwork, EndedHow::kUnreachable, "syn");
  EXPECT_EQ(made.progress().failure->because, std::vector<EvidenceId>{2});
}

TEST(Progress, AnIcmpErrorOnAnOpenConnectionIsWhatEndedItWhenNothingComesAfterIt) {
  for (const Nanoseconds silence : {1'000'000LL, 5'000'000'000LL}) {
    Made made;
    made.tcp().request().icmp(3, 1).ended(Side::kClient, How::kClose, silence);
    expect_failure(made, Phase::kX224, Side::kNetwork, EndedHow::kUnreachable,
                   "connection_request");
    EXPECT_EQ(made.progress().failure->evidence, 4u);
    EXPECT_EQ(made.progress().failure->because, std::vector<EvidenceId>{5});
    EXPECT_EQ(made.progress().failure->after_ns, 1'000'000);
  }
  Made cut;  // the FIN stays behind what is repeated in vain
  cut.tcp().request().icmp(3, 1).ended(Side::kNetwork, How::kCaptureEnd, 2'000'000'000);
  expect_failure(cut, Phase::kX224, Side::kNetwork, EndedHow::kUnreachable, "connection_request");
  Made early;
  early.tcp().request().icmp(3, 1).ended(Side::kNetwork, How::kCaptureEnd);
  expect_failure(early, Phase::kX224, Side::kNetwork, EndedHow::kCaptureEnd, "connection_request");
  Made hello;
  hello.tcp().request().confirm().client_hello().icmp({}, {}).ended(Side::kClient);
  expect_failure(hello, Phase::kTls, Side::kNetwork, EndedHow::kUnreachable, "client_hello");
}

TEST(Progress, AnIcmpErrorThatTheServerOutlivesIsNoEnding) {
  Made answered;
  answered.tcp().request().confirm().client_hello().icmp(3, 1).server_hello().on_wire();
  answered.ended(Side::kClient, How::kClose, 5'000'000'000);
  expect_failure(answered, Phase::kTls, Side::kClient, EndedHow::kTimeout, "server_hello");
  Made reset;
  reset.tcp().request().icmp(3, 1).ended(Side::kServer, How::kReset);
  expect_failure(reset, Phase::kX224, Side::kServer, EndedHow::kReset, "connection_request");
}

TEST(Progress, IcmpErrorsThatOnlyAskForSmallerPacketsAreNoEnding) {
  EXPECT_TRUE(says_unreachable({.type = 3, .code = 13}));
  EXPECT_TRUE(says_unreachable({.type = 11, .code = 0}));
  EXPECT_TRUE(says_unreachable({.type = 1, .code = 1, .v6 = true}));
  EXPECT_TRUE(says_unreachable({.type = 3, .code = 0, .v6 = true}));
  EXPECT_FALSE(says_unreachable({.type = 3, .code = 4}));
  EXPECT_FALSE(says_unreachable({.type = 4, .code = 0}));
  EXPECT_FALSE(says_unreachable({.type = 2, .code = 0, .v6 = true}));
  Made made;
  made.tcp().request().icmp(3, 4).ended(Side::kClient, How::kClose, 5'000'000'000);
  expect_failure(made, Phase::kX224, Side::kClient, EndedHow::kTimeout, "connection_request");
}

TEST(Progress, AFirstAddressThatFailsIsNoFailureWhenTheSecondAnswers) {
  Made made;
  made.add(Phase::kTcp, Side::kClient, Connecting{})
      .ended(Side::kServer, How::kRefused)
      .tcp()
      .request()
      .confirm();
  EXPECT_FALSE(made.progress().failure);
  EXPECT_EQ(made.progress().reached, Phase::kX224);
}

TEST(Progress, AServerThatLeavesBeforeAnyOctetFailsX224) {
  Made made;
  made.tcp().ended(Side::kServer, How::kReset);
  expect_failure(made, Phase::kX224, Side::kServer, EndedHow::kReset, "syn_ack");
  EXPECT_EQ(made.progress().reached, Phase::kTcp);
}

TEST(Progress, ANegotiationFailureReachedTcp) {
  Made made;
  made.tcp().request().refuse(5).ended(Side::kClient, How::kReset);
  expect_failure(made, Phase::kX224, Side::kServer, EndedHow::kFailurePdu, "connection_request");
  EXPECT_EQ(made.progress().reached, Phase::kTcp);
  EXPECT_EQ(made.progress().failure->evidence, 4u);
  EXPECT_EQ(made.progress().failure->because, std::vector<EvidenceId>{3});
}

TEST(Progress, SilenceAfterTheRequestIsATimeoutOnlyWhenItWasLong) {
  Made made;
  made.tcp().request().ended(Side::kClient, How::kClose, kSilenceOfTimeout);
  expect_failure(made, Phase::kX224, Side::kClient, EndedHow::kTimeout, "connection_request");
  Made sooner;
  sooner.tcp().request().ended(Side::kClient, How::kClose, kSilenceOfTimeout - 1);
  expect_failure(sooner, Phase::kX224, Side::kClient, EndedHow::kClose, "connection_request");
}

TEST(Progress, SilenceWhenNoAnswerWasDueIsNoTimeout) {
  Made made;
  made.tcp().request().confirm().ended(Side::kClient, How::kClose, 5'000'000'000);
  expect_failure(made, Phase::kTls, Side::kClient, EndedHow::kClose, "connection_confirm");
}

TEST(Progress, ACaptureThatEndsIsNeverATimeout) {
  Made made;
  made.tcp().request().ended(Side::kNetwork, How::kCaptureEnd, 60'000'000'000);
  expect_failure(made, Phase::kX224, Side::kNetwork, EndedHow::kCaptureEnd, "connection_request");
}

TEST(Progress, AnotherProtocolIsMalformedByTheSideThatSpeaksIt) {
  Made made;
  made.tcp()
      .add(Phase::kX224, Side::kServer, ForeignProtocol{"SSH", {}})
      .request()
      .ended(Side::kServer);
  expect_failure(made, Phase::kX224, Side::kServer, EndedHow::kMalformed, "syn_ack");
  EXPECT_EQ(made.progress().failure->because, std::vector<EvidenceId>{5});
}

TEST(Progress, AMessageThatWeCouldNotReadIsNoFailureWhenTheOtherSideWentOn) {
  Made made;
  made.tcp().request().confirm().client_hello().server_hello();
  made.add(Phase::kTls, Side::kServer,
           Malformed{.what = "TLS ServerKeyExchange", .error = {}, .first = {}});
  made.message(Side::kServer, tls::HandshakeType::kServerHelloDone);
  made.message(Side::kClient, tls::HandshakeType::kClientKeyExchange)
      .ended(Side::kServer, How::kReset);
  expect_failure(made, Phase::kTls, Side::kServer, EndedHow::kReset, "client_key_exchange");
}

TEST(Progress, AFullHandshakeOfTls12PassesWithTheServersFinished) {
  Made made;
  made.tcp().request().confirm().full_tls12().ended(Side::kClient);
  const auto progress = made.progress();
  EXPECT_EQ(progress.reached, Phase::kTls);
  EXPECT_FALSE(progress.failure);
  EXPECT_EQ(state_of(progress, Phase::kTls), PhaseState::kPassed);
  Made without;
  without.tcp().request().confirm().client_hello().server_flight();
  without.message(Side::kClient, tls::HandshakeType::kClientKeyExchange)
      .finished(Side::kClient)
      .ended(Side::kServer);
  expect_failure(without, Phase::kTls, Side::kServer, EndedHow::kClose, "finished");
}

TEST(Progress, AResumedHandshakePassesWithTheClientsFinished) {
  Made made;
  made.tcp()
      .request()
      .confirm()
      .client_hello()
      .server_hello()
      .finished(Side::kServer)
      .finished(Side::kClient);
  EXPECT_EQ(made.progress().reached, Phase::kTls);
  EXPECT_EQ(tls_summary(made.record())->resumed, true);
}

TEST(Progress, FinishedInTheWrongOrderProvesNothing) {
  Made made;
  made.tcp()
      .request()
      .confirm()
      .client_hello()
      .server_flight()
      .finished(Side::kServer)
      .finished(Side::kClient);
  EXPECT_EQ(made.progress().reached, Phase::kX224);
}

TEST(Progress, Tls13PassesWithAServerRecordBehindTheClientsFinished) {
  Made made;
  made.tcp()
      .request()
      .confirm()
      .client_hello()
      .server_hello(0x0304)
      .sealed(Side::kServer, 900)
      .sealed(Side::kClient, 53);
  EXPECT_EQ(made.progress().reached, Phase::kX224);
  made.sealed(Side::kServer, 250).ended(Side::kClient);
  EXPECT_EQ(made.progress().reached, Phase::kTls);
  EXPECT_FALSE(made.progress().failure);
}

/// TLS 1.3 up to the client's Finished, then so long a silence and the client's leave.
Made left_after_finished(Nanoseconds silence, bool opened = true) {
  Made made;
  made.tcp().request().confirm().client_hello().server_hello(0x0304);
  if (opened) {
    made.message(Side::kServer, tls::HandshakeType::kFinished)
        .message(Side::kClient, tls::HandshakeType::kFinished)
        .add(Phase::kTls, Side::kClient, TlsAlert{tls::Alert{1, 0}}, silence);
  } else {
    made.sealed(Side::kServer, 900).sealed(Side::kClient, 53);
    made.add(Phase::kTls, Side::kClient, ProtectedRecord{.type = 23, .size = 19}, silence);
  }
  return made;
}
constexpr Nanoseconds kLong = 300'000'000;

TEST(Progress, AServerWithoutTicketsAcceptsInSilenceAndClosesWhenTheClientLeaves) {
  for (const bool opened : {true, false}) {
    auto by_fin = left_after_finished(kLong, opened).ended(Side::kClient).ended(Side::kServer);
    EXPECT_TRUE(accepted_in_silence(by_fin.record()));
    EXPECT_EQ(by_fin.progress().reached, Phase::kTls);
    EXPECT_FALSE(by_fin.progress().failure);
  }
  auto by_alert = left_after_finished(kLong).alert(Side::kServer, 1, 0).ended(Side::kServer);
  EXPECT_EQ(by_alert.progress().reached, Phase::kTls);
}

TEST(Progress, SilenceBehindTheFinishedOfTls13IsNoAcceptanceWhereItMayHideARefusal) {
  const auto reaches_tls = [](const Made& made) {
    EXPECT_EQ(accepted_in_silence(made.record()), made.progress().reached == Phase::kTls);
    return accepted_in_silence(made.record());
  };
  auto too_soon = left_after_finished(kLong / 3).ended(Side::kClient).ended(Side::kServer);
  EXPECT_FALSE(reaches_tls(too_soon));
  EXPECT_FALSE(reaches_tls(left_after_finished(kLong).ended(Side::kClient)));
  auto by_reset = left_after_finished(kLong).ended(Side::kClient).ended(Side::kServer, How::kReset);
  EXPECT_FALSE(reaches_tls(by_reset));
  auto sealed_reset =
      left_after_finished(kLong, false).sealed(Side::kServer, 19).ended(Side::kServer, How::kReset);
  EXPECT_FALSE(reaches_tls(sealed_reset));
  auto refused = left_after_finished(kLong).alert(Side::kServer, 2, 51).ended(Side::kServer);
  EXPECT_FALSE(reaches_tls(refused));
  auto holed = left_after_finished(kLong).add(Phase::kTls, Side::kServer, Gap{40});
  EXPECT_FALSE(reaches_tls(holed.ended(Side::kServer)));
  auto server_first = left_after_finished(kLong).ended(Side::kServer);
  EXPECT_TRUE(reaches_tls(server_first));  // its FIN answers the close_notify
}

TEST(Progress, SilenceIsMeasuredAgainstTheRoundTrip) {
  const auto reached = [](Nanoseconds silence) {
    Made made;
    constexpr Nanoseconds kFar = 400'000'000;
    made.add(Phase::kTcp, Side::kClient, Connecting{});
    made.add(Phase::kTcp, Side::kServer, Connected{}, kFar).request();
    rdp::ConnectionConfirm confirm;
    confirm.negotiation = rdp::NegotiationResponse{.flags = 0, .selected_protocol = 1};
    made.add(Phase::kX224, Side::kServer, confirm, kFar).client_hello();
    tls::ServerHello hello;
    hello.legacy_version = 0x0303;
    hello.selected_version = 0x0304;
    made.add(Phase::kTls, Side::kServer, hello, kFar);
    made.message(Side::kServer, tls::HandshakeType::kFinished)
        .message(Side::kClient, tls::HandshakeType::kFinished)
        .add(Phase::kTls, Side::kClient, TlsAlert{tls::Alert{1, 0}}, silence);
    return made.ended(Side::kClient).ended(Side::kServer).progress().reached;
  };
  EXPECT_EQ(reached(350'000'000), Phase::kX224);
  EXPECT_EQ(reached(800'000'000), Phase::kTls);
}

TEST(Progress, AnAnswerThatComesAfterTheClientGaveUpCompletesNothingThatItLeftUndone) {
  constexpr Nanoseconds kDeadline = 5'000'000'000;
  Made confirmed;
  confirmed.tcp().request().ended(Side::kClient, How::kClose, kDeadline).confirm();
  for (const auto how : {How::kClose, How::kReset}) {
    auto made = confirmed;
    made.ended(Side::kServer, how);
    expect_failure(made, Phase::kX224, Side::kClient, EndedHow::kTimeout, "connection_request");
    EXPECT_EQ(made.progress().reached, Phase::kTcp);
  }
  Made at_once;
  at_once.tcp().request().ended(Side::kClient, How::kClose, 0).confirm();
  EXPECT_EQ(at_once.progress().reached, Phase::kX224) << "a half-close is no giving up";
  Made greeted;
  greeted.tcp().request().confirm().client_hello().ended(Side::kClient, How::kClose, kDeadline);
  greeted.server_flight().ended(Side::kServer);
  expect_failure(greeted, Phase::kTls, Side::kClient, EndedHow::kTimeout, "client_hello");
  Made finished;
  finished.tcp().request().confirm().client_hello().server_flight();
  finished.message(Side::kClient, tls::HandshakeType::kClientKeyExchange).finished(Side::kClient);
  finished.ended(Side::kClient, How::kClose, kDeadline).finished(Side::kServer);
  EXPECT_EQ(finished.progress().reached, Phase::kTls) << "both sides had done their part";
}

TEST(Progress, TicketsThatComeAfterTheClientLeftShowThatItsFinishedWasAccepted) {
  auto made = left_after_finished(kLong).ended(Side::kClient);
  made.message(Side::kServer, tls::HandshakeType::kNewSessionTicket).ended(Side::kServer);
  EXPECT_EQ(made.progress().reached, Phase::kTls);
  EXPECT_FALSE(accepted_in_silence(made.record()));
}

TEST(Progress, ALeaveIsNotTheMessageAfterWhichTheClientLeft) {
  auto left = left_after_finished(kLong / 3).ended(Side::kClient);
  expect_failure(left, Phase::kTls, Side::kClient, EndedHow::kClose, "finished");
}

TEST(Progress, ASealedRecordOfAnAlertsSizeIsAnAlert) {
  Made by_server;
  by_server.tcp().request().confirm().client_hello().server_hello(0x0304).sealed(Side::kServer,
                                                                                 900);
  by_server.sealed(Side::kClient, 53).sealed(Side::kServer, 19).ended(Side::kServer);
  expect_failure(by_server, Phase::kTls, Side::kServer, EndedHow::kAlert, "finished");
  Made by_client;
  by_client.tcp().request().confirm().client_hello().server_hello(0x0304).sealed(Side::kServer,
                                                                                 900);
  by_client.sealed(Side::kClient, 19).ended(Side::kClient);
  expect_failure(by_client, Phase::kTls, Side::kClient, EndedHow::kAlert, "encrypted_record");
}

TEST(Progress, AFatalAlertCountsAndNotTheFinThatFollows) {
  Made made;
  made.tcp().request().confirm().client_hello().alert(Side::kServer, 2, 40).ended(Side::kServer);
  expect_failure(made, Phase::kTls, Side::kServer, EndedHow::kAlert, "client_hello");
  EXPECT_EQ(made.progress().reached, Phase::kX224);
}

TEST(Progress, AWarningIsNoEndingUnlessItsSenderLeavesWithIt) {
  Made went_on;
  went_on.tcp()
      .request()
      .confirm()
      .client_hello()
      .alert(Side::kServer, 1, 112)
      .server_flight()
      .ended(Side::kServer, How::kReset);
  expect_failure(went_on, Phase::kTls, Side::kServer, EndedHow::kReset, "server_hello_done");
  Made left;
  left.tcp()
      .request()
      .confirm()
      .client_hello()
      .server_flight()
      .alert(Side::kClient, 1, 46)
      .ended(Side::kClient);
  expect_failure(left, Phase::kTls, Side::kClient, EndedHow::kAlert, "server_hello_done");
}

TEST(Progress, WhoSaysCloseNotifyCloses) {
  Made made;
  made.tcp().request().confirm().client_hello().alert(Side::kServer, 1, 0).ended(Side::kClient);
  expect_failure(made, Phase::kTls, Side::kServer, EndedHow::kClose, "alert");
}

TEST(Progress, AClientThatLeavesAfterTheCertificateFailedByItself) {
  Made made;
  made.tcp().request().confirm().client_hello().server_flight().ended(Side::kClient, How::kReset,
                                                                      2'000'000'000);
  expect_failure(made, Phase::kTls, Side::kClient, EndedHow::kReset, "server_hello_done");
}

TEST(Progress, AServerThatLeavesBehindTlsFailsTheNextPhase) {
  Made made;
  made.tcp().request().confirm(2).full_tls12();
  made.add(Phase::kCredssp, Side::kClient, ApplicationData{90}).ended(Side::kServer, How::kReset);
  expect_failure(made, Phase::kCredssp, Side::kServer, EndedHow::kReset, "application_data");
  EXPECT_EQ(made.progress().reached, Phase::kTls);
}

TEST(Progress, AnUltimatumAfterTheClientLeftOnlyAnswersThat) {
  Made made;
  made.tcp().request().confirm(0).ended(Side::kClient);
  made.add(Phase::kMcs, Side::kServer, rdp::DisconnectProviderUltimatum{.reason = 3})
      .ended(Side::kServer);
  EXPECT_EQ(made.progress().reached, Phase::kX224);
  EXPECT_FALSE(made.progress().failure);

  Made unasked;
  unasked.tcp().request().confirm(0);
  unasked.add(Phase::kMcs, Side::kServer, rdp::DisconnectProviderUltimatum{.reason = 3});
  EXPECT_TRUE(unasked.progress().failure);
}

TEST(Progress, WhatIsEncryptedBehindTlsIsSaidSo) {
  Made made;
  made.tcp().request().confirm(2).full_tls12();
  made.add(Phase::kCredssp, Side::kClient, ApplicationData{90})
      .add(Phase::kCredssp, Side::kServer, ApplicationData{90});
  made.ended(Side::kServer);
  EXPECT_FALSE(made.progress().failure);
  EXPECT_EQ(state_of(made.progress(), Phase::kCredssp), PhaseState::kEncrypted);
}

TEST(Progress, ARunThatWentAsFarAsAskedDidNotFail) {
  Made made;
  made.tcp().request().confirm(1).full_tls12().ended(Side::kServer, How::kReset).until(Phase::kTls);
  EXPECT_FALSE(made.progress().failure);
  EXPECT_EQ(state_of(made.progress(), Phase::kMcs), PhaseState::kStopped);
}

TEST(Progress, TlsIsSkippedWhereStandardSecurityWasSelected) {
  Made made;
  made.tcp().request().confirm(0).ended(Side::kClient);
  const auto progress = made.progress();
  EXPECT_EQ(progress.reached, Phase::kX224);
  EXPECT_EQ(state_of(progress, Phase::kTls), PhaseState::kSkipped);
  EXPECT_FALSE(progress.failure);
}

TEST(Progress, ASelectionThatWasNotOfferedFailsUnlessTheClientGoesOn) {
  Made made;
  made.tcp().request(2).confirm(1).ended(Side::kClient);
  expect_failure(made, Phase::kX224, Side::kServer, EndedHow::kMalformed, "connection_request");
  Made went_on;
  went_on.tcp().request(2).confirm(1).full_tls12();
  EXPECT_EQ(went_on.progress().reached, Phase::kTls);
}

TEST(Progress, WhatAGapHidesIsNotBlamedOnAnybody) {
  Made made;
  made.tcp()
      .request()
      .confirm()
      .client_hello()
      .add(Phase::kTls, Side::kServer, Gap{700})
      .ended(Side::kServer, How::kReset);
  expect_failure(made, Phase::kTls, Side::kNetwork, EndedHow::kCaptureEnd, "client_hello");
}

TEST(Progress, DurationsRunFromTheFirstEvidenceOfAPhaseToItsEnd) {
  Made made;
  made.tcp().request().confirm().full_tls12();
  for (const auto& row : made.progress().phases) {
    if (row.phase == Phase::kTcp || row.phase == Phase::kX224) {
      EXPECT_EQ(row.duration, 1'000'000);
    }
    if (row.phase == Phase::kTls) {
      EXPECT_EQ(row.duration, 8'000'000);
    }
  }
}

TEST(Progress, AnEmptyRecordSaysNothing) {
  const auto progress = record::progress({});
  EXPECT_FALSE(progress.reached);
  EXPECT_FALSE(progress.failure);
}

TEST(SameEvidence, PassesOverTimesNumbersAndWhatOnlyALiveRunSees) {
  Made a;
  Made b;
  a.tcp().request().ended(Side::kClient, How::kClose, 10);
  b.tcp().request().ended(Side::kClient, How::kClose, 99'999);
  auto live = b.record();
  live.evidence.insert(live.evidence.begin(), Evidence{.id = 1,
                                                       .phase = Phase::kResolve,
                                                       .where = {},
                                                       .at = {},
                                                       .fact = Resolved{},
                                                       .notes = {},
                                                       .live_only = true});
  EXPECT_TRUE(same_evidence(a.record(), live));
  EXPECT_EQ(first_difference(a.record(), live), "");
}

TEST(SameEvidence, SeesAnotherFactAnotherOrderAndAMissingOne) {
  Made a;
  Made b;
  Made c;
  a.tcp().request(3);
  b.tcp().request(1);
  c.tcp();
  EXPECT_FALSE(same_evidence(a.record(), b.record()));
  EXPECT_NE(first_difference(a.record(), b.record()).find("the facts differ"), std::string::npos);
  EXPECT_FALSE(same_evidence(a.record(), c.record()));
  EXPECT_NE(first_difference(a.record(), c.record()).find("only the first has"), std::string::npos);
}

TEST(PhaseTable, NamesArePhasesOfTheContractInOrder) {
  EXPECT_EQ(phase_table().size(), 17u);
  for (const auto& row : phase_table()) {
    EXPECT_EQ(phase_named(row.name), row.phase);
    EXPECT_FALSE(row.section.empty());
  }
  EXPECT_EQ(name_of(Phase::kClientInfo), "client_info");
  EXPECT_FALSE(phase_named("x.224"));
}

}  // namespace
}  // namespace rdpwhy::record
