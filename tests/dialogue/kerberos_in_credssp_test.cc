#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/certificate_files.h"
#include "crypto/ntlm_protection.h"
#include "dialogue/nla_server.h"
#include "dialogue/talk.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"

// Kerberos as CredSSP carries it. Its own cryptography is the worker's (room net): here a context
// is a shared key, which seals as NTLM does.
namespace rdpwhy::dialogue {
namespace {

using record::CredsspMessage;
using testing::ElementsAre;
using Why = record::RunFacts::OwnStop::Why;

Bytes tlv(std::uint8_t tag, const Bytes& content) {
  return Writer().u8(tag).u8(static_cast<std::uint8_t>(content.size())).bytes(content).take();
}
Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
Bytes number(std::uint8_t value) { return tlv(0x02, {value}); }

/// RFC 4121 4.1 around RFC 4120 messages of the least size.
Bytes framed(std::uint16_t token_id, const Bytes& message) {
  return tlv(0x60, joined({tlv(0x06, {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02}),
                           Writer().u16be(token_id).take(), message}));
}
Bytes sealed_part() {
  return tlv(0x30, joined({tlv(0xA0, number(18)), tlv(0xA2, tlv(0x04, Bytes(12, 0xEE)))}));
}
Bytes ap_reply() {
  return framed(0x0200, tlv(0x6F, tlv(0x30, joined({tlv(0xA0, number(5)), tlv(0xA1, number(15)),
                                                    tlv(0xA2, sealed_part())}))));
}
/// Nobody reads it here.
Bytes ap_request() { return framed(0x0100, tlv(0x6E, tlv(0x30, tlv(0xA0, number(5))))); }

/// A server that accepts every ticket.
class KerberosServer {
 public:
  std::uint32_t selected = static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  Bytes key;  // SubjectPublicKey
  auth::NegTokenResp first{.neg_state = 0,
                           .supported_mech = std::string(auth::oid::kMsKerberos),
                           .response_token = ap_reply()};
  bool sends_mic = false;
  bool breaks_mic = false;
  bool ntlm_instead = false;  // the client came without Kerberos

  NlaServer ntlm;
  std::vector<auth::NegTokenInit> inits;
  std::vector<auth::NegTokenResp> responses;
  int proofs = 0;
  std::optional<auth::TsPasswordCreds> credentials;
  std::shared_ptr<auth::MessageProtection> protection =
      crypto::make_ntlm_protection(0xE2888235, Secret(Bytes(16, 0x4B)), Side::kServer);

  Bytes answer(const auth::TsRequest& request) {
    if (ntlm_instead || (request.nego_tokens && auth::is_ntlm(request.nego_tokens->front()))) {
      ntlm_instead = true;
      ntlm.key = key;
      return ntlm.answer(request);
    }
    auth::TsRequest reply{.version = 6};
    if (request.nego_tokens) read_token(request.nego_tokens->front(), reply);
    if (request.pub_key_auth) {
      ++proofs;
      const auto opened = protection->unseal(*request.pub_key_auth);
      EXPECT_TRUE(opened);
      EXPECT_TRUE(opened &&
                  base::equal(opened->reveal(), crypto::client_public_key_proof(
                                                    6, key, request.client_nonce.value())));
      reply.nego_tokens.reset();
      reply.pub_key_auth =
          protection->seal(crypto::server_public_key_proof(6, key, *request.client_nonce));
    }
    if (request.auth_info) {
      const auto opened = protection->unseal(*request.auth_info);
      EXPECT_TRUE(opened);
      if (opened) {
        auto read = auth::decode_ts_credentials(opened->reveal());
        credentials = std::get<auth::TsPasswordCreds>(std::move(read->credentials));
      }
      return encode(auth::EarlyUserAuthorizationResult{});
    }
    return encode(reply);
  }

 private:
  void read_token(const Bytes& token, auth::TsRequest& reply) {
    auto spnego = auth::decode_spnego(token).value();
    if (auto* init = std::get_if<auth::NegTokenInit>(&spnego)) {
      inits.push_back(*init);
      auto response = first;
      if (sends_mic) response.mech_list_mic = mic();
      reply.nego_tokens = {encode(response)};
      return;
    }
    responses.push_back(std::get<auth::NegTokenResp>(spnego));
    const auto& theirs = responses.back();
    if (theirs.mech_list_mic) {
      EXPECT_TRUE(
          protection->verify_mech_list_mic(inits.at(0).mech_types_der, *theirs.mech_list_mic));
    }
    if (first.neg_state == 3) {  // request-mic: our own comes last
      reply.nego_tokens = {encode(auth::NegTokenResp{.neg_state = 0, .mech_list_mic = mic()})};
    }
  }

