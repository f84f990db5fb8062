#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/secret.h"

// MS-RDPBCGR 2.2.17 RDSTLS PDUs, all numbers little-endian.
namespace rdpwhy::auth {

/// 2.2.17.1 RDSTLS Capabilities PDU
struct RdstlsCapabilities {
  std::uint16_t supported_versions = 1;
  friend bool operator==(const RdstlsCapabilities&, const RdstlsCapabilities&) = default;
};

/// 2.2.17.2 RDSTLS Authentication Request PDU with Password Credentials, 2.2.17.3 with
/// Auto-Reconnect Cookie. Texts are UTF-8 here; the password blob and the cookie are kept by size
/// only.
struct RdstlsAuthenticationRequest {
  std::uint16_t data_type = 1;  ///< 1 password, 2 auto-reconnect cookie
  std::string redirection_guid;
  std::string user_name;
  std::string domain;
  std::uint32_t secret_size = 0;  ///< octets of the password blob or the cookie
  std::uint32_t session_id = 0;   ///< data_type 2
  friend bool operator==(const RdstlsAuthenticationRequest&,
                         const RdstlsAuthenticationRequest&) = default;
};

/// 2.2.17.4 RDSTLS Authentication Response PDU
struct RdstlsAuthenticationResponse {
  std::uint32_t result_code = 0;
  friend bool operator==(const RdstlsAuthenticationResponse&,
                         const RdstlsAuthenticationResponse&) = default;
};
/// "RDSTLS_RESULT_SUCCESS", "RDSTLS_RESULT_LOGON_FAILURE", ...
[[nodiscard]] std::optional<std::string_view> rdstls_result_name(std::uint32_t code);

using RdstlsPdu =
    std::variant<RdstlsCapabilities, RdstlsAuthenticationRequest, RdstlsAuthenticationResponse>;

/// How many octets the PDU that begins here has; nothing while that cannot be told yet; an error
/// when these octets begin no RDSTLS PDU.
[[nodiscard]] std::expected<std::optional<std::uint64_t>, DecodeError> rdstls_pdu_size(
    ByteSpan begin);
[[nodiscard]] std::expected<RdstlsPdu, DecodeError> decode_rdstls(ByteSpan pdu,
                                                                  Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const RdstlsCapabilities& pdu);
/// The secret (a password blob as received in a redirection, or a cookie) is written as it is.
[[nodiscard]] Secret encode(const RdstlsAuthenticationRequest& pdu, const Secret& secret);
[[nodiscard]] Bytes encode(const RdstlsAuthenticationResponse& pdu);

}  // namespace rdpwhy::auth
