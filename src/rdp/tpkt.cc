#include "rdpwhy/rdp/tpkt.h"

namespace rdpwhy::rdp {

std::optional<TpktHeader> decode_tpkt_header(ByteSpan bytes) {
  if (bytes.size() < TpktHeader::kSize) return std::nullopt;
  return TpktHeader{.version = bytes[0],
                    .reserved = bytes[1],
                    .length = static_cast<std::uint16_t>(bytes[2] << 8 | bytes[3])};
}

Bytes encode_tpkt(ByteSpan tpdu) {
  Writer w;
  w.u8(TpktHeader::kVersion).u8(0);
  {
    const auto length = w.length16be_including(2);
    w.bytes(tpdu);
  }
  return w.take();
}

}  // namespace rdpwhy::rdp
