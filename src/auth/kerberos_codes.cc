#include <algorithm>
#include <iterator>

#include "rdpwhy/auth/kerberos.h"

namespace rdpwhy::auth {
namespace {

struct ErrorCode {
  std::int32_t code;
  std::string_view name;
  std::string_view meaning;
};

// RFC 4120 7.5.9; from 77 on RFC 4556 3.1.3, RFC 6113 5.1 and RFC 8636 6. In order of the code.
constexpr ErrorCode kErrors[] = {
    {0, "KDC_ERR_NONE", "no error"},
    {1, "KDC_ERR_NAME_EXP", "the client's entry in the KDC's database has expired"},
    {2, "KDC_ERR_SERVICE_EXP", "the server's entry in the KDC's database has expired"},
    {3, "KDC_ERR_BAD_PVNO", "the protocol version asked for is not supported"},
    {4, "KDC_ERR_C_OLD_MAST_KVNO", "the client's key is encrypted in an old master key"},
    {5, "KDC_ERR_S_OLD_MAST_KVNO", "the server's key is encrypted in an old master key"},
    {6, "KDC_ERR_C_PRINCIPAL_UNKNOWN", "the client is not found in the KDC's database"},
    {7, "KDC_ERR_S_PRINCIPAL_UNKNOWN", "the server is not found in the KDC's database"},
    {8, "KDC_ERR_PRINCIPAL_NOT_UNIQUE", "several entries of the KDC's database have that name"},
    {9, "KDC_ERR_NULL_KEY", "the client or the server has no key"},
    {10, "KDC_ERR_CANNOT_POSTDATE", "the ticket may not be postdated"},
    {11, "KDC_ERR_NEVER_VALID", "the ticket would begin after its end"},
    {12, "KDC_ERR_POLICY", "the KDC's policy refuses the request"},
    {13, "KDC_ERR_BADOPTION", "the KDC cannot grant an option that was asked for"},
    {14, "KDC_ERR_ETYPE_NOSUPP", "the KDC supports none of the encryption types"},
    {15, "KDC_ERR_SUMTYPE_NOSUPP", "the KDC does not support the checksum type"},
    {16, "KDC_ERR_PADATA_TYPE_NOSUPP", "the KDC does not support the kind of preauthentication"},
    {17, "KDC_ERR_TRTYPE_NOSUPP", "the KDC does not support the transited type"},
    {18, "KDC_ERR_CLIENT_REVOKED",
     "the client's account is disabled, locked out, expired or not allowed now"},
    {19, "KDC_ERR_SERVICE_REVOKED", "the server's account is disabled or revoked"},
    {20, "KDC_ERR_TGT_REVOKED", "the ticket-granting ticket is revoked"},
    {21, "KDC_ERR_CLIENT_NOTYET", "the client's account is not valid yet"},
    {22, "KDC_ERR_SERVICE_NOTYET", "the server's account is not valid yet"},
    {23, "KDC_ERR_KEY_EXPIRED", "the password has expired and must be changed"},
    {24, "KDC_ERR_PREAUTH_FAILED", "preauthentication failed: the password is wrong"},
    {25, "KDC_ERR_PREAUTH_REQUIRED", "the KDC asks for preauthentication"},
    {26, "KDC_ERR_SERVER_NOMATCH", "the server asked for is not that of the ticket"},
    {27, "KDC_ERR_MUST_USE_USER2USER", "the server takes user-to-user tickets only"},
    {28, "KDC_ERR_PATH_NOT_ACCEPTED", "the path of realms is not accepted"},
    {29, "KDC_ERR_SVC_UNAVAILABLE", "a service that the KDC needs is not available"},
    {31, "KRB_AP_ERR_BAD_INTEGRITY", "the integrity check of what was decrypted failed"},
    {32, "KRB_AP_ERR_TKT_EXPIRED", "the ticket has expired"},
    {33, "KRB_AP_ERR_TKT_NYV", "the ticket is not valid yet"},
    {34, "KRB_AP_ERR_REPEAT", "the request is a replay"},
    {35, "KRB_AP_ERR_NOT_US", "the ticket is not for this server"},
    {36, "KRB_AP_ERR_BADMATCH", "the ticket and the authenticator do not match"},
    {37, "KRB_AP_ERR_SKEW", "the clock skew is too great"},
    {38, "KRB_AP_ERR_BADADDR", "the network address is not one of the ticket's"},
    {39, "KRB_AP_ERR_BADVERSION", "the protocol versions do not match"},
    {40, "KRB_AP_ERR_MSG_TYPE", "the message is of an invalid type"},
    {41, "KRB_AP_ERR_MODIFIED",
     "the message was modified, or the ticket is encrypted with another key than the server's"},
    {42, "KRB_AP_ERR_BADORDER", "the message is out of order"},
    {44, "KRB_AP_ERR_BADKEYVER", "the key version of the ticket is not available"},
    {45, "KRB_AP_ERR_NOKEY", "the server has no key for the ticket"},
    {46, "KRB_AP_ERR_MUT_FAIL", "mutual authentication failed"},
    {47, "KRB_AP_ERR_BADDIRECTION", "the direction of the message is wrong"},
    {48, "KRB_AP_ERR_METHOD", "another method of authentication is needed"},
    {49, "KRB_AP_ERR_BADSEQ", "the sequence number is wrong"},
    {50, "KRB_AP_ERR_INAPP_CKSUM", "the type of checksum does not fit the message"},
    {51, "KRB_AP_PATH_NOT_ACCEPTED", "the path of realms is not accepted"},
    {52, "KRB_ERR_RESPONSE_TOO_BIG", "the answer is too large for UDP: it is to be asked over TCP"},
    {60, "KRB_ERR_GENERIC", "an error that has no code of its own"},
    {61, "KRB_ERR_FIELD_TOOLONG", "a field is longer than the KDC takes"},
    {62, "KDC_ERROR_CLIENT_NOT_TRUSTED", "the client's certificate is not trusted"},
    {63, "KDC_ERROR_KDC_NOT_TRUSTED", "the KDC's certificate is not trusted"},
    {64, "KDC_ERROR_INVALID_SIG", "the signature is invalid"},
    {65, "KDC_ERR_KEY_TOO_WEAK", "the key of the public-key preauthentication is too weak"},
    {66, "KDC_ERR_CERTIFICATE_MISMATCH", "the certificate does not match the client"},
    {67, "KRB_AP_ERR_NO_TGT", "there is no ticket-granting ticket for user-to-user"},
    {68, "KDC_ERR_WRONG_REALM", "another realm has that name: the KDC of that one is to be asked"},
    {69, "KRB_AP_ERR_USER_TO_USER_REQUIRED", "the server takes user-to-user tickets only"},
    {70, "KDC_ERR_CANT_VERIFY_CERTIFICATE", "the KDC cannot verify the client's certificate"},
    {71, "KDC_ERR_INVALID_CERTIFICATE", "the client's certificate is invalid"},
    {72, "KDC_ERR_REVOKED_CERTIFICATE", "the client's certificate is revoked"},
    {73, "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
     "whether the client's certificate is revoked is not known"},
    {74, "KDC_ERR_REVOCATION_STATUS_UNAVAILABLE",
     "whether the client's certificate is revoked cannot be found out"},
    {75, "KDC_ERR_CLIENT_NAME_MISMATCH", "the client's certificate is for another name"},
    {76, "KDC_ERR_KDC_NAME_MISMATCH", "the KDC's certificate is for another name"},
    {77, "KDC_ERR_INCONSISTENT_KEY_PURPOSE",
     "the client's certificate is not meant for Kerberos or smart-card logon"},
    {78, "KDC_ERR_DIGEST_IN_CERT_NOT_ACCEPTED", "the digest in the certificate is not accepted"},
    {79, "KDC_ERR_PA_CHECKSUM_MUST_BE_INCLUDED", "the checksum of the request is missing"},
    {80, "KDC_ERR_DIGEST_IN_SIGNED_DATA_NOT_ACCEPTED",
     "the digest of what is signed is not accepted"},
    {81, "KDC_ERR_PUBLIC_KEY_ENCRYPTION_NOT_SUPPORTED",
     "the KDC does not support encryption with the public key"},
    {90, "KDC_ERR_PREAUTH_EXPIRED", "preauthentication took too long and is to begin again"},
    {91, "KDC_ERR_MORE_PREAUTH_DATA_REQUIRED", "the KDC needs a further step of preauthentication"},
    {92, "KDC_ERR_PREAUTH_BAD_AUTHENTICATION_SET",
     "the KDC does not take the chosen set of preauthentication"},
    {93, "KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS", "the KDC does not know a critical FAST option"},
    {100, "KDC_ERR_NO_ACCEPTABLE_KDF", "no key derivation that both accept"},
};
static_assert(std::ranges::is_sorted(kErrors, {}, &ErrorCode::code));

const ErrorCode* find(std::int32_t code) {
  const auto* found = std::ranges::lower_bound(kErrors, code, {}, &ErrorCode::code);
  return found != std::end(kErrors) && found->code == code ? found : nullptr;
}

}  // namespace

std::optional<std::string_view> krb_error_name(std::int32_t code) {
  const auto* found = find(code);
  return found != nullptr ? std::optional(found->name) : std::nullopt;
}

std::optional<std::string_view> krb_error_meaning(std::int32_t code) {
  const auto* found = find(code);
  return found != nullptr ? std::optional(found->meaning) : std::nullopt;
}

std::optional<std::string_view> krb_encryption_name(std::int32_t etype) {
  switch (etype) {
    case 1:
      return "des-cbc-crc";
    case 2:
      return "des-cbc-md4";
    case 3:
      return "des-cbc-md5";
    case 5:
      return "des3-cbc-md5";
    case 7:
      return "des3-cbc-sha1";
    case 16:
      return "des3-cbc-sha1-kd";
    case 17:
      return "aes128-cts-hmac-sha1-96";
    case 18:
      return "aes256-cts-hmac-sha1-96";
    case 19:
      return "aes128-cts-hmac-sha256-128";
    case 20:
      return "aes256-cts-hmac-sha384-192";
    case 23:
      return "rc4-hmac";
    case 24:
      return "rc4-hmac-exp";
    case 25:
      return "camellia128-cts-cmac";
    case 26:
      return "camellia256-cts-cmac";
    default:
      return std::nullopt;
  }
}

}  // namespace rdpwhy::auth
