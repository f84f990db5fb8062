// ClientHello, ServerHello and the SSLv2 form: the first octet chooses.
#include "tls/tls_oracles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  if (size == 0) return 0;
  const rdpwhy::ByteSpan body(octets + 1, size - 1);
  if (octets[0] % 3 == 0) rdpwhy::tls::oracle::check_client_hello(body);
  if (octets[0] % 3 == 1) rdpwhy::tls::oracle::check_server_hello(body);
  if (octets[0] % 3 == 2) rdpwhy::tls::oracle::check_ssl2_client_hello(body);
  return 0;
}
