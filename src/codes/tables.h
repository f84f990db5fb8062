#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "rdpwhy/codes/codes.h"

// One table per family, each in the file of its group, sorted by value.
namespace rdpwhy::codes {

[[nodiscard]] std::span<const Code> mstsc_codes();
[[nodiscard]] std::span<const Code> mstsc_extended_codes();
[[nodiscard]] std::span<const Code> error_info_codes();
[[nodiscard]] std::span<const Code> negotiation_failure_codes();
[[nodiscard]] std::span<const Code> nt_status_codes();
[[nodiscard]] std::span<const Code> security_status_codes();
[[nodiscard]] std::span<const Code> authorization_codes();
[[nodiscard]] std::span<const Code> rdstls_codes();
[[nodiscard]] std::span<const Code> licensing_codes();
[[nodiscard]] std::span<const Code> licensing_transition_codes();
[[nodiscard]] std::span<const Code> tls_alert_codes();
[[nodiscard]] std::span<const Code> windows_event_codes();
[[nodiscard]] std::span<const Code> freerdp_codes();

/// For a static_assert beside each table: strictly rising, one family, every text there.
[[nodiscard]] consteval bool well_formed(std::span<const Code> table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto& code = table[i];
    if (i > 0 && table[i - 1].value >= code.value) return false;
    if (code.family != table[0].family) return false;
    if (code.name.empty() || code.meaning.empty() || code.phase.empty() || code.source.empty()) {
      return false;
    }
  }
  return !table.empty();
}

}  // namespace rdpwhy::codes
