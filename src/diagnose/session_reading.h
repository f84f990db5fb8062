#pragma once

#include <optional>
#include <string>

#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::diagnose {

/// What the rules look at from MCS on, gathered once. Nothing here is judged yet.
struct SessionReading {
  explicit SessionReading(const HandshakeRecord& record);

  record::SessionSummary summary;  ///< empty where nothing was seen of these phases
  bool began = false;              ///< a PDU of them was seen

  const Evidence* connect_response = nullptr;  ///< the server's, the last
  const Evidence* refused_attach = nullptr;    ///< an Attach User Confirm that says no
  const Evidence* refused_join = nullptr;      ///< the last Channel Join Confirm that says no
  const Evidence* client_info = nullptr;       ///< of the client: it may hold credentials
  const Evidence* demand_active = nullptr;     ///< of the server, the last
  const Evidence* license_request = nullptr;   ///< of the server
  const Evidence* client_alert = nullptr;      ///< a licensing error that the client reports
  /// The server's first sign that it ends the connection: ultimatum, closing alert, FIN or RST,
  /// unless the client began to leave before it.
  const Evidence* server_left = nullptr;
  const Evidence* client_left = nullptr;  ///< the client's first such sign, ahead of the server's

  /// dwErrorCode of the server's last licensing alert, where it is a failure.
  [[nodiscard]] const rdp::LicensingError* licensing_failure() const;
  [[nodiscard]] bool is_active() const { return summary.font_map_at != nullptr; }
  /// The Set Error Info says that a user, or somebody for one, ended the session on purpose.
  [[nodiscard]] bool was_ended_by_user() const;
};

/// By this its side ends the connection: ultimatum, disconnect request, closing alert, FIN or RST.
[[nodiscard]] bool ends_connection(const Evidence& evidence);

/// What a number of Set Error Info stands for.
struct ErrorInfoMeaning {
  std::string_view cause;
  std::string_view remark;  ///< what the number leaves open; may be empty
};
[[nodiscard]] ErrorInfoMeaning meaning_of_error_info(std::uint32_t error_info);

/// "ERRINFO_IDLE_TIMEOUT (0x3)", or "0x7777, a number without a published name".
[[nodiscard]] std::string error_info_in_words(std::uint32_t error_info);

}  // namespace rdpwhy::diagnose
