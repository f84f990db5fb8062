#pragma once

#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/rdp/server_certificate.h"

/// RSA without padding over little-endian numbers, as Standard RDP Security has it (MS-RDPBCGR
/// 5.3.4.1).
namespace rdpwhy::crypto {

/// A public key, without zeros at the end.
struct RawPublicKey {
  Bytes modulus;
  Bytes exponent;
};

/// The key of a proprietary certificate, or of the last certificate of a chain. Nothing when there
/// is none, or none of a size with which somebody could compute.
[[nodiscard]] std::optional<RawPublicKey> public_key_of(const rdp::ServerCertificate& certificate);

/// value ^ exponent mod modulus, in as many octets as the modulus has. Nothing when the value is
/// not less than the modulus, or the modulus is none (even, too small, too large).
[[nodiscard]] std::optional<Bytes> raw_rsa(ByteSpan modulus, ByteSpan exponent, ByteSpan value);
/// The same with a secret exponent, in constant time.
[[nodiscard]] std::optional<Secret> raw_rsa_private(ByteSpan modulus, ByteSpan private_exponent,
                                                    ByteSpan value);

}  // namespace rdpwhy::crypto
