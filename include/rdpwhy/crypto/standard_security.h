#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/rdp/server_certificate.h"
#include "rdpwhy/record/session_opener.h"

namespace rdpwhy::crypto {

/// MS-RDPBCGR 2.2.1.4.3 encryptionMethod
enum class EncryptionMethod : std::uint32_t {
  kNone = 0,
  k40Bit = 0x01,
  k128Bit = 0x02,
  k56Bit = 0x08,
  kFips = 0x10,
};

/// Succeeds where Standard RDP Security can be computed: RC4 comes from OpenSSL's legacy provider,
/// and MD5 and 3DES must not be forbidden. Otherwise says why not.
[[nodiscard]] std::expected<void, Error> standard_security_available();

/// MS-RDPBCGR 5.3.5 to 5.3.7: the keys of one session and both directions of it. Each direction
/// goes on from payload to payload, so each must be given every payload of its side in order.
class StandardSecurity {
 public:
  /// MS-RDPBCGR 5.3.4: both randoms have 32 octets.
  static constexpr std::size_t kRandomSize = 32;
  static constexpr std::size_t kSignatureSize = 8;
  /// 5.3.7: the keys of a direction are updated after so many payloads.
  static constexpr std::uint32_t kKeyLifetime = 4096;

  /// Nothing for a method that protects nothing or that nobody knows, for randoms of other sizes,
  /// and where standard_security_available() fails.
  [[nodiscard]] static std::optional<StandardSecurity> derive(std::uint32_t encryption_method,
                                                              const Secret& client_random,
                                                              ByteSpan server_random);
  StandardSecurity(StandardSecurity&&) noexcept;
  StandardSecurity& operator=(StandardSecurity&&) noexcept;
  ~StandardSecurity();

  struct Sealed {
    std::array<std::uint8_t, kSignatureSize> signature{};  ///< dataSignature
    std::uint8_t padding = 0;  ///< padlen of FIPS (2.2.8.1.1.2.3), 0 otherwise
    Bytes data;                ///< encryptedData
  };
  /// What `side` sends. `salted`: SEC_SECURE_CHECKSUM (5.3.6.1.1), which FIPS does not have.
  [[nodiscard]] Sealed seal(Side side, ByteSpan plaintext, bool salted);
  /// The payload is counted whatever comes out.
  [[nodiscard]] std::expected<record::SessionOpener::Opened, record::SessionOpener::Refusal> open(
      const record::SessionOpener::Protected& payload);

  /// Octets of this side are missing: nothing of it opens any more.
  void lost(Side side);

  [[nodiscard]] bool is_fips() const;
  /// Of the session, for comparison with vectors: MACKey, and what `side` encrypts with first.
  [[nodiscard]] const Secret& mac_key() const;
  [[nodiscard]] const Secret& initial_key(Side side) const;

 private:
  class Impl;
  explicit StandardSecurity(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// MS-RDPBCGR 5.3.4.1: a client random or a premaster secret encrypted to the server's key, RSA
/// without padding in little-endian, with eight zeros behind it. Nothing when the certificate holds
/// no RSA key that is large enough.
[[nodiscard]] std::optional<Bytes> encrypt_to_server(const rdp::ServerCertificate& certificate,
                                                     const Secret& secret);

/// The server's key, as far as its certificate (2.2.1.4.3.1) tells.
[[nodiscard]] record::ServerKeyJudgement judge_server_key(ByteSpan server_certificate);

struct ServerKey;  // crypto/server_key.h

/// Server keys with a bounded memory by SHA-256: a server shows the same certificate to everybody,
/// and to read and verify one costs more than the rest of a connection. Equal results with a
/// capacity of 0, which switches the memory off.
class ServerKeyCache {
 public:
  explicit ServerKeyCache(std::size_t capacity = 1024);
  ~ServerKeyCache();
  [[nodiscard]] std::shared_ptr<const ServerKey> read(ByteSpan server_certificate);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::crypto
