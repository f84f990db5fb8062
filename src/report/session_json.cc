// "mcs", "licensing", "redirection" and "error_info" of one handshake's JSON (contract.md).
#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/record/session_summary.h"
#include "report/json_parts.h"
#include "report/session.h"

namespace rdpwhy::report {
namespace {

constexpr std::size_t kMostChannels = 64;  // a hostile list has thousands
constexpr std::size_t kMostScopes = 16;
constexpr std::size_t kMostCapabilitySets = 64;  // 28 are known

void write_client(JsonWriter& w, const record::McsConnectInitial& initial) {
  w.key("client");
  w.begin_object();
  if (const auto* core = initial.blocks.find<rdp::ClientCoreData>()) {
    w.member("version", base::to_hex_number(core->version, 8));
    w.member_number("build", core->client_build);
    w.member("name", core->client_name);
    w.member_number("keyboard_layout", core->keyboard_layout);
    w.member_number("width", core->desktop_width);
    w.member_number("height", core->desktop_height);
    if (core->early_capability_flags) {
      w.member_texts("early_capabilities",
                     rdp::early_capability_names(*core->early_capability_flags));
    }
  }
  if (const auto* network = initial.blocks.find<rdp::ClientNetworkData>()) {
    w.key("channels");
    w.begin_array();
    for (std::size_t i = 0; i < std::min(network->channels.size(), kMostChannels); ++i)
      w.text(network->channels[i].name);
    w.end_array();
  }
  if (const auto* security = initial.blocks.find<rdp::ClientSecurityData>())
    w.member("encryption_methods", base::to_hex_number(security->encryption_methods, 8));
  if (const auto* monitors = initial.blocks.find<rdp::ClientMonitorData>())
    w.member_number("monitors", monitors->monitors.size());
  w.end_object();
}

std::string_view name_of(record::ServerKeyJudgement::Form form) {
  switch (form) {
    case record::ServerKeyJudgement::Form::kProprietary:
      return "proprietary";
    case record::ServerKeyJudgement::Form::kX509:
      return "x509";
    case record::ServerKeyJudgement::Form::kUnreadable:
      break;
  }
  return "unreadable";
}

void write_server_key(JsonWriter& w, const record::ServerKeyJudgement& key) {
  using Signature = record::ServerKeyJudgement::Signature;
  w.key("certificate");
  w.begin_object();
  w.member("form", name_of(key.form));
  if (key.key_bits > 0) w.member_number("key_bits", key.key_bits);
  if (key.signature != Signature::kNotJudged)
    w.member("signature_valid", key.signature == Signature::kValid);
  w.member("published_key", key.is_published);
  w.end_object();
}

void write_server(JsonWriter& w, const record::McsConnectResponse& response) {
  w.key("server");
  w.begin_object();
  w.key("result");
  write_code(w, response.result, rdp::mcs_result_name(response.result));
  if (const auto* core = response.blocks.find<rdp::ServerCoreData>()) {
    w.member("version", base::to_hex_number(core->version, 8));
    if (const auto name = rdp::rdp_version_name(core->version)) w.member("version_name", *name);
  }
  if (const auto* network = response.blocks.find<rdp::ServerNetworkData>()) {
    w.member_number("channels", network->channel_ids.size());
    w.member_number("io_channel", network->mcs_channel_id);
  }
  if (const auto* message = response.blocks.find<rdp::ServerMessageChannelData>())
    w.member_number("message_channel", message->mcs_channel_id);
  if (const auto* security = response.blocks.find<rdp::ServerSecurityData>()) {
    w.key("encryption_method");
    write_code(w, security->encryption_method,
               rdp::encryption_method_name(security->encryption_method));
    w.key("encryption_level");
    write_code(w, security->encryption_level,
               rdp::encryption_level_name(security->encryption_level));
  }
  if (response.server_key) write_server_key(w, *response.server_key);
  w.end_object();
}

void write_licensing(JsonWriter& w, const record::SessionSummary& summary) {
  w.key("licensing");
  w.begin_object();
  if (const auto* request = summary.license_request) {
    w.key("request");
    w.begin_object();
    w.member("product", request->product.product_id);
    w.member("company", request->product.company_name);
    w.member("version", base::to_hex_number(request->product.version, 8));
    w.key("scopes");
    w.begin_array();
    for (std::size_t i = 0; i < std::min(request->scopes.size(), kMostScopes); ++i)
      w.text(request->scopes[i]);
    w.end_array();
    w.end_object();
  }
  w.member("issued", summary.license_issued);
  if (const auto* error = summary.licensing_error) {
    w.key("error");
    write_code(w, error->error_code, codes::name(codes::Family::kLicensing, error->error_code));
    w.key("transition");
    write_code(w, error->state_transition,
               codes::name(codes::Family::kLicensingTransition, error->state_transition));
  }
  w.end_object();
}

void write_sets(JsonWriter& w, const std::vector<rdp::CapabilitySet>& sets) {
  w.begin_array();
  for (std::size_t i = 0; i < std::min(sets.size(), kMostCapabilitySets); ++i)
    write_code(w, sets[i].type, rdp::capability_type_name(sets[i].type));
  w.end_array();
}

void write_capabilities(JsonWriter& w, const record::SessionSummary& summary) {
  w.key("capabilities");
  w.begin_object();
  if (const auto* demand = summary.demand_active) {
    w.key("server");
    write_sets(w, demand->capability_sets);
  }
  if (const auto* confirm = summary.confirm_active) {
    w.key("client");
    write_sets(w, confirm->capability_sets);
  }
  w.end_object();
}

void write_redirection(JsonWriter& w, const rdp::ServerRedirection& redirection) {
  w.key("redirection");
  w.begin_object();
  if (const auto target = rdp::redirection_target(redirection); !target.empty())
    w.member("target", target);
  if (redirection.load_balance_info) {
    w.member("routing_token", base::as_text(*redirection.load_balance_info));
  } else {
    w.member_null("routing_token");
  }
  w.member_number("session_id", redirection.session_id);
  w.member_texts("flags", rdp::redirection_flag_names(redirection.flags));
  if (redirection.user_name) w.member("user", *redirection.user_name);
  if (redirection.domain) w.member("domain", *redirection.domain);
  w.member("password", redirection.password_size.value_or(0) > 0);
  w.end_object();
}

}  // namespace

void write_session(JsonWriter& w, const HandshakeRecord& record) {
  const auto summary = record::session_summary(record);
  if (!summary) return;
  if (summary->client != nullptr || summary->server != nullptr) {
    w.key("mcs");
    w.begin_object();
    if (summary->client != nullptr) write_client(w, *summary->client);
    if (summary->server != nullptr) write_server(w, *summary->server);
    w.end_object();
  }
  if (summary->license_request != nullptr || summary->licensing_error != nullptr ||
      summary->license_issued) {
    write_licensing(w, *summary);
  }
  if (summary->demand_active != nullptr || summary->confirm_active != nullptr)
    write_capabilities(w, *summary);
  if (summary->redirection != nullptr) write_redirection(w, *summary->redirection);
  if (summary->error_info) {
    w.key("error_info");
    write_code(w, *summary->error_info,
               codes::name(codes::Family::kErrorInfo, *summary->error_info));
  }
}

}  // namespace rdpwhy::report
