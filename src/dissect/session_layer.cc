#include "dissect/session_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rdpwhy/rdp/fast_path.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/security_exchange.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::dissect {
namespace {

namespace flags = rdp::security_flags;

constexpr std::uint16_t kUsualIoChannel = 1003;
constexpr std::size_t kMostNotes = 32;
constexpr std::string_view kProtectedPayload = "message of Standard RDP Security";

/// Flags that say what the payload is; all others are about its protection.
constexpr std::uint16_t kKinds =
    flags::kExchangePacket | flags::kTransportRequest | flags::kTransportResponse |
    flags::kInfoPacket | flags::kLicensePacket | flags::kRedirectionPacket |
    flags::kAutodetectRequest | flags::kAutodetectResponse | flags::kHeartbeat;

std::uint16_t u16le(ByteSpan octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] | octets[at + 1] << 8);
}

/// MS-RDPBCGR 2.2.8.1.1.1.1: behind totalLength stands pduType with the version 1, in a redirection
/// 0 (2.2.13.3.1). Nobody's flagsHi in the same place reads like that.
bool may_be_share_control(ByteSpan payload) {
  if (payload.size() < 4) return false;
  const auto length = u16le(payload, 0);
  if (length == rdp::ShareControl::kFlowMarker) return true;
  constexpr std::uint16_t kTypeMask = 0x0F;
  const auto type = u16le(payload, 2);
  const bool is_known =
      rdp::share_control_type_name(static_cast<std::uint8_t>(type & kTypeMask)).has_value();
  if ((type & ~kTypeMask) == rdp::ShareControl::kVersion)
    return is_known || length == payload.size();
  return type == static_cast<std::uint16_t>(rdp::ShareControlType::kServerRedirection);
}

/// What was decrypted to it is no accident.
bool is_share_control(ByteSpan payload) {
  const auto size = rdp::share_control_size(payload);
  return may_be_share_control(payload) && size && *size <= payload.size();
}

void append(std::vector<Note>& to, std::vector<Note> from) {
  for (auto& note : from) {
    if (to.size() < kMostNotes) to.push_back(std::move(note));
  }
}

/// Tells how a session ends, or that it begins anew.
bool ends_session(const rdp::ShareControl& control) {
  if (std::holds_alternative<rdp::DeactivateAll>(control.content) ||
      std::holds_alternative<rdp::DemandActive>(control.content) ||
      std::holds_alternative<rdp::ServerRedirection>(control.content)) {
    return true;
  }
  const auto* data = std::get_if<rdp::ShareData>(&control.content);
  return data != nullptr && (std::holds_alternative<rdp::SetErrorInfo>(data->content) ||
                             std::holds_alternative<rdp::ShutdownRequest>(data->content) ||
                             std::holds_alternative<rdp::ShutdownDenied>(data->content) ||
                             std::holds_alternative<rdp::SaveSessionInfo>(data->content));
}

/// The phase of a Share Control PDU by itself; nothing: the one that runs.
std::optional<Phase> phase_of(const rdp::ShareControl& control) {
  if (std::holds_alternative<rdp::DemandActive>(control.content) ||
      std::holds_alternative<rdp::ConfirmActive>(control.content)) {
    return Phase::kCapabilities;
  }
  const auto* data = std::get_if<rdp::ShareData>(&control.content);
  if (data == nullptr) return {};
  const bool finalizes =
      std::holds_alternative<rdp::Synchronize>(data->content) ||
      std::holds_alternative<rdp::Control>(data->content) ||
      std::holds_alternative<rdp::FontList>(data->content) ||
      std::holds_alternative<rdp::FontMap>(data->content) ||
      data->type == static_cast<std::uint8_t>(rdp::ShareDataType::kPersistentKeyList);
  if (finalizes) return Phase::kFinalization;
  return {};
}

