#pragma once

#include <expected>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.1.10.1 Security Exchange PDU Data (TS_SECURITY_PACKET), behind its basic security
/// header with SEC_EXCHANGE_PKT.
struct SecurityExchange {
  /// Little-endian, as many octets as the server's modulus, zeros of padding included.
  Bytes encrypted_client_random;

  friend bool operator==(const SecurityExchange&, const SecurityExchange&) = default;
};

[[nodiscard]] std::expected<SecurityExchange, DecodeError> decode_security_exchange(
    ByteSpan octets, Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const SecurityExchange& pdu);

}  // namespace rdpwhy::rdp
