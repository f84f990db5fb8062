#pragma once

#include <string>
#include <string_view>

#include "rdpwhy/record/facts.h"

// What the messages of authentication are called.
namespace rdpwhy::record {

/// "ntlm_challenge", "ap_request", "pub_key_auth", "ts_request_error": what the message is there
/// for.
[[nodiscard]] std::string_view message_name_of(const CredsspMessage& message);
[[nodiscard]] std::string_view message_name_of(const auth::RdstlsPdu& pdu);

/// "CredSSP TSRequest v6: SPNEGO NegTokenInit (Kerberos, NTLM), NTLM NEGOTIATE"
[[nodiscard]] std::string described(const CredsspMessage& message);
[[nodiscard]] std::string described(const auth::EarlyUserAuthorizationResult& result);
[[nodiscard]] std::string described(const auth::RdstlsPdu& pdu);
[[nodiscard]] std::string described(const KdcTalk& talk);

/// It says no: an errorCode, or SPNEGO's reject.
[[nodiscard]] bool refuses(const CredsspMessage& message);
/// A KRB-ERROR of the server, after which a client may try again.
[[nodiscard]] const auth::KrbError* kerberos_error_of(const CredsspMessage& message);
/// A token that could not be read.
[[nodiscard]] bool has_unreadable_token(const CredsspMessage& message);

}  // namespace rdpwhy::record
