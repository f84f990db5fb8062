#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "rdpwhy/base/writer.h"
#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/segment.h"

// Frames and files made by hand, octet for octet, so that tests do not lean on our own writer.
namespace rdpwhy::capture::testing {

inline Endpoint end_v4(std::uint8_t last, std::uint16_t port) {
  Endpoint end;
  end.address.octets = {192, 0, 2, last};
  end.port = port;
  return end;
}

inline Bytes text(std::string_view letters) { return base::to_bytes(base::as_bytes(letters)); }

inline Bytes joined(std::initializer_list<ByteSpan> parts) {
  Bytes all;
  for (const auto part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// A TCP header with `options` (a multiple of 4) and the payload.
inline Bytes tcp(std::uint16_t from, std::uint16_t to, std::uint32_t sequence, std::uint8_t flags,
                 ByteSpan payload, ByteSpan options = {}) {
  Writer w;
  w.u16be(from).u16be(to).u32be(sequence).u32be(7);
  w.u8(static_cast<std::uint8_t>((5 + options.size() / 4) << 4U)).u8(flags);
  w.u16be(1024).u16be(0).u16be(0).bytes(options).bytes(payload);
  return w.take();
}

struct Ipv4 {
  std::uint8_t protocol = 6;
  std::uint16_t id = 1;
  std::uint16_t flags_and_offset = 0;
  int total = -1;  ///< -1: right
  Bytes options;
};

/// 192.0.2.1 to 192.0.2.2
inline Bytes ipv4(ByteSpan payload, const Ipv4& fields = {}) {
  Writer w;
  w.u8(static_cast<std::uint8_t>(0x45 + fields.options.size() / 4)).u8(0);
  w.u16be(static_cast<std::uint16_t>(
      fields.total >= 0 ? fields.total
                        : static_cast<int>(20 + fields.options.size() + payload.size())));
  w.u16be(fields.id).u16be(fields.flags_and_offset).u8(61).u8(fields.protocol).u16be(0);
  w.u32be(0xC0000201).u32be(0xC0000202).bytes(fields.options).bytes(payload);
  return w.take();
}

/// 2001:db8::1 to 2001:db8::2
inline Bytes ipv6(std::uint8_t next_header, ByteSpan payload, int length = -1) {
  Writer w;
  w.u32be(0x60000000)
      .u16be(static_cast<std::uint16_t>(length >= 0 ? length : static_cast<int>(payload.size())));
  w.u8(next_header).u8(59);
  for (const std::uint32_t last : {1U, 2U}) w.u32be(0x20010DB8).u64be(0).u32be(last);
  w.bytes(payload);
  return w.take();
}

inline Bytes ethernet(std::uint16_t type, ByteSpan payload) {
  Writer w;
  w.zeros(12).u16be(type).bytes(payload);
  return w.take();
}

inline Packet packet(ByteSpan octets, std::uint32_t link_type, std::int64_t at = 0) {
  return {.octets = octets,
          .original_size = static_cast<std::uint32_t>(octets.size()),
          .at = {at},
          .link_type = link_type,
          .number = 1};
}

}  // namespace rdpwhy::capture::testing
