#include "rdpwhy/record/session_summary.h"

#include "record/session_names.h"
#include "record/session_order.h"

namespace rdpwhy::record {
namespace {

void take_licensing(const rdp::LicensingPdu& pdu, const Evidence& e, SessionSummary& summary) {
  if (e.where.side != Side::kServer) return;
  if (const auto* request = pdu.request()) {
    if (summary.license_request == nullptr) summary.license_request = request;
  } else if (const auto* error = pdu.error()) {
    summary.licensing_error = error;
    summary.licensing_error_at = &e;
  } else if (std::holds_alternative<rdp::IssuedLicense>(pdu.message)) {
    summary.license_issued = true;
  }
}

void take_share(const Evidence& e, SessionSummary& summary) {
  const bool server = e.where.side == Side::kServer;
  if (const auto* demand = share_control_in<rdp::DemandActive>(e)) {
    if (server && summary.demand_active == nullptr) summary.demand_active = demand;
    summary.deactivated_at = nullptr;
  } else if (const auto* confirm = share_control_in<rdp::ConfirmActive>(e)) {
    if (!server && summary.confirm_active == nullptr) summary.confirm_active = confirm;
  } else if (share_control_in<rdp::DeactivateAll>(e) != nullptr) {
    summary.deactivated_at = &e;
  } else if (share_data_in<rdp::FontMap>(e) != nullptr) {
    if (server && summary.font_map_at == nullptr) summary.font_map_at = &e;
  } else if (share_data_in<rdp::ShutdownRequest>(e) != nullptr) {
    if (!server && summary.shutdown_requested_at == nullptr) summary.shutdown_requested_at = &e;
  }
}

void take(const Evidence& e, SessionSummary& summary) {
  const bool server = e.where.side == Side::kServer;
  if (const auto* initial = get_if<McsConnectInitial>(&e.fact)) {
    if (summary.client == nullptr) summary.client = initial;
  } else if (const auto* response = get_if<McsConnectResponse>(&e.fact)) {
    if (summary.server == nullptr) summary.server = response;
  } else if (const auto* info = get_if<rdp::ClientInfo>(&e.fact)) {
    if (summary.client_info == nullptr) summary.client_info = info;
  } else if (const auto* licensing = get_if<rdp::LicensingPdu>(&e.fact)) {
    take_licensing(*licensing, e, summary);
  } else if (holds<ClosedPayload>(e.fact)) {
    ++summary.closed_payloads;
  } else if (holds<rdp::DisconnectProviderUltimatum>(e.fact)) {
    auto& kept = server ? summary.server_ultimatum : summary.client_ultimatum;
    if (kept == nullptr) kept = &e;
  }
  if (const auto* redirection = redirection_in(e); redirection != nullptr && server) {
    if (summary.redirection == nullptr || (redirects(e) && !redirects(*summary.redirection_at))) {
      summary.redirection = redirection;
      summary.redirection_at = &e;
    }
  } else if (holds<rdp::ShareControl>(e.fact)) {
    take_share(e, summary);
  }
  if (const auto error = error_info_in(e)) {
    if (summary.other_error_info_at == nullptr && summary.error_info && summary.error_info != error)
      summary.other_error_info_at = summary.error_info_at;
    summary.error_info = error;
    summary.error_info_at = &e;
  }
}

}  // namespace

std::optional<SessionSummary> session_summary(const HandshakeRecord& record) {
  bool seen = false;
  SessionSummary summary;
  SessionOrder order;
  for (const auto& e : record.evidence) {
    seen = seen || is_session(e.fact);
    const bool is_odd = order.is_out_of_place(e);
    if (!is_odd || share_data_in<rdp::FontMap>(e) == nullptr) take(e, summary);
  }
  if (order.sees_client() && summary.confirm_active == nullptr && summary.closed_payloads == 0)
    summary.font_map_at = nullptr;
  if (!seen) return std::nullopt;
  return summary;
}

const rdp::ServerRedirection* redirection_in(const Evidence& evidence) {
  if (const auto* redirection = get_if<rdp::ServerRedirection>(&evidence.fact)) return redirection;
  return share_control_in<rdp::ServerRedirection>(evidence);
}

bool redirects(const Evidence& evidence) {
  const auto* redirection = redirection_in(evidence);
  return redirection != nullptr && evidence.where.side == Side::kServer &&
         (redirection->flags & rdp::ServerRedirection::kNoRedirect) == 0;
}

std::optional<std::uint32_t> error_info_in(const Evidence& evidence) {
  const auto* error = share_data_in<rdp::SetErrorInfo>(evidence);
  if (error == nullptr || error->error_info == 0 || evidence.where.side != Side::kServer)
    return std::nullopt;
  return error->error_info;
}

}  // namespace rdpwhy::record
