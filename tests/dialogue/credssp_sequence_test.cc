#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/certificate_files.h"
#include "dialogue/nla_server.h"
#include "dialogue/talk.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::dialogue {
namespace {

using crypto::CertificateRecipe;
using record::CredsspMessage;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using At = NlaServer::At;
using Does = NlaServer::Does;
using Proof = NlaServer::Proof;
using Why = record::RunFacts::OwnStop::Why;

constexpr auto kHybrid = static_cast<std::uint32_t>(rdp::Protocol::kHybrid);
constexpr auto kSsl = static_cast<std::uint32_t>(rdp::Protocol::kSsl);

std::shared_ptr<OneAttempt> credentials(std::string_view password = "right") {
  return std::make_shared<OneAttempt>(
      Credentials{.user = "lab", .domain = "LAB", .password = Secret(password)});
}

ProbePlan plan_with(std::shared_ptr<OneAttempt> attempt,
                    Authentication authentication = Authentication::kNtlm) {
  ProbePlan plan;
  plan.until = Phase::kAuthorization;
  plan.credssp.authentication = authentication;
  plan.credssp.credentials = std::move(attempt);
  plan.credssp.service_host = "host.lab";
  plan.credssp.workstation = "PROBE";
  plan.credssp.randomness.client_nonce.fill(0x9C);
  plan.credssp.randomness.client_challenge.fill(0xC1);
  plan.credssp.randomness.session_key = std::make_shared<Secret>(Bytes(16, 0x5E));
  return plan;
}

/// A client and a server that have not talked yet.
struct Nla {
  NlaServer server;
  CertificateRecipe::Key key = CertificateRecipe::Key::kEcP256;
  Talk::Kerberos kerberos;
  std::unique_ptr<Talk> talk;

  Talk& run(const ProbePlan& plan) {
    auto tls = crypto::settings_for_tests(key);
    server.key =
        crypto::subject_public_key(crypto::der_blocks(tls.certificate_chain_pem).front()).value();
    server.closed = server.said_goodbye = false;
    talk = std::make_unique<Talk>(Talk::Settings{
        .confirm = {.flags = server.response_flags, .selected_protocol = server.selected},
        .tls = std::move(tls),
        .server = [this](const auth::TsRequest& request) { return server.answer(request); },
        .kerberos = kerberos,
        .server_closed = [this] { return server.closed; },
        .server_says_goodbye = [this] { return server.said_goodbye; }});
    talk->run(plan);
    return *talk;
  }
  [[nodiscard]] std::optional<Why> stopped() const {
    if (!talk->facts.own_stop) return {};
    return talk->facts.own_stop->why;
  }
};

std::string password_of(const auth::TsPasswordCreds& creds) {
  return base::utf16le_to_utf8(creds.password.reveal());
}

TEST(Credssp, WithoutCredentialsItStopsAtTheChallenge) {
  for (const auto authentication : {Authentication::kNegotiate, Authentication::kNtlm}) {
    Nla nla;
    auto& talk = nla.run(plan_with(nullptr, authentication));
    EXPECT_THAT(talk.phases, ElementsAre(Phase::kX224, Phase::kTls, Phase::kCredssp));
    EXPECT_EQ(nla.stopped(), Why::kNoCredentials);
    EXPECT_EQ(nla.server.authenticates, 0);
    ASSERT_EQ(nla.server.requests.size(), 1u);
    EXPECT_EQ(
        nla.server.requests[0],
        (auth::TsRequest{.version = 6, .nego_tokens = {{encode(crypto::mstsc_ntlm_negotiate())}}}));
    const auto answers = talk.all<CredsspMessage>(Side::kServer);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<auth::NtlmChallenge>(answers[0]->tokens.at(0).message));
  }
}

TEST(Credssp, TheRightPasswordIsDelegatedToTheServerThatProvedItsKey) {
  Nla nla;
  auto attempt = credentials();
  auto& talk = nla.run(plan_with(attempt));
  EXPECT_THAT(talk.phases,
              ElementsAre(Phase::kX224, Phase::kTls, Phase::kCredssp, Phase::kAuthorization));
  EXPECT_FALSE(talk.timed_out);
  EXPECT_EQ(talk.facts.public_key_confirmed, true);
  EXPECT_FALSE(talk.facts.own_stop);
  EXPECT_TRUE(attempt->is_spent());
  EXPECT_EQ(nla.server.user, "lab");
  ASSERT_TRUE(nla.server.credentials);
  EXPECT_EQ(nla.server.credentials->domain_name, "LAB");
  EXPECT_EQ(nla.server.credentials->user_name, "lab");
  EXPECT_EQ(password_of(*nla.server.credentials), "right");
  const auto results = talk.all<auth::EarlyUserAuthorizationResult>(Side::kServer);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0]->authorization_result, 0u);
}

