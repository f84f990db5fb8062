#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "crypto/cipher_spec.h"
#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

/// RFC 5246 6.2.3 (and RFC 2246, RFC 4346): what protects the records of one side from one
/// ChangeCipherSpec to the next, undone. Counts the records itself.
class RecordProtection {
 public:
  virtual ~RecordProtection() = default;
  /// The plaintext of a TLSCiphertext with its header; nothing when it does not verify. Either way
  /// it was one record.
  [[nodiscard]] virtual std::optional<Bytes> open(ByteSpan record) = 0;
};

/// The part of the key block (RFC 5246 6.3) that belongs to one side.
struct WriteKeys {
  ByteSpan mac_key;
  ByteSpan key;
  ByteSpan iv;  ///< empty from TLS 1.1 on, but for AEAD
};

/// Null when this OpenSSL does not have the cipher. `explicit_iv`: TLS 1.1 and newer, a CBC record
/// begins with its IV.
[[nodiscard]] std::unique_ptr<RecordProtection> make_record_protection(const CipherSpec& spec,
                                                                       const WriteKeys& keys,
                                                                       bool explicit_iv,
                                                                       bool encrypt_then_mac);

}  // namespace rdpwhy::crypto
