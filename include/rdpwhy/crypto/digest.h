#pragma once

#include <array>
#include <optional>
#include <string>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

[[nodiscard]] std::array<std::uint8_t, 32> sha256(ByteSpan octets);
[[nodiscard]] std::array<std::uint8_t, 20> sha1(ByteSpan octets);
/// Protects nothing here: names of things are made of it. Nothing where this OpenSSL has none, as
/// in FIPS mode.
[[nodiscard]] std::optional<std::array<std::uint8_t, 16>> md5(ByteSpan octets);

}  // namespace rdpwhy::crypto
