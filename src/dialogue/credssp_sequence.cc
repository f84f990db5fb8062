#include "dialogue/credssp_sequence.h"

#include <algorithm>

#include "dialogue/authorization_sequence.h"
#include "dialogue/mcs_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/crypto/channel_bindings.h"
#include "rdpwhy/crypto/ntlm.h"

namespace rdpwhy::dialogue {
namespace {

/// Tokens that a server may send before the dialogue is no dialogue any more.
constexpr std::size_t kMostAnswers = 16;
/// The first version with a nonce (MS-CSSP 2.2.1).
constexpr std::uint32_t kFirstWithNonce = 5;

const rdp::NegotiationResponse* selection(std::span<const Evidence> evidence) {
  for (const auto& e : evidence) {
    const auto* confirm = std::get_if<rdp::ConnectionConfirm>(&e.fact);
    if (confirm != nullptr && confirm->response() != nullptr) return confirm->response();
  }
  return nullptr;
}

/// The DER of mechTypes as we sent it, over which the MICs go.
Bytes mech_types_sent(std::span<const Evidence> evidence) {
  for (const auto& e : evidence) {
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    if (message == nullptr || e.where.side != Side::kClient) continue;
    for (const auto& token : message->tokens) {
      const auto* init = token.spnego ? std::get_if<auth::NegTokenInit>(&*token.spnego) : nullptr;
      if (init != nullptr) return init->mech_types_der;
    }
  }
  return {};
}

const auth::Token* token_of(const record::CredsspMessage& message) {
  return message.tokens.empty() ? nullptr : &message.tokens.front();
}

/// What is no last leg of SPNEGO, the one thing that may come where the server's pubKeyAuth is due;
/// empty: it is one.
std::string_view breach_ahead_of_proof(const auth::Token* token) {
  if (token == nullptr) return "the server's answer to the proof has neither token nor pubKeyAuth";
  if (std::holds_alternative<auth::NtlmChallenge>(token->message))
    return "the server sent another NTLM challenge where its pubKeyAuth was due";
  const bool answers = token->spnego && std::holds_alternative<auth::NegTokenResp>(*token->spnego);
  if (token->error || !answers) return "the server's answer to the proof is another token";
  return {};
}

auth::TsPasswordCreds password_creds(const Credentials& credentials) {
  return {.domain_name = credentials.domain,
          .user_name = credentials.user,
          .password = Secret(base::utf8_to_utf16le(base::as_text(credentials.password.reveal())))};
}

}  // namespace

Step CredsspSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  switch (state_) {
    case State::kBeginning:
      return begin(evidence);
    case State::kKerberosAsked:
      return go_on_with_kerberos(evidence);
    case State::kDelegated:
    case State::kObjectionOver:
      return go_behind(evidence);
    case State::kOver:
      return Finish{};
    case State::kTokenSent:
    case State::kProofSent:
      break;
  }
  return read_answer(evidence);
}

Step CredsspSequence::read_answer(Evidences evidence) {
  const auto* answer = next_answer(evidence);
  if (answer == nullptr) return server_is_done(evidence) ? finish() : Step(Await{});
  if (answer->error_code.value_or(0) != 0) return finish();
  if (answers_read_ > kMostAnswers) {
    return stop(Why::kMechanismNotOurs, "the server sends token after token");
  }
  server_version_ = answer->version;
  return state_ == State::kProofSent ? judge_proof(evidence, *answer)
                                     : read_token(evidence, *answer);
}

void CredsspSequence::tell(record::RunFacts& facts) const {
  if (public_key_confirmed_) facts.public_key_confirmed = public_key_confirmed_;
  if (own_stop_) facts.own_stop = own_stop_;
}

