#include "record/session_names.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <type_traits>
#include <utility>
#include <variant>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/rdp/gcc.h"

namespace rdpwhy::record {
namespace {

template <typename... T>
struct Overloaded : T... {
  using T::operator()...;
};

struct Name {
  std::string_view key;    ///< snake_case
  std::string_view words;  ///< the specification's
};

Name name_of(const rdp::LicensingPdu& pdu) {
  switch (rdp::LicensingType{pdu.type}) {
    case rdp::LicensingType::kLicenseRequest:
      return {"license_request", "Server License Request"};
    case rdp::LicensingType::kPlatformChallenge:
      return {"platform_challenge", "Server Platform Challenge"};
    case rdp::LicensingType::kNewLicense:
      return {"new_license", "Server New License"};
    case rdp::LicensingType::kUpgradeLicense:
      return {"upgrade_license", "Server Upgrade License"};
    case rdp::LicensingType::kLicenseInfo:
      return {"license_info", "Client License Information"};
    case rdp::LicensingType::kNewLicenseRequest:
      return {"new_license_request", "Client New License Request"};
    case rdp::LicensingType::kPlatformChallengeResponse:
      return {"platform_challenge_response", "Client Platform Challenge Response"};
    case rdp::LicensingType::kErrorAlert:
      return {"license_error_alert", "License Error Alert"};
  }
  return {"licensing_pdu", "Licensing PDU"};
}

Name name_of(const rdp::Control& control) {
  switch (control.action) {
    case rdp::Control::kRequestControl:
      return {"control_request", "Control (Request Control)"};
    case rdp::Control::kGrantedControl:
      return {"control_granted", "Control (Granted Control)"};
    case rdp::Control::kCooperate:
      return {"control_cooperate", "Control (Cooperate)"};
    default:
      return {"control", "Control"};
  }
}

Name name_of(const rdp::ShareData& data) {
  return std::visit(
      Overloaded{
          [&](const rdp::OtherShareData&) {
            return data.type == static_cast<std::uint8_t>(rdp::ShareDataType::kPersistentKeyList)
                       ? Name{"persistent_key_list", "Persistent Key List"}
                       : Name{"share_data", "Share Data PDU"};
          },
          [](const rdp::Synchronize&) { return Name{"synchronize", "Synchronize"}; },
          [](const rdp::Control& control) { return name_of(control); },
          [](const rdp::FontList&) { return Name{"font_list", "Font List"}; },
          [](const rdp::FontMap&) { return Name{"font_map", "Font Map"}; },
          [](const rdp::SetErrorInfo&) { return Name{"set_error_info", "Set Error Info"}; },
          [](const rdp::SaveSessionInfo&) {
            return Name{"save_session_info", "Save Session Info"};
          },
          [](const rdp::ShutdownRequest&) { return Name{"shutdown_request", "Shutdown Request"}; },
          [](const rdp::ShutdownDenied&) { return Name{"shutdown_denied", "Shutdown Denied"}; },
          [](const rdp::AutoReconnectStatus&) {
            return Name{"auto_reconnect_status", "Auto-Reconnect Status"};
          },
          [](const rdp::StatusInfo&) { return Name{"status_info", "Status Info"}; },
          [](const rdp::MonitorLayout&) { return Name{"monitor_layout", "Monitor Layout"}; },
      },
      data.content);
}

Name name_of(const rdp::ShareControl& control) {
  return std::visit(
      Overloaded{
          [](const rdp::OtherShareControl&) { return Name{"share_control", "Share Control PDU"}; },
          [](const rdp::DemandActive&) { return Name{"demand_active", "Demand Active"}; },
          [](const rdp::ConfirmActive&) { return Name{"confirm_active", "Confirm Active"}; },
          [](const rdp::DeactivateAll&) { return Name{"deactivate_all", "Deactivate All"}; },
          [](const rdp::ShareData& data) { return name_of(data); },
          [](const rdp::ServerRedirection&) {
            return Name{"server_redirection", "Server Redirection"};
          },
          [](const rdp::FlowControl&) { return Name{"flow_control", "Flow control PDU"}; },
      },
      control.content);
}

Name name_of(const ClosedPayload& closed) {
  constexpr std::uint16_t kInfoPacket = 0x0040;  // MS-RDPBCGR 2.2.8.1.1.2.1
  constexpr std::uint16_t kLicensePacket = 0x0080;
  if ((closed.flags & kInfoPacket) != 0) return {"client_info", "Client Info, encrypted"};
  if ((closed.flags & kLicensePacket) != 0) return {"licensing_pdu", "Licensing PDU, encrypted"};
  return {"encrypted_pdu", "encrypted PDU"};
}

/// Empty for facts of other phases.
struct Namer {
  Name operator()(const McsConnectInitial&) const {
    return {"mcs_connect_initial", "MCS Connect-Initial"};
  }
  Name operator()(const McsConnectResponse&) const {
    return {"mcs_connect_response", "MCS Connect-Response"};
  }
  Name operator()(const rdp::ErectDomainRequest&) const {
    return {"erect_domain_request", "MCS Erect Domain Request"};
  }
  Name operator()(const rdp::AttachUserRequest&) const {
    return {"attach_user_request", "MCS Attach User Request"};
  }
  Name operator()(const rdp::AttachUserConfirm&) const {
    return {"attach_user_confirm", "MCS Attach User Confirm"};
  }
  Name operator()(const rdp::ChannelJoinRequest&) const {
    return {"channel_join_request", "MCS Channel Join Request"};
  }
  Name operator()(const rdp::ChannelJoinConfirm&) const {
    return {"channel_join_confirm", "MCS Channel Join Confirm"};
  }
  Name operator()(const rdp::OtherDomainPdu&) const { return {"mcs_pdu", "MCS"}; }
  Name operator()(const SecurityExchanged&) const {
    return {"security_exchange", "Security Exchange"};
  }
  Name operator()(const rdp::ClientInfo&) const { return {"client_info", "Client Info"}; }
  Name operator()(const rdp::Autodetect& pdu) const {
    return pdu.is_request() ? Name{"autodetect_request", "Auto-Detect Request"}
                            : Name{"autodetect_response", "Auto-Detect Response"};
  }
  Name operator()(const rdp::LicensingPdu& pdu) const { return name_of(pdu); }
  Name operator()(const rdp::MultitransportRequest&) const {
    return {"multitransport_request", "Initiate Multitransport Request"};
  }
  Name operator()(const rdp::MultitransportResponse&) const {
    return {"multitransport_response", "Multitransport Response"};
  }
  Name operator()(const rdp::Heartbeat&) const { return {"heartbeat", "Heartbeat"}; }
  Name operator()(const rdp::ShareControl& control) const { return name_of(control); }
  Name operator()(const rdp::ServerRedirection&) const {
    return {"server_redirection", "Server Redirection"};
  }
  Name operator()(const ClosedPayload& closed) const { return name_of(closed); }
  Name operator()(const ChannelData&) const { return {"channel_data", "Virtual channel data"}; }
  Name operator()(const FastPathPdu&) const { return {"fast_path", "Fast-Path PDU"}; }
};

template <typename T>
struct Unboxed {
  using type = T;
};
template <typename T>
struct Unboxed<Boxed<T>> {
  using type = T;
};

/// By the fact's index: asked of every evidence, several times.
constexpr auto kIsSession = []<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
  return std::array<bool, sizeof...(kIndex)>{
      SessionFact<std::variant_alternative_t<kIndex, Fact>>...};
}(std::make_index_sequence<std::variant_size_v<Fact>>());

Name name_of(const Fact& fact) {
  return std::visit(
      []<typename T>(const T& held) -> Name {
        using Held = typename Unboxed<T>::type;
        if constexpr (SessionFact<T>) {
          return Namer{}(static_cast<const Held&>(held));
        } else {
          return {};
        }
      },
      fact);
}

void append_code(std::string& out, codes::Family family, std::uint32_t value) {
  const auto name = codes::name(family, value);
  out += ' ';
  out += name ? std::string(*name) : base::to_hex_number(value, 8);
}

void append_result(std::string& out, std::uint8_t result) {
  if (result == 0) return;
  const auto name = rdp::mcs_result_name(result);
  out += ' ';
  out += name ? std::string(*name) : std::to_string(result);
}

/// What the name alone does not say.
struct Details {
  std::string& out;

