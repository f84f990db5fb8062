#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/crypto/standard_security.h"

namespace rdpwhy::crypto {

/// The server's half of MS-RDPBCGR 5.3.4: a certificate, and the session keys that follow from what
/// a client encrypts to it. For the lab and for tests: the key is one for each process, and
/// protects nothing.
class StandardServer {
 public:
  /// An Error where standard_security_available() fails, or no key can be made.
  [[nodiscard]] static std::expected<StandardServer, Error> make(std::uint32_t encryption_method,
                                                                 ByteSpan server_random);
  StandardServer(StandardServer&&) noexcept;
  ~StandardServer();

  /// 2.2.1.4.3.1.1: proprietary, signed with the key that everybody has (5.3.3.1.2).
  [[nodiscard]] const Bytes& certificate() const;
  [[nodiscard]] const Bytes& server_random() const;
  /// encryptedClientRandom of the Security Exchange PDU. The session, or nothing where that is not
  /// a random that was encrypted to this key.
  [[nodiscard]] std::optional<StandardSecurity> session(ByteSpan encrypted_client_random) const;

 private:
  class Impl;
  explicit StandardServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::crypto
