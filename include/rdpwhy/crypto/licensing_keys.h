#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"

namespace rdpwhy::crypto {

/// MS-RDPELE 5.1.2 to 5.1.5: the keys of one licensing exchange. Other than those of the session,
/// and there whatever protects the session.
class LicensingKeys {
 public:
  using Mac = std::array<std::uint8_t, 16>;

  /// `premaster_secret`: 48 octets. Nothing where standard_security_available() fails.
  [[nodiscard]] static std::optional<LicensingKeys> derive(const Secret& premaster_secret,
                                                           ByteSpan client_random,
                                                           ByteSpan server_random);

  /// 5.1.3 and 5.1.4: RC4 that begins anew with every blob, so the same both ways.
  [[nodiscard]] Bytes transform(ByteSpan octets) const;
  /// 5.1.5, over what is said in the clear.
  [[nodiscard]] Mac mac(ByteSpan plaintext) const;

  /// For comparison with vectors.
  [[nodiscard]] const Secret& mac_salt_key() const { return mac_salt_key_; }
  [[nodiscard]] const Secret& encryption_key() const { return encryption_key_; }

 private:
  LicensingKeys(Secret mac_salt_key, Secret encryption_key)
      : mac_salt_key_(std::move(mac_salt_key)), encryption_key_(std::move(encryption_key)) {}

  Secret mac_salt_key_;
  Secret encryption_key_;
};

/// MS-RDPELE 5.1.5 with a key of one's own.
[[nodiscard]] LicensingKeys::Mac licensing_mac(const Secret& mac_salt_key, ByteSpan plaintext);

}  // namespace rdpwhy::crypto
