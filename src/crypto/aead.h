#pragma once

#include <array>
#include <cstdint>

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

/// RFC 5116 as TLS uses it: AES-GCM, AES-CCM, CCM_8, ARIA-GCM and ChaCha20-Poly1305 with a nonce of
/// twelve octets, decrypting only.
class AeadCipher {
 public:
  static constexpr std::size_t kNonceSize = 12;
  using Nonce = std::array<std::uint8_t, kNonceSize>;

  /// `cipher` may be null. `is_ccm`: it wants to be told the lengths first.
  AeadCipher(const EVP_CIPHER* cipher, ByteSpan key, std::size_t tag_size, bool is_ccm);
  /// False where this OpenSSL does not know the cipher.
  [[nodiscard]] bool is_known() const { return known_; }

  [[nodiscard]] std::size_t tag_size() const { return tag_size_; }
  /// `sealed` with its tag at the end; `out` has room for all but the tag. False when the tag does
  /// not match: `out` is wiped then.
  [[nodiscard]] bool open(const Nonce& nonce, ByteSpan associated, ByteSpan sealed,
                          std::span<std::uint8_t> out);

 private:
  bool decrypt(const Nonce& nonce, ByteSpan associated, ByteSpan sealed, ByteSpan tag,
               std::uint8_t* out);

  CipherContextPtr context_;
  std::size_t tag_size_;
  bool is_ccm_;
  bool known_ = false;
};

}  // namespace rdpwhy::crypto