TEST(Credssp, AuthenticateAndProofTravelTogetherAsWindowsSendsThem) {
  Nla nla;
  nla.run(plan_with(credentials()));
  ASSERT_EQ(nla.server.requests.size(), 3u);
  EXPECT_TRUE(nla.server.requests[1].nego_tokens);
  EXPECT_TRUE(nla.server.requests[1].pub_key_auth);
  EXPECT_EQ(nla.server.requests[1].client_nonce, Bytes(32, 0x9C));
  EXPECT_FALSE(nla.server.requests[1].auth_info);
  EXPECT_TRUE(nla.server.requests[2].auth_info);
  EXPECT_FALSE(nla.server.requests[2].nego_tokens);
  EXPECT_FALSE(nla.server.requests[2].client_nonce);
}

TEST(Credssp, EveryPairOfVersionsAndEveryKindOfKeyIsUnderstood) {
  using Key = CertificateRecipe::Key;
  for (const auto key : {Key::kRsa1024, Key::kRsa2048, Key::kEcP256, Key::kEd25519}) {
    for (std::uint32_t ours = 2; ours <= 6; ++ours) {
      for (std::uint32_t theirs = 2; theirs <= 6; ++theirs) {
        SCOPED_TRACE(testing::Message() << "key " << static_cast<int>(key) << ", version " << ours
                                        << " to " << theirs);
        Nla nla;
        nla.key = key;
        nla.server.version = theirs;
        auto plan = plan_with(credentials());
        plan.credssp.version = ours;
        plan.tls = {};  // mstsc takes no Ed25519
        auto& talk = nla.run(plan);
        EXPECT_EQ(talk.facts.public_key_confirmed, true);
        EXPECT_TRUE(nla.server.credentials);
        EXPECT_EQ(nla.server.authenticates, 1);
        for (const auto& request : nla.server.requests) EXPECT_EQ(request.version, ours);
        EXPECT_EQ(nla.server.requests.at(1).client_nonce.has_value(), std::min(ours, theirs) >= 5);
      }
    }
  }
}

TEST(Credssp, APasswordThatIsRefusedIsNotTriedAgainByThisConnectionOrTheNext) {
  Nla nla;
  auto attempt = credentials("wrong");
  auto& talk = nla.run(plan_with(attempt));
  EXPECT_EQ(talk.all<CredsspMessage>(Side::kServer).back()->error_code, 0xC000006Du);
  EXPECT_FALSE(talk.facts.own_stop) << "the server's word, not ours";
  EXPECT_FALSE(talk.facts.public_key_confirmed);
  EXPECT_EQ(nla.server.authenticates, 1);

  nla.run(plan_with(attempt));
  EXPECT_EQ(nla.server.authenticates, 1);
  EXPECT_EQ(nla.stopped(), Why::kCredentialsSpent);
}

TEST(Credssp, AServerThatDoesNotProveItsKeyGetsNoCredentials) {
  for (const auto proof :
       {Proof::kOfAnotherKey, Proof::kTheClients, Proof::kSealedByAnother, Proof::kUnsealed}) {
    for (const std::uint32_t version : {4u, 6u}) {
      Nla nla;
      nla.server.proof = proof;
      nla.server.version = version;
      auto& talk = nla.run(plan_with(credentials()));
      EXPECT_EQ(talk.facts.public_key_confirmed, false);
      const bool opens = proof == Proof::kOfAnotherKey;
      EXPECT_EQ(nla.stopped(), opens ? Why::kPublicKeyNotConfirmed : Why::kMechanismNotOurs);
      EXPECT_THAT(talk.facts.own_stop->words,
                  HasSubstr(opens ? "is not about the key" : "does not open"));
      EXPECT_EQ(nla.server.requests.size(), 2u) << "no TSCredentials";
    }
  }
}

TEST(Credssp, WhateverTheServerDoesAtEachStepThePasswordIsTriedOnceAtMost) {
  for (const auto at : {At::kNegotiate, At::kAuthenticate, At::kCredentials}) {
    for (const auto does : {Does::kError, Does::kClose, Does::kGoodbye, Does::kNothing,
                            Does::kGarbage, Does::kNoToken, Does::kChallenge, Does::kTokenFirst}) {
      for (const bool hybrid_ex : {true, false}) {
        SCOPED_TRACE(testing::Message() << "at " << static_cast<int>(at) << " does "
                                        << static_cast<int>(does) << " ex " << hybrid_ex);
        Nla nla;
        nla.server.at = at;
        nla.server.does = does;
        if (!hybrid_ex) nla.server.selected = kHybrid;
        auto& talk = nla.run(plan_with(credentials()));
        EXPECT_EQ(nla.server.authenticates, at == At::kNegotiate ? 0 : 1);
        EXPECT_EQ(nla.server.credentials.has_value(),
                  at == At::kCredentials || (at == At::kAuthenticate && does == Does::kTokenFirst));
        EXPECT_FALSE(talk.error);
        // Only silence is waited out, and what leaves the answer open.
        const bool open =
            does == Does::kNothing ||
            (at == At::kCredentials &&
             (does == Does::kChallenge || does == Does::kNoToken || does == Does::kTokenFirst));
        const bool due = at != At::kCredentials || hybrid_ex;
        EXPECT_EQ(talk.timed_out, open && due);
      }
    }
  }
}

