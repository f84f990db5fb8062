#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace rdpwhy::codes {

/// The number spaces. The same number can stand in several and mean something else in each.
enum class Family : std::uint8_t {
  kMstsc,               ///< disconnect reason, "Error code"
  kMstscExtended,       ///< "Extended error code"
  kErrorInfo,           ///< ERRINFO_..., MS-RDPBCGR 2.2.5.1.1
  kNegotiationFailure,  ///< MS-RDPBCGR 2.2.1.2.2
  kNtStatus,            ///< TSRequest.errorCode, MS-ERREF
  kSecurityStatus,      ///< SEC_E_..., HRESULT
  kAuthorization,       ///< Early User Authorization Result, MS-RDPBCGR 2.2.10.2
  kRdstls,              ///< MS-RDPBCGR 2.2.17.4
  kLicensing,           ///< ERROR_ALERT dwErrorCode, MS-RDPBCGR 2.2.1.12.1.3
  kLicensingTransition,
  kTlsAlert,
  kSchannelEvent,  ///< Windows event ids that belong to a failing RDP connection
  kFreerdp,        ///< ERRCONNECT_...
};

/// In the order in which readings of a number are listed.
inline constexpr Family kFamilies[] = {
    Family::kMstsc,         Family::kMstscExtended,
    Family::kErrorInfo,     Family::kNegotiationFailure,
    Family::kNtStatus,      Family::kSecurityStatus,
    Family::kAuthorization, Family::kRdstls,
    Family::kLicensing,     Family::kLicensingTransition,
    Family::kTlsAlert,      Family::kSchannelEvent,
    Family::kFreerdp,
};

[[nodiscard]] std::string_view name_of(Family family);  // "mstsc error code", "TLS alert", ...

struct Code {
  Family family;
  std::uint32_t value;
  /// "ERRINFO_SERVER_DENIED_CONNECTION", or the words "no published name".
  std::string_view name;
  std::string_view meaning;  ///< one or two plain sentences
  std::string_view
      phase;  ///< where it arises, phase names of the contract, or words where it is none
  std::string_view source;     ///< document and section, or which code base
  std::string_view also = {};  ///< another spelling in use, as FreeRDP's of ERRINFO_CONNECTFAILED
};

/// Every code, by family, then value.
[[nodiscard]] std::span<const Code> all();
[[nodiscard]] std::span<const Code> family(Family family);
[[nodiscard]] const Code* find(Family family, std::uint32_t value);

/// All readings of a number in every family, by family. An ERRINFO code in FreeRDP's notation
/// (0x0001xxxx) and an NTSTATUS turned into an HRESULT (0xDxxxxxxx) are read as what they are.
[[nodiscard]] std::vector<const Code*> readings(std::uint32_t value);

/// By name or its other spelling, case-insensitive, with or without the family's prefix
/// ("HYBRID_REQUIRED_BY_SERVER").
[[nodiscard]] std::vector<const Code*> named(std::string_view name);

/// The published name, or nothing.
[[nodiscard]] std::optional<std::string_view> name(Family family, std::uint32_t value);

/// What can be said of a number by the range it lies in, when it has no entry of its own.
[[nodiscard]] std::optional<std::string_view> range_meaning(Family family, std::uint32_t value);

}  // namespace rdpwhy::codes
