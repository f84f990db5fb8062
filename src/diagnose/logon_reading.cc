#include "diagnose/logon_reading.h"

#include <algorithm>

#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::diagnose {
namespace {

using record::CredsspMessage;

template <typename T>
const T* message_in(const CredsspMessage& request) {
  for (const auto& token : request.tokens) {
    if (const auto* message = std::get_if<T>(&token.message)) return message;
  }
  return nullptr;
}

const auth::KerberosToken* kerberos_in(const CredsspMessage& request,
                                       auth::KerberosToken::Kind kind) {
  const auto* token = message_in<auth::KerberosToken>(request);
  return token != nullptr && token->kind == kind ? token : nullptr;
}

bool speaks_spnego(const CredsspMessage& request) {
  return std::ranges::any_of(request.tokens, [](const auto& t) { return t.spnego.has_value(); });
}

bool lists_kerberos(const CredsspMessage& request) {
  return std::ranges::any_of(request.tokens, [](const auth::Token& token) {
    const auto* init = token.spnego ? std::get_if<auth::NegTokenInit>(&*token.spnego) : nullptr;
    return init != nullptr && std::ranges::any_of(init->mech_types, [](const std::string& oid) {
             return oid == auth::oid::kKerberos || oid == auth::oid::kMsKerberos ||
                    oid == auth::oid::kKerberosUserToUser;
           });
  });
}

constexpr std::uint8_t kReject = 2;  // RFC 4178 4.2.2 negState

bool rejects(const CredsspMessage& request) {
  return std::ranges::any_of(request.tokens, [](const auth::Token& token) {
    const auto* response = token.spnego ? std::get_if<auth::NegTokenResp>(&*token.spnego) : nullptr;
    return response != nullptr && response->neg_state == kReject;
  });
}

/// TPKT version 3 (T.123 8) where DER is due.
bool begins_tpkt(const Bytes& first) { return first.size() >= 2 && first[0] == 3 && first[1] == 0; }

bool is_rdp_pdu(const Evidence& e) {
  if (std::holds_alternative<rdp::DisconnectProviderUltimatum>(e.fact) ||
      std::holds_alternative<rdp::DataTpdu>(e.fact) || record::is_session(e.fact) ||
      std::holds_alternative<rdp::DisconnectRequest>(e.fact)) {
    return true;
  }
  if (const auto* unexpected = record::get_if<record::Unexpected>(&e.fact))
    return begins_tpkt(unexpected->first);
  const auto* malformed = record::get_if<record::Malformed>(&e.fact);
  return malformed != nullptr && begins_tpkt(malformed->first);
}

void keep_first(const Evidence*& slot, const Evidence& e, bool wanted) {
  if (wanted && slot == nullptr) slot = &e;
}

void read_client(LogonReading& logon, const Evidence& e, const CredsspMessage& request) {
  // It went on: with a corrected clock, or with another mechanism.
  logon.kerberos_error = logon.reject = nullptr;
  keep_first(logon.first_request, e, true);
  if (!logon.client_version) logon.client_version = request.version;
  keep_first(logon.negotiate, e, message_in<auth::NtlmNegotiate>(request) != nullptr);
  keep_first(logon.ticket, e,
             kerberos_in(request, auth::KerberosToken::Kind::kApRequest) != nullptr);
  const bool authenticates = message_in<auth::NtlmAuthenticate>(request) != nullptr;
  keep_first(logon.authenticate, e, authenticates);
  keep_first(logon.proof, e, authenticates || request.pub_key_auth.has_value());
  keep_first(logon.delegation, e, request.auth_info_size.has_value());
  logon.kerberos_offered = logon.kerberos_offered || lists_kerberos(request);
  logon.client_spoke_spnego = logon.client_spoke_spnego || speaks_spnego(request);
}

void read_server(LogonReading& logon, const Evidence& e, const CredsspMessage& request) {
  const bool refuses = request.error_code.value_or(0) != 0;
  keep_first(logon.first_answer, e, true);
  logon.server_version = request.version;
  logon.server_spoke_spnego = logon.server_spoke_spnego || speaks_spnego(request);
  keep_first(logon.challenge, e, message_in<auth::NtlmChallenge>(request) != nullptr);
  // FreeRDP 3 sends the client's own pubKeyAuth back beside its errorCode.
  keep_first(logon.server_key, e, request.pub_key_auth && !refuses);
  keep_first(logon.refusal, e, refuses);
  keep_first(logon.kerberos_error, e,
             kerberos_in(request, auth::KerberosToken::Kind::kError) != nullptr);
  keep_first(logon.reject, e, rejects(request));
}

LogonStep step_of(const LogonReading& logon) {
  if (logon.delegation != nullptr) return LogonStep::kDelegated;
  // A pubKeyAuth before there is anything to confirm accepts nobody.
  if (logon.server_key != nullptr && logon.proof != nullptr) return LogonStep::kAccepted;
  if (logon.proof != nullptr) return LogonStep::kAuthenticated;
  if (logon.first_answer != nullptr) return LogonStep::kChallenged;
  return logon.first_request != nullptr ? LogonStep::kAsked : LogonStep::kNothing;
}

}  // namespace