/// What is drawn, pointed at and typed: no part of any handshake.
bool is_of_the_desktop(const rdp::ShareControl& control) {
  const auto* data = std::get_if<rdp::ShareData>(&control.content);
  if (data == nullptr) return false;
  const auto type = rdp::ShareDataType{data->type};
  return type == rdp::ShareDataType::kUpdate || type == rdp::ShareDataType::kPointer ||
         type == rdp::ShareDataType::kInput;
}

}  // namespace

// --- MCS
// ------------------------------------------------------------------------------------------

void SessionLayer::read(const Unit& unit, ByteSpan user_data, bool plain,
                        std::vector<Note> tpdu_notes) {
  plain_ = plain;
  enter(Phase::kMcs);
  Notes notes;
  notes.anomalies = std::move(tpdu_notes);
  auto pdu = rdp::decode_mcs(user_data, &notes);
  if (!pdu) {
    add_malformed(unit, "MCS PDU", std::move(pdu.error()), user_data, std::move(notes.anomalies));
    return;
  }
  const bool server = unit.side == Side::kServer;
  if (auto* initial = std::get_if<rdp::ConnectInitial>(&*pdu)) {
    if (server || initial_seen_) return add_unexpected(unit, rdp::title_of(*pdu), {});
    read_connect_initial(unit, std::move(*initial), std::move(notes));
  } else if (auto* response = std::get_if<rdp::ConnectResponse>(&*pdu)) {
    if (!server || response_seen_) return add_unexpected(unit, rdp::title_of(*pdu), {});
    read_connect_response(unit, std::move(*response), std::move(notes));
  } else if (const auto* data = std::get_if<rdp::SendData>(&*pdu)) {
    read_send_data(unit, *data, std::move(notes.anomalies));
  } else if (const auto* ultimatum = std::get_if<rdp::DisconnectProviderUltimatum>(&*pdu)) {
    read_ultimatum(unit, *ultimatum, std::move(notes.anomalies));
  } else if (const auto* confirm = std::get_if<rdp::AttachUserConfirm>(&*pdu)) {
    read_attach_confirm(unit, *confirm, std::move(notes));
  } else {
    if (const auto* join = std::get_if<rdp::ChannelJoinRequest>(&*pdu))
      join_asked_for_ = join->channel_id;
    if (const auto* joined = std::get_if<rdp::ChannelJoinConfirm>(&*pdu))
      note_join(unit, *joined, notes);
    std::visit(
        [&]<typename Pdu>(Pdu& other) {
          if constexpr (std::is_constructible_v<record::Fact, Pdu>)
            add(Phase::kChannels, unit, std::move(other), std::move(notes.anomalies));
        },
        *pdu);
  }
}

/// T.125 11.15: who is let in is told as whom.
void SessionLayer::read_attach_confirm(const Unit& unit, const rdp::AttachUserConfirm& confirm,
                                       Notes notes) {
  if (confirm.result == rdp::kMcsSuccessful && !confirm.initiator) {
    enter(Phase::kChannels);
    add_malformed(unit, "MCS Attach User Confirm",
                  {.field = "initiator", .text = "is absent, though the user was let in"}, {},
                  std::move(notes.anomalies));
    return;
  }
  add(Phase::kChannels, unit, confirm, std::move(notes.anomalies));
}

void SessionLayer::note_join(const Unit& unit, const rdp::ChannelJoinConfirm& confirm,
                             Notes& notes) const {
  if (unit.side != Side::kServer || lost_) return;
  if (join_asked_for_ && confirm.requested != *join_asked_for_) {
    notes.add_anomaly(
        0, "requested",
        fmt::format("is {}, and the client had asked for {}", confirm.requested, *join_asked_for_));
  }
  if (confirm.result != rdp::kMcsSuccessful) return;
  if (!confirm.channel_id) {
    notes.add_anomaly(0, "channelId", "is absent, though the channel was joined");
  } else if (*confirm.channel_id != confirm.requested) {
    notes.add_anomaly(0, "channelId",
                      fmt::format("is {}, another than the requested {}", *confirm.channel_id,
                                  confirm.requested));
  }
}

