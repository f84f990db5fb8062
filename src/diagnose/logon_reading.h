#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::diagnose {

/// How far CredSSP (MS-CSSP 3.1.5) went, by who has to speak next.
enum class LogonStep {
  kNothing,        ///< no TSRequest was seen
  kAsked,          ///< the client's first token is out; the server did not answer
  kChallenged,     ///< the server answered; nobody's identity is proved yet
  kAuthenticated,  ///< the client's proof is out (NTLM AUTHENTICATE, or its pubKeyAuth)
  kAccepted,       ///< the server's pubKeyAuth: it took the proof and shows its own
  kDelegated,      ///< the client's credentials are out (authInfo): CredSSP is over
};

/// Theirs minus ours; the most that can be counted where peers send absurd clocks.
[[nodiscard]] Nanoseconds apart(Moment theirs, Moment ours);

/// What rules about the logon look at: the evidence of Kerberos, CredSSP, RDSTLS and early
/// authorization, gathered once. First evidence of each kind; null where there is none.
struct LogonReading {
  explicit LogonReading(const HandshakeRecord& record);

  LogonStep step = LogonStep::kNothing;

  // The client's.
  const Evidence* first_request = nullptr;  ///< its first TSRequest
  const Evidence* negotiate = nullptr;      ///< NTLM NEGOTIATE
  const Evidence* ticket = nullptr;         ///< Kerberos AP-REQ
  const Evidence* authenticate = nullptr;   ///< NTLM AUTHENTICATE
  const Evidence* proof = nullptr;          ///< `authenticate`, or else its first pubKeyAuth
  const Evidence* delegation = nullptr;     ///< authInfo

  // The server's.
  const Evidence* first_answer = nullptr;    ///< its first TSRequest
  const Evidence* challenge = nullptr;       ///< NTLM CHALLENGE
  const Evidence* server_key = nullptr;      ///< pubKeyAuth in a message without errorCode
  const Evidence* refusal = nullptr;         ///< errorCode other than 0
  const Evidence* kerberos_error = nullptr;  ///< KRB-ERROR in a token
  const Evidence* reject = nullptr;          ///< SPNEGO negState reject
  const Evidence* rdp_pdu =
      nullptr;  ///< a PDU of RDP before CredSSP was over, where TSRequest is due

  // Beside CredSSP.
  const Evidence* kdc_refusal = nullptr;  ///< the last talk with the KDC that granted nothing
  bool went_on_without_kdc = false;       ///< CredSSP began after that talk all the same
  const Evidence* authorization = nullptr;
  const Evidence* rdstls_request = nullptr;
  const Evidence* rdstls_answer = nullptr;

  bool kerberos_offered = false;  ///< the client's SPNEGO list names Kerberos
  bool client_spoke_spnego = false;
  bool server_spoke_spnego = false;
  std::optional<std::uint32_t> client_version;
  std::optional<std::uint32_t> server_version;  ///< of its last message

  [[nodiscard]] bool began() const { return first_request != nullptr || first_answer != nullptr; }
  /// Somebody's identity was put forward, so that a judgement can be about it.
  [[nodiscard]] bool names_somebody() const { return proof != nullptr || ticket != nullptr; }
  /// The same, before `answer`: only then can that be about them.
  [[nodiscard]] bool names_somebody_before(const Evidence& answer) const {
    return (proof != nullptr && proof->id < answer.id) ||
           (ticket != nullptr && ticket->id < answer.id);
  }
  [[nodiscard]] bool over_ntlm() const { return negotiate != nullptr || authenticate != nullptr; }
  /// What the two agree on: the lower of their versions.
  [[nodiscard]] std::optional<std::uint32_t> version() const;
  /// MS-CSSP 2.2.1: only versions 3, 4 and 6 have a field for errorCode.
  [[nodiscard]] bool could_say_why() const;
  [[nodiscard]] const record::CredsspMessage* refusal_fact() const;
  [[nodiscard]] const auth::EarlyUserAuthorizationResult* authorization_fact() const;
  [[nodiscard]] const auth::RdstlsAuthenticationResponse* rdstls_answer_fact() const;
  [[nodiscard]] const auth::KrbError* kerberos_error_fact() const;
  [[nodiscard]] const auth::NtlmChallenge* challenge_fact() const;
  [[nodiscard]] const auth::NtlmAuthenticate* authenticate_fact() const;
  /// The server's clock minus the one that stamped the evidence, by MsvAvTimestamp of the
  /// challenge.
  [[nodiscard]] std::optional<Nanoseconds> clock_skew() const;
};

}  // namespace rdpwhy::diagnose
