#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::auth {

/// Object identifiers of mechanisms, dotted.
namespace oid {
inline constexpr std::string_view kSpnego = "1.3.6.1.5.5.2";
inline constexpr std::string_view kKerberos = "1.2.840.113554.1.2.2";
inline constexpr std::string_view kMsKerberos = "1.2.840.48018.1.2.2";
inline constexpr std::string_view kKerberosUserToUser = "1.2.840.113554.1.2.2.3";
inline constexpr std::string_view kNtlm = "1.3.6.1.4.1.311.2.2.10";
inline constexpr std::string_view kNegoEx = "1.3.6.1.4.1.311.2.2.30";
}  // namespace oid
/// "Kerberos", "NTLM", "NEGOEX", ...; nothing for an OID without a name.
[[nodiscard]] std::optional<std::string_view> mechanism_name(std::string_view oid);

/// RFC 4178 4.2.1 NegTokenInit, with MS-SPNG 2.2.1 NegTokenInit2's hints.
struct NegTokenInit {
  std::vector<std::string> mech_types;  ///< dotted OIDs
  std::optional<Bytes> req_flags;       ///< the BIT STRING's content, as sent
  std::optional<Bytes> mech_token;
  std::optional<std::string> hint_name;
  std::optional<Bytes> hint_address;
  std::optional<Bytes> mech_list_mic;
  /// The DER of mechTypes (a SEQUENCE OF), over which mechListMIC is computed (RFC 4178 5).
  Bytes mech_types_der;
  friend bool operator==(const NegTokenInit&, const NegTokenInit&) = default;
};

/// RFC 4178 4.2.2 NegTokenResp
struct NegTokenResp {
  /// 0 accept-completed, 1 accept-incomplete, 2 reject, 3 request-mic
  std::optional<std::uint8_t> neg_state;
  std::optional<std::string> supported_mech;
  std::optional<Bytes> response_token;
  std::optional<Bytes> mech_list_mic;
  friend bool operator==(const NegTokenResp&, const NegTokenResp&) = default;
};
/// "accept-completed", ...; nothing for a number without a name.
[[nodiscard]] std::optional<std::string_view> neg_state_name(std::uint8_t state);

using SpnegoToken = std::variant<NegTokenInit, NegTokenResp>;
/// A GSS-API framed NegTokenInit (RFC 2743 3.1) or a bare NegotiationToken choice.
[[nodiscard]] bool is_spnego(ByteSpan token);
[[nodiscard]] std::expected<SpnegoToken, DecodeError> decode_spnego(ByteSpan token,
                                                                    Notes* notes = nullptr);
/// With the GSS-API frame of a first token; with hints it is MS-SPNG's NegTokenInit2. The DER of
/// mechTypes is made of mech_types: mech_types_der is not looked at.
[[nodiscard]] Bytes encode(const NegTokenInit& token);
[[nodiscard]] Bytes encode(const NegTokenResp& token);

}  // namespace rdpwhy::auth
