// The other handshake messages in all their forms, and alerts.
#include "tls/tls_oracles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  rdpwhy::tls::oracle::check_handshake({octets, size});
  rdpwhy::tls::oracle::check_alert({octets, size});
  return 0;
}
