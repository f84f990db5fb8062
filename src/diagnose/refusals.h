#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "rdpwhy/diagnose/diagnosis.h"

namespace rdpwhy::diagnose {

/// What a code that refuses a logon means for the diagnosis: its cause, what mstsc shows, and what
/// is to be said beside it. One row per code that is known to stand in TSRequest.errorCode.
struct Refusal {
  std::uint32_t code = 0;
  std::string_view cause;
  Confidence confidence = Confidence::kCertain;  ///< certain: the code says just this
  std::uint32_t mstsc = 0;                       ///< 0: not known
  std::string_view remark;                       ///< why it may still be otherwise
  std::string_view rival;                        ///< another cause that fits
  std::string_view rival_says;
};

[[nodiscard]] std::span<const Refusal> refusals();
/// The row of an NTSTATUS or SECURITY_STATUS, also where it comes as an HRESULT that wraps an
/// NTSTATUS (0xDxxxxxxx) or a Win32 error (0x8007xxxx); null when no row knows it.
[[nodiscard]] const Refusal* find_refusal(std::uint32_t code);
/// The same for a Win32 error, as RDSTLS sends it (MS-RDPBCGR 2.2.17.4).
[[nodiscard]] const Refusal* find_win32_refusal(std::uint32_t error);

/// "STATUS_LOGON_FAILURE (0xC000006D)", or "the error code 0xC0999999, which has no known name".
[[nodiscard]] std::string status_in_words(std::uint32_t code);
/// Its meaning as a sentence with a full stop; empty when nothing is known.
[[nodiscard]] std::string_view status_meaning(std::uint32_t code);

}  // namespace rdpwhy::diagnose
