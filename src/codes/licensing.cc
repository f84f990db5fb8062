#include "codes/tables.h"

namespace rdpwhy::codes {
namespace {

// A number stands in two fields of ERROR_ALERT: dwErrorCode and dwStateTransition.

constexpr Code kLicensingCodes[] = {
    {Family::kLicensing, 1, "ERR_INVALID_SERVER_CERTIFICATE",
     "The client cannot use the server's licensing certificate.", "licensing",
     "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 2, "ERR_NO_LICENSE", "The client has no licence to show.", "licensing",
     "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 3, "ERR_INVALID_MAC", "The checksum of a licensing message is wrong.",
     "licensing", "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 4, "ERR_INVALID_SCOPE",
     "The licence belongs to another scope (issuer) than the one asked for.", "licensing",
     "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 6, "ERR_NO_LICENSE_SERVER", "The server reaches no licence server.",
     "licensing", "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 7, "STATUS_VALID_CLIENT",
     "Success: the client is licensed or needs no licence. The ordinary end of licensing, not to "
     "be confused with extended code 7 of mstsc or ERRINFO 7.",
     "licensing", "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 8, "ERR_INVALID_CLIENT",
     "The server does not accept this client for licensing.", "licensing",
     "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 11, "ERR_INVALID_PRODUCTID", "The licence is for another product.",
     "licensing", "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
    {Family::kLicensing, 12, "ERR_INVALID_MESSAGE_LEN", "A licensing message has a wrong length.",
     "licensing", "MS-RDPBCGR 2.2.1.12.1.3 dwErrorCode"},
};
static_assert(well_formed(kLicensingCodes));

constexpr Code kLicensingTransitionCodes[] = {
    {Family::kLicensingTransition, 1, "ST_TOTAL_ABORT",
     "Licensing is over and the connection with it.", "licensing",
     "MS-RDPBCGR 2.2.1.12.1.3 dwStateTransition"},
    {Family::kLicensingTransition, 2, "ST_NO_TRANSITION",
     "Licensing stays in its state. With STATUS_VALID_CLIENT it is the end, and all is well.",
     "licensing", "MS-RDPBCGR 2.2.1.12.1.3 dwStateTransition"},
    {Family::kLicensingTransition, 3, "ST_RESET_PHASE_TO_START",
     "Licensing begins again from its start.", "licensing",
     "MS-RDPBCGR 2.2.1.12.1.3 dwStateTransition"},
    {Family::kLicensingTransition, 4, "ST_RESEND_LAST_MESSAGE",
     "The last licensing message is to be sent again.", "licensing",
     "MS-RDPBCGR 2.2.1.12.1.3 dwStateTransition"},
};
static_assert(well_formed(kLicensingTransitionCodes));

}  // namespace

std::span<const Code> licensing_codes() { return kLicensingCodes; }
std::span<const Code> licensing_transition_codes() { return kLicensingTransitionCodes; }

}  // namespace rdpwhy::codes
