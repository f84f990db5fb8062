#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/rdp/autodetect.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/multitransport.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/rdp/share_control.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"

namespace rdpwhy::dialogue {

/// A server from MCS to the end, without encryption of its own, that deviates as it is told.
class SessionServer {
 public:
  static constexpr std::uint16_t kUser = 1007;
  static constexpr std::uint16_t kIo = 1003;
  static constexpr std::uint16_t kMessage = 1008;
  static constexpr std::uint32_t kShare = 0x000103EA;

  std::uint8_t connect_result = 0;
  std::uint8_t attach_result = 0;
  std::optional<std::uint16_t> refused_channel;
  rdp::LicensingPdu license{.type = 0xFF,
                            .message = rdp::LicensingError{.error_code = 7, .state_transition = 2}};
  std::uint32_t multitransport_flags = 0x200;
  bool measures = false;  ///< auto-detection before licensing, multitransport after it
  std::optional<std::uint32_t> error_info;  ///< in place of Demand Active
  std::optional<std::uint32_t> late_error;  ///< behind the Font Map
  bool redirects = false;
  bool denies_shutdown = false;
  int demands = 1;  ///< how often it demands anew before the Font Map

  /// What it was told, by name and in order.
  std::vector<std::string> heard;
  std::vector<std::uint16_t> joined;
  std::optional<rdp::Autodetect> last_answer;
  std::optional<rdp::ConfirmActive> confirmed;

  Bytes operator()(ByteSpan octets) {
    unread_.insert(unread_.end(), octets.begin(), octets.end());
    out_.clear();
    while (const auto header = rdp::decode_tpkt_header(unread_)) {
      if (unread_.size() < header->length) break;
      const auto tpdu = Bytes(unread_.begin() + 4, unread_.begin() + header->length);
      unread_.erase(unread_.begin(), unread_.begin() + header->length);
      constexpr std::size_t kDataHeader = 3;
      auto pdu = rdp::decode_mcs(ByteSpan(tpdu).subspan(kDataHeader));
      if (pdu) std::visit([this](const auto& p) { hear(p); }, *pdu);
    }
    return std::exchange(out_, {});
  }

 private:
  void say(ByteSpan mcs) {
    const auto octets = rdp::encode_tpkt(rdp::encode_data_tpdu(mcs));
    out_.insert(out_.end(), octets.begin(), octets.end());
  }
  void indicate(std::uint16_t channel, Bytes user_data) {
    say(rdp::encode(rdp::SendData{.indication = true,
                                  .initiator = 1002,
                                  .channel_id = channel,
                                  .user_data = std::move(user_data)}));
  }
  void share(const rdp::ShareDataContent& content) {
    indicate(kIo, rdp::encode(content, kShare, 1002));
  }
  void secured(std::uint16_t channel, std::uint16_t flags, ByteSpan payload) {
    indicate(channel, rdp::encode(rdp::SecurityHeader{.flags = flags}, payload));
  }

