#pragma once

#include <cstdint>
#include <expected>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.16.1 Server Heartbeat PDU, behind the security header.
struct Heartbeat {
  std::uint8_t period = 0;  ///< seconds between two of them
  std::uint8_t count1 = 0;  ///< missed ones that warn
  std::uint8_t count2 = 0;  ///< missed ones after which the client reconnects
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

[[nodiscard]] std::expected<Heartbeat, DecodeError> decode_heartbeat(ByteSpan octets,
                                                                     Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const Heartbeat& pdu);

}  // namespace rdpwhy::rdp
