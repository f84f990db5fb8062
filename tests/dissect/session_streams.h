#pragma once

#include <utility>

#include "dissect/inside_streams.h"
#include "rdpwhy/rdp/autodetect.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/client_info.h"
#include "rdpwhy/rdp/fast_path.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/multitransport.h"
#include "rdpwhy/rdp/security_exchange.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/rdp/share_control.h"

// Hand-made PDUs of a whole session, for the tests of the dissector.
namespace rdpwhy::dissect::streams {

namespace flags = rdp::security_flags;

constexpr std::uint16_t kUser = 1007;
constexpr std::uint16_t kIo = 1003;
constexpr std::uint16_t kMessage = 1006;

template <typename Pdu>
Bytes mcs(const Pdu& pdu) {
  return rdp::encode_tpkt(rdp::encode_data_tpdu(rdp::encode(pdu)));
}

inline rdp::ClientBlocks client_blocks() {
  return {{rdp::ClientCoreData{.desktop_width = 1024,
                               .desktop_height = 768,
                               .client_build = 19041,
                               .client_name = "HERE"},
           rdp::ClientSecurityData{.encryption_methods = 0x1B},
           rdp::ClientNetworkData{.channels = {{"rdpdr", 0x80800000}, {"cliprdr", 0xC0A00000}}}}};
}
inline Bytes connect_initial() {
  const rdp::ConferenceCreateRequest request{.user_data = rdp::encode(client_blocks())};
  return mcs(rdp::ConnectInitial{.user_data = rdp::encode(request)});
}

/// `method`: of Standard RDP Security; 0 without.
inline Bytes connect_response(std::uint32_t method = 0, std::uint32_t level = 0) {
  rdp::ServerSecurityData security{.encryption_method = method, .encryption_level = level};
  if (method != 0) {
    security.server_random = Bytes(32, 0x11);
    security.server_certificate = Bytes(100, 0x22);
  }
  const rdp::ServerBlocks blocks{
      {rdp::ServerCoreData{.version = 0x00080010},
       rdp::ServerNetworkData{.mcs_channel_id = kIo, .channel_ids = {1004, 1005}},
       std::move(security), rdp::ServerMessageChannelData{.mcs_channel_id = kMessage}}};
  const rdp::ConferenceCreateResponse response{.user_data = rdp::encode(blocks)};
  return mcs(rdp::ConnectResponse{.user_data = rdp::encode(response)});
}
inline Bytes refused_response(std::uint8_t result) {
  return mcs(rdp::ConnectResponse{.result = result});
}

inline Bytes to_channel(Side from, std::uint16_t channel, Bytes user_data) {
  return mcs(rdp::SendData{.indication = from == Side::kServer,
                           .initiator = from == Side::kServer ? std::uint16_t{1002} : kUser,
                           .channel_id = channel,
                           .user_data = std::move(user_data)});
}
/// On the I/O channel, without a security header.
inline Bytes bare(Side from, Bytes payload) { return to_channel(from, kIo, std::move(payload)); }
/// On the I/O channel, behind a basic security header.
inline Bytes headed(Side from, std::uint16_t header_flags, ByteSpan payload,
                    std::uint16_t channel = kIo) {
  return to_channel(from, channel,
                    rdp::encode(rdp::SecurityHeader{.flags = header_flags}, payload));
}

inline Connection channels_joined() {
  Connection out = {client(mcs(rdp::ErectDomainRequest{})), client(mcs(rdp::AttachUserRequest{})),
                    server(mcs(rdp::AttachUserConfirm{.initiator = kUser}))};
  for (const std::uint16_t id : {kUser, kIo, std::uint16_t{1004}, std::uint16_t{1005}, kMessage}) {
    out.push_back(client(mcs(rdp::ChannelJoinRequest{.initiator = kUser, .channel_id = id})));
    out.push_back(server(
        mcs(rdp::ChannelJoinConfirm{.initiator = kUser, .requested = id, .channel_id = id})));
  }
  return out;
}

inline Bytes client_info_octets() {
  const rdp::ClientInfo info{
      .flags = rdp::ClientInfo::kUnicode, .domain = "LAB", .user_name = "user"};
  const auto octets = rdp::encode(info, Secret(std::string_view("hush")));
  return base::to_bytes(octets.reveal());
}
inline Bytes client_info() {
  return headed(Side::kClient, flags::kInfoPacket, client_info_octets());
}
inline Bytes licensing_alert(std::uint32_t code = 7, std::uint32_t transition = 2) {
  const rdp::LicensingPdu pdu{
      .type = static_cast<std::uint8_t>(rdp::LicensingType::kErrorAlert),
      .message = rdp::LicensingError{.error_code = code, .state_transition = transition}};
  return headed(Side::kServer, flags::kLicensePacket, rdp::encode(pdu));
}
inline Bytes autodetect(bool response) {
  const rdp::Autodetect pdu{
      .header_type = response ? rdp::Autodetect::kResponseHeader : rdp::Autodetect::kRequestHeader,
      .sequence_number = 1,
      .type = response ? rdp::Autodetect::kRttResponse : rdp::Autodetect::kRttConnectTime};
  return headed(response ? Side::kClient : Side::kServer,
                response ? flags::kAutodetectResponse : flags::kAutodetectRequest, rdp::encode(pdu),
                kMessage);
}
inline Bytes multitransport_request() {
  return headed(Side::kServer, flags::kTransportRequest,
                rdp::encode(rdp::MultitransportRequest{.request_id = 1, .requested_protocol = 1}),
                kMessage);
}
inline Bytes demand_active() {
  return rdp::encode(
      rdp::DemandActive{.share_id = 0x103EA, .source_descriptor = "RDP", .session_id = 0}, 1002);
}
inline Bytes confirm_active() {
  return rdp::encode(rdp::ConfirmActive{.share_id = 0x103EA, .source_descriptor = "MSTSC"}, kUser);
}
inline Bytes share(Side from, const rdp::ShareDataContent& content) {
  return rdp::encode(content, 0x103EA, from == Side::kServer ? std::uint16_t{1002} : kUser);
}
inline Bytes error_info(std::uint32_t code) {
  return share(Side::kServer, rdp::SetErrorInfo{code});
}

/// From the Demand Active to the Font Map.
inline Connection activation() {
  using S = Side;
  return {server(bare(S::kServer, demand_active())),
          client(bare(S::kClient, confirm_active())),
          client(bare(S::kClient, share(S::kClient, rdp::Synchronize{1002}))),
          client(bare(S::kClient, share(S::kClient, rdp::Control{.action = 4}))),
          client(bare(S::kClient, share(S::kClient, rdp::Control{.action = 1}))),
          client(bare(S::kClient, share(S::kClient, rdp::FontList{}))),
          server(bare(S::kServer, share(S::kServer, rdp::Synchronize{kUser}))),
          server(bare(S::kServer, share(S::kServer, rdp::Control{.action = 4}))),
          server(bare(S::kServer, share(S::kServer, rdp::Control{.action = 2}))),
          server(bare(S::kServer, share(S::kServer, rdp::FontMap{})))};
}

/// MCS and channels.
inline Connection connected_session(std::uint32_t method = 0, std::uint32_t level = 0) {
  return Connection{client(connect_initial()), server(connect_response(method, level))} +
         channels_joined();
}
/// A session without encryption of its own, up to the Font Map.
inline Connection whole_session() {
  return connected_session() + Connection{client(client_info()), server(licensing_alert())} +
         activation();
}

inline Bytes fast_path_update() { return rdp::encode_fast_path(0, Bytes(20, 0x33)); }

/// Behind a Confirm without TLS.
inline Connection plain_connection(Connection rest) {
  return Connection{client(request(0)), server(confirm(0))} + std::move(rest);
}
/// The same said inside TLS.
inline Connection all_inside(Connection connection) {
  for (auto& event : connection) {
    if (event.what == Event::What::kBytes) event.octets = inside(std::move(event.octets));
  }
  return connection;
}

}  // namespace rdpwhy::dissect::streams
