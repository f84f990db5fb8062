// Record headers, and whatever follows one as `rdpwhy explain --hex` shows it.
#include "tls/tls_oracles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  rdpwhy::tls::oracle::check_record({octets, size});
  rdpwhy::tls::oracle::check_annotation({octets, size});
  return 0;
}
