#include "rdpwhy/base/secret.h"

namespace rdpwhy::base {

void wipe(std::span<std::uint8_t> octets) noexcept {
  // Stores through a volatile pointer are side effects: they stay, whatever follows.
  volatile std::uint8_t* at = octets.data();
  for (std::size_t i = 0; i < octets.size(); ++i) at[i] = 0;
}

void Secret::wipe() noexcept { base::wipe(octets_); }

}  // namespace rdpwhy::base