  void operator()(const McsConnectResponse& response) const {
    append_result(out, response.result);
    if (response.conference_result == 0) return;
    const auto name = rdp::conference_result_name(response.conference_result);
    fmt::format_to(std::back_inserter(out), ", conference {}",
                   name ? std::string(*name) : std::to_string(response.conference_result));
  }
  void operator()(const rdp::AttachUserConfirm& confirm) const {
    append_result(out, confirm.result);
  }
  void operator()(const rdp::ChannelJoinRequest& request) const {
    fmt::format_to(std::back_inserter(out), " {}", request.channel_id);
  }
  void operator()(const rdp::ChannelJoinConfirm& confirm) const {
    fmt::format_to(std::back_inserter(out), " {}", confirm.requested);
    append_result(out, confirm.result);
  }
  void operator()(const rdp::OtherDomainPdu& pdu) const {
    fmt::format_to(std::back_inserter(out), " {}",
                   rdp::domain_pdu_name(pdu.choice).value_or("PDU"));
  }
  void operator()(const rdp::Autodetect& pdu) const {
    if (const auto name = rdp::autodetect_name(pdu.header_type, pdu.type))
      fmt::format_to(std::back_inserter(out), " ({})", *name);
  }
  void operator()(const rdp::LicensingPdu& pdu) const {
    const auto* error = pdu.error();
    if (error == nullptr) return;
    append_code(out, codes::Family::kLicensing, error->error_code);
    out += ',';
    append_code(out, codes::Family::kLicensingTransition, error->state_transition);
  }
  void operator()(const rdp::ShareControl& control) const {
    const auto* data = std::get_if<rdp::ShareData>(&control.content);
    if (data == nullptr) return;
    if (const auto* error = std::get_if<rdp::SetErrorInfo>(&data->content)) {
      append_code(out, codes::Family::kErrorInfo, error->error_info);
    } else if (std::holds_alternative<rdp::OtherShareData>(data->content) &&
               out.ends_with("Share Data PDU")) {
      const auto name = rdp::share_data_type_name(data->type);
      fmt::format_to(std::back_inserter(out), " {}",
                     name ? std::string(*name) : base::to_hex_number(data->type, 2));
    }
  }
  void operator()(const ClosedPayload& closed) const {
    fmt::format_to(std::back_inserter(out), ", {} octets", closed.size);
  }
};

}  // namespace

bool is_session(const Fact& fact) { return kIsSession[fact.index()]; }

std::optional<std::string_view> session_message_name(const Fact& fact) {
  const auto name = name_of(fact);
  if (name.key.empty()) return std::nullopt;
  return name.key;
}

void append_session_description(std::string& out, const Fact& fact) {
  out += name_of(fact).words;
  std::visit(
      [&]<typename T>(const T& held) {
        using Held = typename Unboxed<T>::type;
        if constexpr (std::is_invocable_v<Details, const Held&>) {
          Details{out}(static_cast<const Held&>(held));
        }
      },
      fact);
}

}  // namespace rdpwhy::record
