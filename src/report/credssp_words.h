#pragma once

#include <cstdint>
#include <string>

#include "rdpwhy/codes/codes.h"

namespace rdpwhy::report {

/// TSRequest.errorCode is an NTSTATUS or a SECURITY_STATUS; null: neither that we know.
[[nodiscard]] inline const codes::Code* status_of(std::uint32_t code) {
  const auto* status = codes::find(codes::Family::kNtStatus, code);
  return status != nullptr ? status : codes::find(codes::Family::kSecurityStatus, code);
}

/// {"TERMSRV", "host"} as "TERMSRV/host".
template <typename Names>
[[nodiscard]] std::string principal_of(const Names& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : "/") + name;
  return text;
}

}  // namespace rdpwhy::report