TEST(Credssp, AnErrorCodeEndsItWithoutAWordOfOurs) {
  for (const auto at : {At::kNegotiate, At::kAuthenticate, At::kCredentials}) {
    Nla nla;
    nla.server.at = at;
    nla.server.does = Does::kError;
    nla.server.error_code = 0x80090302;
    auto& talk = nla.run(plan_with(credentials()));
    EXPECT_EQ(talk.all<CredsspMessage>(Side::kServer).back()->error_code, 0x80090302u);
    EXPECT_FALSE(talk.facts.own_stop);
    EXPECT_FALSE(talk.timed_out);
  }
}

TEST(Credssp, WhoIsRefusedInTheSameBreathSendsNeitherProofNorPassword) {
  for (const auto at : {At::kNegotiate, At::kAuthenticate}) {
    Nla nla;
    nla.server.at = at;
    nla.server.does = Does::kErrorBehind;
    const auto attempt = credentials();
    auto& talk = nla.run(plan_with(attempt));
    EXPECT_EQ(talk.all<CredsspMessage>(Side::kServer).size(), at == At::kNegotiate ? 2u : 3u);
    EXPECT_EQ(nla.server.authenticates, at == At::kNegotiate ? 0 : 1);
    EXPECT_EQ(attempt->is_spent(), at == At::kAuthenticate);
    EXPECT_FALSE(nla.server.credentials);
    EXPECT_FALSE(talk.facts.own_stop) << "the server's word ended it";
  }
}

TEST(Credssp, WithoutCredentialsAnErrorBehindTheChallengeIsTheServersWord) {
  Nla nla;
  nla.server.does = Does::kErrorBehind;
  auto& talk = nla.run(plan_with(nullptr));
  EXPECT_FALSE(talk.facts.own_stop);
}

TEST(Credssp, AChallengeThatWindowsRefusesIsNotAnswered) {
  Nla nla;
  nla.server.ntlm.target_info.reset();
  auto& talk = nla.run(plan_with(credentials()));
  EXPECT_EQ(nla.stopped(), Why::kChallengeRefused);
  EXPECT_THAT(talk.facts.own_stop->words, HasSubstr("no target information"));
  EXPECT_EQ(nla.server.authenticates, 0);

  Nla weak;
  weak.server.ntlm.refused_flags = auth::ntlm_flag::k128;
  weak.run(plan_with(credentials()));
  EXPECT_EQ(weak.stopped(), Why::kChallengeRefused);
  EXPECT_EQ(weak.server.authenticates, 0);
}

TEST(Credssp, UnknownPairsOfTheChallengeAreSentBack) {
  Nla nla;
  nla.server.ntlm.target_info->pairs.push_back({.id = 0x1234, .value = Bytes(5, 7)});
  nla.run(plan_with(credentials()));
  EXPECT_TRUE(nla.server.credentials);
}

TEST(Credssp, TheAnswerNamesTheServiceAndOurMachine) {
  Nla nla;
  nla.run(plan_with(credentials()));
  const auto token = nla.server.requests.at(1).nego_tokens->front();
  const auto message = auth::decode_ntlm_authenticate(token).value();
  EXPECT_EQ(message.workstation, "PROBE");
  EXPECT_EQ(message.ntlmv2->av_pairs.text(auth::AvId::kTargetName), "TERMSRV/host.lab");
  EXPECT_EQ(message.ntlmv2->challenge,
            (std::array<std::uint8_t, 8>{0xC1, 0xC1, 0xC1, 0xC1, 0xC1, 0xC1, 0xC1, 0xC1}));
}

TEST(Credssp, AnAnswerInSpnegoIsAnsweredInSpnego) {
  Nla nla;
  nla.server.wraps_in_spnego = true;
  auto& talk = nla.run(plan_with(credentials()));
  EXPECT_TRUE(nla.server.credentials);
  EXPECT_EQ(talk.facts.public_key_confirmed, true);
}