  void hear(const rdp::ConnectInitial&) {
    heard.push_back("connect_initial");
    rdp::ServerBlocks blocks;
    blocks.blocks = {
        rdp::ServerCoreData{.version = 0x00080011}, rdp::ServerSecurityData{},
        rdp::ServerNetworkData{.mcs_channel_id = kIo, .channel_ids = {1004, 1005, 0, 1006}},
        rdp::ServerMessageChannelData{.mcs_channel_id = kMessage},
        rdp::ServerMultitransportChannelData{.flags = multitransport_flags}};
    rdp::ConnectResponse response{.result = connect_result};
    response.user_data =
        rdp::encode(rdp::ConferenceCreateResponse{.user_data = rdp::encode(blocks)});
    say(rdp::encode(response));
  }
  void hear(const rdp::ErectDomainRequest&) { heard.push_back("erect_domain"); }
  void hear(const rdp::AttachUserRequest&) {
    heard.push_back("attach_user");
    say(rdp::encode(rdp::AttachUserConfirm{.result = attach_result, .initiator = kUser}));
  }
  void hear(const rdp::ChannelJoinRequest& request) {
    joined.push_back(request.channel_id);
    rdp::ChannelJoinConfirm confirm{.initiator = request.initiator,
                                    .requested = request.channel_id};
    if (refused_channel == request.channel_id) {
      confirm.result = 14;
    } else {
      confirm.channel_id = request.channel_id;
    }
    say(rdp::encode(confirm));
  }
  void hear(const rdp::DisconnectProviderUltimatum&) { heard.push_back("ultimatum"); }
  void hear(const rdp::SendData& data) {
    if (const auto pdu = rdp::decode_share_control(data.user_data)) return hear_share(*pdu);
    namespace flags = rdp::security_flags;
    const auto header =
        rdp::decode_security_header(data.user_data, rdp::SecurityHeaderForm::kBasic);
    if (!header) return;
    const auto payload = ByteSpan(data.user_data).subspan(header->header_size);
    if (header->header.has(flags::kInfoPacket)) {
      heard.push_back("client_info");
      if (!measures) return go_on_to_licensing();
      secured(kMessage, flags::kAutodetectRequest,
              rdp::encode(
                  rdp::Autodetect{.sequence_number = 5, .type = rdp::Autodetect::kRttConnectTime}));
    } else if (header->header.has(flags::kAutodetectResponse)) {
      heard.push_back("autodetect");
      last_answer = rdp::decode_autodetect(payload).value();
      if (last_answer->type != rdp::Autodetect::kRttResponse) return go_on_to_licensing();
      const auto ask = [&](rdp::Autodetect request) {
        secured(kMessage, flags::kAutodetectRequest, rdp::encode(request));
      };
      ask({.type = rdp::Autodetect::kBandwidthStartConnectTime});
      ask({.type = rdp::Autodetect::kBandwidthPayload, .payload_size = 100});
      ask({.sequence_number = 9,
           .type = rdp::Autodetect::kBandwidthStopConnectTime,
           .payload_size = 20});
    } else if (header->header.has(flags::kTransportResponse)) {
      heard.push_back("multitransport");
    }
  }
  void hear(const auto&) { heard.push_back("something else"); }

  void go_on_to_licensing() {
    namespace flags = rdp::security_flags;
    secured(kIo, flags::kLicensePacket, rdp::encode(license));
    const auto* error = std::get_if<rdp::LicensingError>(&license.message);
    if (error == nullptr || error->error_code != 7) return;
    if (measures) {
      secured(kMessage, flags::kTransportRequest,
              rdp::encode(rdp::MultitransportRequest{.request_id = 3, .requested_protocol = 1}));
    }
    if (error_info) return share(rdp::SetErrorInfo{.error_info = *error_info});
    if (redirects) {
      const auto pdu = rdp::encode(rdp::ServerRedirection{.session_id = 2}, Secret(), 1002);
      return indicate(kIo, base::to_bytes(pdu.reveal()));
    }
    demand();
  }
  void demand() {
    const rdp::DemandActive pdu{.share_id = kShare,
                                .source_descriptor = "RDP",
                                .capability_sets = {rdp::make_capability_set(
                                    rdp::CapabilityType::kBitmap, {{"desktopWidth", 800}})},
                                .session_id = 0};
    indicate(kIo, rdp::encode(pdu, 1002));
  }
  void hear_share(const rdp::ShareControl& pdu) {
    if (const auto* confirm = std::get_if<rdp::ConfirmActive>(&pdu.content)) {
      heard.push_back("confirm_active");
      confirmed = *confirm;
    }
    const auto* data = std::get_if<rdp::ShareData>(&pdu.content);
    if (data == nullptr) return;
    if (std::holds_alternative<rdp::Synchronize>(data->content)) heard.push_back("synchronize");
    if (std::holds_alternative<rdp::FontList>(data->content)) {
      heard.push_back("font_list");
      if (--demands > 0) {
        indicate(kIo, rdp::encode(rdp::DeactivateAll{.share_id = kShare}, 1002));
        return demand();
      }
      share(rdp::Synchronize{.target_user = kUser});
      share(rdp::Control{.action = rdp::Control::kCooperate});
      share(rdp::Control{
          .action = rdp::Control::kGrantedControl, .grant_id = kUser, .control_id = 1002});
      share(rdp::FontMap{});
      if (late_error) {
        share(rdp::SetErrorInfo{.error_info = *late_error});
        say(rdp::encode(rdp::DisconnectProviderUltimatum{.reason = 1}));
      }
    }
    if (std::holds_alternative<rdp::ShutdownRequest>(data->content)) {
      heard.push_back("shutdown");
      if (denies_shutdown) {
        share(rdp::ShutdownDenied{});
      } else {
        say(rdp::encode(rdp::DisconnectProviderUltimatum{.reason = 3}));
      }
    }
  }

  Bytes unread_;
  Bytes out_;
};

}  // namespace rdpwhy::dialogue