void SessionLayer::read_ultimatum(const Unit& unit, rdp::DisconnectProviderUltimatum ultimatum,
                                  std::vector<Note> notes) {
  if (may_add(unit.side, true)) log_.add(unit.where(), unit.at, ultimatum, std::move(notes));
}

void SessionLayer::read_connect_initial(const Unit& unit, rdp::ConnectInitial initial,
                                        Notes notes) {
  initial_seen_ = true;
  auto conference = rdp::decode_conference_create_request(initial.user_data, &notes);
  if (!conference) {
    add_malformed(unit, "GCC Conference Create Request", std::move(conference.error()),
                  initial.user_data, std::move(notes.anomalies));
    return;
  }
  auto blocks = rdp::decode_client_blocks(conference->user_data, &notes);
  if (!blocks) {
    add_malformed(unit, "client data blocks", std::move(blocks.error()), conference->user_data,
                  std::move(notes.anomalies));
    return;
  }
  if (const auto* network = blocks->find<rdp::ClientNetworkData>())
    channels_asked_for_ = network->channels.size();
  add(Phase::kMcs, unit,
      record::McsConnectInitial{.target = initial.target,
                                .minimum = initial.minimum,
                                .maximum = initial.maximum,
                                .blocks = *std::move(blocks)},
      std::move(notes.anomalies));
}

void SessionLayer::read_connect_response(const Unit& unit, rdp::ConnectResponse response,
                                         Notes notes) {
  response_seen_ = true;
  record::McsConnectResponse fact{.result = response.result, .parameters = response.parameters};
  // Who refuses need not say anything more.
  if (response.result == rdp::kMcsSuccessful || !response.user_data.empty()) {
    auto conference = rdp::decode_conference_create_response(response.user_data, &notes);
    if (!conference) {
      add_malformed(unit, "GCC Conference Create Response", std::move(conference.error()),
                    response.user_data, std::move(notes.anomalies));
      return;
    }
    fact.conference_result = conference->result;
    auto blocks = rdp::decode_server_blocks(conference->user_data, &notes);
    if (!blocks) {
      add_malformed(unit, "server data blocks", std::move(blocks.error()), conference->user_data,
                    std::move(notes.anomalies));
      return;
    }
    fact.blocks = *std::move(blocks);
  }
  if (fact.accepts()) note_oddities(fact, notes);
  take_agreement(fact);
  fact.server_key = make_opener(fact.blocks);
  const bool accepts = fact.accepts();
  add(Phase::kMcs, unit, std::move(fact), std::move(notes.anomalies));
  if (accepts) enter(Phase::kChannels);
}

/// MS-RDPBCGR 2.2.1.4: what no server may leave out or contradict, and a client can do without.
void SessionLayer::note_oddities(const record::McsConnectResponse& response, Notes& notes) const {
  const auto* core = response.blocks.find<rdp::ServerCoreData>();
  const auto* network = response.blocks.find<rdp::ServerNetworkData>();
  if (core == nullptr) notes.add_anomaly(0, "SC_CORE", "is missing");
  if (response.blocks.find<rdp::ServerSecurityData>() == nullptr)
    notes.add_anomaly(0, "SC_SECURITY", "is missing: taken for no encryption");
  if (network == nullptr) {
    notes.add_anomaly(0, "SC_NET",
                      fmt::format("is missing: {} is taken for the I/O channel", kUsualIoChannel));
  }
  if (core != nullptr && core->client_requested_protocols && offered_ &&
      *core->client_requested_protocols != *offered_) {
    notes.add_anomaly(0, "clientRequestedProtocols",
                      fmt::format("is 0x{:x}, and the Connection Request offered 0x{:x}: somebody "
                                  "in between may have changed it",
                                  *core->client_requested_protocols, *offered_));
  }
  if (network == nullptr) return;
  if (network->mcs_channel_id == 0)
    notes.add_anomaly(0, "MCSChannelId",
                      fmt::format("is 0, which no channel has: {} is taken", kUsualIoChannel));
  if (channels_asked_for_ && network->channel_ids.size() != *channels_asked_for_) {
    notes.add_anomaly(0, "channelCount",
                      fmt::format("is {}, and the client had asked for {} channels",
                                  network->channel_ids.size(), *channels_asked_for_));
  }
}

