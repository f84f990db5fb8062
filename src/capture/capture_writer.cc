#include "rdpwhy/capture/capture_writer.h"

#include <algorithm>
#include <utility>

#include "rdpwhy/base/writer.h"

// draft-ietf-opsawg-pcapng-02, always little-endian: equal runs give equal files on every machine.
namespace rdpwhy::capture {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kSecrets = 10;
constexpr std::uint32_t kTlsKeyLog = 0x544C534B;
constexpr std::uint16_t kLinkTypeRaw = 101;

void pad(Writer& out) { out.zeros((4 - out.size() % 4) % 4); }

void option(Writer& out, std::uint16_t code, ByteSpan value) {
  constexpr std::size_t kLongest = 65'000;
  value = value.first(std::min(value.size(), kLongest));
  out.u16le(code).u16le(static_cast<std::uint16_t>(value.size())).bytes(value);
  pad(out);
}

void end_of_options(Writer& out) { out.u32le(0); }

/// Type and length, the body padded to 32 bits, and the length again.
Bytes block(std::uint32_t type, ByteSpan body) {
  const auto padded = (body.size() + 3) & ~std::size_t{3};
  const auto size = static_cast<std::uint32_t>(padded + 12);
  Writer out;
  out.u32le(type).u32le(size).bytes(body);
  pad(out);
  out.u32le(size);
  return out.take();
}

}  // namespace

CaptureWriter::CaptureWriter(Sink sink, std::string_view application) : sink_(std::move(sink)) {
  Writer section;
  section.u32le(kByteOrderMagic).u16le(1).u16le(0).u64le(UINT64_MAX);  // section length: not told
  option(section, 4, base::as_bytes(application));                     // shb_userappl
  end_of_options(section);
  sink_(block(kSectionHeader, section.view()));

  static constexpr std::uint8_t kNanoseconds[] = {9};
  Writer interface;
  interface.u16le(kLinkTypeRaw).u16le(0).u32le(0);  // no snap length
  option(interface, 9, kNanoseconds);               // if_tsresol
  end_of_options(interface);
  sink_(block(kInterface, interface.view()));
}

void CaptureWriter::secrets(std::string_view key_log_lines) {
  if (key_log_lines.empty()) return;
  Writer out;
  out.u32le(kTlsKeyLog).u32le(static_cast<std::uint32_t>(key_log_lines.size())).text(key_log_lines);
  sink_(block(kSecrets, out.view()));
}

void CaptureWriter::packet(ByteSpan ip_packet, Moment at, std::string_view comment) {
  const auto ticks = static_cast<std::uint64_t>(std::max<Nanoseconds>(at.ns, 0));
  const auto size = static_cast<std::uint32_t>(ip_packet.size());
  Writer out;
  out.u32le(0);  // interface
  out.u32le(static_cast<std::uint32_t>(ticks >> 32U)).u32le(static_cast<std::uint32_t>(ticks));
  out.u32le(size).u32le(size).bytes(ip_packet);
  pad(out);
  if (!comment.empty()) {
    option(out, 1, base::as_bytes(comment));
    end_of_options(out);
  }
  sink_(block(kEnhancedPacket, out.view()));
}

}  // namespace rdpwhy::capture
