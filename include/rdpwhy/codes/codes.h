#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace rdpwhy::codes {

/// The number spaces. The same number can stand in several and mean something else in each.
enum class Family : std::uint8_t {
  kMstsc,              ///< disconnect reason, "Error code"
  kMstscExtended,      ///< "Extended error code"
  kErrorInfo,          ///< ERRINFO_..., MS-RDPBCGR 2.2.5.1.1
  kNegotiationFailure, ///< MS-RDPBCGR 2.2.1.2.2
  kNtStatus,           ///< TSRequest.errorCode, MS-ERREF
  kSecurityStatus,     ///< SEC_E_..., HRESULT
  kAuthorization,      ///< Early User Authorization Result, MS-RDPBCGR 2.2.10.2
  kRdstls,             ///< MS-RDPBCGR 2.2.17.4
  kLicensing,          ///< ERROR_ALERT dwErrorCode, MS-RDPBCGR 2.2.1.12.1.3
  kLicensingTransition,
  kTlsAlert,
  kSchannelEvent,      ///< Windows event ids of Schannel and Terminal Services
  kFreerdp,            ///< ERRCONNECT_...
};
[[nodiscard]] std::string_view name_of(Family family);   // "mstsc error code", "TLS alert", ...

struct Code {
  Family family;
  std::uint32_t value;
  std::string_view name;      ///< "ERRINFO_SERVER_DENIED_CONNECTION"
  std::string_view meaning;   ///< one or two plain sentences
  std::string_view phase;     ///< where it arises, phase names of the contract, or words where it is none
  std::string_view source;    ///< document and section, or which code base
};

/// Every code, by family, then value.
[[nodiscard]] std::span<const Code> all();
[[nodiscard]] std::span<const Code> family(Family family);
[[nodiscard]] const Code* find(Family family, std::uint32_t value);

/// All readings of a number in every family.
[[nodiscard]] std::vector<const Code*> readings(std::uint32_t value);

/// By name, case-insensitive, with or without the family's prefix ("HYBRID_REQUIRED_BY_SERVER").
[[nodiscard]] std::vector<const Code*> named(std::string_view name);

/// The name, or nothing.
[[nodiscard]] std::optional<std::string_view> name(Family family, std::uint32_t value);

}  // namespace rdpwhy::codes
