#pragma once

#include <array>
#include <string>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

[[nodiscard]] std::array<std::uint8_t, 32> sha256(ByteSpan octets);
[[nodiscard]] std::array<std::uint8_t, 20> sha1(ByteSpan octets);

}  // namespace rdpwhy::crypto
