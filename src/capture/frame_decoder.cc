#include <algorithm>
#include <cstring>

#include "capture/fragments.h"
#include "capture/link_types.h"
#include "capture/octet_order.h"
#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {
namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpV6 = 58;

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86DD;

/// A part of a frame: what was captured of it, and how much there was on the wire.
struct Part {
  ByteSpan octets;
  std::size_t on_wire = 0;

  [[nodiscard]] bool has(std::size_t count) const { return octets.size() >= count; }
  [[nodiscard]] const std::uint8_t* at(std::size_t offset) const { return octets.data() + offset; }
  /// Only where has(count) holds.
  [[nodiscard]] Part without(std::size_t count) const {
    return {octets.subspan(count), on_wire - count};
  }
  [[nodiscard]] Part first(std::size_t count) const {
    return {octets.first(std::min(count, octets.size())), std::min(count, on_wire)};
  }
};

struct IpHeader {
  bool v6 = false;
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 0;
  Address from;
  Address to;
  Part payload;
  bool fragment = false;
  bool more_fragments = false;
  std::uint32_t fragment_offset = 0;
  std::uint32_t id = 0;
};

Address address_v4(const std::uint8_t* at) {
  Address address;
  std::memcpy(address.octets.data(), at, 4);
  return address;
}

Address address_v6(const std::uint8_t* at) {
  Address address;
  address.v6 = true;
  std::memcpy(address.octets.data(), at, 16);
  return address;
}

/// RFC 791 3.1. A total length of 0 is what segmentation offload leaves behind: all that was
/// captured.
bool read_ipv4(const Part& part, IpHeader& ip) {
  if (!part.has(20) || *part.at(0) >> 4 != 4) return false;
  const std::size_t header = (*part.at(0) & 0x0FU) * 4U;
  if (header < 20 || !part.has(header)) return false;
  const std::size_t total = load16be(part.at(2));
  if (total != 0 && total < header) return false;
  const auto flags = load16be(part.at(6));
  ip.v6 = false;
  ip.id = load16be(part.at(4));
  ip.more_fragments = (flags & 0x2000U) != 0;
  ip.fragment_offset = (flags & 0x1FFFU) * 8U;
  ip.fragment = ip.more_fragments || ip.fragment_offset != 0;
  ip.ttl = *part.at(8);
  ip.protocol = *part.at(9);
  ip.from = address_v4(part.at(12));
  ip.to = address_v4(part.at(16));
  ip.payload = (total == 0 ? part : part.first(total)).without(header);
  return true;
}

/// RFC 8200 4.5
bool read_ipv6_fragment_header(IpHeader& ip) {
  if (!ip.payload.has(8)) return false;
  const auto flags = load16be(ip.payload.at(2));
  ip.protocol = *ip.payload.at(0);
  ip.more_fragments = (flags & 1U) != 0;
  ip.fragment_offset = flags & 0xFFF8U;
  ip.fragment = ip.more_fragments || ip.fragment_offset != 0;  // else "atomic" (RFC 6946)
  ip.id = load32be(ip.payload.at(4));
  ip.payload = ip.payload.without(8);
  return true;
}

/// RFC 8200 4: passes over extension headers up to a fragment header or the upper layer.
bool skip_ipv6_extensions(IpHeader& ip) {
  constexpr int kMostExtensions = 16;
  for (int i = 0; i < kMostExtensions && !ip.fragment; ++i) {
    std::size_t unit = 8;
    std::size_t extra = 1;
    switch (ip.protocol) {
      case 0:    // Hop-by-Hop Options
      case 43:   // Routing
      case 60:   // Destination Options
      case 135:  // Mobility (RFC 6275)
        break;
      case 51:  // Authentication Header (RFC 4302): counts 4 octets, less 2
        unit = 4;
        extra = 2;
        break;
      case 44:
        if (!read_ipv6_fragment_header(ip)) return false;
        continue;
      default:
        return true;
    }
    if (!ip.payload.has(2)) return false;
    const auto size = (*ip.payload.at(1) + extra) * unit;
    if (!ip.payload.has(size)) return false;
    ip.protocol = *ip.payload.at(0);
    ip.payload = ip.payload.without(size);
  }
  return true;
}

/// RFC 8200 3. A payload length of 0 is segmentation offload, as in IPv4.
bool read_ipv6(const Part& part, IpHeader& ip) {
  if (!part.has(40) || *part.at(0) >> 4 != 6) return false;
  const std::size_t size = load16be(part.at(4));
  ip.v6 = true;
  ip.protocol = *part.at(6);
  ip.ttl = *part.at(7);
  ip.from = address_v6(part.at(8));
  ip.to = address_v6(part.at(24));
  ip.payload = part.without(40);
  if (size != 0) ip.payload = ip.payload.first(size);
  return skip_ipv6_extensions(ip);
}

