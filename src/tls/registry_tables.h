#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <span>

#include "rdpwhy/tls/registry.h"

namespace rdpwhy::tls {

/// Names are found by binary search.
template <typename Table>
consteval bool strictly_ascending(const Table& table) {
  return std::ranges::adjacent_find(table, std::ranges::greater_equal{}, &RegistryEntry::code) ==
         std::end(table);
}

[[nodiscard]] std::span<const RegistryEntry> cipher_suite_table();
/// A suite may stand here more than once: OpenSSL renamed some.
[[nodiscard]] std::span<const RegistryEntry> openssl_name_table();

}  // namespace rdpwhy::tls
