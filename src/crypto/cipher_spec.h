#pragma once

#include <cstdint>
#include <optional>

namespace rdpwhy::crypto {

/// How a cipher suite protects the records of TLS 1.0 to 1.2 (RFC 5246 6.2.3 and appendix C).
struct CipherSpec {
  enum class Kind : std::uint8_t {
    kNull,      ///< a MAC alone
    kStream,    ///< RC4
    kCbc,       ///< with a MAC inside, or outside of it (RFC 7366)
    kGcm,       ///< RFC 5288, RFC 6209: half of the nonce stands in the record
    kCcm,       ///< RFC 6655: likewise
    kChaCha20,  ///< RFC 7905: the nonce comes from the sequence number
  };
  Kind kind = Kind::kNull;
  bool legacy = false;           ///< OpenSSL keeps the cipher in its legacy provider
  std::uint8_t key_size = 0;     ///< octets
  std::uint8_t iv_size = 0;      ///< octets of it in the key block: all of CBC's, the salt of AEAD
  std::uint8_t mac_size = 0;     ///< octets, and of its key; 0: AEAD
  std::uint8_t tag_size = 0;     ///< octets, AEAD
  const char* cipher = nullptr;  ///< OpenSSL's name; null: none
  const char* mac = nullptr;     ///< OpenSSL's name of the digest in the HMAC; null: AEAD
  const char* prf = nullptr;     ///< OpenSSL's name of the digest in the PRF of TLS 1.2
};

/// By the registry's name for the suite, whatever its key exchange. Nothing for suites of TLS 1.3,
/// export suites, drafts, and ciphers that OpenSSL does not have.
[[nodiscard]] std::optional<CipherSpec> cipher_spec_of(std::uint16_t cipher_suite);

}  // namespace rdpwhy::crypto
