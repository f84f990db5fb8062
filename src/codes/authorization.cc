#include "codes/tables.h"

namespace rdpwhy::codes {
namespace {

// What follows the proof of who the user is: Early User Authorization Result and RDSTLS.

constexpr Code kAuthorizationCodes[] = {
    {Family::kAuthorization, 0, "AUTHZ_SUCCESS", "The user may sign in; the connection goes on.",
     "authorization", "MS-RDPBCGR 2.2.10.2"},
    {Family::kAuthorization, 5, "AUTHZ_ACCESS_DENIED",
     "The credentials are good and the user may not sign in over Remote Desktop.", "authorization",
     "MS-RDPBCGR 2.2.10.2"},
};
static_assert(well_formed(kAuthorizationCodes));

constexpr Code kRdstlsCodes[] = {
    {Family::kRdstls, 0x000, "RDSTLS_RESULT_SUCCESS", "The redirected credentials were accepted.",
     "rdstls", "MS-RDPBCGR 2.2.17.4"},
    {Family::kRdstls, 0x005, "RDSTLS_RESULT_ACCESS_DENIED", "The user may not sign in.", "rdstls",
     "MS-RDPBCGR 2.2.17.4"},
    {Family::kRdstls, 0x52E, "RDSTLS_RESULT_LOGON_FAILURE",
     "User name or password is wrong, or the redirected credentials were used already.", "rdstls",
     "MS-RDPBCGR 2.2.17.4"},
    {Family::kRdstls, 0x530, "RDSTLS_RESULT_INVALID_LOGON_HOURS",
     "The account may not sign in at this hour.", "rdstls", "MS-RDPBCGR 2.2.17.4"},
    {Family::kRdstls, 0x532, "RDSTLS_RESULT_PASSWORD_EXPIRED", "The password has expired.",
     "rdstls", "MS-RDPBCGR 2.2.17.4"},
    {Family::kRdstls, 0x533, "RDSTLS_RESULT_ACCOUNT_DISABLED", "The account is disabled.", "rdstls",
     "MS-RDPBCGR 2.2.17.4"},
    {Family::kRdstls, 0x773, "RDSTLS_RESULT_PASSWORD_MUST_CHANGE",
     "The password has to be changed first.", "rdstls", "MS-RDPBCGR 2.2.17.4"},
    {Family::kRdstls, 0x775, "RDSTLS_RESULT_ACCOUNT_LOCKED_OUT",
     "The account is locked after too many failed sign-ins.", "rdstls", "MS-RDPBCGR 2.2.17.4"},
};
static_assert(well_formed(kRdstlsCodes));

}  // namespace

std::span<const Code> authorization_codes() { return kAuthorizationCodes; }
std::span<const Code> rdstls_codes() { return kRdstlsCodes; }

}  // namespace rdpwhy::codes
