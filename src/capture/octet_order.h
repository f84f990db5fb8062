#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

// Fixed-size reads for the two hot loops of this room (file blocks, packet headers). The caller has
// checked that the octets are there; the named, sticky base::Reader is for messages, not for the
// several million packets of a large capture.
namespace rdpwhy::capture {

[[nodiscard]] inline std::uint16_t load16(const std::uint8_t* at, bool big_endian) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return (std::endian::native == std::endian::big) == big_endian ? value : __builtin_bswap16(value);
}

[[nodiscard]] inline std::uint32_t load32(const std::uint8_t* at, bool big_endian) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return (std::endian::native == std::endian::big) == big_endian ? value : __builtin_bswap32(value);
}

[[nodiscard]] inline std::uint64_t load64(const std::uint8_t* at, bool big_endian) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return (std::endian::native == std::endian::big) == big_endian ? value : __builtin_bswap64(value);
}

[[nodiscard]] inline std::uint16_t load16be(const std::uint8_t* at) { return load16(at, true); }
[[nodiscard]] inline std::uint32_t load32be(const std::uint8_t* at) { return load32(at, true); }

}  // namespace rdpwhy::capture
