#include "codes/tables.h"

namespace rdpwhy::codes {
namespace {

// FreeRDP shows a class and a number: 0x0002xxxx for these, 0x0001xxxx for what a server said
// (ERRINFO).

constexpr Code kFreerdpCodes[] = {
    {Family::kFreerdp, 0x20001, "ERRCONNECT_PRE_CONNECT_FAILED",
     "The client failed before it connected.", "client", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20002, "ERRCONNECT_CONNECT_UNDEFINED",
     "The connection failed and FreeRDP does not say how.", "any",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20003, "ERRCONNECT_POST_CONNECT_FAILED",
     "The client failed after the connection was up.", "session",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20004, "ERRCONNECT_DNS_ERROR", "Looking the name up failed.", "resolve",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20005, "ERRCONNECT_DNS_NAME_NOT_FOUND", "The name is not known to DNS.",
     "resolve", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20006, "ERRCONNECT_CONNECT_FAILED", "No TCP connection came about.", "tcp",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20007, "ERRCONNECT_MCS_CONNECT_INITIAL_ERROR",
     "MCS Connect Initial could not be sent or was not answered.", "mcs",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20008, "ERRCONNECT_TLS_CONNECT_FAILED", "The TLS handshake failed.", "tls",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20009, "ERRCONNECT_AUTHENTICATION_FAILED",
     "Authentication failed; also shown for every NTSTATUS that FreeRDP does not tell apart.",
     "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2000A, "ERRCONNECT_INSUFFICIENT_PRIVILEGES",
     "The user may not connect: rights are missing.", "client_info",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2000B, "ERRCONNECT_CONNECT_CANCELLED",
     "The connection was called off on this side.", "client", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2000C, "ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED",
     "Client and server found no common security protocol.", "x224",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2000D, "ERRCONNECT_CONNECT_TRANSPORT_FAILED",
     "The connection ended while an answer was due: what mstsc calls 0x904.", "any",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2000E, "ERRCONNECT_PASSWORD_EXPIRED", "The password has expired.",
     "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2000F, "ERRCONNECT_PASSWORD_CERTAINLY_EXPIRED",
     "The server ended TLS with alert 80 after CredSSP tokens. FreeRDP takes that for an expired "
     "password; often it is something else.",
     "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20010, "ERRCONNECT_CLIENT_REVOKED", "The client was revoked.", "credssp",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20011, "ERRCONNECT_KDC_UNREACHABLE",
     "No Kerberos authority could be reached.", "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20012, "ERRCONNECT_ACCOUNT_DISABLED", "The account is disabled.",
     "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20013, "ERRCONNECT_PASSWORD_MUST_CHANGE",
     "The password has to be changed first.", "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20014, "ERRCONNECT_LOGON_FAILURE", "User name or password is wrong.",
     "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20015, "ERRCONNECT_WRONG_PASSWORD", "The password is wrong.", "credssp",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20016, "ERRCONNECT_ACCESS_DENIED",
     "Access was denied; also the answer of early user authorization.", "authorization",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20017, "ERRCONNECT_ACCOUNT_RESTRICTION", "A rule forbids this sign-in.",
     "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20018, "ERRCONNECT_ACCOUNT_LOCKED_OUT", "The account is locked.",
     "credssp", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x20019, "ERRCONNECT_ACCOUNT_EXPIRED", "The account has expired.", "credssp",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2001A, "ERRCONNECT_LOGON_TYPE_NOT_GRANTED",
     "The right to sign in this way is missing or denied.", "credssp",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2001B, "ERRCONNECT_NO_OR_MISSING_CREDENTIALS",
     "No credentials were given, or not all of them.", "credssp",
     "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2001C, "ERRCONNECT_ACTIVATION_TIMEOUT",
     "The session was not activated in time.", "capabilities", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2001D, "ERRCONNECT_TARGET_BOOTING",
     "The target machine is still starting.", "client_info", "FreeRDP, include/freerdp/error.h"},
    {Family::kFreerdp, 0x2001E, "ERRCONNECT_HYBRID_REQUIRED_BY_SERVER",
     "The server demands Network Level Authentication. Since August 2026.", "x224",
     "FreeRDP, include/freerdp/error.h"},
};
static_assert(well_formed(kFreerdpCodes));

}  // namespace

std::span<const Code> freerdp_codes() { return kFreerdpCodes; }

}  // namespace rdpwhy::codes