void SessionLayer::take_agreement(const record::McsConnectResponse& response) {
  if (const auto* network = response.blocks.find<rdp::ServerNetworkData>();
      network != nullptr && network->mcs_channel_id != 0)
    io_channel_ = network->mcs_channel_id;
  if (const auto* message = response.blocks.find<rdp::ServerMessageChannelData>())
    message_channel_ = message->mcs_channel_id;
  // MS-RDPBCGR 5.4.1: TLS takes its place.
  const auto* security = response.blocks.find<rdp::ServerSecurityData>();
  if (security == nullptr || !plain_) return;
  encryption_method_ = security->encryption_method;
  encryption_level_ = security->encryption_level;
}

std::optional<record::ServerKeyJudgement> SessionLayer::make_opener(
    const rdp::ServerBlocks& blocks) {
  const auto* security = blocks.find<rdp::ServerSecurityData>();
  if (encryption_method_ == 0 || security == nullptr || !security->server_random ||
      !security->server_certificate || !options_.make_session_opener) {
    return {};
  }
  opener_ = options_.make_session_opener();
  if (opener_ == nullptr) return {};
  return opener_->server_security(encryption_method_, *security->server_random,
                                  *security->server_certificate);
}

void SessionLayer::read_send_data(const Unit& unit, const rdp::SendData& data,
                                  std::vector<Note> notes) {
  const auto io = io_channel_.value_or(kUsualIoChannel);
  if (data.channel_id != io && data.channel_id != message_channel_) {
    auto& half = this->half(unit.side);
    open_unread(unit.side, data.user_data);
    if (active_) return;
    if (half.channel_data++ >= kMostChannelData) return leave_untold(unit.side);
    const auto size = static_cast<std::uint32_t>(data.user_data.size());
    add(log_.phase, unit, record::ChannelData{.channel_id = data.channel_id, .size = size},
        std::move(notes));
    return;
  }
  Payload payload{
      .unit = unit, .whole = data.user_data, .content = data.user_data, .notes = std::move(notes)};
  if (has_security_header(data.user_data, unit.side)) {
    read_secured(std::move(payload));
  } else {
    read_share_controls(payload);
  }
}

/// MS-RDPBCGR 2.2.6.1, 5.3.6: what goes through static channels is protected with the same keys. It
/// is not read, but it is a part of the stream.
void SessionLayer::open_unread(Side side, ByteSpan user_data) {
  // 5.3.1: there the server does not encrypt, and some put no header before what they say.
  constexpr std::uint32_t kLow = 1;
  const bool is_clear = side == Side::kServer && encryption_level_ == kLow;
  if (opener_ == nullptr || is_clear || user_data.size() < 2 ||
      (u16le(user_data, 0) & flags::kEncrypt) == 0) {
    return;
  }
  const auto secured =
      rdp::decode_security_header(user_data, rdp::form_of_encrypted(encryption_method_));
  if (!secured) return;
  const auto& header = secured->header;
  auto opened = opener_->open({.side = side,
                               .salted = header.has(flags::kSecureChecksum),
                               .signature = *header.signature,
                               .padding = header.padding.value_or(0),
                               .data = user_data.subspan(secured->header_size)});
  if (opened) base::wipe(opened->plaintext);
}

// --- Standard RDP Security, and the basic header that stands without it
// ---------------------------

