#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "rdpwhy/record/session_summary.h"

// What the messages of the session's phases are called.
namespace rdpwhy::record {

template <typename T, typename... Others>
concept OneOf = (std::is_same_v<T, Others> || ...);

/// The alternatives of Fact that the phases from MCS on leave.
template <typename T>
concept SessionFact =
    OneOf<T, Boxed<McsConnectInitial>, Boxed<McsConnectResponse>, rdp::ErectDomainRequest,
          rdp::AttachUserRequest, rdp::AttachUserConfirm, rdp::ChannelJoinRequest,
          rdp::ChannelJoinConfirm, rdp::OtherDomainPdu, SecurityExchanged, Boxed<rdp::ClientInfo>,
          Boxed<rdp::Autodetect>, Boxed<rdp::LicensingPdu>, rdp::MultitransportRequest,
          rdp::MultitransportResponse, rdp::Heartbeat, Boxed<rdp::ShareControl>,
          Boxed<rdp::ServerRedirection>, ClosedPayload, ChannelData, FastPathPdu>;

/// "mcs_connect_initial", "demand_active", "font_map"; nothing for other facts.
[[nodiscard]] std::optional<std::string_view> session_message_name(const Fact& fact);

/// "MCS Connect-Initial", "Set Error Info ERRINFO_LOGOFF_BY_USER"; for facts that are session PDUs.
void append_session_description(std::string& out, const Fact& fact);

}  // namespace rdpwhy::record
