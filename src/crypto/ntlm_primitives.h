#pragma once

#include <initializer_list>
#include <memory>

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"

/// The old algorithms that NTLM and Standard RDP Security are made of. Whoever calls has seen
/// ntlm_available() or standard_security_available() succeed: after that none of these fails, and
/// if one does it is our bug.
namespace rdpwhy::crypto {

using Parts = std::initializer_list<ByteSpan>;  ///< hashed one behind the other

/// RFC 1320
[[nodiscard]] Secret md4(ByteSpan octets);
/// RFC 1321
[[nodiscard]] Secret md5(Parts parts);
/// RFC 2104
[[nodiscard]] Secret hmac_md5(const Secret& key, Parts parts);

/// RC4 with its key stream going on from call to call; keys of 5 to 256 octets.
class Rc4 {
 public:
  explicit Rc4(const Secret& key);
  /// As many octets as are given.
  [[nodiscard]] Bytes transform(ByteSpan octets);

 private:
  CipherContextPtr context_;
};

}  // namespace rdpwhy::crypto
