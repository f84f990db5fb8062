#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/time.h"
#include "rdpwhy/capture/capture_reader.h"

namespace rdpwhy::capture {

/// An IPv4 or IPv6 address; IPv4 stands in the first four octets.
struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> octets{};

  [[nodiscard]] std::string text() const;  // RFC 5952 for IPv6
  friend auto operator<=>(const Address&, const Address&) = default;
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;

  [[nodiscard]] std::string text() const;  // "192.0.2.1:3389", "[2001:db8::1]:3389"
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// One TCP segment (RFC 9293 3.1) as a frame carried it, or the ICMP error that quotes one.
struct Segment {
  Endpoint from;
  Endpoint to;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  bool fin = false, syn = false, rst = false, psh = false, ack = false;
  std::uint16_t window = 0;
  std::uint8_t ttl = 0;
  std::optional<std::uint16_t> mss;
  ByteSpan payload;
  std::uint32_t payload_on_wire = 0;  ///< more than payload.size() when the snap length cut it
  Moment at;
};

struct IcmpQuote {
  bool v6 = false;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  Address offender;
  Endpoint from;  ///< of the quoted segment
  Endpoint to;
  Moment at;
};

/// One UDP datagram (RFC 768) that a frame carried whole. Fragments of datagrams are not put
/// together: what is looked for in them fits into one packet by its protocol's rule.
struct Datagram {
  Endpoint from;
  Endpoint to;
  ByteSpan payload;
  Moment at;
};

/// Link, IP, TCP and UDP layers of one frame: Ethernet, VLAN and QinQ, Linux cooked 1 and 2, raw
/// IP, loopback; IPv4 with fragments, IPv6 with extension headers; lengths of 0 from segmentation
/// offload mean the captured length. Fragments are put together, bounded in number, size and age.
class FrameDecoder {
 public:
  struct Result {
    std::optional<Segment> segment;
    std::optional<IcmpQuote> icmp;
    std::optional<Datagram> datagram;
  };
  FrameDecoder();
  ~FrameDecoder();
  FrameDecoder(FrameDecoder&&) noexcept;
  /// Whether frames of this LINKTYPE_ are read at all.
  [[nodiscard]] static bool knows(std::uint32_t link_type);
  /// Views in the result hold until the next call.
  [[nodiscard]] Result decode(const Packet& packet);

 private:
  class Fragments;
  std::unique_ptr<Fragments> fragments_;
};

}  // namespace rdpwhy::capture
