#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Flag fields of the room's PDUs, read for people.
namespace rdpwhy::rdp {

struct BitName {
  std::uint32_t bit;
  std::string_view name;
};

/// The names of the bits that are set, in the table's order; bits without a name as one hex number.
[[nodiscard]] std::vector<std::string> names_of_bits(std::uint32_t bits,
                                                     std::span<const BitName> table);

/// "0x0041 INFO_MOUSE | INFO_UNICODE", "0x00 none".
[[nodiscard]] std::string bits_text(std::uint32_t bits, int digits, std::span<const BitName> table,
                                    std::string_view if_none = "none");

/// The name of exactly this number, or nothing.
[[nodiscard]] std::string_view name_of_number(std::uint32_t number, std::span<const BitName> table);

/// "0x0014 PDUTYPE2_CONTROL", "0x0099 unknown".
[[nodiscard]] std::string number_text(std::uint32_t number, int digits,
                                      std::span<const BitName> table);

}  // namespace rdpwhy::rdp