  Bytes mic() {
    auto made = protection->mech_list_mic(inits.at(0).mech_types_der);
    if (breaks_mic) made.back() ^= 1;
    return made;
  }
};

/// The worker: a KDC that knows the user, or not.
class Worker {
 public:
  enum class Kdc { kGrants, kFromCache, kNotThere, kRefuses };
  Kdc kdc = Kdc::kGrants;
  std::shared_ptr<OneAttempt> attempt;
  std::vector<Bytes> server_tokens;

  KerberosAnswer step(ByteSpan server_token) {
    KerberosAnswer answer;
    if (!server_token.empty()) {
      server_tokens.push_back(base::to_bytes(server_token));
      answer.established =
          crypto::make_ntlm_protection(0xE2888235, Secret(Bytes(16, 0x4B)), Side::kClient);
      return answer;
    }
    if (kdc == Kdc::kNotThere) return {.failed = true};
    if (kdc != Kdc::kFromCache) answer.accepted = attempt->take();
    if (kdc == Kdc::kRefuses) return {.failed = true};
    answer.token = ap_request();
    return answer;
  }
};

class KerberosInCredssp : public testing::Test {
 protected:
  Talk& run(Authentication authentication = Authentication::kNegotiate) {
    auto tls = crypto::settings_for_tests(crypto::CertificateRecipe::Key::kEcP256);
    server_.key =
        crypto::subject_public_key(crypto::der_blocks(tls.certificate_chain_pem).front()).value();
    ProbePlan plan;
    plan.until = Phase::kAuthorization;
    plan.credssp.authentication = authentication;
    plan.credssp.credentials = attempt_;
    plan.credssp.restricted_admin = restricted_admin_;
    plan.credssp.service_host = "host.lab";
    plan.credssp.randomness.session_key = std::make_shared<Secret>(Bytes(16, 0x5E));
    worker_.attempt = attempt_;
    talk_.emplace(Talk::Settings{
        .confirm = {.flags = 0x1F, .selected_protocol = server_.selected},
        .tls = std::move(tls),
        .server = [this](const auth::TsRequest& request) { return server_.answer(request); },
        .kerberos = [this](ByteSpan token) { return worker_.step(token); }});
    talk_->run(plan);
    return *talk_;
  }
  [[nodiscard]] std::optional<Why> stopped() const {
    if (!talk_->facts.own_stop) return {};
    return talk_->facts.own_stop->why;
  }