Step CredsspSequence::begin(Evidences evidence) {
  if (server_is_done(evidence)) return finish();
  const auto& credssp = plan_.credssp;
  const auto* selected = selection(evidence);
  const bool restricted_admin_supported =
      selected != nullptr &&
      (selected->flags & rdp::NegotiationResponse::kRestrictedAdminModeSupported) != 0;
  if (credssp.restricted_admin && !restricted_admin_supported) {
    return stop(Why::kNoRestrictedAdmin, "the server does not support Restricted Admin");
  }
  const bool spent = credssp.credentials != nullptr && credssp.credentials->is_spent();
  const bool kerberos_first =
      credssp.authentication == Authentication::kKerberos ||
      (credssp.authentication == Authentication::kNegotiate && credssp.credentials != nullptr);
  if (kerberos_first && !spent) {
    state_ = State::kKerberosAsked;
    return AskKerberos{};
  }
  if (credssp.authentication == Authentication::kKerberos) {
    return stop(Why::kCredentialsSpent, "the credentials were tried before in this run");
  }
  return say_negotiate();
}

// --- NTLM ---------------------------------------------------------------------------------------

Step CredsspSequence::say_negotiate() {
  if (plan_.credssp.credentials != nullptr && !plan_.credssp.credentials->is_spent()) {
    if (const auto available = crypto::ntlm_available(); !available) {
      state_ = State::kOver;
      return GiveUp{available.error()};
    }
  }
  negotiate_ = encode(crypto::mstsc_ntlm_negotiate());
  return send_token(negotiate_);
}

Step CredsspSequence::answer_challenge(Evidences evidence, const auth::Token& token) {
  const auto* challenge = std::get_if<auth::NtlmChallenge>(&token.message);
  if (challenge == nullptr) {
    return stop(Why::kMechanismNotOurs,
                token.error ? "the server's token cannot be read: " + token.error->message()
                            : "the server's token is no NTLM challenge");
  }
  if (was_refused(evidence)) return finish();
  const auto& credssp = plan_.credssp;
  if (credssp.credentials == nullptr) {
    return stop(Why::kNoCredentials, "the server's challenge was all that was asked for");
  }
  if (server_is_done(evidence)) return finish();
  if (!has_server_key(evidence)) return finish();
  to_delegate_ = credssp.credentials->take();
  if (!to_delegate_) {
    return stop(Why::kCredentialsSpent, "the credentials were tried before in this run");
  }
  const crypto::NtlmClientPlan client{.user = to_delegate_->user,
                                      .domain = to_delegate_->domain,
                                      .workstation = credssp.workstation,
                                      .service = "TERMSRV/" + credssp.service_host,
                                      .channel_bindings = {},
                                      .client_challenge = credssp.randomness.client_challenge,
                                      .session_key = credssp.randomness.session_key,
                                      .now = evidence.back().at};
  auto answer = crypto::answer_ntlm_challenge(negotiate_, token.mechanism_octets, *challenge,
                                              client, to_delegate_->password);
  if (!answer) {
    if (answer.error().why == crypto::NtlmRefusal::Why::kChallenge) {
      return stop(Why::kChallengeRefused, std::move(answer.error().text));
    }
    state_ = State::kOver;
    return GiveUp{Error{std::move(answer.error().text)}};
  }
  protection_ = std::move(answer->protection);
  auto& ours = answer->authenticate;
  return send_proof(evidence,
                    token.spnego ? SpnegoDialogue::go_on(std::move(ours)) : std::move(ours));
}

// --- Kerberos -----------------------------------------------------------------------------------

Step CredsspSequence::go_on_with_kerberos(Evidences evidence) {
  RDPWHY_CHECK(kerberos_answer_.has_value());
  auto answer = *std::exchange(kerberos_answer_, std::nullopt);
  const bool first = answers_read_ == 0;
  if (answer.failed) {
    const auto& credssp = plan_.credssp;
    // A KDC that spent the password leaves nothing for NTLM; one that was never found does.
    const bool ntlm_may = first && credssp.authentication == Authentication::kNegotiate &&
                          !credssp.credentials->is_spent();
    if (!ntlm_may) {
      return stop(Why::kKerberosFailed, answer.words.empty() ? "no Kerberos context came about"
                                                             : std::move(answer.words));
    }
    return server_is_done(evidence) ? finish() : say_negotiate();
  }
  if (answer.accepted) to_delegate_ = std::move(answer.accepted);
  protection_ = std::move(answer.established);
  if (server_is_done(evidence)) return finish();
  if (first) return send_token(SpnegoDialogue::begin(std::move(answer.token)));
  return go_on_with_spnego(evidence, std::move(answer.token));
}