Nanoseconds apart(Moment theirs, Moment ours) {
  Nanoseconds difference = 0;
  if (!__builtin_sub_overflow(theirs.ns, ours.ns, &difference)) return difference;
  return theirs < ours ? INT64_MIN : INT64_MAX;
}

LogonReading::LogonReading(const HandshakeRecord& record) {
  for (const auto& e : record.evidence) {
    const bool server = e.where.side == Side::kServer;
    if (const auto* request = record::get_if<CredsspMessage>(&e.fact)) {
      server ? read_server(*this, e, *request) : read_client(*this, e, *request);
      went_on_without_kdc = went_on_without_kdc || (kdc_refusal != nullptr && !server);
    } else if (const auto* talk = record::get_if<record::KdcTalk>(&e.fact)) {
      if (talk->outcome != record::KdcTalk::Outcome::kGranted) kdc_refusal = &e;
    } else if (record::holds<auth::EarlyUserAuthorizationResult>(e.fact)) {
      keep_first(authorization, e, true);
    } else if (const auto* pdu = record::get_if<auth::RdstlsPdu>(&e.fact)) {
      keep_first(rdstls_request, e,
                 std::holds_alternative<auth::RdstlsAuthenticationRequest>(*pdu));
      keep_first(rdstls_answer, e,
                 std::holds_alternative<auth::RdstlsAuthenticationResponse>(*pdu));
    } else if (server && began() && delegation == nullptr) {
      keep_first(rdp_pdu, e, is_rdp_pdu(e));
    }
  }
  step = step_of(*this);
}

std::optional<std::uint32_t> LogonReading::version() const {
  if (!client_version) return server_version;
  return server_version ? std::min(*client_version, *server_version) : *client_version;
}

bool LogonReading::could_say_why() const {
  const auto agreed = version();
  return agreed && *agreed >= 3 && *agreed != 5;
}

const CredsspMessage* LogonReading::refusal_fact() const {
  return refusal == nullptr ? nullptr : record::get_if<CredsspMessage>(&refusal->fact);
}

const auth::EarlyUserAuthorizationResult* LogonReading::authorization_fact() const {
  return authorization == nullptr
             ? nullptr
             : record::get_if<auth::EarlyUserAuthorizationResult>(&authorization->fact);
}

const auth::RdstlsAuthenticationResponse* LogonReading::rdstls_answer_fact() const {
  if (rdstls_answer == nullptr) return nullptr;
  return std::get_if<auth::RdstlsAuthenticationResponse>(
      &record::get<auth::RdstlsPdu>(rdstls_answer->fact));
}

const auth::KrbError* LogonReading::kerberos_error_fact() const {
  if (kerberos_error == nullptr) return nullptr;
  const auto* token = kerberos_in(record::get<CredsspMessage>(kerberos_error->fact),
                                  auth::KerberosToken::Kind::kError);
  return token != nullptr && token->error ? &*token->error : nullptr;
}

const auth::NtlmChallenge* LogonReading::challenge_fact() const {
  if (challenge == nullptr) return nullptr;
  return message_in<auth::NtlmChallenge>(record::get<CredsspMessage>(challenge->fact));
}

const auth::NtlmAuthenticate* LogonReading::authenticate_fact() const {
  if (authenticate == nullptr) return nullptr;
  return message_in<auth::NtlmAuthenticate>(record::get<CredsspMessage>(authenticate->fact));
}

std::optional<Nanoseconds> LogonReading::clock_skew() const {
  const auto* message = challenge_fact();
  if (message == nullptr || !message->target_info) return {};
  const auto time = message->target_info->timestamp();
  if (!time || *time == 0) return {};  // 0: none was set
  const auto theirs = auth::moment_of_filetime(*time);
  if (auth::filetime_of(theirs) != *time) return {};  // in no year that we can count in
  return apart(theirs, challenge->at);
}

}  // namespace rdpwhy::diagnose
