#pragma once

#include <string>
#include <vector>

#include "lab/session.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/client_info.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/share_control.h"
#include "rdpwhy/rdp/tpkt.h"

/// A client that says what is its turn whatever it hears, and its whole conversation with the lab's
/// session host: no socket, no TLS, no time.
namespace rdpwhy::lab::testing {

inline constexpr std::uint16_t kIoChannel = 1003;
inline constexpr std::uint16_t kUser = 1200;
inline constexpr std::uint32_t kShareId = 0x000103EA;

template <typename Pdu>
Bytes framed(const Pdu& pdu) {
  Bytes tpdu{0x02, 0xF0, 0x80};
  const auto octets = rdp::encode(pdu);
  tpdu.insert(tpdu.end(), octets.begin(), octets.end());
  return rdp::encode_tpkt(tpdu);
}

inline Bytes request(ByteSpan user_data) {
  return framed(rdp::SendData{
      .initiator = kUser, .channel_id = kIoChannel, .user_data = base::to_bytes(user_data)});
}

inline Bytes with_security_header(std::uint16_t flags, ByteSpan payload) {
  Writer w;
  return request(w.u16le(flags).u16le(0).bytes(payload).take());
}

inline Bytes connect_initial() {
  rdp::ClientBlocks blocks;
  blocks.blocks.emplace_back(rdp::ClientCoreData{.desktop_width = 1024,
                                                 .desktop_height = 768,
                                                 .color_depth = 0xCA01,
                                                 .keyboard_layout = 0x409,
                                                 .client_build = 19041,
                                                 .client_name = "LAB",
                                                 .keyboard_type = 4,
                                                 .keyboard_function_key = 12});
  blocks.blocks.emplace_back(rdp::ClientSecurityData{});
  blocks.blocks.emplace_back(
      rdp::ClientNetworkData{{{"rdpdr", 0x80800000}, {"cliprdr", 0xC0A00000}}});
  const rdp::DomainParameters parameters;
  return framed(rdp::ConnectInitial{
      .target = parameters,
      .minimum = parameters,
      .maximum = parameters,
      .user_data = rdp::encode(rdp::ConferenceCreateRequest{.user_data = rdp::encode(blocks)})});
}

inline Bytes client_info() {
  const auto octets =
      rdp::encode(rdp::ClientInfo{.flags = rdp::ClientInfo::kUnicode, .user_name = "alice"},
                  Secret("not a password"));
  return with_security_header(rdp::security_flags::kInfoPacket, octets.reveal());
}

inline Bytes license_answer() {
  const rdp::LicensingPdu pdu{
      .type = static_cast<std::uint8_t>(rdp::LicensingType::kNewLicenseRequest),
      .message = rdp::NewLicenseRequest{.user_name = "alice", .machine_name = "LAB"}};
  return with_security_header(rdp::security_flags::kLicensePacket, rdp::encode(pdu));
}

inline Bytes share(const rdp::ShareDataContent& content) {
  return request(rdp::encode(content, kShareId, kUser));
}

/// One message of the client.
struct Turn {
  Bytes octets;
  bool waits = false;  ///< for an answer, before it goes on
};

/// All that a client says from Connect-Initial to the font list, and then its leave.
inline std::vector<Turn> turns(bool asked_for_license) {
  std::vector<Turn> out = {{connect_initial(), true},
                           {framed(rdp::ErectDomainRequest{})},
                           {framed(rdp::AttachUserRequest{}), true}};
  for (const std::uint16_t channel : {kUser, kIoChannel, std::uint16_t{1004}, std::uint16_t{1005}})
    out.push_back({framed(rdp::ChannelJoinRequest{kUser, channel}), true});
  out.push_back({client_info(), true});
  if (asked_for_license) out.push_back({license_answer(), true});
  out.push_back({request(
      rdp::encode(rdp::ConfirmActive{.share_id = kShareId, .source_descriptor = "LAB"}, kUser))});
  out.push_back({share(rdp::Synchronize{.target_user = 1002})});
  out.push_back({share(rdp::Control{.action = rdp::Control::kCooperate})});
  out.push_back({share(rdp::Control{.action = rdp::Control::kRequestControl})});
  out.push_back({share(rdp::FontList{}), true});
  return out;
}

struct Said {
  bool server = false;
  Bytes octets;
};
struct Conversation {
  std::vector<Said> said;
  SessionDialogue::Then then = SessionDialogue::Then::kGoOn;  ///< how the server ended it
};

/// Until the client has nothing more to say, or the server leaves.
inline Conversation converse(const SessionFaults& faults) {
  using Then = SessionDialogue::Then;
  SessionDialogue server(faults, 1);
  Conversation out;
  for (auto& turn : turns(faults.license_request)) {
    out.said.push_back({.server = false, .octets = turn.octets});
    if (out.then == Then::kGoOn) {
      auto answer = server.answer(turn.octets);
      if (!answer.octets.empty()) out.said.push_back({.server = true, .octets = answer.octets});
      out.then = answer.then;
    }
    // Towards silence a client goes on until it has to wait.
    if (out.then == Then::kSilent ? turn.waits : out.then != Then::kGoOn) break;
  }
  return out;
}

}  // namespace rdpwhy::lab::testing