/// MS-RDPBCGR 2.2.8.1.1.2: with encryption before everything, though servers of the level LOW
/// leave it out of what they do not encrypt; without it only where its flags say what follows.
bool SessionLayer::has_security_header(ByteSpan payload, Side side) const {
  const bool share = may_be_share_control(payload);
  if (encryption_method_ != 0) return side == Side::kClient || !share;
  return payload.size() >= 4 && !share && (u16le(payload, 0) & kKinds) != 0;
}

void SessionLayer::read_secured(Payload payload) {
  const bool encrypted = payload.whole.size() >= 2 &&
                         (u16le(payload.whole, 0) & flags::kEncrypt) != 0 &&
                         encryption_method_ != 0;
  Notes notes;
  notes.anomalies = std::move(payload.notes);
  const auto form =
      encrypted ? rdp::form_of_encrypted(encryption_method_) : rdp::SecurityHeaderForm::kBasic;
  auto secured = rdp::decode_security_header(payload.whole, form, &notes);
  payload.notes = std::move(notes.anomalies);
  if (!secured) {
    add_malformed(payload.unit, "security header", std::move(secured.error()), {},
                  std::move(payload.notes));
    return;
  }
  payload.header = secured->header;
  payload.content = payload.whole.subspan(secured->header_size);
  base::WipedBytes plaintext;
  if (encrypted) {
    open_payload(payload, plaintext);
    if (!payload.opened) return;
  }
  dispatch(payload);
}

void SessionLayer::open_payload(Payload& payload, base::WipedBytes& plaintext) {
  if (opener_ == nullptr) return keep_closed(payload, {});
  auto opened = opener_->open({.side = payload.unit.side,
                               .salted = payload.header.has(flags::kSecureChecksum),
                               .signature = *payload.header.signature,
                               .padding = payload.header.padding.value_or(0),
                               .data = payload.content});
  if (!opened) return refuse_payload(payload, opened.error());
  plaintext.assign(opened->plaintext.begin(), opened->plaintext.end());
  base::wipe(opened->plaintext);
  payload.content = plaintext;
  if (opened->mac_fits) {
    payload.opened = true;
    return;
  }
  // Some servers get their MACs wrong, and some clients look at none: what reads like RDP all the
  // same is read on. What does not was encrypted with other keys, or changed on the way.
  const DecodeError error{.field = "dataSignature",
                          .text = "is not the MAC that the keys of this session give"};
  payload.opened = (payload.header.flags & kKinds) != 0 || is_share_control(plaintext);
  if (payload.opened) {
    append(payload.notes,
           {{.field = error.field, .text = error.text + ": who looks at MACs leaves here"}});
  } else {
    add_malformed(payload.unit, kProtectedPayload, error, {}, std::move(payload.notes));
  }
}

/// Keys that are there cannot open it: what is broken is the payload.
void SessionLayer::refuse_payload(Payload& payload, record::SessionOpener::Refusal refusal) {
  if (refusal != record::SessionOpener::Refusal::kMalformed) return keep_closed(payload, refusal);
  add_malformed(
      payload.unit, kProtectedPayload,
      {.field = "encryptedData",
       .text = fmt::format("{} octets are no whole blocks, or less than their padding ({})",
                           payload.content.size(), payload.header.padding.value_or(0))},
      {}, std::move(payload.notes));
}

void SessionLayer::keep_closed(const Payload& payload,
                               std::optional<record::SessionOpener::Refusal> refusal) {
  auto& half = this->half(payload.unit.side);
  if (half.closed++ >= kMostClosed) return leave_untold(payload.unit.side);
  const auto phase = payload.header.has(flags::kInfoPacket)      ? Phase::kClientInfo
                     : payload.header.has(flags::kLicensePacket) ? Phase::kLicensing
                                                                 : log_.phase;
  add(phase, payload.unit,
      record::ClosedPayload{.flags = payload.header.flags,
                            .size = static_cast<std::uint32_t>(payload.content.size()),
                            .refusal = refusal},
      payload.notes);
}

