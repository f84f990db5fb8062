#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

/// RFC 8446 B.4: how a cipher suite of TLS 1.3 protects records.
struct Tls13Suite {
  std::uint16_t code;
  const char* cipher;  // OpenSSL's name
  const char* digest;
  std::size_t key_size;
  std::size_t hash_size;
  std::size_t tag_size;
  bool ccm;  // OpenSSL wants to be told the lengths first
};

/// Null for a number that is none of them.
[[nodiscard]] const Tls13Suite* find_tls13_suite(std::uint16_t code);

/// Null: this OpenSSL does not have it. Fetched once and kept, never freed, like the library
/// context: a capture has thousands of connections, and looking a cipher up costs as much as
/// opening a record.
[[nodiscard]] const EVP_CIPHER* tls13_cipher(const Tls13Suite& suite);

/// RFC 8446 7.1 HKDF-Expand-Label of one secret with an empty context. All that TLS 1.3 asks of it
/// here fits in one block of the hash, so that RFC 5869's T(1) is the whole answer. The secret is
/// hashed once for all labels.
class LabelExpander {
 public:
  LabelExpander(const Tls13Suite& suite, ByteSpan secret);
  void expand(std::string_view label, std::span<std::uint8_t> out);

 private:
  MacContextPtr context_;
  std::size_t hash_size_;
};

/// RFC 8446 5.3: the sequence number, padded on the left, XOR the static IV.
inline constexpr std::size_t kTls13IvSize = 12;
[[nodiscard]] std::array<std::uint8_t, kTls13IvSize> tls13_nonce(ByteSpan iv,
                                                                 std::uint64_t sequence);

}  // namespace rdpwhy::crypto
