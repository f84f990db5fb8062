#pragma once

#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"

namespace rdpwhy::auth {

/// An established security context that seals messages in order: NTLM (MS-NLMP 3.4, made by
/// `crypto`) or Kerberos (RFC 4121 4.2.6.2 Wrap with confidentiality, made by `net` over GSSAPI).
/// Sequence numbers count on with every call.
class MessageProtection {
 public:
  virtual ~MessageProtection() = default;
  /// Signature and ciphertext as CredSSP carries them (MS-CSSP 3.1.5: signature first).
  [[nodiscard]] virtual Bytes seal(ByteSpan plaintext) = 0;
  /// Nothing when the signature does not verify: the context is of no use then.
  [[nodiscard]] virtual std::optional<Secret> unseal(ByteSpan sealed) = 0;
  /// SPNEGO's mechListMIC over the DER of mechTypes (RFC 4178 5), for the peer and from the peer.
  /// Asked before the first seal and unseal. NTLM's key stream and sequence numbers begin anew
  /// after it (MS-SPNG 3.3.5.1), Kerberos counts on.
  [[nodiscard]] virtual Bytes mech_list_mic(ByteSpan mech_types) = 0;
  [[nodiscard]] virtual bool verify_mech_list_mic(ByteSpan mech_types, ByteSpan mic) = 0;
};

}  // namespace rdpwhy::auth
