#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace rdpwhy::rdp {

/// One field of a capability set: a number of 1, 2 or 4 octets, or octets.
struct CapabilityField {
  std::string_view name;
  std::uint8_t size;
};

/// What a capability set holds behind its header, in order.
struct CapabilityLayout {
  std::uint16_t type;
  std::string_view name;
  std::span<const CapabilityField> fields;
  /// Octets that every sender's set has; from there on fields may be missing.
  std::uint8_t least;
  bool goes_on = false;  ///< a list follows the fields
};

/// Null for a type that is not known.
[[nodiscard]] const CapabilityLayout* capability_layout(std::uint16_t type);

}  // namespace rdpwhy::rdp
