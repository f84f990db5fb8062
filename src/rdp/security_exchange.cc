#include "rdpwhy/rdp/security_exchange.h"

#include <algorithm>

#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kPadding = 8;

bool ends_in_padding(ByteSpan octets) {
  return octets.size() >= kPadding &&
         std::ranges::all_of(octets.last(kPadding), [](auto octet) { return octet == 0; });
}

}  // namespace

std::expected<SecurityExchange, DecodeError> decode_security_exchange(ByteSpan octets,
                                                                      Notes* notes) {
  Reader r(octets, notes);
  SecurityExchange pdu;
  {
    Reader random = r.block32le("encryptedClientRandom");
    pdu.encrypted_client_random = base::to_bytes(random.rest("encryptedClientRandom"));
    random.expect(ends_in_padding(pdu.encrypted_client_random),
                  "does not end in eight zeros of padding", "encryptedClientRandom");
  }
  return r.finish(std::move(pdu));
}

Bytes encode(const SecurityExchange& pdu) {
  Writer w;
  w.u32le(static_cast<std::uint32_t>(pdu.encrypted_client_random.size()));
  return w.bytes(pdu.encrypted_client_random).take();
}

}  // namespace rdpwhy::rdp