void SessionLayer::read_fast_path(const Unit& unit) {
  // Behind what stays closed nobody can tell whether it is active.
  if (!active_ && client_.closed + server_.closed == 0) {
    if (half(unit.side).fast_path++ >= kMostFastPath) {
      leave_untold(unit.side);
    } else {
      const auto size = static_cast<std::uint32_t>(unit.octets.size());
      add(log_.phase, unit, record::FastPathPdu{.size = size}, {});
    }
  }
  if (opener_ == nullptr) return;
  const auto pdu = rdp::decode_fast_path(unit.octets, rdp::form_of_encrypted(encryption_method_));
  if (!pdu || !pdu->header.is_encrypted() || !pdu->signature) return;
  (void)opener_->open({.side = unit.side,
                       .salted = (pdu->header.flags & rdp::FastPathHeader::kSecureChecksum) != 0,
                       .signature = *pdu->signature,
                       .padding = pdu->padding.value_or(0),
                       .data = unit.octets.subspan(pdu->payload_at)});
}

void SessionLayer::lost(Side side) {
  lost_ = true;
  if (opener_ != nullptr) opener_->lost(side);
}

// --- what a payload is
// ----------------------------------------------------------------------------

void SessionLayer::dispatch(Payload& payload) {
  const auto& header = payload.header;
  if (header.has(flags::kExchangePacket)) return read_security_exchange(payload);
  if (header.has(flags::kInfoPacket))
    return read_as(Phase::kClientInfo, "Client Info PDU", payload, rdp::decode_client_info);
  licensing_seen_ = licensing_seen_ || header.has(flags::kLicensePacket);
  if (header.has(flags::kLicensePacket))
    return read_as(Phase::kLicensing, "Licensing PDU", payload, rdp::decode_licensing);
  if (header.has(flags::kRedirectionPacket)) return read_redirection(payload);
  if (header.has(flags::kAutodetectRequest) || header.has(flags::kAutodetectResponse))
    return read_as(Phase::kAutodetect, "Auto-Detect PDU", payload, rdp::decode_autodetect);
  if (header.has(flags::kTransportRequest)) {
    return read_as(Phase::kMultitransport, "Initiate Multitransport Request", payload,
                   rdp::decode_multitransport_request);
  }
  if (header.has(flags::kTransportResponse)) {
    return read_as(Phase::kMultitransport, "Multitransport Response", payload,
                   rdp::decode_multitransport_response);
  }
  if (header.has(flags::kHeartbeat))
    return read_as(log_.phase, "Heartbeat PDU", payload, rdp::decode_heartbeat);
  read_share_controls(payload);
}

template <typename Decode>
void SessionLayer::read_as(Phase phase, std::string_view what, Payload& payload, Decode decode) {
  if (active_) return;  // measured, watched over and licensed for as long as it lasts
  Notes notes;
  auto decoded = decode(payload.content, &notes);
  append(payload.notes, std::move(notes.anomalies));
  if (decoded) {
    add(phase, payload.unit, *std::move(decoded), std::move(payload.notes));
  } else {  // a password may stand in it: none of its octets is shown
    enter(phase);
    add_malformed(payload.unit, what, std::move(decoded.error()), {}, std::move(payload.notes));
  }
}

void SessionLayer::read_security_exchange(Payload& payload) {
  Notes notes;
  auto exchange = rdp::decode_security_exchange(payload.content, &notes);
  append(payload.notes, std::move(notes.anomalies));
  enter(Phase::kSecurity);
  if (!exchange) {
    add_malformed(payload.unit, "Security Exchange PDU", std::move(exchange.error()), {},
                  std::move(payload.notes));
    return;
  }
  const bool known =
      opener_ != nullptr && opener_->security_exchange(exchange->encrypted_client_random);
  const auto size = static_cast<std::uint32_t>(exchange->encrypted_client_random.size());
  add(Phase::kSecurity, payload.unit, record::SecurityExchanged{.size = size, .keys_known = known},
      std::move(payload.notes));
}

