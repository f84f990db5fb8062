// "credssp" and "rdstls" of one handshake's JSON (contract.md).
#include <algorithm>

#include "rdpwhy/record/credssp_summary.h"
#include "report/credssp.h"
#include "report/credssp_words.h"
#include "report/json_parts.h"

namespace rdpwhy::report {
namespace {

using auth::AvId;

constexpr std::size_t kMostMechanisms = 20;

std::optional<std::string_view> name_of(const codes::Code* code) {
  return code == nullptr ? std::nullopt : std::optional(code->name);
}

std::string mechanism_text(const std::string& oid) {
  const auto name = auth::mechanism_name(oid);
  return name ? std::string(*name) : oid;
}

void member_mechanisms(JsonWriter& w, const std::vector<std::string>& oids) {
  w.key("offered_mechanisms");
  w.begin_array();
  for (std::size_t i = 0; i < std::min(oids.size(), kMostMechanisms); ++i)
    w.text(mechanism_text(oids[i]));
  w.end_array();
}

/// With three decimals.
void write_seconds(JsonWriter& w, Nanoseconds ns) { w.milliseconds(ns / 1000); }

void write_krb_code(JsonWriter& w, std::int32_t code) {
  w.begin_object();
  w.key("code");
  w.integer(code);
  if (const auto name = auth::krb_error_name(code)) {
    w.member("name", *name);
  } else {
    w.member_null("name");
  }
  w.end_object();
}

void write_etype(JsonWriter& w, std::int32_t etype) {
  w.begin_object();
  w.key("code");
  w.integer(etype);
  if (const auto name = auth::krb_encryption_name(etype)) {
    w.member("name", *name);
  } else {
    w.member_null("name");
  }
  w.end_object();
}

void write_version(JsonWriter& w, const auth::NtlmVersion& version) {
  w.member("os_version", version.text());
  if (const auto product = auth::windows_product(version)) w.member("os_product", *product);
}

void write_ntlm(JsonWriter& w, const record::CredsspSummary& summary) {
  const auto& challenge = *summary.challenge;
  w.key("ntlm");
  w.begin_object();
  const auto text = [&](AvId id) {
    return challenge.target_info ? challenge.target_info->text(id) : std::nullopt;
  };
  if (const auto name = text(AvId::kNbComputerName)) w.member("netbios_computer", *name);
  if (const auto name = text(AvId::kNbDomainName)) w.member("netbios_domain", *name);
  if (const auto name = text(AvId::kDnsComputerName)) w.member("dns_computer", *name);
  if (const auto name = text(AvId::kDnsDomainName)) w.member("dns_domain", *name);
  if (const auto name = text(AvId::kDnsTreeName)) w.member("dns_forest", *name);
  w.member("target_name", challenge.target_name);
  w.member("target_info", challenge.target_info.has_value());
  if (challenge.version) write_version(w, *challenge.version);
  if (summary.server_time) w.member("time", base::to_rfc3339(*summary.server_time, 3));
  if (summary.clock_skew) {
    w.key("clock_skew_s");
    write_seconds(w, *summary.clock_skew);
  }
  w.member_texts("flags", auth::ntlm_flag_names(challenge.flags));
  w.end_object();
}

/// MS-NLMP 2.2.2.1 MsvAvChannelBindings: sixteen zeros say that there are none.
bool binds_channel(const auth::AvPairs& pairs) {
  const auto* bindings = pairs.find(AvId::kChannelBindings);
  return bindings != nullptr &&
         std::ranges::any_of(bindings->value, [](std::uint8_t octet) { return octet != 0; });
}

void write_authenticate(JsonWriter& w, const auth::NtlmAuthenticate& message) {
  w.member("user", message.user_name);
  w.member("domain", message.domain_name);
  w.member("workstation", message.workstation);
  w.key("client");
  w.begin_object();
  if (message.version) write_version(w, *message.version);
  w.member("ntlmv2", message.ntlmv2.has_value());
  // MS-NLMP 2.2.2.1 MsvAvFlags: the field may stand there with nothing in it.
  constexpr std::uint32_t kMicPresent = 2;
  const auto av_flags = message.ntlmv2 ? message.ntlmv2->av_pairs.flags().value_or(0) : 0;
  w.member("mic", message.mic.has_value() && (av_flags & kMicPresent) != 0);
  if (message.ntlmv2) {
    const auto& pairs = message.ntlmv2->av_pairs;
    if (const auto name = pairs.text(AvId::kTargetName)) {
      w.member("spn", *name);
    } else {
      w.member_null("spn");
    }
    w.member("channel_bindings", binds_channel(pairs));
  }
  w.member_texts("flags", auth::ntlm_flag_names(message.flags));
  w.end_object();
}

void write_kerberos(JsonWriter& w, const record::CredsspSummary& summary) {
  if (summary.ap_request == nullptr && summary.kerberos_error == nullptr) return;
  w.key("kerberos");
  w.begin_object();
  if (const auto* request = summary.ap_request) {
    if (request->realm) w.member("realm", *request->realm);
    if (!request->server_name.empty()) w.member("server_name", principal_of(request->server_name));
    if (request->ticket_encryption) {
      w.key("ticket_encryption");
      write_etype(w, *request->ticket_encryption);
    }
    if (request->mutual_required) w.member("mutual_required", *request->mutual_required);
  }
  if (const auto* error = summary.kerberos_error) {
    w.key("error");
    write_krb_code(w, error->error_code);
    if (error->text) w.member("text", *error->text);
    w.member("server_time", base::to_rfc3339(error->server_time, 0));
    w.key("clock_skew_s");
    write_seconds(w, *summary.kerberos_skew);
  }
  w.end_object();
}

void write_kdc(JsonWriter& w, const std::vector<const record::KdcTalk*>& talks) {
  if (talks.empty()) return;
  w.key("kdc");
  w.begin_array();
  for (const auto* talk : talks) {
    w.begin_object();
    w.member("outcome", record::name_of(talk->outcome));
    if (!talk->principal.empty()) w.member("principal", talk->principal);
    if (!talk->service.empty()) w.member("service", talk->service);
    if (talk->error_code) {
      w.key("error");
      write_krb_code(w, *talk->error_code);
    }
    if (!talk->words.empty()) w.member("words", talk->words);
    if (talk->clock_offset) {
      w.key("clock_skew_s");
      write_seconds(w, *talk->clock_offset);
    }
    w.member("from_cache", talk->from_cache);
    w.end_object();
  }
  w.end_array();
}

void write_summary(JsonWriter& w, const record::CredsspSummary& summary) {
  w.key("credssp");
  w.begin_object();
  if (summary.server_version) w.member_number("server_version", *summary.server_version);
  if (summary.client_version) w.member_number("client_version", *summary.client_version);
  if (summary.mechanism) w.member("mechanism", *summary.mechanism);
  if (summary.offered_mechanisms) member_mechanisms(w, *summary.offered_mechanisms);
  if (summary.selected_mechanism)
    w.member("selected_mechanism", mechanism_text(*summary.selected_mechanism));
  if (summary.challenge != nullptr) write_ntlm(w, summary);
  if (summary.authenticate != nullptr) write_authenticate(w, *summary.authenticate);
  write_kerberos(w, summary);
  write_kdc(w, summary.kdc);
  if (summary.client_version) w.member("credentials_sent", summary.delegated);
  if (summary.error_code) {
    w.key("error");
    write_code(w, *summary.error_code, name_of(status_of(*summary.error_code)));
  }
  if (const auto* result = summary.authorization) {
    w.key("authorization");
    write_code(w, result->authorization_result,
               codes::name(codes::Family::kAuthorization, result->authorization_result));
  }
  w.end_object();
}

void write_rdstls(JsonWriter& w, const record::RdstlsSummary& summary) {
  w.key("rdstls");
  w.begin_object();
  if (summary.server != nullptr)
    w.member_number("supported_versions", summary.server->supported_versions);
  if (const auto* request = summary.request) {
    w.member_number("data_type", request->data_type);
    if (request->data_type == 1) {
      w.member("redirection_guid", request->redirection_guid);
      w.member("user", request->user_name);
      w.member("domain", request->domain);
    } else {
      w.member_number("session_id", request->session_id);
    }
  }
  if (const auto* response = summary.response) {
    w.key("result");
    write_code(w, response->result_code,
               codes::name(codes::Family::kRdstls, response->result_code));
  }
  w.end_object();
}

}  // namespace

void write_credssp(JsonWriter& w, const HandshakeRecord& record) {
  if (const auto summary = record::credssp_summary(record)) write_summary(w, *summary);
  if (const auto summary = record::rdstls_summary(record)) write_rdstls(w, *summary);
}

}  // namespace rdpwhy::report
