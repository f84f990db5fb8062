#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::auth {

std::vector<std::string> ntlm_flag_names(std::uint32_t flags) {
  constexpr std::pair<std::uint32_t, std::string_view> kNames[] = {
      {ntlm_flag::kUnicode, "NTLMSSP_NEGOTIATE_UNICODE"},
      {ntlm_flag::kOem, "NTLM_NEGOTIATE_OEM"},
      {ntlm_flag::kRequestTarget, "NTLMSSP_REQUEST_TARGET"},
      {ntlm_flag::kSign, "NTLMSSP_NEGOTIATE_SIGN"},
      {ntlm_flag::kSeal, "NTLMSSP_NEGOTIATE_SEAL"},
      {ntlm_flag::kDatagram, "NTLMSSP_NEGOTIATE_DATAGRAM"},
      {ntlm_flag::kLmKey, "NTLMSSP_NEGOTIATE_LM_KEY"},
      {ntlm_flag::kNtlm, "NTLMSSP_NEGOTIATE_NTLM"},
      {ntlm_flag::kAnonymous, "anonymous"},  // J, which has no other name
      {ntlm_flag::kOemDomainSupplied, "NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED"},
      {ntlm_flag::kOemWorkstationSupplied, "NTLMSSP_NEGOTIATE_OEM_WORKSTATION_SUPPLIED"},
      {ntlm_flag::kAlwaysSign, "NTLMSSP_NEGOTIATE_ALWAYS_SIGN"},
      {ntlm_flag::kTargetTypeDomain, "NTLMSSP_TARGET_TYPE_DOMAIN"},
      {ntlm_flag::kTargetTypeServer, "NTLMSSP_TARGET_TYPE_SERVER"},
      {ntlm_flag::kExtendedSessionSecurity, "NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY"},
      {ntlm_flag::kIdentify, "NTLMSSP_NEGOTIATE_IDENTIFY"},
      {ntlm_flag::kRequestNonNtSessionKey, "NTLMSSP_REQUEST_NON_NT_SESSION_KEY"},
      {ntlm_flag::kTargetInfo, "NTLMSSP_NEGOTIATE_TARGET_INFO"},
      {ntlm_flag::kVersion, "NTLMSSP_NEGOTIATE_VERSION"},
      {ntlm_flag::k128, "NTLMSSP_NEGOTIATE_128"},
      {ntlm_flag::kKeyExchange, "NTLMSSP_NEGOTIATE_KEY_EXCH"},
      {ntlm_flag::k56, "NTLMSSP_NEGOTIATE_56"},
  };
  std::vector<std::string> names;
  for (const auto& [bit, name] : kNames) {
    if ((flags & bit) == 0) continue;
    names.emplace_back(name);
    flags &= ~bit;
  }
  if (flags != 0) names.push_back(base::to_hex_number(flags, 8));
  return names;
}

}  // namespace rdpwhy::auth