  std::shared_ptr<OneAttempt> attempt_ = std::make_shared<OneAttempt>(
      Credentials{.user = "lab", .domain = "LAB", .password = Secret(std::string_view("right"))});
  bool restricted_admin_ = false;
  KerberosServer server_;
  Worker worker_;
  std::optional<Talk> talk_;
};

TEST_F(KerberosInCredssp, GoesInSpnegoAndDelegatesThePasswordThatTheKdcAccepted) {
  auto& talk = run();
  ASSERT_EQ(server_.inits.size(), 1u);
  EXPECT_THAT(server_.inits[0].mech_types,
              ElementsAre(auth::oid::kMsKerberos, auth::oid::kKerberos));
  EXPECT_EQ(server_.inits[0].mech_token, ap_request());
  EXPECT_THAT(worker_.server_tokens, ElementsAre(ap_reply()));
  EXPECT_TRUE(server_.responses.empty()) << "the server had all it wanted";
  EXPECT_EQ(talk.facts.public_key_confirmed, true);
  ASSERT_TRUE(server_.credentials);
  EXPECT_EQ(base::utf16le_to_utf8(server_.credentials->password.reveal()), "right");
  EXPECT_EQ(talk.phases.back(), Phase::kAuthorization);
  EXPECT_FALSE(talk.facts.own_stop);
}

TEST_F(KerberosInCredssp, AMicOfTheServerIsCheckedAndAnsweredTogetherWithTheProof) {
  server_.first.neg_state = 1;
  server_.sends_mic = true;
  run();
  ASSERT_EQ(server_.responses.size(), 1u);
  EXPECT_EQ(server_.responses[0].neg_state, 0);
  EXPECT_TRUE(server_.responses[0].mech_list_mic);
  EXPECT_EQ(server_.proofs, 1);
  EXPECT_TRUE(server_.credentials);
}

TEST_F(KerberosInCredssp, AMicThatIsAskedForComesBeforeTheProof) {
  server_.first.neg_state = 3;
  run();
  ASSERT_EQ(server_.responses.size(), 1u);
  EXPECT_TRUE(server_.responses[0].mech_list_mic);
  EXPECT_EQ(server_.proofs, 1);
  EXPECT_TRUE(server_.credentials);
}

TEST_F(KerberosInCredssp, AMicThatDoesNotVerifyEndsIt) {
  for (const int state : {0, 1, 3}) {
    attempt_ = std::make_shared<OneAttempt>(
        Credentials{.user = "lab", .domain = "LAB", .password = Secret(std::string_view("right"))});
    server_ = KerberosServer();
    server_.first.neg_state = static_cast<std::uint8_t>(state);
    server_.sends_mic = state != 3;
    server_.breaks_mic = true;
    run();
    EXPECT_EQ(stopped(), Why::kMechListMicWrong) << state;
    EXPECT_EQ(server_.proofs, 0);
    EXPECT_FALSE(server_.credentials);
  }
}

TEST_F(KerberosInCredssp, ARejectionIsTheServersWord) {
  server_.first = {.neg_state = 2};
  auto& talk = run();
  EXPECT_FALSE(talk.facts.own_stop);
  EXPECT_FALSE(talk.timed_out);
  EXPECT_EQ(server_.ntlm.authenticates, 0);
}

TEST_F(KerberosInCredssp, AnotherMechanismThanTheOfferedOneIsNotSpoken) {
  server_.first = {.neg_state = 1, .supported_mech = std::string(auth::oid::kNtlm)};
  run();
  EXPECT_EQ(stopped(), Why::kMechanismNotOurs);
  EXPECT_EQ(server_.ntlm.authenticates, 0);
}

TEST_F(KerberosInCredssp, AnAnswerThatLeavesTheContextOpenEndsIt) {
  server_.first = {.neg_state = 0};
  run();
  EXPECT_EQ(stopped(), Why::kMechanismNotOurs);
  EXPECT_EQ(server_.proofs, 0);
}

TEST_F(KerberosInCredssp, WithoutAKdcNtlmMayHaveThePassword) {
  worker_.kdc = Worker::Kdc::kNotThere;
  auto& talk = run();
  EXPECT_EQ(talk.kerberos_steps, 1);
  EXPECT_EQ(server_.ntlm.authenticates, 1);
  EXPECT_TRUE(server_.ntlm.credentials);
  EXPECT_FALSE(talk.facts.own_stop);
}

TEST_F(KerberosInCredssp, WithoutAKdcAndWithKerberosAloneNothingIsSaid) {
  worker_.kdc = Worker::Kdc::kNotThere;
  auto& talk = run(Authentication::kKerberos);
  EXPECT_EQ(stopped(), Why::kKerberosFailed);
  EXPECT_TRUE(talk.all<CredsspMessage>(Side::kClient).empty());
  EXPECT_FALSE(attempt_->is_spent());
}

TEST_F(KerberosInCredssp, APasswordThatAKdcRefusedIsNotTriedWithNtlm) {
  worker_.kdc = Worker::Kdc::kRefuses;
  auto& talk = run();
  EXPECT_EQ(stopped(), Why::kKerberosFailed);
  EXPECT_TRUE(attempt_->is_spent());
  EXPECT_TRUE(talk.all<CredsspMessage>(Side::kClient).empty());
}

TEST_F(KerberosInCredssp, SpentCredentialsBringNoSecondTalkWithAKdc) {
  static_cast<void>(attempt_->take());
  auto& talk = run(Authentication::kKerberos);
  EXPECT_EQ(stopped(), Why::kCredentialsSpent);
  EXPECT_EQ(talk.kerberos_steps, 0);
  run();  // negotiate: as far as the challenge
  EXPECT_EQ(stopped(), Why::kCredentialsSpent);
  EXPECT_EQ(server_.ntlm.authenticates, 0);
}

TEST_F(KerberosInCredssp, ATicketOfTheCacheDelegatesNothing) {
  attempt_ = nullptr;
  worker_.kdc = Worker::Kdc::kFromCache;
  auto& talk = run(Authentication::kKerberos);
  EXPECT_EQ(stopped(), Why::kNothingToDelegate);
  EXPECT_EQ(talk.facts.public_key_confirmed, true);
  EXPECT_FALSE(server_.credentials);
}

TEST_F(KerberosInCredssp, ATicketOfTheCacheIsAllThatRestrictedAdminNeeds) {
  attempt_ = nullptr;
  restricted_admin_ = true;
  worker_.kdc = Worker::Kdc::kFromCache;
  auto& talk = run(Authentication::kKerberos);
  EXPECT_FALSE(talk.facts.own_stop);
  ASSERT_TRUE(server_.credentials);
  EXPECT_TRUE(server_.credentials->password.empty());
}

}  // namespace
}  // namespace rdpwhy::dialogue
