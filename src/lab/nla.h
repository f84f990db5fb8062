#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "rdpwhy/auth/message_protection.h"
#include "rdpwhy/auth/spnego.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/crypto/ntlm.h"
#include "rdpwhy/lab/lab.h"

namespace rdpwhy::lab {

/// Logons, counted by many connections at once.
struct LogonCounters {
  std::atomic<std::uint64_t> tried = 0, proved = 0, delegated = 0, matched = 0;
};

/// What all connections of a server with NLA share.
struct NlaHouse {
  Account account;
  Bytes public_key;  ///< SubjectPublicKey of its certificate
  LogonCounters counters;
};

/// The server's half of CredSSP (MS-CSSP 3.1.5), message by message: plaintext in, plaintext out.
/// It reads what the client says with our codecs, and goes wrong as it is told.
class NlaDialogue {
 public:
  enum class Then {
    kGoOn,     ///< the client's next message is due
    kGranted,  ///< CredSSP is over, and the desktop granted: RDP goes on
    kLeave,    ///< in order
    kReset,
    kAlert,   ///< `alert`, then it leaves
    kSilent,  ///< for good
    kFlood,   ///< octets without end, then it leaves
  };
  struct Answer {
    Bytes octets;
    Then then = Then::kGoOn;
    std::uint8_t alert = 0;
  };

  /// `selected`: HYBRID or HYBRID_EX.
  NlaDialogue(const NlaFaults& faults, NlaHouse& house, std::uint32_t selected);

  /// `message`: a whole TSRequest, or octets that cannot be one.
  [[nodiscard]] Answer answer(ByteSpan message);

 private:
  using At = NlaFaults::At;

  [[nodiscard]] Answer challenge(ByteSpan negotiate);
  [[nodiscard]] Answer judge(const auth::TsRequest& request, ByteSpan authenticate);
  [[nodiscard]] Answer confirm_public_key(const auth::TsRequest& request);
  [[nodiscard]] Answer take_credentials(ByteSpan sealed);
  [[nodiscard]] Answer refuse();
  [[nodiscard]] Answer choose_ntlm() const;
  [[nodiscard]] Answer without_ntlm() const;
  /// `right` as it is, or what the faults put in its place.
  [[nodiscard]] Answer at(At place, Answer right);
  [[nodiscard]] std::optional<Answer> spoilt(const Answer& right) const;

  /// The mechanism's token; SPNEGO around it is remembered.
  [[nodiscard]] Bytes unwrap(const Bytes& token);
  [[nodiscard]] Bytes wrapped(Bytes token, std::uint8_t neg_state) const;
  [[nodiscard]] Answer say(Bytes token) const;
  [[nodiscard]] std::uint32_t common_version() const;
  [[nodiscard]] Bytes proof_of_key(const auth::TsRequest& request);

  const NlaFaults& faults_;
  NlaHouse& house_;
  std::uint32_t selected_;
  std::uint32_t client_version_ = 0;
  bool spoke_spnego_ = false;
  bool offers_ntlm_ = false;  ///< in its list of mechanisms
  bool chose_ = false;        ///< supportedMech was told
  bool authenticated_ = false;
  Bytes mech_types_;  ///< DER of the client's list
  std::optional<Bytes> client_mic_;
  crypto::NtlmAcceptor acceptor_;
  std::shared_ptr<auth::MessageProtection> protection_;
};

}  // namespace rdpwhy::lab
