#include "codes/tables.h"

namespace rdpwhy::codes {
namespace {

// The IANA registry of TLS alerts, with what each is worth in RDP.

constexpr Code kTlsAlertCodes[] = {
    {Family::kTlsAlert, 0, "close_notify",
     "The sender has nothing more to say: the orderly end of TLS. Early in a connection it is the "
     "refusal of an application, not of TLS.",
     "any", "RFC 8446 6"},
    {Family::kTlsAlert, 10, "unexpected_message", "A message came where another was due.", "tls",
     "RFC 8446 6"},
    {Family::kTlsAlert, 20, "bad_record_mac",
     "A record could not be authenticated: damaged on its way, or keys do not match.", "tls",
     "RFC 8446 6"},
    {Family::kTlsAlert, 21, "decryption_failed_RESERVED",
     "A record could not be decrypted. No longer used.", "tls", "RFC 2246 7.2"},
    {Family::kTlsAlert, 22, "record_overflow", "A record is longer than allowed.", "tls",
     "RFC 8446 6"},
    {Family::kTlsAlert, 30, "decompression_failure_RESERVED",
     "A record could not be unpacked. No longer used.", "tls", "RFC 5246 7.2"},
    {Family::kTlsAlert, 40, "handshake_failure",
     "No common ground: as a rule no cipher suite, group or signature algorithm that both sides "
     "take, or none that fits the server's key. Windows logs Schannel 36874 and 36888.",
     "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 41, "no_certificate_RESERVED", "No certificate to show. SSL 3.0 only.",
     "tls", "RFC 6101 5.4.2"},
    {Family::kTlsAlert, 42, "bad_certificate",
     "The sender could not use the certificate it was shown: damaged, or signatures do not hold.",
     "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 43, "unsupported_certificate",
     "The certificate shown is of a kind that the sender does not support.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 44, "certificate_revoked", "The certificate shown is revoked.", "tls",
     "RFC 8446 6"},
    {Family::kTlsAlert, 45, "certificate_expired",
     "The certificate shown has expired or is not valid yet.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 46, "certificate_unknown",
     "The certificate shown was refused for some other reason. From a client: it does not accept "
     "the server's certificate and often connects again.",
     "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 47, "illegal_parameter",
     "A field of a handshake message contradicts another or the protocol.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 48, "unknown_ca",
     "The issuer of the certificate shown is not known to the sender. From a client of RDP a "
     "common reaction to a self-signed certificate.",
     "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 49, "access_denied",
     "The certificate or the credentials are good, and access is denied all the same. After "
     "CredSSP tokens: authentication was refused.",
     "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 50, "decode_error", "A message could not be decoded.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 51, "decrypt_error",
     "A cryptographic step of the handshake failed: a signature, a Finished, a binder.", "tls",
     "RFC 8446 6"},
    {Family::kTlsAlert, 52, "too_many_cids_requested",
     "The peer asked for too many connection identifiers (DTLS).", "tls", "RFC 9147 9"},
    {Family::kTlsAlert, 60, "export_restriction_RESERVED",
     "Export rules were not met. No longer used.", "tls", "RFC 2246 7.2"},
    {Family::kTlsAlert, 70, "protocol_version",
     "The sender takes none of the TLS versions offered.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 71, "insufficient_security",
     "The sender wants stronger algorithms than were offered.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 80, "internal_error",
     "The sender failed for a reason of its own. After CredSSP tokens Windows ends so when it "
     "rejects the NTLM or CredSSP message, sometimes on a plain wrong password.",
     "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 86, "inappropriate_fallback",
     "The client fell back to an older version without need.", "tls", "RFC 7507 2"},
    {Family::kTlsAlert, 90, "user_canceled", "The handshake was called off by a user.", "tls",
     "RFC 8446 6"},
    {Family::kTlsAlert, 100, "no_renegotiation_RESERVED",
     "The sender does not renegotiate. Not used in TLS 1.3.", "tls", "RFC 5246 7.2"},
    {Family::kTlsAlert, 109, "missing_extension",
     "An extension that the handshake needs is missing.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 110, "unsupported_extension",
     "An extension came in answer that was not asked for.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 111, "certificate_unobtainable_RESERVED",
     "A certificate could not be fetched from the address given. No longer used.", "tls",
     "RFC 6066 9"},
    {Family::kTlsAlert, 112, "unrecognized_name", "The server knows no such host name (SNI).",
     "tls", "RFC 6066 3"},
    {Family::kTlsAlert, 113, "bad_certificate_status_response",
     "The OCSP answer shown is not acceptable.", "tls", "RFC 6066 8"},
    {Family::kTlsAlert, 114, "bad_certificate_hash_value_RESERVED",
     "A certificate fetched from an address does not match its hash. No longer used.", "tls",
     "RFC 6066 9"},
    {Family::kTlsAlert, 115, "unknown_psk_identity", "The pre-shared key named is not known.",
     "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 116, "certificate_required",
     "The server demands a certificate of the client, which sent none.", "tls", "RFC 8446 6"},
    {Family::kTlsAlert, 117, "general_error",
     "The sender failed and no other alert says it better.", "tls", "RFC 9846 6"},
    {Family::kTlsAlert, 120, "no_application_protocol",
     "None of the application protocols offered (ALPN) is known to the server.", "tls",
     "RFC 7301 3.2"},
    {Family::kTlsAlert, 121, "ech_required",
     "The client insists on Encrypted Client Hello, which was not accepted.", "tls", "RFC 9849"},
};
static_assert(well_formed(kTlsAlertCodes));

}  // namespace

std::span<const Code> tls_alert_codes() { return kTlsAlertCodes; }

}  // namespace rdpwhy::codes
