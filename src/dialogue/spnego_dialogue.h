#pragma once

#include <optional>
#include <string>

#include "rdpwhy/auth/message_protection.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/base/bytes.h"

namespace rdpwhy::dialogue {

/// The initiator's half of RFC 4178 around Kerberos tokens.
///
/// Kerberos alone is offered. NTLM would be worth no more than a word: once there is a Kerberos
/// token to send, a KDC has seen the password (or there is none), and it is not tried again.
class SpnegoDialogue {
 public:
  /// NegTokenInit with the first token of the mechanism.
  [[nodiscard]] static Bytes begin(Bytes mechanism_token);

  /// What an answer of the server means.
  enum class Reading : std::uint8_t {
    kGoesOn,
    kRejected,     ///< negState reject
    kOtherMech,    ///< supportedMech is none of ours
    kNotAnAnswer,  ///< no NegTokenResp
  };
  [[nodiscard]] Reading read(const auth::Token& token);

  /// The context stands on our side. False: a mechListMIC is there and does not verify.
  /// `mech_types` is the list as we sent it.
  [[nodiscard]] bool check_mic(auth::MessageProtection& protection, ByteSpan mech_types) const;
  /// The server waits for our mechListMIC.
  [[nodiscard]] bool owes_mic() const;
  /// The server's own has to come before anything else is said.
  [[nodiscard]] bool awaits_mic() const { return owes_mic() && neg_state_ == kRequestMic; }

  /// NegTokenResp with the mechanism's next token, if any.
  [[nodiscard]] static Bytes go_on(Bytes mechanism_token);
  /// The same with our mechListMIC.
  [[nodiscard]] Bytes complete(Bytes mechanism_token, auth::MessageProtection& protection,
                               ByteSpan mech_types);

 private:
  static constexpr std::uint8_t kAcceptCompleted = 0;
  static constexpr std::uint8_t kAcceptIncomplete = 1;
  static constexpr std::uint8_t kReject = 2;
  static constexpr std::uint8_t kRequestMic = 3;

  std::optional<std::uint8_t> neg_state_;
  std::optional<Bytes> server_mic_;
  bool mic_sent_ = false;
};

}  // namespace rdpwhy::dialogue
