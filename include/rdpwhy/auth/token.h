#pragma once

#include <optional>
#include <variant>

#include "rdpwhy/auth/kerberos.h"
#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/auth/spnego.h"
#include "rdpwhy/base/error.h"

namespace rdpwhy::auth {

/// A message of the security mechanism itself; monostate: none, or of a mechanism we cannot read.
using MechanismMessage =
    std::variant<std::monostate, NtlmNegotiate, NtlmChallenge, NtlmAuthenticate, KerberosToken>;

/// One negoToken of a TSRequest, read as far as it goes (MS-CSSP 2.2.1.1): bare NTLM, SPNEGO with
/// something inside, or a bare Kerberos token.
struct Token {
  std::uint32_t size = 0;             ///< octets of the negoToken
  std::optional<SpnegoToken> spnego;  ///< absent: the mechanism's token stands bare
  MechanismMessage message;
  /// The octets of the mechanism's own token, for what is computed over them (NTLM's MIC, GSSAPI):
  /// of NTLM's NEGOTIATE and CHALLENGE, of AP-REP, KRB-ERROR and TGT-REQ. Empty for everything
  /// else: an AUTHENTICATE_MESSAGE or a ticket proves a password to whoever tries many of them, and
  /// what cannot be read may be one. The responses are taken out of the message, too, and the
  /// copies inside `spnego` are emptied always.
  Bytes mechanism_octets;
  std::optional<DecodeError> error;  ///< what could not be read, of whichever layer
  std::vector<Note> notes;
  friend bool operator==(const Token&, const Token&) = default;
};

/// Never fails: what cannot be read is said in `error`.
[[nodiscard]] Token decode_token(ByteSpan nego_token);

}  // namespace rdpwhy::auth
