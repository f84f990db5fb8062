#include "rdpwhy/codes/codes.h"

#include <algorithm>
#include <array>

#include "codes/tables.h"

namespace rdpwhy::codes {
namespace {

// What the tables write where nobody has published a name.
constexpr std::string_view kNoPublishedName = "no published name";

// In front of a name, left out when people type it.
constexpr std::string_view kPrefixes[] = {
    "disconnectReason", "exDiscReason", "ERRINFO_",       "ERRCONNECT_", "STATUS_", "SSL_ERR_",
    "SEC_E_",           "AUTHZ_",       "RDSTLS_RESULT_", "ERR_",        "ST_"};

// FreeRDP writes a class before an ERRINFO code; Windows turns an NTSTATUS into an HRESULT with a
// bit.
constexpr std::uint32_t kFreerdpErrorInfoClass = 0x0001'0000;
constexpr std::uint32_t kHresultFromNtBit = 0x1000'0000;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool has_prefix(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && same_letters(name.substr(0, prefix.size()), prefix);
}

std::string_view without_prefix(std::string_view name) {
  for (const auto prefix : kPrefixes) {
    if (has_prefix(name, prefix)) return name.substr(prefix.size());
  }
  return name;
}

bool is_spelling_of(std::string_view full, std::string_view typed) {
  return !typed.empty() && (same_letters(full, typed) || same_letters(without_prefix(full), typed));
}

std::vector<Code> gather() {
  std::vector<Code> every;
  for (const auto family : kFamilies) {
    const auto table = codes::family(family);
    every.insert(every.end(), table.begin(), table.end());
  }
  return every;
}

}  // namespace

std::string_view name_of(Family family) {
  switch (family) {
    case Family::kMstsc:
      return "mstsc error code";
    case Family::kMstscExtended:
      return "mstsc extended error code";
    case Family::kErrorInfo:
      return "ERRINFO, Set Error Info PDU";
    case Family::kNegotiationFailure:
      return "RDP_NEG_FAILURE failureCode";
    case Family::kNtStatus:
      return "NTSTATUS";
    case Family::kSecurityStatus:
      return "SECURITY_STATUS or HRESULT";
    case Family::kAuthorization:
      return "early user authorization result";
    case Family::kRdstls:
      return "RDSTLS result";
    case Family::kLicensing:
      return "licensing error code";
    case Family::kLicensingTransition:
      return "licensing state transition";
    case Family::kTlsAlert:
      return "TLS alert";
    case Family::kSchannelEvent:
      return "Windows event id";
    case Family::kFreerdp:
      return "FreeRDP error";
  }
  return "unknown family";
}

std::span<const Code> all() {
  static const std::vector<Code> every = gather();
  return every;
}

std::span<const Code> family(Family family) {
  switch (family) {
    case Family::kMstsc:
      return mstsc_codes();
    case Family::kMstscExtended:
      return mstsc_extended_codes();
    case Family::kErrorInfo:
      return error_info_codes();
    case Family::kNegotiationFailure:
      return negotiation_failure_codes();
    case Family::kNtStatus:
      return nt_status_codes();
    case Family::kSecurityStatus:
      return security_status_codes();
    case Family::kAuthorization:
      return authorization_codes();
    case Family::kRdstls:
      return rdstls_codes();
    case Family::kLicensing:
      return licensing_codes();
    case Family::kLicensingTransition:
      return licensing_transition_codes();
    case Family::kTlsAlert:
      return tls_alert_codes();
    case Family::kSchannelEvent:
      return windows_event_codes();
    case Family::kFreerdp:
      return freerdp_codes();
  }
  return {};
}

const Code* find(Family family, std::uint32_t value) {
  const auto table = codes::family(family);
  const auto at = std::ranges::lower_bound(table, value, {}, &Code::value);
  return at != table.end() && at->value == value ? &*at : nullptr;
}

std::vector<const Code*> readings(std::uint32_t value) {
  std::vector<const Code*> found;
  const auto add = [&](Family family, std::uint32_t number) {
    if (const auto* code = find(family, number)) found.push_back(code);
  };
  for (const auto family : kFamilies) add(family, value);
  if ((value & 0xFFFF'0000) == kFreerdpErrorInfoClass) add(Family::kErrorInfo, value & 0xFFFF);
  if ((value & 0xF000'0000) == (0xC000'0000 | kHresultFromNtBit)) {
    add(Family::kNtStatus, value & ~kHresultFromNtBit);
  }
  return found;
}

std::vector<const Code*> named(std::string_view name) {
  std::vector<const Code*> found;
  for (const auto family : kFamilies) {
    for (const auto& code : codes::family(family)) {
      if (code.name == kNoPublishedName) continue;
      if (is_spelling_of(code.name, name) || is_spelling_of(code.also, name)) {
        found.push_back(&code);
      }
    }
  }
  return found;
}

std::optional<std::string_view> name(Family family, std::uint32_t value) {
  const auto* code = find(family, value);
  if (code == nullptr || code->name == kNoPublishedName) return std::nullopt;
  return code->name;
}

std::optional<std::string_view> range_meaning(Family family, std::uint32_t value) {
  switch (family) {
    case Family::kMstsc:
      if ((value & 0xFFFF'0000) == 0x0300'0000) {
        return "a code of the RD Gateway: a number space of its own, and the gateway's matter";
      }
      if (value < 0x100 || value > 0xFFFF) return std::nullopt;
      switch (value & 0xFF) {
        case 0x04:
          return "not documented; codes that end in 04 come from the transport (sockets)";
        case 0x06:
          return "not documented; codes that end in 06 come from Standard RDP Security";
        case 0x07:
          return "not documented; codes that end in 07 come from TLS and CredSSP";
        case 0x08:
          return "not documented; codes that end in 08 come from the client's core, window or "
                 "licensing";
        case 0x09:
          return "not documented; codes that end in 09 come from the negotiation";
        default:
          return std::nullopt;
      }
    case Family::kMstscExtended:
      if (value >= 4096 && value <= 32767) {
        return "a protocol error that the server met: look the number up as ERRINFO and in the "
               "server's event log";
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace rdpwhy::codes
