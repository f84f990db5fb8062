#include "capture/link_types.h"

namespace rdpwhy::capture {

std::string_view link_type_name(std::uint32_t link_type) {
  switch (link_type) {
    case 6:
      return "token ring";
    case 10:
      return "FDDI";
    case 104:
      return "Cisco HDLC";
    case 105:
      return "IEEE 802.11";
    case 117:
      return "OpenBSD pflog";
    case 119:
      return "IEEE 802.11 with a Prism header";
    case 127:
      return "IEEE 802.11 with radiotap";
    case 147:
      return "user defined 0";
    case 187:
    case 201:
      return "Bluetooth HCI";
    case 189:
    case 220:
    case 249:
      return "USB";
    case 192:
      return "per-packet information";
    case 195:
    case 230:
      return "IEEE 802.15.4";
    case 197:
      return "ERF";
    case 239:
      return "Linux netfilter log";
    case 252:
      return "upper protocols exported by wireshark";
    default:
      return {};
  }
}

}  // namespace rdpwhy::capture