Step CredsspSequence::go_on_with_spnego(Evidences evidence, Bytes token) {
  if (protection_ == nullptr) {
    if (token.empty()) {
      return stop(Why::kMechanismNotOurs, "the server's answer leaves the context incomplete");
    }
    return send_token(SpnegoDialogue::go_on(std::move(token)));
  }
  const Bytes mech_types = mech_types_sent(evidence);
  if (!spnego_.check_mic(*protection_, mech_types)) {
    return stop(Why::kMechListMicWrong, "the server's mechListMIC does not verify");
  }
  if (spnego_.owes_mic()) {
    const bool waits = spnego_.awaits_mic();
    auto ours = spnego_.complete(std::move(token), *protection_, mech_types);
    return waits ? send_token(std::move(ours)) : send_proof(evidence, std::move(ours));
  }
  if (token.empty()) return send_proof(evidence, std::nullopt);
  return send_proof(evidence, SpnegoDialogue::go_on(std::move(token)));
}

// --- for both -----------------------------------------------------------------------------------

Step CredsspSequence::read_token(Evidences evidence, const record::CredsspMessage& message) {
  const auto* token = token_of(message);
  if (token == nullptr) return stop(Why::kMechanismNotOurs, "the server's answer has no token");
  if (!negotiate_.empty()) return answer_challenge(evidence, *token);
  switch (spnego_.read(*token)) {
    case SpnegoDialogue::Reading::kRejected:
      return finish();  // the server's own word, which the record has
    case SpnegoDialogue::Reading::kOtherMech:
      return stop(Why::kMechanismNotOurs,
                  "the server chose another mechanism, and only Kerberos was offered");
    case SpnegoDialogue::Reading::kNotAnAnswer:
      return stop(Why::kMechanismNotOurs,
                  token->error ? "the server's token cannot be read: " + token->error->message()
                               : "the server's token is no SPNEGO answer");
    case SpnegoDialogue::Reading::kGoesOn:
      break;
  }
  if (protection_ != nullptr || token->mechanism_octets.empty()) {
    return go_on_with_spnego(evidence, {});
  }
  state_ = State::kKerberosAsked;
  return AskKerberos{token->mechanism_octets};
}

Step CredsspSequence::send_token(Bytes token) {
  state_ = State::kTokenSent;
  auth::TsRequest request{.version = plan_.credssp.version};
  request.nego_tokens = {std::move(token)};
  return Send{encode(request)};
}

Step CredsspSequence::send_proof(Evidences evidence, std::optional<Bytes> token) {
  if (was_refused(evidence)) return finish();
  if (!has_server_key(evidence)) return finish();
  state_ = State::kProofSent;
  auth::TsRequest request{.version = plan_.credssp.version};
  if (token) request.nego_tokens = {*std::move(token)};
  const auto& nonce = plan_.credssp.randomness.client_nonce;
  proof_version_ = std::min(plan_.credssp.version, server_version_);
  request.pub_key_auth =
      protection_->seal(crypto::client_public_key_proof(proof_version_, server_key_, nonce));
  if (proof_version_ >= kFirstWithNonce) request.client_nonce = base::to_bytes(nonce);
  return Send{encode(request)};
}

