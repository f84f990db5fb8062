#include "rdp/bit_names.h"

#include <fmt/format.h>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {

std::vector<std::string> names_of_bits(std::uint32_t bits, std::span<const BitName> table) {
  std::vector<std::string> names;
  for (const auto& [bit, name] : table) {
    if ((bits & bit) == 0) continue;
    names.emplace_back(name);
    bits &= ~bit;
  }
  if (bits != 0) names.push_back(base::to_hex_number(bits));
  return names;
}

std::string bits_text(std::uint32_t bits, int digits, std::span<const BitName> table,
                      std::string_view if_none) {
  std::string text;
  for (const auto& name : names_of_bits(bits, table)) text += (text.empty() ? "" : " | ") + name;
  return fmt::format("{} {}", base::to_hex_number(bits, digits),
                     text.empty() ? if_none : std::string_view(text));
}

std::string_view name_of_number(std::uint32_t number, std::span<const BitName> table) {
  for (const auto& [value, name] : table) {
    if (value == number) return name;
  }
  return {};
}

std::string number_text(std::uint32_t number, int digits, std::span<const BitName> table) {
  const auto name = name_of_number(number, table);
  return fmt::format("{} {}", base::to_hex_number(number, digits), name.empty() ? "unknown" : name);
}

}  // namespace rdpwhy::rdp
