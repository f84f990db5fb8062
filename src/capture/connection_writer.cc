#include <algorithm>

#include "capture/ip_packet.h"
#include "rdpwhy/capture/capture_writer.h"

namespace rdpwhy::capture {
namespace {

constexpr std::size_t kLargestPayload = 65'000;
constexpr std::size_t kLongestQuote = 128;

constexpr std::size_t index(End side) { return static_cast<std::size_t>(side); }
constexpr End other(End side) { return side == End::kClient ? End::kServer : End::kClient; }

/// RFC 4291 2.5.5.2
void map_to_v6(Address& address) {
  if (address.v6) return;
  Address mapped;
  mapped.v6 = true;
  mapped.octets[10] = mapped.octets[11] = 0xFF;
  std::copy_n(address.octets.begin(), 4, mapped.octets.begin() + 12);
  address = mapped;
}

/// Initial sequence numbers that differ from connection to connection without any randomness.
std::uint32_t initial_sequence(Moment at, std::uint64_t salt) {
  auto value = (static_cast<std::uint64_t>(at.ns) + salt) * 0x9E3779B97F4A7C15U;
  value ^= value >> 29U;
  return static_cast<std::uint32_t>(value >> 16U);
}

}  // namespace

ConnectionWriter::ConnectionWriter(CaptureWriter& writer, Endpoint client, Endpoint server)
    : writer_(writer), ends_{client, server} {
  if (client.address.v6 != server.address.v6) {
    for (auto& end : ends_) map_to_v6(end.address);
  }
}

void ConnectionWriter::begin(Moment at) {
  begun_ = true;
  next_[0] = initial_sequence(at, ends_[0].port) + 1;
  next_[1] = initial_sequence(at, std::uint64_t{0x10000} + ends_[1].port) + 1;
}

void ConnectionWriter::segment(End from, std::uint8_t flags, ByteSpan payload, Moment at) {
  const auto i = index(from);
  TcpFields tcp{.sequence = next_[i], .acknowledgement = 0, .flags = flags};
  if ((flags & kTcpSyn) != 0) --tcp.sequence;
  if ((flags & kTcpAck) != 0) tcp.acknowledgement = next_[index(other(from))];
  const auto packet = encode_tcp_packet(ends_[i], ends_[index(other(from))], id_++, tcp, payload);
  last_[i] = base::to_bytes(ByteSpan(packet).first(std::min(packet.size(), kLongestQuote)));
  writer_.packet(packet, at);
  next_[i] += static_cast<std::uint32_t>(payload.size());
  if ((flags & kTcpFin) != 0) ++next_[i];
}

void ConnectionWriter::connecting(Moment at) {
  if (over_) return;
  if (!begun_) begin(at);
  segment(End::kClient, kTcpSyn, {}, at);
}

void ConnectionWriter::connected(Moment at) {
  if (over_) return;
  if (!begun_) begin(at);
  connected_ = true;
  segment(End::kServer, kTcpSyn | kTcpAck, {}, at);
  segment(End::kClient, kTcpAck, {}, at);
}

void ConnectionWriter::bytes(End side, ByteSpan octets, Moment at) {
  if (over_ || closed_[index(side)]) return;
  if (!begun_) begin(at);
  connected_ = true;  // it must have been, or there were no octets
  while (!octets.empty()) {
    const auto size = std::min(octets.size(), kLargestPayload);
    const bool last = size == octets.size();
    segment(side, last ? kTcpPsh | kTcpAck : kTcpAck, octets.first(size), at);
    octets = octets.subspan(size);
  }
}

void ConnectionWriter::closed(End by, Moment at) {
  if (over_ || closed_[index(by)] || !begun_) return;
  segment(by, kTcpFin | kTcpAck, {}, at);
  closed_[index(by)] = true;
  segment(other(by), kTcpAck, {}, at);
}

void ConnectionWriter::reset(End by, Moment at) {
  if (over_ || !begun_) return;
  // Who gives up before the answer came has nothing to acknowledge.
  segment(by, connected_ ? kTcpRst | kTcpAck : kTcpRst, {}, at);
  over_ = true;
}

void ConnectionWriter::refused(Moment at) {
  if (over_ || !begun_ || connected_) return;
  next_[1] = 0;  // RFC 9293 3.10.7.1: a reset to a segment without ACK has sequence number 0
  segment(End::kServer, kTcpRst | kTcpAck, {}, at);
  over_ = true;
}

void ConnectionWriter::icmp(const IcmpQuote& quote) {
  const auto sender = quote.from == ends_[1] ? End::kServer : End::kClient;
  const auto& quoted = last_[index(sender)];
  const auto& to = ends_[index(sender)].address;
  if (quoted.empty() || quote.offender.v6 != to.v6) return;
  writer_.packet(encode_icmp_packet(quote.offender, to, id_++, quote.type, quote.code, quoted),
                 quote.at);
}

}  // namespace rdpwhy::capture
