#include "dialogue/mcs_sequence.h"

#include "dialogue/channels_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/mcs.h"

namespace rdpwhy::dialogue {
namespace {

// MS-RDPBCGR 2.2.1.3.2 earlyCapabilityFlags. Not among them: RNS_UD_CS_SUPPORT_DYNVC_GFX_PROTOCOL
// and RNS_UD_CS_SUPPORT_SKIP_CHANNELJOIN, since refused joins shall be seen.
constexpr std::uint16_t kSupportErrInfoPdu = 0x0001;
constexpr std::uint16_t kSupportStatusInfoPdu = 0x0004;
constexpr std::uint16_t kStrongAsymmetricKeys = 0x0008;
constexpr std::uint16_t kValidConnectionType = 0x0020;
constexpr std::uint16_t kSupportNetCharAutodetect = 0x0080;
constexpr std::uint16_t kSupportHeartbeatPdu = 0x0400;

constexpr std::uint16_t kEightBits = 0xCA01;
constexpr std::uint8_t kConnectionTypeLan = 6;
/// TRANSPORTTYPE_UDPFECR with SOFTSYNC_TCP_TO_UDP: a request of the server shall be seen; we have
/// no UDP and say so when asked.
constexpr std::uint32_t kMultitransport = 0x0201;

rdp::ClientCoreData core_data(const SessionPlan& plan, std::uint32_t selected_protocol) {
  rdp::ClientCoreData core;
  core.version = 0x00080011;
  core.desktop_width = plan.desktop_width;
  core.desktop_height = plan.desktop_height;
  core.color_depth = kEightBits;
  core.keyboard_layout = 0x0409;
  core.client_build = 22621;
  core.client_name = plan.client_name;
  core.keyboard_type = 4;
  core.keyboard_function_key = 12;
  core.post_beta2_color_depth = kEightBits;
  core.client_product_id = 1;
  core.serial_number = 0;
  core.high_color_depth = 24;
  core.supported_color_depths = 0x000F;
  core.early_capability_flags = kSupportErrInfoPdu | kSupportStatusInfoPdu | kStrongAsymmetricKeys |
                                kValidConnectionType | kSupportNetCharAutodetect |
                                kSupportHeartbeatPdu;
  core.client_dig_product_id = "";
  core.connection_type = kConnectionTypeLan;
  core.pad1 = 0;
  core.server_selected_protocol = selected_protocol;
  return core;
}

rdp::ClientClusterData cluster_data(const SessionPlan& plan) {
  using Cluster = rdp::ClientClusterData;
  // MS-RDPBCGR 2.2.1.3.5: REDIRECTION_SUPPORTED, and the version behind it.
  constexpr std::uint32_t kRedirectionVersion6 = 5 << 2;
  Cluster cluster{.flags = Cluster::kRedirectionSupported | kRedirectionVersion6};
  if (plan.redirected_session_id) {
    cluster.flags |= Cluster::kRedirectedSessionIdFieldValid;
    cluster.redirected_session_id = *plan.redirected_session_id;
  }
  return cluster;
}

rdp::DomainParameters minimum_parameters() {
  return {.max_channel_ids = 1,
          .max_user_ids = 1,
          .max_token_ids = 1,
          .num_priorities = 1,
          .min_throughput = 0,
          .max_height = 1,
          .max_mcs_pdu_size = 1056,
          .protocol_version = 2};
}

rdp::DomainParameters maximum_parameters() {
  return {.max_channel_ids = 65535,
          .max_user_ids = 64535,
          .max_token_ids = 65535,
          .num_priorities = 1,
          .min_throughput = 0,
          .max_height = 1,
          .max_mcs_pdu_size = 65535,
          .protocol_version = 2};
}

bool reads_extended_blocks(std::span<const Evidence> evidence) {
  for (const auto& e : evidence) {
    const auto* confirm = std::get_if<rdp::ConnectionConfirm>(&e.fact);
    const auto* response = confirm == nullptr ? nullptr : confirm->response();
    if (response == nullptr) continue;
    return (response->flags & rdp::NegotiationResponse::kExtendedClientDataSupported) != 0;
  }
  return false;
}

}  // namespace

Bytes connect_initial(const SessionPlan& plan, std::uint32_t selected_protocol, bool extended) {
  rdp::ClientNetworkData network;
  for (const auto& [name, options] : kAskedChannels)
    network.channels.push_back({.name = std::string(name), .options = options});
  rdp::ClientBlocks blocks;
  blocks.blocks = {core_data(plan, selected_protocol), cluster_data(plan),
                   rdp::ClientSecurityData{.encryption_methods = plan.encryption_methods},
                   std::move(network)};
  if (extended) {
    blocks.blocks.emplace_back(rdp::ClientMessageChannelData{});
    blocks.blocks.emplace_back(rdp::ClientMultitransportChannelData{.flags = kMultitransport});
  }
  const rdp::ConferenceCreateRequest request{.user_data = rdp::encode(blocks)};
  rdp::ConnectInitial initial;
  initial.minimum = minimum_parameters();
  initial.maximum = maximum_parameters();
  initial.user_data = rdp::encode(request);
  return SessionPath::framed(initial);
}

Step McsSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (!initial_sent_) {
    if (server_is_done(evidence)) return Finish{};
    initial_sent_ = true;
    return Send{connect_initial(path_->plan().session, path_->selected_protocol(),
                                reads_extended_blocks(evidence))};
  }
  while (const auto* e = path_->next_of_server(evidence)) {
    const auto* response = record::get_if<record::McsConnectResponse>(&e->fact);
    if (response == nullptr) continue;
    if (!response->accepts() || !path_->wants(Phase::kChannels)) return Finish{};
    path_->take(*response);
    return Next{std::make_unique<ChannelsSequence>(std::move(path_))};
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

}  // namespace rdpwhy::dialogue