bool read_ip(const Part& part, IpHeader& ip) {
  if (!part.has(1)) return false;
  return *part.at(0) >> 4 == 4 ? read_ipv4(part, ip) : read_ipv6(part, ip);
}

/// RFC 9293 3.2: the one option that tells something about a path.
std::optional<std::uint16_t> maximum_segment_size(ByteSpan options) {
  for (std::size_t i = 0; i < options.size();) {
    const auto kind = options[i];
    if (kind == 0) return std::nullopt;
    if (kind == 1) {
      ++i;
      continue;
    }
    if (i + 1 >= options.size()) return std::nullopt;
    const std::size_t size = options[i + 1];
    if (size < 2 || size > options.size() - i) return std::nullopt;
    if (kind == 2 && size == 4) return load16be(options.data() + i + 2);
    i += size;
  }
  return std::nullopt;
}

void read_tcp(const IpHeader& ip, const Part& part, Moment at, FrameDecoder::Result& result) {
  if (!part.has(20)) return;
  const std::size_t header = (*part.at(12) >> 4) * 4U;
  if (header < 20 || header > part.on_wire) return;
  const auto flags = *part.at(13);
  auto& segment = result.segment.emplace();
  segment.from = {ip.from, load16be(part.at(0))};
  segment.to = {ip.to, load16be(part.at(2))};
  segment.sequence = load32be(part.at(4));
  segment.acknowledgement = load32be(part.at(8));
  segment.fin = (flags & 0x01U) != 0;
  segment.syn = (flags & 0x02U) != 0;
  segment.rst = (flags & 0x04U) != 0;
  segment.psh = (flags & 0x08U) != 0;
  segment.ack = (flags & 0x10U) != 0;
  segment.window = load16be(part.at(14));
  segment.ttl = ip.ttl;
  segment.at = at;
  const auto there = std::min(header, part.octets.size());
  if (segment.syn) segment.mss = maximum_segment_size(part.octets.subspan(20, there - 20));
  segment.payload = part.octets.subspan(there);
  segment.payload_on_wire = static_cast<std::uint32_t>(part.on_wire - header);
}

/// RFC 768. A length of 0 is a jumbogram's (RFC 2675) or segmentation offload's.
void read_udp(const IpHeader& ip, Moment at, FrameDecoder::Result& result) {
  constexpr std::size_t kHeader = 8;
  const auto& part = ip.payload;
  if (ip.fragment || !part.has(kHeader)) return;
  const std::size_t length = load16be(part.at(4));
  if (length != 0 && length < kHeader) return;
  const auto whole = length == 0 ? part : part.first(length);
  result.datagram = Datagram{.from = {ip.from, load16be(part.at(0))},
                             .to = {ip.to, load16be(part.at(2))},
                             .payload = whole.octets.subspan(kHeader),
                             .at = at};
}

bool is_icmp_error(bool v6, std::uint8_t type) {
  if (v6) return type >= 1 && type <= 4;                      // RFC 4443 2.1
  return type == 3 || type == 4 || type == 11 || type == 12;  // RFC 792
}

/// The error quotes as much of the datagram as its sender liked: the IP header and 8 octets at
/// least.
void read_icmp(const IpHeader& ip, const Part& part, Moment at, FrameDecoder::Result& result) {
  if (!part.has(8) || !is_icmp_error(ip.v6, *part.at(0))) return;
  IpHeader quoted;
  if (!read_ip(part.without(8), quoted) || quoted.v6 != ip.v6) return;
  if (quoted.protocol != kTcp || quoted.fragment_offset != 0 || !quoted.payload.has(4)) return;
  result.icmp = IcmpQuote{.v6 = ip.v6,
                          .type = *part.at(0),
                          .code = *part.at(1),
                          .offender = ip.from,
                          .from = {quoted.from, load16be(quoted.payload.at(0))},
                          .to = {quoted.to, load16be(quoted.payload.at(2))},
                          .at = at};
}

