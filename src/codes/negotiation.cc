#include "codes/tables.h"

namespace rdpwhy::codes {
namespace {

constexpr Code kNegotiationFailureCodes[] = {
    {Family::kNegotiationFailure, 1, "SSL_REQUIRED_BY_SERVER",
     "The server wants TLS, with or without CredSSP, and the client did not offer what it takes. "
     "To an offer of CredSSP alone it means that the server knows TLS only.",
     "x224", "MS-RDPBCGR 2.2.1.2.2"},
    {Family::kNegotiationFailure, 2, "SSL_NOT_ALLOWED_BY_SERVER",
     "The server is set to Standard RDP Security and takes no TLS.", "x224",
     "MS-RDPBCGR 2.2.1.2.2"},
    {Family::kNegotiationFailure, 3, "SSL_CERT_NOT_ON_SERVER",
     "The server has no certificate and key that it can use: a direct proof of certificate "
     "trouble.",
     "x224", "MS-RDPBCGR 2.2.1.2.2"},
    {Family::kNegotiationFailure, 4, "INCONSISTENT_FLAGS",
     "The flags of the request contradict each other or what the server already knows, for example "
     "restricted admin without CredSSP.",
     "x224", "MS-RDPBCGR 2.2.1.2.2"},
    {Family::kNegotiationFailure, 5, "HYBRID_REQUIRED_BY_SERVER",
     "The server demands Network Level Authentication. Normal for a hardened Windows; the client "
     "has to offer CredSSP.",
     "x224", "MS-RDPBCGR 2.2.1.2.2"},
    {Family::kNegotiationFailure, 6, "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
     "The server wants TLS with a certificate of the client. Rare.", "x224",
     "MS-RDPBCGR 2.2.1.2.2"},
};
static_assert(well_formed(kNegotiationFailureCodes));

}  // namespace

std::span<const Code> negotiation_failure_codes() { return kNegotiationFailureCodes; }

}  // namespace rdpwhy::codes
