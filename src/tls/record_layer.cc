#include "rdpwhy/tls/record_layer.h"

#include "rdpwhy/base/writer.h"

namespace rdpwhy::tls {

std::optional<RecordHeader> decode_record_header(ByteSpan bytes) {
  if (bytes.size() < RecordHeader::kSize) return std::nullopt;
  return RecordHeader{.type = bytes[0],
                      .version = static_cast<std::uint16_t>(bytes[1] << 8 | bytes[2]),
                      .length = static_cast<std::uint16_t>(bytes[3] << 8 | bytes[4])};
}

bool plausible(const RecordHeader& header) {
  // An empty fragment is forbidden for handshake messages and alerts, but harmless, and was sent by
  // stacks that split records against BEAST; refusing it here would lose the stream behind it.
  return header.type >= 20 && header.type <= 24 && header.version >> 8 == 3 &&
         header.length <= RecordHeader::kMostFragment;
}

bool looks_like_ssl2_hello(ByteSpan bytes) {
  constexpr std::size_t kLeast = 9;  // msg_type, version and three lengths
  if (bytes.size() < 2 || (bytes[0] & 0x80) == 0) return false;
  const auto length = static_cast<std::size_t>((bytes[0] & 0x7F) << 8 | bytes[1]);
  if (length < kLeast) return false;
  if (bytes.size() > 2 && bytes[2] != 1) return false;  // msg_type CLIENT-HELLO
  if (bytes.size() > 3 && bytes[3] != 0 && bytes[3] != 3) return false;
  if (bytes.size() > 4 && bytes[3] == 0 && bytes[4] != 2) return false;
  return true;
}

Bytes encode_record(ContentType type, std::uint16_t version, ByteSpan fragment) {
  base::Writer w;
  w.u8(static_cast<std::uint8_t>(type)).u16be(version);
  {
    const auto length = w.block16be();
    w.bytes(fragment);
  }
  return w.take();
}

}  // namespace rdpwhy::tls
