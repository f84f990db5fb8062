#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::record {

/// What authentication inside TLS said (CredSSP, our talk with the KDC, the early authorization
/// result), read from the evidence alone. Pointers lead into the record.
struct CredsspSummary {
  std::optional<std::uint32_t> client_version;  ///< TSRequest.version
  std::optional<std::uint32_t> server_version;
  /// OIDs of the client's NegTokenInit; nothing: it did not speak SPNEGO.
  std::optional<std::vector<std::string>> offered_mechanisms;
  std::optional<std::string> selected_mechanism;  ///< OID, of the server's NegTokenResp
  /// The mechanism whose messages were seen last: "NTLM", "Kerberos"; else what SPNEGO selected.
  std::optional<std::string> mechanism;

  const auth::NtlmNegotiate* negotiate = nullptr;
  const auth::NtlmChallenge* challenge = nullptr;
  const auth::NtlmAuthenticate* authenticate = nullptr;
  /// The server's NTLM timestamp, and how far it is ahead of the clock that took the evidence.
  std::optional<Moment> server_time;
  std::optional<Nanoseconds> clock_skew;

  const auth::KerberosToken* ap_request = nullptr;    ///< or the TGT-REQ of user-to-user
  const auth::KerberosToken* server_token = nullptr;  ///< the server's last, as AP-REP
  const auth::KrbError* kerberos_error = nullptr;     ///< the server's own
  std::optional<Nanoseconds> kerberos_skew;           ///< its stime minus the evidence's time
  std::vector<const KdcTalk*> kdc;                    ///< live only

  bool public_key_sent = false;             ///< the client's pubKeyAuth
  bool public_key_answered = false;         ///< the server's: it accepted who the client is
  bool delegated = false;                   ///< the client's authInfo
  std::optional<std::uint32_t> error_code;  ///< the server's; 0 says nothing and is left out
  const auth::EarlyUserAuthorizationResult* authorization = nullptr;
};
/// Nothing: no message of it was seen.
[[nodiscard]] std::optional<CredsspSummary> credssp_summary(const HandshakeRecord& record);

/// RDSTLS (MS-RDPBCGR 5.4.5.3): each first message of its kind.
struct RdstlsSummary {
  const auth::RdstlsCapabilities* server = nullptr;
  const auth::RdstlsAuthenticationRequest* request = nullptr;
  const auth::RdstlsAuthenticationResponse* response = nullptr;
};
[[nodiscard]] std::optional<RdstlsSummary> rdstls_summary(const HandshakeRecord& record);

}  // namespace rdpwhy::record