Step CredsspSequence::judge_proof(Evidences evidence, const record::CredsspMessage& message) {
  if (const auto* token = token_of(message); token != nullptr && negotiate_.empty()) {
    const auto reading = spnego_.read(*token);
    if (reading == SpnegoDialogue::Reading::kRejected) return finish();
    if (!spnego_.check_mic(*protection_, mech_types_sent(evidence))) {
      return stop(Why::kMechListMicWrong, "the server's mechListMIC does not verify");
    }
  }
  if (!message.pub_key_auth) {
    const auto breach = breach_ahead_of_proof(token_of(message));
    if (!breach.empty()) return stop(Why::kMechanismNotOurs, std::string(breach));
    return read_answer(evidence);  // the proof comes behind a last token, and may be there already
  }
  const auto opened = protection_->unseal(*message.pub_key_auth);
  const auto wanted = crypto::server_public_key_proof(proof_version_, server_key_,
                                                      plan_.credssp.randomness.client_nonce);
  public_key_confirmed_ = opened && base::equal(opened->reveal(), wanted);
  if (*public_key_confirmed_) return delegate(evidence);
  if (!opened) {
    return stop(Why::kMechanismNotOurs,
                "the server's pubKeyAuth does not open with the session's keys");
  }
  return stop(Why::kPublicKeyNotConfirmed,
              "what the server seals is not about the key of its TLS certificate");
}

Step CredsspSequence::delegate(Evidences evidence) {
  if (server_is_done(evidence) || was_refused(evidence)) return finish();
  if (!plan_.credssp.restricted_admin && !to_delegate_) {
    return stop(Why::kNothingToDelegate, "there is a ticket, but no password to delegate");
  }
  // MS-CSSP 3.1.5: Restricted Admin delegates empty credentials.
  const auto credentials =
      plan_.credssp.restricted_admin ? auth::TsPasswordCreds{} : password_creds(*to_delegate_);
  to_delegate_.reset();
  state_ = State::kDelegated;
  auth::TsRequest request{.version = plan_.credssp.version};
  request.auth_info = protection_->seal(encode(credentials).reveal());
  return Send{encode(request)};
}

Step CredsspSequence::go_behind(Evidences evidence) {
  if (server_is_done(evidence)) return finish();
  if (const auto* answer = next_answer(evidence)) {
    if (answer->error_code.value_or(0) != 0) return finish();
    return stop(Why::kMechanismNotOurs, "the server sent a TSRequest where CredSSP was over");
  }
  const auto* selected = selection(evidence);
  if (selected == nullptr) return finish();
  const auto protocol = selected->selected_protocol;
  if (protocol == static_cast<std::uint32_t>(rdp::Protocol::kHybridEx)) {
    return Next{std::make_unique<AuthorizationSequence>(std::move(plan_))};
  }
  // Nothing is due from a server that takes the credentials; whatever it says next answers MCS.
  if (plan_.until >= Phase::kMcs) {
    return Next{std::make_unique<McsSequence>(std::move(plan_), protocol)};
  }
  if (std::exchange(state_, State::kObjectionOver) == State::kObjectionOver) return finish();
  return Linger{};
}

Step CredsspSequence::stop(Why why, std::string words) {
  own_stop_ = {.why = why, .words = std::move(words)};
  return finish();
}

Step CredsspSequence::finish() {
  state_ = State::kOver;
  to_delegate_.reset();
  return Finish{};
}

const record::CredsspMessage* CredsspSequence::next_answer(Evidences evidence) {
  std::size_t number = 0;
  for (const auto& e : evidence) {
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    if (message == nullptr || e.where.side != Side::kServer) continue;
    if (number++ < answers_read_) continue;
    ++answers_read_;
    return message;
  }
  return nullptr;
}

bool CredsspSequence::was_refused(Evidences evidence) {
  return std::ranges::any_of(evidence, [](const Evidence& e) {
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    return message != nullptr && e.where.side == Side::kServer &&
           message->error_code.value_or(0) != 0;
  });
}

bool CredsspSequence::has_server_key(Evidences evidence) {
  for (const auto& e : evidence) {
    if (!server_key_.empty()) break;
    const auto* certificates = std::get_if<record::Certificates>(&e.fact);
    if (certificates == nullptr || e.where.side != Side::kServer || certificates->chain.empty()) {
      continue;
    }
    auto key = crypto::subject_public_key(certificates->chain.front()->der);
    if (key) server_key_ = *std::move(key);
  }
  if (!server_key_.empty()) return true;
  own_stop_ = {.why = Why::kPublicKeyNotConfirmed,
               .words = "the key in the server's TLS certificate cannot be read"};
  return false;
}

}  // namespace rdpwhy::dialogue
