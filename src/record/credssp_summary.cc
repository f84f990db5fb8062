#include "rdpwhy/record/credssp_summary.h"

namespace rdpwhy::record {
namespace {

bool is_request_of(const auth::KerberosToken& token) {
  return token.kind == auth::KerberosToken::Kind::kApRequest ||
         token.kind == auth::KerberosToken::Kind::kTgtRequest;
}

void take_kerberos(const auth::KerberosToken& token, const Evidence& e, CredsspSummary& summary) {
  summary.mechanism = "Kerberos";
  if (e.where.side == Side::kClient) {
    // The AP-REQ says more than a TGT-REQ before it.
    if (is_request_of(token)) summary.ap_request = &token;
    return;
  }
  summary.server_token = &token;
  if (!token.error) return;
  summary.kerberos_error = &*token.error;
  summary.kerberos_skew = token.error->server_time - e.at;
}

void take_challenge(const auth::NtlmChallenge& challenge, const Evidence& e,
                    CredsspSummary& summary) {
  summary.challenge = &challenge;
  const auto timestamp = challenge.target_info ? challenge.target_info->timestamp() : std::nullopt;
  if (!timestamp || *timestamp == 0) return;
  const auto time = auth::moment_of_filetime(*timestamp);
  // A FILETIME reaches further than a Moment: the nearest one would be a time that nobody named.
  if (auth::filetime_of(time) != *timestamp) return;
  summary.server_time = time;
  summary.clock_skew = *summary.server_time - e.at;
}

void take_token(const auth::Token& token, const Evidence& e, CredsspSummary& summary) {
  if (token.spnego) {
    if (const auto* init = std::get_if<auth::NegTokenInit>(&*token.spnego)) {
      if (e.where.side == Side::kClient) summary.offered_mechanisms = init->mech_types;
    } else if (const auto* response = std::get_if<auth::NegTokenResp>(&*token.spnego)) {
      if (e.where.side == Side::kServer && response->supported_mech)
        summary.selected_mechanism = response->supported_mech;
    }
  }
  if (const auto* negotiate = std::get_if<auth::NtlmNegotiate>(&token.message)) {
    summary.negotiate = negotiate;
    summary.mechanism = "NTLM";
  } else if (const auto* challenge = std::get_if<auth::NtlmChallenge>(&token.message)) {
    take_challenge(*challenge, e, summary);
    summary.mechanism = "NTLM";
  } else if (const auto* authenticate = std::get_if<auth::NtlmAuthenticate>(&token.message)) {
    summary.authenticate = authenticate;
    summary.mechanism = "NTLM";
  } else if (const auto* kerberos = std::get_if<auth::KerberosToken>(&token.message)) {
    take_kerberos(*kerberos, e, summary);
  }
}

void take(const CredsspMessage& message, const Evidence& e, CredsspSummary& summary) {
  const bool server = e.where.side == Side::kServer;
  auto& version = server ? summary.server_version : summary.client_version;
  if (!version) version = message.version;
  for (const auto& token : message.tokens) take_token(token, e, summary);
  const bool refuses = message.error_code.value_or(0) != 0;
  // FreeRDP's server sends the client's own pubKeyAuth back beside an errorCode.
  if (message.pub_key_auth && !(server && refuses))
    (server ? summary.public_key_answered : summary.public_key_sent) = true;
  if (message.auth_info_size && !server) summary.delegated = true;
  if (server && refuses) summary.error_code = message.error_code;
}

}  // namespace

std::optional<CredsspSummary> credssp_summary(const HandshakeRecord& record) {
  std::optional<CredsspSummary> found;
  const auto summary = [&]() -> CredsspSummary& { return found ? *found : found.emplace(); };
  for (const auto& e : record.evidence) {
    if (const auto* message = get_if<CredsspMessage>(&e.fact)) {
      take(*message, e, summary());
    } else if (const auto* result = get_if<auth::EarlyUserAuthorizationResult>(&e.fact)) {
      summary().authorization = result;
    } else if (const auto* talk = get_if<KdcTalk>(&e.fact)) {
      summary().kdc.push_back(talk);
    }
  }
  if (found && !found->mechanism && found->selected_mechanism) {
    const auto name = auth::mechanism_name(*found->selected_mechanism);
    found->mechanism = name ? std::string(*name) : *found->selected_mechanism;
  }
  return found;
}

std::optional<RdstlsSummary> rdstls_summary(const HandshakeRecord& record) {
  std::optional<RdstlsSummary> found;
  for (const auto& e : record.evidence) {
    const auto* pdu = get_if<auth::RdstlsPdu>(&e.fact);
    if (pdu == nullptr) continue;
    if (!found) found.emplace();
    if (const auto* capabilities = std::get_if<auth::RdstlsCapabilities>(pdu)) {
      if (found->server == nullptr && e.where.side == Side::kServer) found->server = capabilities;
    } else if (const auto* request = std::get_if<auth::RdstlsAuthenticationRequest>(pdu)) {
      if (found->request == nullptr) found->request = request;
    } else if (const auto* response = std::get_if<auth::RdstlsAuthenticationResponse>(pdu)) {
      if (found->response == nullptr) found->response = response;
    }
  }
  return found;
}

}  // namespace rdpwhy::record
