#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::record {

/// True for a PDU of the phases from MCS on; an ultimatum, which may come anywhere, is none.
[[nodiscard]] bool is_session(const Fact& fact);

/// What the session's phases said (MCS to finalization), read from the evidence alone. Pointers
/// lead into the record; those to Evidence are where their neighbour was read.
struct SessionSummary {
  const McsConnectInitial* client = nullptr;
  const McsConnectResponse* server = nullptr;
  const rdp::ClientInfo* client_info = nullptr;

  const rdp::LicenseRequest* license_request = nullptr;
  const rdp::LicensingError* licensing_error = nullptr;  ///< the server's last ERROR_ALERT
  const Evidence* licensing_error_at = nullptr;
  /// The server issued a licence, or renewed the client's.
  bool license_issued = false;

  const rdp::DemandActive* demand_active = nullptr;
  const rdp::ConfirmActive* confirm_active = nullptr;

  std::optional<std::uint32_t> error_info;  ///< the last Set Error Info that is not ERRINFO_NONE
  const Evidence* error_info_at = nullptr;
  /// The first of several that do not say the same; null where all of them do.
  const Evidence* other_error_info_at = nullptr;
  /// The first that sends the client away, else the first.
  const rdp::ServerRedirection* redirection = nullptr;
  const Evidence* redirection_at = nullptr;
  /// The first of each side.
  const Evidence* server_ultimatum = nullptr;
  const Evidence* client_ultimatum = nullptr;
  const Evidence* deactivated_at = nullptr;  ///< Deactivate All that no Demand Active follows
  const Evidence* font_map_at = nullptr;     ///< of the server: the session is active
  const Evidence* shutdown_requested_at = nullptr;  ///< of the client
  std::uint32_t closed_payloads = 0;                ///< of Standard RDP Security, without keys
};
/// Nothing: no PDU of these phases was seen.
[[nodiscard]] std::optional<SessionSummary> session_summary(const HandshakeRecord& record);

/// The content of a Share Data PDU in this evidence; null for anything else.
template <typename Content>
[[nodiscard]] const Content* share_data_in(const Evidence& evidence) {
  const auto* control = get_if<rdp::ShareControl>(&evidence.fact);
  const auto* data = control == nullptr ? nullptr : std::get_if<rdp::ShareData>(&control->content);
  return data == nullptr ? nullptr : std::get_if<Content>(&data->content);
}
/// The content of a Share Control PDU in this evidence; null for anything else.
template <typename Content>
[[nodiscard]] const Content* share_control_in(const Evidence& evidence) {
  const auto* control = get_if<rdp::ShareControl>(&evidence.fact);
  return control == nullptr ? nullptr : std::get_if<Content>(&control->content);
}
/// The redirection in this evidence, of either form.
[[nodiscard]] const rdp::ServerRedirection* redirection_in(const Evidence& evidence);
/// The server sends the client away. Not every such packet does: LB_NOREDIRECT only informs
/// (MS-RDPBCGR 2.2.13.1), and the connection goes on.
[[nodiscard]] bool redirects(const Evidence& evidence);
/// A Set Error Info of the server that says an error.
[[nodiscard]] std::optional<std::uint32_t> error_info_in(const Evidence& evidence);

}  // namespace rdpwhy::record
