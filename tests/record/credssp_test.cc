// Progress, names and summaries of what is said inside TLS.
#include <gtest/gtest.h>

#include "rdpwhy/record/credssp_summary.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::record {
namespace {

using How = Ending::How;
using Why = RunFacts::OwnStop::Why;
constexpr Nanoseconds kMillisecond = 1'000'000;

auth::Token token(auth::MechanismMessage message) {
  auth::Token token;
  token.message = std::move(message);
  return token;
}
CredsspMessage with(auth::Token token) {
  CredsspMessage message{.version = 6, .has_nego_tokens = true, .tokens = {std::move(token)}};
  return message;
}
auth::Token spnego(auth::SpnegoToken outer, auth::MechanismMessage message = {}) {
  auto made = token(std::move(message));
  made.spnego = std::move(outer);
  return made;
}
CredsspMessage negotiate() { return with(token(auth::NtlmNegotiate{})); }
CredsspMessage challenge() { return with(token(auth::NtlmChallenge{})); }
CredsspMessage authenticate() {
  auto message = with(token(auth::NtlmAuthenticate{}));
  message.pub_key_auth = Bytes(48, 1);
  return message;
}
CredsspMessage server_key() { return {.version = 6, .pub_key_auth = Bytes(48, 2)}; }
CredsspMessage credentials() { return {.version = 6, .auth_info_size = 90}; }
CredsspMessage refusal(std::uint32_t code = 0xC000006D) {
  return {.version = 6, .error_code = code};
}
CredsspMessage kerberos(auth::KerberosToken::Kind kind) {
  return with(token(auth::KerberosToken{.kind = kind}));
}
CredsspMessage krb_error(std::int32_t code) {
  auth::KerberosToken made{.kind = auth::KerberosToken::Kind::kError};
  made.error = auth::KrbError{.error_code = code, .realm = "LAB", .server_time = {90'000'000'000}};
  return with(token(made));
}
KdcTalk talk(KdcTalk::Outcome outcome) {
  KdcTalk made;
  made.outcome = outcome;
  made.service = "TERMSRV/host@LAB";
  return made;
}

/// A connection of TLS 1.2 that is open to us, a millisecond per evidence.
class Opened {
 public:
  explicit Opened(std::uint32_t selected = 2) {
    add(Phase::kTcp, Side::kClient, Connecting{});
    add(Phase::kTcp, Side::kServer, Connected{});
    rdp::ConnectionRequest request;
    request.negotiation = rdp::NegotiationRequest{.flags = 0, .requested = {15}};
    add(Phase::kX224, Side::kClient, request);
    rdp::ConnectionConfirm confirm;
    confirm.negotiation = rdp::NegotiationResponse{.flags = 0, .selected_protocol = selected};
    add(Phase::kX224, Side::kServer, confirm);
    add(Phase::kTls, Side::kClient, tls::ClientHello{});
    tls::ServerHello hello;
    hello.legacy_version = 0x0303;
    add(Phase::kTls, Side::kServer, hello);
    add(Phase::kTls, Side::kServer, Certificates{});
    for (const auto side : {Side::kClient, Side::kServer}) {
      add(Phase::kTls, side, ChangeCipherSpec{});
      add(Phase::kTls, side, ProtectedRecord{.type = 22, .size = 40});
    }
  }
  /// Of TLS 1.3 instead, up to both Finished.
  static Opened of_tls13() {
    Opened made;
    while (!holds<tls::ServerHello>(made.record_.evidence.back().fact))
      made.record_.evidence.pop_back();
    get<tls::ServerHello>(made.record_.evidence.back().fact).selected_version = 0x0304;
    made.add(Phase::kTls, Side::kServer, EncryptedExtensions{});
    for (const auto side : {Side::kServer, Side::kClient})
      made.add(Phase::kTls, side,
               HandshakeMessage{.type = 20, .size = 52, .signature_algorithm = {}});
    return made;
  }
  Opened& client(Fact fact, Nanoseconds after = kMillisecond) {
    return inside(Side::kClient, std::move(fact), after);
  }
  Opened& server(Fact fact, Nanoseconds after = kMillisecond) {
    return inside(Side::kServer, std::move(fact), after);
  }
  Opened& kdc(KdcTalk::Outcome outcome, Nanoseconds after = kMillisecond) {
    add(Phase::kKerberos, Side::kNetwork, talk(outcome), after);
    record_.evidence.back().live_only = true;
    return *this;
  }
  Opened& alert(Side side, std::uint8_t level, std::uint8_t code,
                Nanoseconds after = kMillisecond) {
    add(Phase::kTls, side, TlsAlert{tls::Alert{level, code}}, after);
    record_.evidence.back().where.layer = Layer::kDecrypted;
    return *this;
  }
  Opened& ended(Side by, How how = How::kClose, Nanoseconds silence = kMillisecond) {
    return add(Phase::kCredssp, by, Ending{.by = by, .how = how, .silence = silence}, silence);
  }
  Opened& ntlm() { return client(negotiate()).server(challenge()).client(authenticate()); }
  Opened& whole_credssp() { return ntlm().server(server_key()).client(credentials()); }
  Opened& until(Phase phase) {
    if (!record_.run) record_.run = RunFacts{};
    record_.run->until = phase;
    return *this;
  }
  Opened& stopped(Why why) {
    record_.run->own_stop = RunFacts::OwnStop{.why = why, .words = {}};
    return *this;
  }
  Opened& add(Phase phase, Side side, Fact fact, Nanoseconds after = kMillisecond) {
    now_ += after;
    record_.evidence.push_back({.id = static_cast<EvidenceId>(record_.evidence.size() + 1),
                                .phase = phase,
                                .where = {.side = side},
                                .at = {now_},
                                .fact = std::move(fact),
                                .notes = {}});
    return *this;
  }
  [[nodiscard]] const HandshakeRecord& record() const { return record_; }
  [[nodiscard]] Progress progress() const { return record::progress(record_); }

 private:
  Opened& inside(Side side, Fact fact, Nanoseconds after) {
    auto phase = Phase::kCredssp;
    if (is_session(fact)) phase = Phase::kMcs;
    if (holds<auth::EarlyUserAuthorizationResult>(fact)) phase = Phase::kAuthorization;
    if (holds<auth::RdstlsPdu>(fact)) phase = Phase::kRdstls;
    add(phase, side, std::move(fact), after);
    record_.evidence.back().where.layer = Layer::kDecrypted;
    return *this;
  }

  HandshakeRecord record_;
  Nanoseconds now_ = 0;
};

std::optional<PhaseState> state_of(const Progress& progress, Phase phase) {
  for (const auto& row : progress.phases) {
    if (row.phase == phase) return row.state;
  }
  return {};
}

void expect_failure(const Opened& made, Phase phase, Side by, EndedHow how, std::string_view after,
                    Phase reached) {
  const auto progress = made.progress();
  ASSERT_TRUE(progress.failure);
  EXPECT_EQ(name_of(progress.failure->phase), name_of(phase));
  EXPECT_EQ(progress.failure->by, by);
  EXPECT_EQ(name_of(progress.failure->how), name_of(how));
  EXPECT_EQ(progress.failure->after, after);
  EXPECT_EQ(progress.reached, reached);
  EXPECT_EQ(state_of(progress, phase), PhaseState::kFailed);
}

void expect_no_failure(const Opened& made, Phase reached) {
  const auto progress = made.progress();
  if (progress.failure) {
    ADD_FAILURE() << name_of(progress.failure->phase) << " " << name_of(progress.failure->how)
                  << " after " << progress.failure->after;
  }
  ASSERT_TRUE(progress.reached);
  EXPECT_EQ(name_of(*progress.reached), name_of(reached));
}

const McsConnectInitial kInitial;
const McsConnectResponse kResponse;

// --- what is refused ----------------------------------------------------------------------------

TEST(InsideTls, AnErrorCodeIsAFailurePduAfterTheMessageThatItAnswers) {
  expect_failure(Opened().ntlm().server(refusal()).ended(Side::kServer), Phase::kCredssp,
                 Side::kServer, EndedHow::kFailurePdu, "ntlm_authenticate", Phase::kTls);
  expect_failure(Opened().client(negotiate()).server(refusal(0x80090302)), Phase::kCredssp,
                 Side::kServer, EndedHow::kFailurePdu, "ntlm_negotiate", Phase::kTls);
  expect_failure(Opened().whole_credssp().server(refusal()).ended(Side::kServer), Phase::kCredssp,
                 Side::kServer, EndedHow::kFailurePdu, "auth_info", Phase::kTls);
}

TEST(InsideTls, ARefusalThatTheClientDidNotWaitForFailsCredsspAllTheSame) {
  for (const std::uint32_t selected : {2u, 8u}) {
    expect_failure(Opened(selected)
                       .ntlm()
                       .server(server_key())
                       .server(refusal())
                       .client(credentials())
                       .ended(Side::kClient),
                   Phase::kCredssp, Side::kServer, EndedHow::kFailurePdu, "pub_key_auth",
                   Phase::kTls);
  }
}

TEST(InsideTls, AnErrorCodeBesideAPubKeyAuthIsARefusal) {
  auto echoed = refusal();
  echoed.pub_key_auth = Bytes(48, 1);
  const auto made = Opened().ntlm().server(echoed).ended(Side::kServer);
  expect_failure(made, Phase::kCredssp, Side::kServer, EndedHow::kFailurePdu, "ntlm_authenticate",
                 Phase::kTls);
  EXPECT_FALSE(credssp_summary(made.record())->public_key_answered);
}

TEST(InsideTls, ARejectOfSpnegoIsAFailurePdu) {
  auth::NegTokenResp reject;
  reject.neg_state = 2;
  expect_failure(Opened().client(negotiate()).server(with(spnego(reject))).ended(Side::kServer),
                 Phase::kCredssp, Side::kServer, EndedHow::kFailurePdu, "ntlm_negotiate",
                 Phase::kTls);
}

TEST(InsideTls, AKrbErrorFailsOnlyIfTheClientDoesNotTryAgain) {
  using Kind = auth::KerberosToken::Kind;
  expect_failure(
      Opened().client(kerberos(Kind::kApRequest)).server(krb_error(37)).ended(Side::kClient),
      Phase::kCredssp, Side::kServer, EndedHow::kFailurePdu, "ap_request", Phase::kTls);
  expect_no_failure(Opened()
                        .client(kerberos(Kind::kApRequest))
                        .server(krb_error(37))
                        .client(kerberos(Kind::kApRequest))
                        .server(kerberos(Kind::kApReply))
                        .client({server_key()})
                        .server(server_key())
                        .client(credentials())
                        .ended(Side::kClient),
                    Phase::kCredssp);
}

TEST(InsideTls, AnAlertACloseAResetAndSilenceFailTheRunningPhase) {
  expect_failure(Opened().ntlm().alert(Side::kServer, 2, 80).ended(Side::kServer), Phase::kCredssp,
                 Side::kServer, EndedHow::kAlert, "ntlm_authenticate", Phase::kTls);
  expect_failure(Opened().ntlm().ended(Side::kServer), Phase::kCredssp, Side::kServer,
                 EndedHow::kClose, "ntlm_authenticate", Phase::kTls);
  expect_failure(Opened().ntlm().alert(Side::kServer, 1, 0).ended(Side::kServer), Phase::kCredssp,
                 Side::kServer, EndedHow::kClose, "ntlm_authenticate", Phase::kTls);
  expect_failure(Opened().ntlm().ended(Side::kServer, How::kReset), Phase::kCredssp, Side::kServer,
                 EndedHow::kReset, "ntlm_authenticate", Phase::kTls);
  expect_failure(Opened().ntlm().ended(Side::kClient, How::kClose, 5'000 * kMillisecond),
                 Phase::kCredssp, Side::kClient, EndedHow::kTimeout, "ntlm_authenticate",
                 Phase::kTls);
  expect_failure(Opened().ntlm().ended(Side::kNetwork, How::kCaptureEnd), Phase::kCredssp,
                 Side::kNetwork, EndedHow::kCaptureEnd, "ntlm_authenticate", Phase::kTls);
}

TEST(InsideTls, TheCloseNotifyOfAClientThatGaveUpDoesNotHideTheSilence) {
  const auto made = Opened()
                        .ntlm()
                        .alert(Side::kClient, 1, 0, 5'000 * kMillisecond)
                        .ended(Side::kClient)
                        .ended(Side::kServer);
  expect_failure(made, Phase::kCredssp, Side::kClient, EndedHow::kTimeout, "ntlm_authenticate",
                 Phase::kTls);
  EXPECT_EQ(made.progress().failure->after_ns, 5'001 * kMillisecond);
  // A client that leaves although it is its turn did not wait for anybody.
  expect_failure(Opened()
                     .client(negotiate())
                     .server(challenge())
                     .alert(Side::kClient, 1, 0, 5'000 * kMillisecond)
                     .ended(Side::kClient),
                 Phase::kCredssp, Side::kClient, EndedHow::kClose, "ntlm_challenge", Phase::kTls);
}

TEST(InsideTls, TheTicketsOfTls13AreNoAnswerToWhatWasAskedBehindTheFinished) {
  const HandshakeMessage ticket{.type = 4, .size = 200, .signature_algorithm = {}};
  const auto silent = [&](bool says_close_notify) {
    auto made = Opened::of_tls13().client(negotiate());
    made.add(Phase::kTls, Side::kServer, ticket).add(Phase::kTls, Side::kServer, ticket);
    if (says_close_notify) made.alert(Side::kClient, 1, 0, 5'000 * kMillisecond);
    const auto silence = says_close_notify ? kMillisecond : 5'000 * kMillisecond;
    return made.ended(Side::kClient, How::kClose, silence);
  };
  for (const bool says_close_notify : {false, true}) {
    const auto progress = silent(says_close_notify).progress();
    ASSERT_TRUE(progress.failure);
    EXPECT_EQ(name_of(progress.failure->phase), name_of(Phase::kCredssp));
    EXPECT_EQ(name_of(progress.failure->how), name_of(EndedHow::kTimeout)) << says_close_notify;
  }
}

TEST(InsideTls, DataThatStaysClosedBehindAnOpenedHandshakeIsEncryptedAndAnAlertIsNot) {
  for (const std::uint32_t size : {79u, 19u}) {
    auto made = Opened::of_tls13();
    made.add(Phase::kTls, Side::kServer,
             HandshakeMessage{.type = 4, .size = 200, .signature_algorithm = {}});
    made.add(Phase::kTls, Side::kClient, ProtectedRecord{.type = 23, .size = size});
    const auto progress = made.ended(Side::kClient).progress();
    EXPECT_FALSE(progress.failure);
    EXPECT_EQ(state_of(progress, Phase::kCredssp),
              size == 19 ? PhaseState::kNotReached : PhaseState::kEncrypted);
  }
}

TEST(InsideTls, WhatDoesNotAnswerTheProofLeavesTheAnswerDue) {
  expect_failure(
      Opened().ntlm().server(challenge()).ended(Side::kClient, How::kClose, 5'000 * kMillisecond),
      Phase::kCredssp, Side::kClient, EndedHow::kTimeout, "ntlm_challenge", Phase::kTls);
  expect_failure(Opened()
                     .ntlm()
                     .server(CredsspMessage{.version = 6})
                     .ended(Side::kClient, How::kClose, 5'000 * kMillisecond),
                 Phase::kCredssp, Side::kClient, EndedHow::kTimeout, "ts_request", Phase::kTls);
  // After the pubKeyAuth it is the client's turn.
  expect_failure(
      Opened().ntlm().server(server_key()).ended(Side::kClient, How::kClose, 5'000 * kMillisecond),
      Phase::kCredssp, Side::kClient, EndedHow::kClose, "pub_key_auth", Phase::kTls);
}

TEST(InsideTls, AServerThatSaidCloseNotifyClosedHoweverLongTheClientWaitedForMore) {
  for (const bool client_says_it_too : {false, true}) {
    auto made = Opened().ntlm().alert(Side::kServer, 1, 0);
    if (client_says_it_too) made.alert(Side::kClient, 1, 0, 5'000 * kMillisecond);
    made.ended(Side::kClient, How::kClose, 5'000 * kMillisecond).ended(Side::kServer);
    expect_failure(made, Phase::kCredssp, Side::kServer, EndedHow::kClose, "ntlm_authenticate",
                   Phase::kTls);
    EXPECT_EQ(made.progress().failure->after_ns, kMillisecond);
  }
}

TEST(InsideTls, AnAnswerThatDoesNotDecodeIsMalformedUnlessTheClientGoesOn) {
  const Malformed malformed{.what = "CredSSP TSRequest", .error = {}, .first = {}};
  expect_failure(Opened().client(negotiate()).server(malformed).ended(Side::kClient),
                 Phase::kCredssp, Side::kServer, EndedHow::kMalformed, "ntlm_negotiate",
                 Phase::kTls);
  expect_failure(Opened()
                     .client(negotiate())
                     .server(malformed)
                     .client(authenticate())
                     .ended(Side::kServer, How::kReset),
                 Phase::kCredssp, Side::kServer, EndedHow::kReset, "ntlm_authenticate",
                 Phase::kTls);
  auto unreadable = challenge();
  unreadable.tokens[0].message = {};
  unreadable.tokens[0].error = DecodeError{};
  expect_failure(Opened().client(negotiate()).server(unreadable).ended(Side::kClient),
                 Phase::kCredssp, Side::kServer, EndedHow::kMalformed, "ntlm_negotiate",
                 Phase::kTls);
}

TEST(InsideTls, AnUltimatumWhereATsRequestIsDueSaysNo) {
  const Unexpected data{.got = "X.224 Data", .expected = "CredSSP TSRequest", .seen = {}};
  expect_failure(Opened()
                     .ntlm()
                     .server(data)
                     .server(rdp::DisconnectProviderUltimatum{.reason = 3})
                     .ended(Side::kClient),
                 Phase::kCredssp, Side::kServer, EndedHow::kFailurePdu, "ntlm_authenticate",
                 Phase::kTls);
  expect_failure(Opened().ntlm().server(data).ended(Side::kClient), Phase::kCredssp, Side::kServer,
                 EndedHow::kMalformed, "ntlm_authenticate", Phase::kTls);
}

TEST(InsideTls, AServerThatLeavesBeforeAnythingIsSaidFailsTheNextPhase) {
  expect_failure(Opened().ended(Side::kServer), Phase::kCredssp, Side::kServer, EndedHow::kClose,
                 "finished", Phase::kTls);
  expect_failure(Opened().client(negotiate()).ended(Side::kServer), Phase::kCredssp, Side::kServer,
                 EndedHow::kClose, "ntlm_negotiate", Phase::kTls);
}

// --- what passes --------------------------------------------------------------------------------

TEST(InsideTls, CredsspPassesWithTheCredentialsThatNobodyRefuses) {
  expect_no_failure(Opened().whole_credssp().ended(Side::kClient), Phase::kCredssp);
  expect_no_failure(Opened()
                        .whole_credssp()
                        .alert(Side::kClient, 1, 0)
                        .ended(Side::kClient)
                        .alert(Side::kServer, 1, 0)
                        .ended(Side::kServer),
                    Phase::kCredssp);
  const auto went_on = Opened().whole_credssp().client(kInitial).server(kResponse);
  expect_no_failure(went_on, Phase::kMcs);
  EXPECT_EQ(state_of(went_on.progress(), Phase::kChannels), PhaseState::kNotReached);
}

TEST(InsideTls, AServerThatLeavesOverTheCredentialsDidNotAcceptThem) {
  expect_failure(Opened().whole_credssp().ended(Side::kServer, How::kReset), Phase::kCredssp,
                 Side::kServer, EndedHow::kReset, "auth_info", Phase::kTls);
  expect_failure(Opened().whole_credssp().client(kInitial).ended(Side::kServer), Phase::kMcs,
                 Side::kServer, EndedHow::kClose, "mcs_connect_initial", Phase::kCredssp);
}

TEST(InsideTls, CredentialsThatGoWithoutTheServersPubKeyAuthProveNothing) {
  expect_failure(Opened().ntlm().client(credentials()).ended(Side::kClient), Phase::kCredssp,
                 Side::kClient, EndedHow::kClose, "auth_info", Phase::kTls);
  expect_no_failure(Opened().ntlm().client(credentials()).client(kInitial).server(kResponse),
                    Phase::kMcs);
}

TEST(InsideTls, AuthorizationIsAPhaseOfItsOwnWithHybridEx) {
  using Result = auth::EarlyUserAuthorizationResult;
  expect_no_failure(Opened(8).whole_credssp().server(Result{0}).ended(Side::kClient),
                    Phase::kAuthorization);
  expect_failure(Opened(8).whole_credssp().server(Result{5}).ended(Side::kServer),
                 Phase::kAuthorization, Side::kServer, EndedHow::kFailurePdu, "auth_info",
                 Phase::kCredssp);
  expect_failure(Opened(8).whole_credssp().ended(Side::kServer), Phase::kAuthorization,
                 Side::kServer, EndedHow::kClose, "auth_info", Phase::kCredssp);
  expect_failure(Opened(8).whole_credssp().ended(Side::kClient, How::kClose, 5'000 * kMillisecond),
                 Phase::kAuthorization, Side::kClient, EndedHow::kTimeout, "auth_info",
                 Phase::kCredssp);
  expect_failure(Opened(8).whole_credssp().server(refusal(0xC000015B)), Phase::kCredssp,
                 Side::kServer, EndedHow::kFailurePdu, "auth_info", Phase::kTls);
  const auto refused = Opened(8).client(negotiate()).server(refusal());
  EXPECT_EQ(state_of(refused.progress(), Phase::kAuthorization), PhaseState::kNotReached);
  expect_no_failure(Opened(8).whole_credssp().client(kInitial).server(kResponse), Phase::kMcs);
}

TEST(InsideTls, AuthorizationLastsFromTheCredentialsToTheResult) {
  const auto made =
      Opened(8).whole_credssp().server(auth::EarlyUserAuthorizationResult{0}, 7 * kMillisecond);
  EXPECT_EQ(made.progress().phases.back().phase, Phase::kMcs);
  for (const auto& row : made.progress().phases) {
    if (row.phase != Phase::kAuthorization) continue;
    EXPECT_EQ(row.duration, 7 * kMillisecond);
  }
}

TEST(InsideTls, RdstlsPassesWithItsResult) {
  const auth::RdstlsPdu capabilities = auth::RdstlsCapabilities{};
  const auth::RdstlsPdu request = auth::RdstlsAuthenticationRequest{};
  const auth::RdstlsPdu granted = auth::RdstlsAuthenticationResponse{0};
  const auth::RdstlsPdu refused = auth::RdstlsAuthenticationResponse{0x52E};
  expect_no_failure(Opened(4).server(capabilities).client(request).server(granted), Phase::kRdstls);
  expect_failure(Opened(4).server(capabilities).client(request).server(refused), Phase::kRdstls,
                 Side::kServer, EndedHow::kFailurePdu, "rdstls_authentication_request",
                 Phase::kTls);
  expect_failure(Opened(4).server(capabilities).client(request).ended(Side::kServer),
                 Phase::kRdstls, Side::kServer, EndedHow::kClose, "rdstls_authentication_request",
                 Phase::kTls);
  const auto both = Opened(4).server(capabilities).client(request).server(granted);
  const auto summary = rdstls_summary(both.record());
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->response->result_code, 0u);
  EXPECT_NE(summary->request, nullptr);
}

TEST(InsideTls, RdpBehindSslIsJudgedAsInTheClear) {
  expect_failure(Opened(1).client(kInitial).server(kResponse).ended(Side::kServer),
                 Phase::kChannels, Side::kServer, EndedHow::kClose, "mcs_connect_response",
                 Phase::kMcs);
  expect_failure(Opened(1).client(kInitial).ended(Side::kServer), Phase::kMcs, Side::kServer,
                 EndedHow::kClose, "mcs_connect_initial", Phase::kTls);
}

TEST(InsideTls, APhaseThatCannotBeSeenToItsEndIsEncrypted) {
  auto made = Opened().client(negotiate());
  made.add(Phase::kCredssp, Side::kServer, ApplicationData{.size = 400});
  made.add(Phase::kCredssp, Side::kClient, ApplicationData{.size = 700}).ended(Side::kClient);
  expect_no_failure(made, Phase::kTls);
  EXPECT_EQ(state_of(made.progress(), Phase::kCredssp), PhaseState::kEncrypted);
}

TEST(InsideTls, PlaintextOfTheServerShowsThatTls13Passed) {
  Opened made;
  auto record = made.record();
  record.evidence.resize(4);
  record.evidence[3].where.side = Side::kServer;
  const auto add = [&](Phase phase, Side side, Layer layer, Fact fact) {
    record.evidence.push_back({.id = static_cast<EvidenceId>(record.evidence.size() + 1),
                               .phase = phase,
                               .where = {.side = side, .layer = layer},
                               .at = {static_cast<Nanoseconds>(record.evidence.size())},
                               .fact = std::move(fact),
                               .notes = {}});
  };
  tls::ServerHello hello;
  hello.legacy_version = 0x0303;
  hello.selected_version = 0x0304;
  const HandshakeMessage finished{.type = 20, .size = 32, .signature_algorithm = {}};
  add(Phase::kTls, Side::kClient, Layer::kWire, tls::ClientHello{});
  add(Phase::kTls, Side::kServer, Layer::kWire, hello);
  add(Phase::kTls, Side::kServer, Layer::kDecrypted, finished);
  add(Phase::kTls, Side::kClient, Layer::kDecrypted, finished);
  add(Phase::kCredssp, Side::kClient, Layer::kDecrypted, negotiate());
  EXPECT_EQ(progress(record).reached, Phase::kX224);
  // The very message that shows it may be the one that refuses.
  add(Phase::kCredssp, Side::kServer, Layer::kDecrypted, refusal());
  const auto found = progress(record);
  EXPECT_EQ(found.reached, Phase::kTls);
  ASSERT_TRUE(found.failure);
  EXPECT_EQ(found.failure->how, EndedHow::kFailurePdu);
  EXPECT_EQ(found.failure->evidence, record.evidence.size());
}

// --- the KDC ------------------------------------------------------------------------------------

TEST(InsideTls, AKdcThatDoesNotGrantFailsItsOwnPhase) {
  using Outcome = KdcTalk::Outcome;
  struct Case {
    Outcome outcome;
    Side by;
    EndedHow how;
  };
  for (const auto& [outcome, by, how] :
       {Case{Outcome::kRefused, Side::kNetwork, EndedHow::kFailurePdu},
        Case{Outcome::kUnreachable, Side::kNetwork, EndedHow::kUnreachable},
        Case{Outcome::kTimeout, Side::kNetwork, EndedHow::kTimeout},
        Case{Outcome::kUnavailable, Side::kClient, EndedHow::kUnreachable}}) {
    expect_failure(Opened()
                       .kdc(outcome)
                       .alert(Side::kClient, 1, 0)
                       .ended(Side::kClient)
                       .until(Phase::kCredssp),
                   Phase::kKerberos, by, how, "finished", Phase::kTls);
  }
}

TEST(InsideTls, AGrantedTicketIsReachedAndAnErrorAfterItIsTheServers) {
  const auto made = Opened()
                        .kdc(KdcTalk::Outcome::kGranted)
                        .client(kerberos(auth::KerberosToken::Kind::kApRequest))
                        .server(refusal());
  expect_failure(made, Phase::kCredssp, Side::kServer, EndedHow::kFailurePdu, "ap_request",
                 Phase::kKerberos);
  EXPECT_EQ(state_of(made.progress(), Phase::kKerberos), PhaseState::kPassed);
}

TEST(InsideTls, ATicketThatWasNotToBeHadIsSkippedWhereNtlmWentOn) {
  const auto made =
      Opened().kdc(KdcTalk::Outcome::kUnreachable).whole_credssp().until(Phase::kCredssp);
  expect_no_failure(made, Phase::kCredssp);
  EXPECT_EQ(state_of(made.progress(), Phase::kKerberos), PhaseState::kSkipped);
  EXPECT_TRUE(made.progress().as_asked);
}

// --- what was asked for -------------------------------------------------------------------------

TEST(InsideTls, WithoutCredentialsTheChallengeIsAsFarAsAsked) {
  const auto made = Opened()
                        .until(Phase::kCredssp)
                        .stopped(Why::kNoCredentials)
                        .client(negotiate())
                        .server(challenge())
                        .alert(Side::kClient, 1, 0)
                        .ended(Side::kClient);
  expect_no_failure(made, Phase::kTls);
  EXPECT_TRUE(made.progress().as_asked);
  EXPECT_EQ(state_of(made.progress(), Phase::kCredssp), PhaseState::kStopped);
  const auto refused = Opened()
                           .until(Phase::kCredssp)
                           .stopped(Why::kNoCredentials)
                           .client(negotiate())
                           .server(refusal(0xC0000418))
                           .ended(Side::kServer);
  EXPECT_FALSE(refused.progress().as_asked);
  EXPECT_TRUE(refused.progress().failure);
  EXPECT_FALSE(Opened().until(Phase::kCredssp).ended(Side::kServer).progress().as_asked);
}

TEST(InsideTls, WhoAskedForMoreThanTheServerSelectedDidNotGetIt) {
  EXPECT_FALSE(Opened(1).until(Phase::kCredssp).ended(Side::kClient).progress().as_asked);
  EXPECT_FALSE(Opened(2).until(Phase::kCredssp).ended(Side::kClient).progress().as_asked);
  const auto authenticated = Opened(2).until(Phase::kAuthorization).whole_credssp();
  EXPECT_FALSE(authenticated.progress().as_asked);
  EXPECT_TRUE(Opened(2).until(Phase::kCredssp).whole_credssp().progress().as_asked);
  EXPECT_FALSE(Opened(8).until(Phase::kAuthorization).whole_credssp().progress().as_asked);
}

// --- names and summary --------------------------------------------------------------------------

std::string name(const CredsspMessage& message) {
  Evidence e{
      .id = 1, .phase = Phase::kCredssp, .where = {}, .at = {}, .fact = message, .notes = {}};
  return message_name({}, e).value_or("");
}
std::string words(const CredsspMessage& message) {
  Evidence e{
      .id = 1, .phase = Phase::kCredssp, .where = {}, .at = {}, .fact = message, .notes = {}};
  return describe(e);
}

TEST(CredsspNames, SayWhatAMessageIsThereFor) {
  using Kind = auth::KerberosToken::Kind;
  auth::NegTokenInit init;
  init.mech_types = {"1.2.840.113554.1.2.2", "1.3.6.1.4.1.311.2.2.10", "1.2.3"};
  EXPECT_EQ(name(negotiate()), "ntlm_negotiate");
  EXPECT_EQ(name(challenge()), "ntlm_challenge");
  EXPECT_EQ(name(authenticate()), "ntlm_authenticate");
  EXPECT_EQ(name(server_key()), "pub_key_auth");
  EXPECT_EQ(name(credentials()), "auth_info");
  EXPECT_EQ(name(refusal()), "ts_request_error");
  EXPECT_EQ(name(kerberos(Kind::kApRequest)), "ap_request");
  EXPECT_EQ(name(kerberos(Kind::kApReply)), "ap_reply");
  EXPECT_EQ(name(krb_error(37)), "krb_error");
  EXPECT_EQ(name(with(spnego(init))), "spnego_init");
  EXPECT_EQ(name(with(spnego(init, auth::NtlmNegotiate{}))), "ntlm_negotiate");
  EXPECT_EQ(name(with(spnego(auth::NegTokenResp{}))), "spnego_response");
  auto last_leg = with(spnego(auth::NegTokenResp{}));
  last_leg.pub_key_auth = Bytes(8, 1);
  EXPECT_EQ(name(last_leg), "pub_key_auth");
  EXPECT_EQ(name({.version = 6}), "ts_request");

  EXPECT_EQ(words(with(spnego(init, auth::NtlmNegotiate{}))),
            "CredSSP TSRequest v6: SPNEGO NegTokenInit (Kerberos, NTLM, 1.2.3), NTLM NEGOTIATE");
  EXPECT_EQ(words(krb_error(37)), "CredSSP TSRequest v6: KRB-ERROR KRB_AP_ERR_SKEW");
  EXPECT_EQ(words(refusal()), "CredSSP TSRequest v6: errorCode 0xc000006d");
  EXPECT_EQ(words({.version = 3}), "CredSSP TSRequest v3: empty");
}

TEST(CredsspSummary, HoldsVersionsNamesAndTheSkewOfTheServersClock) {
  auth::NtlmChallenge made;
  made.target_info = auth::AvPairs{};
  const auto filetime = auth::filetime_of({1'700'000'000'000'000'000});
  Bytes time;
  for (int i = 0; i < 8; ++i) time.push_back(static_cast<std::uint8_t>(filetime >> (8 * i)));
  made.target_info->pairs.push_back({static_cast<std::uint16_t>(auth::AvId::kTimestamp), time});
  auto answer = with(token(made));
  answer.version = 3;
  auto record =
      Opened().client(negotiate()).server(answer).client(authenticate()).server(refusal()).record();
  record.evidence[12].at = {1'699'999'990'000'000'000};
  const auto summary = credssp_summary(record);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->client_version, 6u);
  EXPECT_EQ(summary->server_version, 3u);
  EXPECT_EQ(summary->mechanism, "NTLM");
  EXPECT_FALSE(summary->offered_mechanisms);
  ASSERT_TRUE(summary->clock_skew);
  EXPECT_EQ(*summary->clock_skew, 10'000'000'000);
  EXPECT_EQ(summary->error_code, 0xC000006Du);
  EXPECT_TRUE(summary->public_key_sent);
  EXPECT_FALSE(summary->delegated);
  EXPECT_FALSE(credssp_summary(Opened().record()));
}

TEST(CredsspSummary, OfKerberosHoldsTheErrorAndItsSkew) {
  using Kind = auth::KerberosToken::Kind;
  auth::NegTokenInit init;
  init.mech_types = {"1.2.840.113554.1.2.2"};
  auth::KerberosToken request{.kind = Kind::kApRequest};
  request.server_name = {"TERMSRV", "host"};
  const auto made = Opened().client(with(spnego(init, request))).server(krb_error(37));
  const auto summary = credssp_summary(made.record());
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->mechanism, "Kerberos");
  EXPECT_EQ(summary->offered_mechanisms, std::vector<std::string>{"1.2.840.113554.1.2.2"});
  ASSERT_NE(summary->kerberos_error, nullptr);
  EXPECT_EQ(summary->kerberos_error->error_code, 37);
  EXPECT_EQ(summary->kerberos_skew, 90'000'000'000 - made.record().evidence.back().at.ns);
  EXPECT_EQ(summary->ap_request->server_name.back(), "host");
}

}  // namespace
}  // namespace rdpwhy::record