/// MS-RDPBCGR 2.2.13.2.1: behind the security header stands the packet, which begins with Flags and
/// Length of its own. Who writes only one of the two takes the one for the other.
void SessionLayer::read_redirection(Payload& payload) {
  base::WipedBytes packet;
  const auto& content = payload.content;
  if (content.size() >= 4 && u16le(content, 0) == flags::kRedirectionPacket &&
      u16le(content, 2) <= content.size()) {
    packet.assign(content.begin(), content.end());
  } else if (payload.opened) {
    Writer header;
    header.u16le(flags::kRedirectionPacket).u16le(payload.header.flags_hi);
    packet.assign(header.view().begin(), header.view().end());
    packet.insert(packet.end(), payload.content.begin(), payload.content.end());
  } else {
    packet.assign(payload.whole.begin(), payload.whole.end());
  }
  Notes notes;
  auto redirection = rdp::decode_server_redirection(packet, &notes);
  append(payload.notes, std::move(notes.anomalies));
  if (!redirection) {
    add_malformed(payload.unit, "Server Redirection PDU", std::move(redirection.error()), {},
                  std::move(payload.notes));
    return;
  }
  tell_password(payload.unit, packet);
  if (may_add(payload.unit.side, true)) {
    log_.add(payload.unit.where(), payload.unit.at, *std::move(redirection),
             std::move(payload.notes));
  }
}

void SessionLayer::tell_password(const Unit& unit, ByteSpan packet) const {
  if (!options_.on_redirection_password || unit.side != Side::kServer) return;
  auto password = rdp::redirection_password(packet);
  if (!password.empty()) options_.on_redirection_password(std::move(password));
}

/// A server may put several PDUs into one payload.
void SessionLayer::read_share_controls(Payload& payload) {
  auto left = payload.content;
  do {
    const auto size = rdp::share_control_size(left);
    const auto pdu = left.first(std::min(size.value_or(left.size()), left.size()));
    Notes notes;
    auto control = rdp::decode_share_control(pdu, &notes);
    append(notes.anomalies, std::exchange(payload.notes, {}));
    if (!control) {
      if (!active_) {
        add_malformed(payload.unit, "Share Control PDU", std::move(control.error()), {},
                      std::move(notes.anomalies));
      }
      return;
    }
    if (std::holds_alternative<rdp::ServerRedirection>(control->content)) {
      constexpr std::size_t kPad = 2;  // MS-RDPBCGR 2.2.13.3.1 pad2Octets
      tell_password(payload.unit, pdu.subspan(rdp::ShareControl::kHeaderSize + kPad));
    }
    read_share_control(payload, *std::move(control), std::move(notes.anomalies));
    left = left.subspan(pdu.size());
  } while (!left.empty());
}

void SessionLayer::read_share_control(Payload& payload, rdp::ShareControl control,
                                      std::vector<Note> notes) {
  const auto& unit = payload.unit;
  activating_ = activating_ || std::holds_alternative<rdp::DemandActive>(control.content);
  confirmed_ = confirmed_ || std::holds_alternative<rdp::ConfirmActive>(control.content);
  const bool ends = ends_session(control);
  if (is_of_the_desktop(control) || (active_ && !ends)) return;
  const auto* data = std::get_if<rdp::ShareData>(&control.content);
  const bool maps_fonts = data != nullptr && unit.side == Side::kServer &&
                          std::holds_alternative<rdp::FontMap>(data->content);
  const auto phase = phase_of(control);
  if (phase && !active_) enter(*phase);
  if (unit.side == Side::kServer && !active_) follow(unit, control, notes);
  const bool goes_on = std::holds_alternative<rdp::DemandActive>(control.content) || maps_fonts;
  if (may_add(unit.side, ends, goes_on)) {
    log_.add_in(phase && !active_ ? *phase : log_.phase, unit.where(), unit.at, std::move(control),
                std::move(notes));
  }
  const bool client_may_be = confirmed_ || client_.closed > 0 || !initial_seen_ || lost_;
  if (maps_fonts && activating_ && client_may_be) active_ = true;
}

