#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rdpwhy::base {

/// A view of octets as they stand on the wire. Never outlives the buffer it was cut from.
using ByteSpan = std::span<const std::uint8_t>;

/// Octets that somebody owns.
using Bytes = std::vector<std::uint8_t>;

/// The octets of a text, without a terminating zero.
[[nodiscard]] inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The same octets read as text: no conversion, no check.
[[nodiscard]] inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline Bytes to_bytes(ByteSpan span) { return {span.begin(), span.end()}; }

[[nodiscard]] bool equal(ByteSpan a, ByteSpan b);

}  // namespace rdpwhy::base

namespace rdpwhy {
using base::Bytes;
using base::ByteSpan;
}  // namespace rdpwhy
