#pragma once

#include <cstdint>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {

constexpr std::uint8_t kTcpFin = 0x01;
constexpr std::uint8_t kTcpSyn = 0x02;
constexpr std::uint8_t kTcpRst = 0x04;
constexpr std::uint8_t kTcpPsh = 0x08;
constexpr std::uint8_t kTcpAck = 0x10;

/// RFC 9293 3.1, without what follows from the ends and the payload.
struct TcpFields {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint8_t flags = 0;
};

/// A whole IP packet with right lengths and checksums. Both addresses are of one IP version.
[[nodiscard]] Bytes encode_tcp_packet(const Endpoint& from, const Endpoint& to, std::uint16_t id,
                                      const TcpFields& tcp, ByteSpan payload);

/// RFC 792 or RFC 4443 2: an error that quotes the beginning of a packet.
[[nodiscard]] Bytes encode_icmp_packet(const Address& from, const Address& to, std::uint16_t id,
                                       std::uint8_t type, std::uint8_t code, ByteSpan quoted);

}  // namespace rdpwhy::capture
