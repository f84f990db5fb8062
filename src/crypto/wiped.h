#pragma once

#include <openssl/crypto.h>

#include <array>
#include <cstdint>

namespace rdpwhy::crypto {

/// Octets on the stack or in an object that are wiped when they go. A Secret is for what has no
/// size of its own.
template <std::size_t kSize>
struct Wiped : std::array<std::uint8_t, kSize> {
  Wiped() : std::array<std::uint8_t, kSize>{} {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { OPENSSL_cleanse(this->data(), kSize); }
};

}  // namespace rdpwhy::crypto