TEST(Credssp, ATokenAheadOfTheProofIsWaitedThrough) {
  Nla nla;
  nla.server.at = At::kAuthenticate;
  nla.server.does = Does::kTokenFirst;
  auto& talk = nla.run(plan_with(credentials()));
  EXPECT_EQ(talk.facts.public_key_confirmed, true);
  EXPECT_TRUE(nla.server.credentials);
}

TEST(Credssp, WhatIsNoAnswerToTheProofIsNotWaitedPast) {
  for (const auto& [does, words] : {std::pair{Does::kChallenge, "another NTLM challenge"},
                                    std::pair{Does::kNoToken, "neither token nor pubKeyAuth"}}) {
    for (const bool spnego : {false, true}) {
      Nla nla;
      nla.server.wraps_in_spnego = spnego;
      nla.server.at = At::kAuthenticate;
      nla.server.does = does;
      auto& talk = nla.run(plan_with(credentials()));
      EXPECT_FALSE(talk.timed_out);
      EXPECT_EQ(nla.stopped(), Why::kMechanismNotOurs);
      ASSERT_TRUE(talk.facts.own_stop);
      EXPECT_THAT(talk.facts.own_stop->words, HasSubstr(words));
      EXPECT_FALSE(nla.server.credentials);
    }
  }
}

TEST(Credssp, WithoutHybridExNothingIsDueAfterTheCredentials) {
  Nla nla;
  nla.server.selected = kHybrid;
  auto& talk = nla.run(plan_with(credentials()));
  EXPECT_THAT(talk.phases, ElementsAre(Phase::kX224, Phase::kTls, Phase::kCredssp));
  EXPECT_TRUE(nla.server.credentials);
  EXPECT_FALSE(talk.timed_out);
}

TEST(Credssp, AnAuthorizationThatIsDeniedOrNeverComesEndsIt) {
  Nla denied;
  denied.server.authorization = 5;
  auto& talk = denied.run(plan_with(credentials()));
  EXPECT_EQ(talk.all<auth::EarlyUserAuthorizationResult>(Side::kServer).at(0)->authorization_result,
            5u);
  EXPECT_FALSE(talk.timed_out);

  Nla silent;
  silent.server.authorization.reset();
  EXPECT_TRUE(silent.run(plan_with(credentials())).timed_out);
}

TEST(Credssp, RestrictedAdminIsAskedForAndDelegatesNothing) {
  Nla nla;
  auto plan = plan_with(credentials());
  plan.credssp.restricted_admin = true;
  auto& talk = nla.run(plan);
  const auto* request = talk.all<rdp::ConnectionRequest>(Side::kClient).at(0);
  EXPECT_EQ(request->negotiation->flags, rdp::NegotiationRequest::kRestrictedAdminModeRequired);
  EXPECT_EQ(nla.server.user, "lab");
  ASSERT_TRUE(nla.server.credentials);
  EXPECT_TRUE(nla.server.credentials->user_name.empty());
  EXPECT_TRUE(nla.server.credentials->domain_name.empty());
  EXPECT_TRUE(nla.server.credentials->password.empty());
}

TEST(Credssp, WithoutTheServersConsentRestrictedAdminSaysNothing) {
  Nla nla;
  nla.server.response_flags &=
      static_cast<std::uint8_t>(~rdp::NegotiationResponse::kRestrictedAdminModeSupported);
  auto plan = plan_with(credentials());
  plan.credssp.restricted_admin = true;
  nla.run(plan);
  EXPECT_EQ(nla.stopped(), Why::kNoRestrictedAdmin);
  EXPECT_TRUE(nla.server.requests.empty());
  EXPECT_FALSE(plan.credssp.credentials->is_spent());
}

TEST(Credssp, IsNotBegunUnlessPlannedOfferedAndSelected) {
  const auto phases = [](const ProbePlan& plan, std::uint32_t selected) {
    Nla nla;
    nla.server.selected = selected;
    return nla.run(plan).phases;
  };
  const auto hybrid_ex = static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  EXPECT_THAT(phases(plan_with(nullptr), hybrid_ex), Contains(Phase::kCredssp));
  EXPECT_THAT(phases(plan_with(nullptr), kSsl), Not(Contains(Phase::kCredssp)));
  EXPECT_THAT(phases(plan_with(nullptr, Authentication::kNone), hybrid_ex),
              Not(Contains(Phase::kCredssp)));
  auto plan = plan_with(nullptr);
  plan.until = Phase::kTls;
  EXPECT_THAT(phases(plan, hybrid_ex), Not(Contains(Phase::kCredssp)));
  plan = plan_with(credentials());
  plan.request.negotiation->requested.bits = kSsl;
  EXPECT_THAT(phases(plan, hybrid_ex), Not(Contains(Phase::kCredssp)));
}

}  // namespace
}  // namespace rdpwhy::dialogue