/// MS-RDPBCGR 1.3.1.1: what the server leaves out on its way to the Font Map.
void SessionLayer::follow(const Unit& unit, const rdp::ShareControl& control,
                          std::vector<Note>& notes) {
  const bool sure =
      response_seen_ && !lost_ && unit.missing == 0 && client_.closed + server_.closed == 0;
  const auto note = [&](std::string_view field, std::string_view text) {
    if (sure) append(notes, {{.field = std::string(field), .text = std::string(text)}});
  };
  if (std::holds_alternative<rdp::DemandActive>(control.content)) {
    if (!licensing_seen_) note("licensing", "no licensing PDU came before it");
    licensing_seen_ = true;  // told once
    synchronized_ = granted_control_ = false;
    return;
  }
  const auto* data = std::get_if<rdp::ShareData>(&control.content);
  if (data == nullptr) return;
  synchronized_ = synchronized_ || std::holds_alternative<rdp::Synchronize>(data->content);
  if (const auto* grant = std::get_if<rdp::Control>(&data->content))
    granted_control_ = granted_control_ || grant->action == rdp::Control::kGrantedControl;
  if (!std::holds_alternative<rdp::FontMap>(data->content)) return;
  if (!activating_) note("Demand Active", "no Demand Active came before it");
  if (!synchronized_) note("Synchronize", "no Synchronize of the server came before it");
  if (!granted_control_) note("Control", "no Control (Granted Control) came before it");
}

// --- evidence
// -------------------------------------------------------------------------------------

/// The beginning of a session is bounded, and what tells of its end has room of its own.
bool SessionLayer::may_add(Side side, bool ends_session, bool goes_on) {
  auto& half = this->half(side);
  if (!active_ && goes_on && half.steps++ < kMostSteps) return true;
  if (!active_ && half.messages < kMostMessages) {
    ++half.messages;
    return true;
  }
  if (ends_session && half.later++ < kMostLater) return true;
  if (!active_) leave_untold(side);
  return false;
}

void SessionLayer::leave_untold(Side side) {
  auto& untold = half(side).untold;
  if (untold < UINT32_MAX) ++untold;
}

void SessionLayer::enter(Phase phase) { log_.phase = std::max(log_.phase, phase); }

void SessionLayer::add(Phase phase, const Unit& unit, record::Fact fact, std::vector<Note> notes) {
  enter(phase);
  if (may_add(unit.side, false))
    log_.add_in(phase, unit.where(), unit.at, std::move(fact), std::move(notes));
}

void SessionLayer::add_malformed(const Unit& unit, std::string_view what, DecodeError error,
                                 ByteSpan shown, std::vector<Note> notes) {
  if (!may_add(unit.side, false)) return;
  log_.add(unit.where(), unit.at,
           record::Malformed{.what = std::string(what),
                             .error = std::move(error),
                             .first = first_octets(shown, unit.records ? kMostFirstInsideTls
                                                                       : EvidenceLog::kMostFirst)},
           std::move(notes));
}

void SessionLayer::add_unexpected(const Unit& unit, std::string_view got,
                                  std::string_view expected) {
  if (!may_add(unit.side, false)) return;
  log_.add(unit.where(), unit.at,
           record::Unexpected{.got = std::string(got),
                              .expected = std::string(expected),
                              .seen = log_.seen(),
                              .first = {}});
}

}  // namespace rdpwhy::dissect
