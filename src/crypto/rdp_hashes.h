#pragma once

#include <string_view>

#include "crypto/ntlm_primitives.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"

/// What Standard RDP Security (MS-RDPBCGR 5.3) and licensing (MS-RDPELE 5.1) have in common.
namespace rdpwhy::crypto {

/// FIPS 180, over parts one behind the other.
[[nodiscard]] Secret sha1_of(Parts parts);
/// RFC 2104
[[nodiscard]] Secret hmac_sha1(const Secret& key, Parts parts);

/// MS-RDPBCGR 5.3.5.1 SaltedHash(S, I) three times over, for the labels "A" "BB" "CCC" or their
/// like: 48 octets. `first` and `second` are the randoms in their order.
[[nodiscard]] Secret three_salted_hashes(const Secret& secret, char label, ByteSpan first,
                                         ByteSpan second);
/// 5.3.5.1 FinalHash(K) = MD5(K + ClientRandom + ServerRandom)
[[nodiscard]] Secret final_hash(ByteSpan key, ByteSpan client_random, ByteSpan server_random);

/// 5.3.6.1: MD5 over SHA-1 over length and data, both salted; all 16 octets. `count` is empty but
/// for the salted form.
[[nodiscard]] Secret salted_mac(ByteSpan key, ByteSpan plaintext, ByteSpan count = {});
/// 5.3.7: SHA-1 within MD5 over the first and the current key.
[[nodiscard]] Secret updated_key_base(ByteSpan initial, ByteSpan current);

}  // namespace rdpwhy::crypto
