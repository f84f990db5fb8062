#pragma once

#include <array>
#include <cstdint>

#include "rdpwhy/base/bytes.h"

/// RSA keys of Standard RDP Security that everybody has. Little-endian, as on the wire.
namespace rdpwhy::crypto {

/// MS-RDPBCGR 5.3.3.1.2: the terminal services signing key, with which every proprietary
/// certificate is signed. Its private half is printed there too, so a signature proves nothing but
/// that the certificate was not damaged.
[[nodiscard]] ByteSpan signing_key_modulus();
[[nodiscard]] ByteSpan signing_key_exponent();
[[nodiscard]] ByteSpan signing_key_private_exponent();

/// A key pair that servers had built in for years (old xrdp, proxies of its kind, vnc2rdp): what is
/// encrypted to it can be read by everybody.
[[nodiscard]] ByteSpan published_modulus();
[[nodiscard]] ByteSpan published_private_exponent();

}  // namespace rdpwhy::crypto
