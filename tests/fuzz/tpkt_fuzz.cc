#include "rdp/rdp_oracles.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  rdpwhy::rdp::oracle::check_tpkt({octets, size});
  return 0;
}
