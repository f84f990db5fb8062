#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/secret.h"

namespace rdpwhy::auth {

/// MS-CSSP 2.2.1 TSRequest, versions 2 to 6 and whatever else a peer claims.
struct TsRequest {
  std::uint32_t version = 6;
  std::optional<std::vector<Bytes>> nego_tokens;  ///< [1]; one in practice, two are allowed
  std::optional<Bytes> auth_info;                 ///< [2] sealed TSCredentials
  std::optional<Bytes> pub_key_auth;              ///< [3] sealed
  /// [4] An NTSTATUS or a SECURITY_STATUS as 32 bits, whatever sign its INTEGER had on the wire.
  std::optional<std::uint32_t> error_code;
  std::optional<Bytes> client_nonce;  ///< [5] 32 octets in a correct message

  friend bool operator==(const TsRequest&, const TsRequest&) = default;
};

/// How many octets the TSRequest that begins here has in all, header included: nothing while its
/// header is incomplete. The size is what the header claims, however large; an error when the
/// octets cannot begin a TSRequest (not a DER SEQUENCE, an indefinite or an oversized length).
[[nodiscard]] std::expected<std::optional<std::uint64_t>, DecodeError> ts_request_size(
    ByteSpan begin);

[[nodiscard]] std::expected<TsRequest, DecodeError> decode_ts_request(ByteSpan message,
                                                                      Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const TsRequest& request);

/// MS-CSSP 2.2.1.2.1 TSPasswordCreds. Texts are UTF-8 here and UTF-16LE on the wire; the password
/// is kept as its UTF-16LE octets.
struct TsPasswordCreds {
  std::string domain_name;
  std::string user_name;
  Secret password;
};

/// MS-CSSP 2.2.1.2.2 TSSmartCardCreds
struct TsSmartCardCreds {
  Secret pin;
  std::uint32_t key_spec = 0;
  std::string card_name;
  std::string reader_name;
  std::string container_name;
  std::string csp_name;
  std::string user_hint;
  std::string domain_hint;
};

/// MS-CSSP 2.2.1.2.3 TSRemoteGuardCreds: which packages, never what is in them.
struct TsRemoteGuardCreds {
  std::string logon_package;                       ///< "Kerberos"
  std::vector<std::string> supplemental_packages;  ///< "NTLM"
};

/// MS-CSSP 2.2.1.2 TSCredentials; monostate: a credType that we do not know.
struct TsCredentials {
  std::uint32_t cred_type = 1;
  std::variant<std::monostate, TsPasswordCreds, TsSmartCardCreds, TsRemoteGuardCreds> credentials;
};

[[nodiscard]] std::expected<TsCredentials, DecodeError> decode_ts_credentials(
    ByteSpan message, Notes* notes = nullptr);
/// Password credentials; empty texts and password are what Restricted Admin sends (MS-CSSP 3.1.5).
[[nodiscard]] Secret encode(const TsPasswordCreds& credentials);

/// MS-RDPBCGR 2.2.10.2 Early User Authorization Result PDU.
struct EarlyUserAuthorizationResult {
  static constexpr std::size_t kSize = 4;
  std::uint32_t authorization_result = 0;  ///< 0 AUTHZ_SUCCESS, 5 AUTHZ_ACCESS_DENIED
  friend bool operator==(const EarlyUserAuthorizationResult&,
                         const EarlyUserAuthorizationResult&) = default;
};
[[nodiscard]] std::expected<EarlyUserAuthorizationResult, DecodeError>
decode_early_user_authorization_result(ByteSpan pdu, Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const EarlyUserAuthorizationResult& result);

}  // namespace rdpwhy::auth
