#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/time.h"

// What can be read of Kerberos tokens from outside: no key is ever needed here.
namespace rdpwhy::auth {

/// RFC 4120 5.9.1 KRB-ERROR
struct KrbError {
  std::int32_t error_code = 0;
  std::string realm;  ///< of the service that answers
  std::vector<std::string> service_name;
  std::optional<std::string> client_realm;
  std::optional<std::vector<std::string>> client_name;
  std::optional<Moment> client_time;  ///< ctime, cusec
  Moment server_time;                 ///< stime, susec
  std::optional<std::string> text;    ///< e-text
  std::optional<Bytes> data;          ///< e-data
  friend bool operator==(const KrbError&, const KrbError&) = default;
};

/// One Kerberos token of a security context (RFC 4121 4.1, RFC 4178's mechToken; U2U: TGT-REQ and
/// TGT-REP of draft-swift-win2k-krb-user2user).
struct KerberosToken {
  enum class Kind : std::uint8_t {
    kApRequest,  ///< RFC 4120 5.5.1
    kApReply,    ///< RFC 4120 5.5.2
    kError,      ///< KRB-ERROR
    kTgtRequest,
    kTgtReply,
    kOther,
  };
  Kind kind = Kind::kOther;
  std::string mechanism;       ///< OID of the GSS-API frame; empty: no frame
  std::uint16_t token_id = 0;  ///< RFC 4121 4.1 TOK_ID as a big-endian number
  std::uint32_t size = 0;      ///< octets of the whole token
  // AP-REQ: what stands in the clear. TGT-REQ: the realm and server asked for.
  std::optional<std::string> realm;
  std::vector<std::string> server_name;           ///< {"TERMSRV", "host.example"}
  std::optional<std::int32_t> ticket_encryption;  ///< etype of the ticket
  std::optional<std::int32_t> authenticator_encryption;
  std::optional<bool> mutual_required;
  std::optional<KrbError> error;
  friend bool operator==(const KerberosToken&, const KerberosToken&) = default;
};

/// True for a GSS-API frame with a Kerberos mechanism, or a bare AP-REQ, AP-REP or KRB-ERROR.
[[nodiscard]] bool is_kerberos(ByteSpan token);
[[nodiscard]] std::expected<KerberosToken, DecodeError> decode_kerberos_token(
    ByteSpan token, Notes* notes = nullptr);
[[nodiscard]] std::expected<KrbError, DecodeError> decode_krb_error(ByteSpan message,
                                                                    Notes* notes = nullptr);
/// For the lab and for tests.
[[nodiscard]] Bytes encode(const KrbError& error);

/// RFC 4120 7.5.9: "KRB_AP_ERR_SKEW", ...; nothing for a number without a name.
[[nodiscard]] std::optional<std::string_view> krb_error_name(std::int32_t code);
/// "clock skew too great": the same in plain words.
[[nodiscard]] std::optional<std::string_view> krb_error_meaning(std::int32_t code);
/// "aes256-cts-hmac-sha1-96", ... (IANA Kerberos encryption types)
[[nodiscard]] std::optional<std::string_view> krb_encryption_name(std::int32_t etype);

}  // namespace rdpwhy::auth
