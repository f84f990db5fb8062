#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dialogue/spnego_dialogue.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-CSSP 3.1.5: tokens back and forth until a security context stands, proof of the public key
/// both ways, and credentials only for a server that passed it.
///
/// Without credentials it asks for NTLM's challenge and stops there. NTLM goes bare, as Windows
/// sends it where Kerberos is out of the question; Kerberos goes in SPNEGO. Nothing that proves the
/// password is sent twice: see OneAttempt.
class CredsspSequence : public Sequence {
 public:
  explicit CredsspSequence(ProbePlan plan) : plan_(std::move(plan)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kCredssp; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;
  void kerberos_answered(KerberosAnswer answer) override { kerberos_answer_ = std::move(answer); }
  void tell(record::RunFacts& facts) const override;

 private:
  enum class State {
    kBeginning,
    kKerberosAsked,
    kTokenSent,      ///< the server answers with a token
    kProofSent,      ///< our part of the context and pubKeyAuth are out: its pubKeyAuth is due
    kDelegated,      ///< the credentials are out
    kObjectionOver,  ///< and the server had a moment to object
    kOver,
  };
  using Evidences = std::span<const Evidence>;
  using Why = record::RunFacts::OwnStop::Why;

  [[nodiscard]] Step begin(Evidences evidence);
  [[nodiscard]] Step say_negotiate();
  [[nodiscard]] Step read_answer(Evidences evidence);
  [[nodiscard]] Step read_token(Evidences evidence, const record::CredsspMessage& message);
  [[nodiscard]] Step answer_challenge(Evidences evidence, const auth::Token& token);
  [[nodiscard]] Step go_on_with_kerberos(Evidences evidence);
  [[nodiscard]] Step go_on_with_spnego(Evidences evidence, Bytes token);
  [[nodiscard]] Step send_token(Bytes token);
  [[nodiscard]] Step send_proof(Evidences evidence, std::optional<Bytes> token);
  [[nodiscard]] Step judge_proof(Evidences evidence, const record::CredsspMessage& message);
  [[nodiscard]] Step delegate(Evidences evidence);
  [[nodiscard]] Step go_behind(Evidences evidence);
  [[nodiscard]] Step stop(Why why, std::string words);
  [[nodiscard]] Step finish();

  /// The server's next message that was not looked at yet.
  [[nodiscard]] const record::CredsspMessage* next_answer(Evidences evidence);
  /// By any TSRequest at hand, read or not yet: who is refused sends no proof and no password.
  [[nodiscard]] static bool was_refused(Evidences evidence);
  /// The server's key out of its TLS certificate; stops when there is none.
  [[nodiscard]] bool has_server_key(Evidences evidence);

  ProbePlan plan_;
  State state_ = State::kBeginning;
  std::size_t answers_read_ = 0;
  std::uint32_t server_version_ = 0;
  std::uint32_t proof_version_ = 0;  ///< the lower one of both, whose rule pubKeyAuth follows
  Bytes negotiate_;                  ///< NTLM's first message as sent; empty: Kerberos is spoken
  SpnegoDialogue spnego_;
  std::optional<KerberosAnswer> kerberos_answer_;
  std::shared_ptr<auth::MessageProtection> protection_;
  std::optional<Credentials> to_delegate_;
  Bytes server_key_;
  std::optional<bool> public_key_confirmed_;
  std::optional<record::RunFacts::OwnStop> own_stop_;
};

}  // namespace rdpwhy::dialogue
