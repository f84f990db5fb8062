#include "capture/ip_packet.h"

#include "rdpwhy/base/writer.h"

namespace rdpwhy::capture {
namespace {

constexpr std::uint8_t kHopLimit = 64;
constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kIcmpV6 = 58;

ByteSpan octets_of(const Address& address) {
  return ByteSpan(address.octets).first(address.v6 ? 16 : 4);
}

/// RFC 1071: the sum of 16-bit words, before folding.
std::uint64_t sum_of(ByteSpan octets) {
  std::uint64_t sum = 0;
  std::size_t i = 0;
  for (; i + 1 < octets.size(); i += 2) {
    sum += static_cast<std::uint64_t>((octets[i] << 8U) | octets[i + 1]);
  }
  if (i < octets.size()) sum += static_cast<std::uint64_t>(octets[i]) << 8U;
  return sum;
}

std::uint16_t checksum(std::uint64_t sum) {
  while (sum > 0xFFFF) sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

/// RFC 9293 3.1 and RFC 8200 8.1: the addresses, the protocol and the length.
std::uint64_t pseudo_header(const Address& from, const Address& to, std::uint8_t protocol,
                            std::size_t size) {
  return sum_of(octets_of(from)) + sum_of(octets_of(to)) + protocol + size;
}

void store16(Bytes& octets, std::size_t at, std::uint16_t value) {
  octets[at] = static_cast<std::uint8_t>(value >> 8U);
  octets[at + 1] = static_cast<std::uint8_t>(value);
}

/// RFC 791 3.1
Bytes ipv4_packet(const Address& from, const Address& to, std::uint16_t id, std::uint8_t protocol,
                  ByteSpan payload) {
  constexpr std::uint16_t kDoNotFragment = 0x4000;
  Writer out;
  out.u8(0x45).u8(0).u16be(static_cast<std::uint16_t>(20 + payload.size()));
  out.u16be(id).u16be(kDoNotFragment).u8(kHopLimit).u8(protocol).u16be(0);
  out.bytes(octets_of(from)).bytes(octets_of(to)).bytes(payload);
  auto packet = out.take();
  store16(packet, 10, checksum(sum_of(ByteSpan(packet).first(20))));
  return packet;
}

/// RFC 8200 3
Bytes ipv6_packet(const Address& from, const Address& to, std::uint8_t protocol, ByteSpan payload) {
  Writer out;
  out.u32be(0x60000000)
      .u16be(static_cast<std::uint16_t>(payload.size()))
      .u8(protocol)
      .u8(kHopLimit);
  out.bytes(octets_of(from)).bytes(octets_of(to)).bytes(payload);
  return out.take();
}

Bytes ip_packet(const Address& from, const Address& to, std::uint16_t id, std::uint8_t protocol,
                ByteSpan payload) {
  return from.v6 ? ipv6_packet(from, to, protocol, payload)
                 : ipv4_packet(from, to, id, protocol, payload);
}

/// RFC 9293 3.2 and RFC 7323 2: the largest segment that the IP version allows, and a window of 1
/// GiB, so that nothing we write ever exceeds it.
void write_syn_options(Writer& out, bool v6) {
  constexpr std::uint16_t kLargestPacket = 65'535;
  out.u8(2).u8(4).u16be(v6 ? kLargestPacket - 60 : kLargestPacket - 40);
  out.u8(1);               // NOP
  out.u8(3).u8(3).u8(14);  // window scale
}

}  // namespace

Bytes encode_tcp_packet(const Endpoint& from, const Endpoint& to, std::uint16_t id,
                        const TcpFields& tcp, ByteSpan payload) {
  const bool syn = (tcp.flags & kTcpSyn) != 0;
  const unsigned words = syn ? 7 : 5;
  Writer out;
  out.u16be(from.port).u16be(to.port).u32be(tcp.sequence).u32be(tcp.acknowledgement);
  out.u8(static_cast<std::uint8_t>(words << 4U)).u8(tcp.flags);
  out.u16be((tcp.flags & kTcpRst) != 0 ? 0 : 0xFFFF).u16be(0).u16be(0);
  if (syn) write_syn_options(out, from.address.v6);
  out.bytes(payload);
  auto segment = out.take();
  store16(
      segment, 16,
      checksum(sum_of(segment) + pseudo_header(from.address, to.address, kTcp, segment.size())));
  return ip_packet(from.address, to.address, id, kTcp, segment);
}

Bytes encode_icmp_packet(const Address& from, const Address& to, std::uint16_t id,
                         std::uint8_t type, std::uint8_t code, ByteSpan quoted) {
  Writer out;
  out.u8(type).u8(code).u16be(0).u32be(0).bytes(quoted);
  auto message = out.take();
  // ICMP for IPv4 has no pseudo header.
  const auto extra = from.v6 ? pseudo_header(from, to, kIcmpV6, message.size()) : 0;
  store16(message, 2, checksum(sum_of(message) + extra));
  return ip_packet(from, to, id, from.v6 ? kIcmpV6 : kIcmp, message);
}

}  // namespace rdpwhy::capture
