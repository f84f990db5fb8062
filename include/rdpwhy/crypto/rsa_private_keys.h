#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/secret.h"

namespace rdpwhy::crypto {

/// Private keys of servers, for captures whose suite exchanges its keys by RSA, and for Standard
/// RDP Security, which does so always: what the client encrypted to the server can be decrypted
/// again. They open nothing of (EC)DHE or TLS 1.3.
class RsaPrivateKeys {
 public:
  RsaPrivateKeys();
  RsaPrivateKeys(RsaPrivateKeys&&) noexcept;
  RsaPrivateKeys& operator=(RsaPrivateKeys&&) noexcept;
  ~RsaPrivateKeys();

  /// Every private key of a PEM text, PKCS#1 or PKCS#8. An Error says what is wrong: a passphrase
  /// (nobody is asked for it), another kind of key, no key.
  [[nodiscard]] std::expected<void, Error> add(std::string_view pem);
  /// The key pair of xrdp's rsakeys.ini (pub_exp, pub_mod, pri_exp: little-endian octets in hex),
  /// or what add() takes.
  [[nodiscard]] std::expected<void, Error> add_rdp_keys(std::string_view text);
  [[nodiscard]] bool empty() const;
  /// One of them is the certificate's (DER).
  [[nodiscard]] bool fit(ByteSpan certificate) const;

  /// RFC 5246 7.4.7.1: the premaster secret that was encrypted to the certificate's key. Nothing
  /// when none of the keys is the certificate's, or when what comes out is no premaster secret.
  [[nodiscard]] std::optional<Secret> premaster(ByteSpan certificate, ByteSpan encrypted) const;

  /// MS-RDPBCGR 5.3.4.1: what was encrypted without padding to the key with this modulus, both in
  /// little-endian, in as many octets as the modulus has. Nothing when none of the keys is that
  /// one.
  [[nodiscard]] std::optional<Secret> decrypted_little_endian(ByteSpan modulus,
                                                              ByteSpan encrypted) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::crypto
