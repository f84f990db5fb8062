#include "rdpwhy/crypto/licensing_keys.h"

#include <algorithm>

#include "crypto/rdp_hashes.h"
#include "rdpwhy/crypto/standard_security.h"

namespace rdpwhy::crypto {

std::optional<LicensingKeys> LicensingKeys::derive(const Secret& premaster_secret,
                                                   ByteSpan client_random, ByteSpan server_random) {
  if (!standard_security_available()) return std::nullopt;
  const auto master = three_salted_hashes(premaster_secret, 'A', client_random, server_random);
  // 5.1.2: here the randoms stand the other way round.
  const auto blob = three_salted_hashes(master, 'A', server_random, client_random);
  return LicensingKeys(Secret(base::to_bytes(blob.reveal().first(16))),
                       final_hash(blob.reveal().subspan(16, 16), client_random, server_random));
}

Bytes LicensingKeys::transform(ByteSpan octets) const {
  return Rc4(encryption_key_).transform(octets);
}

LicensingKeys::Mac LicensingKeys::mac(ByteSpan plaintext) const {
  return licensing_mac(mac_salt_key_, plaintext);
}

LicensingKeys::Mac licensing_mac(const Secret& mac_salt_key, ByteSpan plaintext) {
  LicensingKeys::Mac out{};
  const auto mac = salted_mac(mac_salt_key.reveal(), plaintext);
  std::ranges::copy(mac.reveal(), out.begin());
  return out;
}

}  // namespace rdpwhy::crypto
