#pragma once

#include <cstdint>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/record/phase.h"
#include "rdpwhy/tls/alert.h"

namespace rdpwhy::crypto {

/// Where one side of an established connection stands in what it writes.
struct WritingEnd {
  Side side = Side::kServer;
  std::uint16_t version = 0;
  std::uint16_t cipher_suite = 0;
  std::uint64_t sequence = 0;  ///< records written under these keys so far
  ByteSpan secret;             ///< TLS 1.3: its traffic secret; older: the master secret
  ByteSpan client_random, server_random;
};

/// One alert as a protected record. OpenSSL sends alerts of its own only; a server that refuses
/// somebody by an alert of its choice (Schannel behind CredSSP) needs this. Nothing for suites that
/// are not AEAD, and for CCM.
[[nodiscard]] std::optional<Bytes> seal_alert(const WritingEnd& end, const tls::Alert& alert);

}  // namespace rdpwhy::crypto
