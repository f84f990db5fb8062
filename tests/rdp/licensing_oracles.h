#pragma once

#include "rdp/rdp_oracles.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/security_exchange.h"
#include "rdpwhy/rdp/server_certificate.h"

/// What holds of the decoders of licensing and of Standard RDP Security's keys for any octets.
namespace rdpwhy::rdp::oracle {

/// `bytes` is a server certificate of either form.
inline void check_server_certificate(ByteSpan bytes) {
  check_decoder(bytes, decode_server_certificate);
  const auto decoded = decode_server_certificate(bytes);
  if (!decoded || decoded->proprietary() == nullptr) return;
  const auto part = signed_part(*decoded);
  hold(part.size() < bytes.size() && base::equal(part, bytes.first(part.size())),
       "what is signed are the first octets of the certificate");
  hold(without_padding(decoded->proprietary()->public_key.modulus).size() <= bytes.size(),
       "a modulus without padding is no larger");
}

/// `bytes` stands behind a basic security header with SEC_EXCHANGE_PKT.
inline void check_security_exchange(ByteSpan bytes) {
  check_decoder(bytes, decode_security_exchange);
}

/// `bytes` stands behind a basic security header with SEC_LICENSE_PKT; and what stands inside
/// licensing messages once they are decrypted.
inline void check_licensing(ByteSpan bytes) {
  check_decoder(bytes, decode_licensing);
  check_decoder(bytes, decode_new_license_information);
  check_decoder(bytes, decode_platform_challenge_answer);
  check_decoder(bytes, decode_client_hardware_id);
  const auto decoded = decode_licensing(bytes);
  if (!decoded) return;
  if (const auto* request = decoded->request()) {
    hold(request->scopes.size() <= LicenseRequest::kMostScopes, "scopes are bounded");
    check_server_certificate(request->server_certificate.octets);
  }
}

}  // namespace rdpwhy::rdp::oracle
