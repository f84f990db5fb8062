#pragma once

#include <array>
#include <cstdint>

#include "crypto/cipher_spec.h"
#include "crypto/record_protection.h"
#include "crypto/wiped.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::crypto {

// The keys of TLS 1.0 to 1.2, from a premaster secret to the records (RFC 5246 5, 6.3 and 8.1).

inline constexpr std::size_t kMasterSecretSize = 48;
using MasterSecret = Wiped<kMasterSecretSize>;

/// The digest of the PRF: MD5 and SHA-1 together before TLS 1.2, then the suite's.
[[nodiscard]] const char* prf_digest(std::uint16_t version, const CipherSpec& spec);

/// RFC 5246 8.1.
void derive_master_secret(const char* digest, ByteSpan premaster, ByteSpan client_random,
                          ByteSpan server_random, MasterSecret& out);
/// RFC 7627 4.
void derive_extended_master_secret(const char* digest, ByteSpan premaster, ByteSpan session_hash,
                                   MasterSecret& out);

/// RFC 5246 6.3.
class KeyBlock {
 public:
  /// `with_ivs`: the block goes on with an IV for each side (AEAD, and CBC in TLS 1.0).
  KeyBlock(const char* digest, const CipherSpec& spec, const MasterSecret& master,
           ByteSpan client_random, ByteSpan server_random, bool with_ivs);
  /// Views into the block.
  [[nodiscard]] WriteKeys of(Side side) const;

 private:
  static constexpr std::size_t kMostSize = 2 * (48 + 32 + 16);
  Wiped<kMostSize> octets_;
  std::size_t mac_size_, key_size_, iv_size_;
};

}  // namespace rdpwhy::crypto
