#include "rdpwhy/base/secret.h"

#include <cstring>

namespace rdpwhy::base {

void wipe(std::span<std::uint8_t> octets) noexcept {
  if (octets.empty()) return;
  std::memset(octets.data(), 0, octets.size());
  // For all that the optimiser knows somebody reads them here: so the stores stay.
  asm volatile("" : : "r"(octets.data()) : "memory");
}

void Secret::wipe() noexcept { base::wipe(octets_); }

}  // namespace rdpwhy::base
