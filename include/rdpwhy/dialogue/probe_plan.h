#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/crypto/tls_session.h"
#include "rdpwhy/dialogue/credentials.h"
#include "rdpwhy/dialogue/sequence.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::dialogue {

/// --auth
enum class Authentication : std::uint8_t {
  kNegotiate,  ///< Kerberos where a ticket can be had, else NTLM, as mstsc does
  kNtlm,
  kKerberos,
  kNone,  ///< CredSSP is not begun
};

/// What is to be said in CredSSP (MS-CSSP 3.1.5).
struct CredsspPlan {
  Authentication authentication = Authentication::kNegotiate;
  /// Null: the dialogue ends with the server's NTLM challenge, which leaves no failed logon behind;
  /// with kKerberos the ticket of the credential cache is used, and no password is delegated.
  std::shared_ptr<OneAttempt> credentials;
  /// The host of the service principal name TERMSRV/host; `net` fills in the target's when empty.
  std::string service_host;
  /// Our own NetBIOS name for NTLM, as accounts may be bound to workstations; `net` fills it in.
  std::string workstation;
  std::uint32_t version = 6;  ///< TSRequest.version that we claim, 2 to 6
  /// Empty TSPasswordCreds: the server never gets the password. Asked for in the Connection Request
  /// (RESTRICTED_ADMIN_MODE_REQUIRED); a server that does not confirm it gets nothing at all.
  bool restricted_admin = false;
  /// Randomness comes in (I1): `net` fills it for each connection.
  struct Randomness {
    std::array<std::uint8_t, 32> client_nonce{};
    std::array<std::uint8_t, 8> client_challenge{};
    std::shared_ptr<const Secret> session_key;  ///< 16 octets: NTLM's ExportedSessionKey
  };
  Randomness randomness;
};

/// What is said from MCS on (MS-RDPBCGR 1.3.1.1).
struct SessionPlan {
  std::string client_name = "rdpwhy";
  std::uint16_t desktop_width = 1024;
  std::uint16_t desktop_height = 768;
  /// encryptionMethods of Standard RDP Security that are offered (MS-RDPBCGR 2.2.1.3.3): 40, 128
  /// and 56 bit, FIPS.
  std::uint32_t encryption_methods = 0x1B;
  /// 32 octets for Standard RDP Security; `net` fills it for each connection. Null: there is none.
  std::shared_ptr<const Secret> client_random;
  /// Answer a server that asks for a licence request (MS-RDPELE 1.3.3). It may then issue a
  /// temporary licence in the client's name, so nobody gets this without asking for it.
  bool request_license = false;
  /// For one licensing exchange; `net` fills it for each connection.
  struct LicensingRandomness {
    rdp::LicensingRandom client_random{};
    std::shared_ptr<const Secret> premaster_secret;  ///< 48 octets
  };
  LicensingRandomness licensing;
  /// MS-RDPBCGR 2.2.1.3.5 RedirectedSessionID, of the redirection that led here.
  std::optional<std::uint32_t> redirected_session_id;
};

/// What a redirection handed out (MS-RDPBCGR 2.2.13.1), for RDSTLS on the connection that follows
/// it and for nothing else: these are no credentials of a user.
struct RdstlsPlan {
  std::string redirection_guid;
  std::string user;
  std::string domain;
  std::shared_ptr<const Secret> password;  ///< the field as it came; a server takes it once
};

/// What one connection is to say. The defaults are a current mstsc's.
struct ProbePlan {
  rdp::ConnectionRequest request = mstsc_request("rdpwhy");
  crypto::TlsOffer tls = crypto::TlsOffer::mstsc();
  /// Records with a ClientHello, sent as they are where the server selects TLS, instead of a
  /// handshake by `tls`: the dialogue then ends with the server's answer to it. Empty: a handshake.
  Bytes client_hello;
  CredsspPlan credssp;
  /// Nothing: where RDSTLS is selected the dialogue ends behind TLS.
  std::optional<RdstlsPlan> rdstls;
  SessionPlan session;
  Phase until = Phase::kTls;  ///< the last phase to go through
  /// The same where the server selects nothing that lets the user log on; not given: `until`.
  std::optional<Phase> until_without_nla;

  /// How far to go where the server selects that. Who was redirected has no credentials for NLA,
  /// and goes no farther than its challenge.
  [[nodiscard]] Phase depth(std::uint32_t selected_protocol) const;

  /// Cookie "mstshash=USER", RDP_NEG_REQ with SSL, HYBRID and HYBRID_EX, as a current mstsc sends
  /// it.
  [[nodiscard]] static rdp::ConnectionRequest mstsc_request(std::string user);
};

/// The first sequence of the plan (X.224); it hands over to TLS by itself where the server selects
/// it.
[[nodiscard]] std::unique_ptr<Sequence> start(const ProbePlan& plan);

/// TLS alone, without X.224 before it: what a listener of another kind would expect.
[[nodiscard]] std::unique_ptr<Sequence> start_with_tls(const ProbePlan& plan);

}  // namespace rdpwhy::dialogue