/// Cuts link layers off until an IP header stands in front.
bool skip_ether_types(std::uint16_t type, Part& part) {
  constexpr int kMostLayers = 8;
  for (int i = 0; i < kMostLayers; ++i) {
    switch (type) {
      case kEtherIpv4:
      case kEtherIpv6:
        return true;
      case 0x8100:  // 802.1Q
      case 0x88A8:  // 802.1ad
      case 0x9100:  // QinQ before 802.1ad
      case 0x9200:
        if (!part.has(4)) return false;
        type = load16be(part.at(2));
        part = part.without(4);
        break;
      case 0x8864: {  // PPPoE session (RFC 2516 4), then PPP's protocol field
        if (!part.has(8)) return false;
        const auto protocol = load16be(part.at(6));
        const std::size_t size = load16be(part.at(4));
        if ((protocol != 0x0021 && protocol != 0x0057) || size < 2) return false;
        part = part.without(6).first(size).without(2);
        return true;
      }
      case 0x8847:  // MPLS (RFC 3032 2.1), to the bottom of the stack
      case 0x8848: {
        bool bottom = false;
        for (int label = 0; label < kMostLayers && !bottom; ++label) {
          if (!part.has(4)) return false;
          bottom = (*part.at(2) & 1U) != 0;
          part = part.without(4);
        }
        return bottom;
      }
      default: {
        // IEEE 802.3 with a length: LLC and SNAP may carry an EtherType (RFC 1042).
        static constexpr std::uint8_t kSnap[] = {0xAA, 0xAA, 0x03, 0x00, 0x00, 0x00};
        if (type >= 0x0600 || !part.has(8) || std::memcmp(part.at(0), kSnap, sizeof kSnap) != 0) {
          return false;
        }
        type = load16be(part.at(6));
        part = part.without(8);
      }
    }
  }
  return false;
}

/// Passes over a header of a fixed size with an EtherType in it.
bool skip_link(Part& part, std::size_t header, std::size_t type_at) {
  if (!part.has(header)) return false;
  const auto type = load16be(part.at(type_at));
  part = part.without(header);
  return skip_ether_types(type, part);
}

/// The address family as the capturing host counts it, in its own byte order (or network order).
bool skip_loopback(Part& part) {
  if (!part.has(4)) return false;
  const auto big = load32(part.at(0), true);
  const auto family = std::min(big, load32(part.at(0), false));
  part = part.without(4);
  return family == 2 || family == 10 || family == 23 || family == 24 || family == 28 ||
         family == 30;
}

bool skip_ppp(Part& part) {
  if (part.has(2) && *part.at(0) == 0xFF && *part.at(1) == 0x03) part = part.without(2);
  if (!part.has(2)) return false;
  const auto protocol = load16be(part.at(0));
  part = part.without(2);
  return protocol == 0x0021 || protocol == 0x0057;
}

bool find_ip(std::uint32_t link_type, Part& part) {
  switch (link_type) {
    case kLinkEthernet:
      return skip_link(part, 14, 12);
    case kLinkNull:
    case kLinkLoop:
      return skip_loopback(part);
    case kLinkLinuxCooked:
      return skip_link(part, 16, 14);
    case kLinkLinuxCooked2:
      return skip_link(part, 20, 0);
    case kLinkRawBsd:
    case kLinkRawOpenBsd:
    case kLinkRaw:
    case kLinkIpv4:
    case kLinkIpv6:
      return true;
    case kLinkPpp:
    case kLinkPppHdlc:
      return skip_ppp(part);
    default:
      return false;
  }
}

}  // namespace

FrameDecoder::FrameDecoder() : fragments_(std::make_unique<Fragments>()) {}
FrameDecoder::~FrameDecoder() = default;
FrameDecoder::FrameDecoder(FrameDecoder&&) noexcept = default;

bool FrameDecoder::knows(std::uint32_t link_type) {
  Part nothing;
  switch (link_type) {
    case kLinkEthernet:
    case kLinkNull:
    case kLinkLoop:
    case kLinkLinuxCooked:
    case kLinkLinuxCooked2:
    case kLinkPpp:
    case kLinkPppHdlc:
      return true;
    default:
      return find_ip(link_type, nothing);
  }
}

FrameDecoder::Result FrameDecoder::decode(const Packet& packet) {
  Result result;
  // A length on the wire beyond what was captured counts only where the capture says that it cut.
  Part part{packet.octets, std::max<std::size_t>(packet.octets.size(), packet.original_size)};
  IpHeader ip;
  if (!find_ip(packet.link_type, part) || !read_ip(part, ip)) return result;
  if (ip.protocol == kUdp) read_udp(ip, packet.at, result);
  if (ip.protocol != kTcp && ip.protocol != kIcmp && ip.protocol != kIcmpV6) return result;
  auto payload = ip.payload;
  if (ip.fragment) {
    const auto whole = fragments_->add({.key = {ip.from, ip.to, ip.id, ip.protocol},
                                        .offset = ip.fragment_offset,
                                        .more = ip.more_fragments,
                                        .payload = payload.octets,
                                        .at = packet.at});
    if (!whole) return result;
    payload = {*whole, whole->size()};
  }
  if (ip.protocol == kTcp) {
    read_tcp(ip, payload, packet.at, result);
  } else if (ip.protocol == (ip.v6 ? kIcmpV6 : kIcmp)) {
    read_icmp(ip, payload, packet.at, result);
  }
  return result;
}

}  // namespace rdpwhy::capture
