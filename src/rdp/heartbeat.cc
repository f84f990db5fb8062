#include "rdpwhy/rdp/heartbeat.h"

#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {

std::expected<Heartbeat, DecodeError> decode_heartbeat(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  Heartbeat pdu;
  r.expect(r.u8("reserved") == 0, "is not zero", "reserved");
  pdu.period = r.u8("period");
  pdu.count1 = r.u8("count1");
  pdu.count2 = r.u8("count2");
  return r.finish(pdu);
}

Bytes encode(const Heartbeat& pdu) {
  Writer w;
  return w.u8(0).u8(pdu.period).u8(pdu.count1).u8(pdu.count2).take();
}

}  // namespace rdpwhy::rdp
