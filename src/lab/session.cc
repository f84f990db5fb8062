#include "lab/session.h"

#include <algorithm>
#include <variant>

#include "lab/rdstls.h"
#include "rdpwhy/rdp/capabilities.h"
#include "rdpwhy/rdp/client_blocks.h"
#include "rdpwhy/rdp/gcc.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/rdp/security_exchange.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/server_blocks.h"
#include "rdpwhy/rdp/share_control.h"
#include "rdpwhy/rdp/tpkt.h"

namespace rdpwhy::lab {
namespace {

using Broken = SessionFaults::Broken;

constexpr std::uint16_t kServerUser = 1002;
constexpr std::uint16_t kIoChannel = 1003;
constexpr std::uint16_t kFirstStaticChannel = 1004;
constexpr std::uint16_t kClientUser = 1200;  // beyond all static channels
constexpr std::uint32_t kShareId = 0x000103EA;
constexpr std::size_t kMostStaticChannels = 31;
constexpr std::uint8_t kUserRejected = 15;                     // T.125 7, rt-user-rejected
constexpr std::uint8_t kTooManyUsers = 13;                     // T.125 7, rt-too-many-users
constexpr std::uint8_t kProviderInitiated = 1;                 // T.125 7, rn-provider-initiated
constexpr Bytes::value_type kDataTpdu[] = {0x02, 0xF0, 0x80};  // X.224 13.7, EOT

void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

/// An MCS PDU in its TPKT.
template <typename Pdu>
Bytes framed(const Pdu& pdu) {
  Bytes tpdu(std::begin(kDataTpdu), std::end(kDataTpdu));
  append(tpdu, rdp::encode(pdu));
  return rdp::encode_tpkt(tpdu);
}

/// On the I/O channel, to the client.
Bytes indication(Bytes user_data) {
  return framed(rdp::SendData{.indication = true,
                              .initiator = kServerUser,
                              .channel_id = kIoChannel,
                              .user_data = std::move(user_data)});
}

Bytes share_data(const rdp::ShareDataContent& content) {
  return indication(rdp::encode(content, kShareId, kServerUser));
}

Bytes licensing(const rdp::LicensingPdu& pdu) {
  Writer w;
  w.u16le(rdp::security_flags::kLicensePacket).u16le(0);
  return indication(w.bytes(rdp::encode(pdu)).take());
}

Bytes licensing_error(std::uint32_t code, std::uint32_t transition) {
  return licensing(
      {.type = static_cast<std::uint8_t>(rdp::LicensingType::kErrorAlert),
       .message = rdp::LicensingError{.error_code = code, .state_transition = transition}});
}

/// A key that nobody holds the other half of: what is encrypted to it is not read here.
Bytes licensing_certificate() {
  constexpr std::size_t kModulus = 64;
  constexpr std::size_t kPadding = 8;  // MS-RDPBCGR 2.2.1.4.3.1.1.1
  rdp::ProprietaryServerCertificate certificate;
  certificate.public_key = {.bit_length = 8 * kModulus,
                            .data_length = kModulus - 1,
                            .public_exponent = 65537,
                            .modulus = Bytes(kModulus, 0xC5)};
  certificate.public_key.modulus.resize(kModulus + kPadding);
  certificate.signature = Bytes(kModulus + kPadding);
  return rdp::encode(rdp::ServerCertificate{.form = certificate});
}

Bytes license_request() {
  rdp::LicenseRequest request;
  request.server_certificate.octets = licensing_certificate();
  request.product = {.version = 0x000A0000, .company_name = "rdpwhy lab", .product_id = "A02"};
  request.scopes = {"rdpwhy.invalid"};
  request.server_random.fill(0x5A);
  return licensing(
      {.type = static_cast<std::uint8_t>(rdp::LicensingType::kLicenseRequest), .message = request});
}

/// MS-RDPBCGR 2.2.1.13.1.1: what a small server says of itself.
std::vector<rdp::CapabilitySet> capability_sets() {
  using Type = rdp::CapabilityType;
  return {rdp::make_capability_set(Type::kShare, {{"nodeId", kServerUser}}),
          rdp::make_capability_set(Type::kGeneral, {{"osMajorType", 1},
                                                    {"osMinorType", 3},
                                                    {"protocolVersion", 0x0200},
                                                    {"extraFlags", rdp::kFastPathOutputSupported}}),
          rdp::make_capability_set(Type::kBitmap, {{"preferredBitsPerPixel", 16},
                                                   {"receive1BitPerPixel", 1},
                                                   {"receive4BitsPerPixel", 1},
                                                   {"receive8BitsPerPixel", 1},
                                                   {"desktopWidth", 1024},
                                                   {"desktopHeight", 768},
                                                   {"bitmapCompressionFlag", 1},
                                                   {"multipleRectangleSupport", 1}})};
}

}  // namespace

SessionDialogue::SessionDialogue(const SessionFaults& faults, std::uint32_t requested,
                                 bool inside_tls)
    : faults_(faults), requested_(requested) {
  if (faults.encryption_method == 0 || inside_tls) return;
  constexpr std::size_t kRandom = crypto::StandardSecurity::kRandomSize;
  auto server = crypto::StandardServer::make(faults.encryption_method, Bytes(kRandom, 0x5C));
  if (server) security_.emplace(std::move(*server));
}

std::optional<std::size_t> SessionDialogue::message_size(ByteSpan octets) {
  const auto header = rdp::decode_tpkt_header(octets);
  if (!header) return std::nullopt;
  if (header->version != rdp::TpktHeader::kVersion || header->length <= rdp::TpktHeader::kSize)
    return octets.size();
  if (octets.size() < header->length) return std::nullopt;
  return header->length;
}

SessionDialogue::Answer SessionDialogue::answer(ByteSpan message) {
  auto answer = answer_in_the_clear(message);
  if (keys_ && !answer.octets.empty()) answer.octets = sealed(answer.octets);
  return answer;
}

SessionDialogue::Answer SessionDialogue::answer_in_the_clear(ByteSpan message) {
  constexpr auto kHeaders = rdp::TpktHeader::kSize + std::size(kDataTpdu);
  const bool is_data =
      message.size() > kHeaders && message[0] == rdp::TpktHeader::kVersion &&
      std::ranges::equal(message.subspan(rdp::TpktHeader::kSize, std::size(kDataTpdu)), kDataTpdu);
  if (!is_data) return {.then = Then::kLeave};
  return answer_mcs(message.subspan(kHeaders));
}

SessionDialogue::Answer SessionDialogue::answer_mcs(ByteSpan user_data) {
  const auto pdu = rdp::decode_mcs(user_data);
  if (!pdu) return {.then = Then::kLeave};
  if (const auto* initial = std::get_if<rdp::ConnectInitial>(&*pdu))
    return connect(initial->user_data);
  if (std::holds_alternative<rdp::ErectDomainRequest>(*pdu)) return at(At::kErectDomain, {});
  if (std::holds_alternative<rdp::AttachUserRequest>(*pdu))
    return at(At::kAttachUser, framed(rdp::AttachUserConfirm{.initiator = kClientUser}));
  if (const auto* request = std::get_if<rdp::ChannelJoinRequest>(&*pdu))
    return join(request->initiator, request->channel_id);
  if (const auto* data = std::get_if<rdp::SendData>(&*pdu)) {
    if (data->channel_id == kIoChannel)
      return security_ ? answer_secured(data->user_data) : answer_payload(data->user_data);
    return {};  // static channels have nobody behind them
  }
  if (std::holds_alternative<rdp::DisconnectProviderUltimatum>(*pdu)) return {.then = Then::kLeave};
  return {};
}

SessionDialogue::Answer SessionDialogue::connect(ByteSpan conference_create_request) {
  const auto conference = rdp::decode_conference_create_request(conference_create_request);
  if (!conference) return {.then = Then::kLeave};
  const auto blocks = rdp::decode_client_blocks(conference->user_data);
  if (!blocks) return {.then = Then::kLeave};
  if (const auto* network = blocks->find<rdp::ClientNetworkData>())
    static_channels_ = std::min(network->channels.size(), kMostStaticChannels);
  return at(At::kConnectInitial, connect_response(rdp::kMcsSuccessful));
}

SessionDialogue::Answer SessionDialogue::join(std::uint16_t initiator, std::uint16_t channel) {
  // The client's own channel, the I/O channel, then the static ones.
  const bool is_last = ++joined_ == 2 + static_channels_;
  const auto confirm = framed(
      rdp::ChannelJoinConfirm{.initiator = initiator, .requested = channel, .channel_id = channel});
  if (joined_ == 1) return at(At::kFirstJoin, confirm);
  return is_last ? at(At::kLastJoin, confirm) : Answer{.octets = confirm};
}

/// MS-RDPBCGR 2.2.8.1.1.2, 5.3.6: what is encrypted is read as it would stand there in the clear.
SessionDialogue::Answer SessionDialogue::answer_secured(ByteSpan user_data) {
  namespace flags = rdp::security_flags;
  const auto is_encrypted = user_data.size() >= 2 && (user_data[0] & flags::kEncrypt) != 0;
  const auto form = is_encrypted ? rdp::form_of_encrypted(faults_.encryption_method)
                                 : rdp::SecurityHeaderForm::kBasic;
  const auto secured = rdp::decode_security_header(user_data, form);
  if (!secured) return {.then = Then::kLeave};
  const auto& header = secured->header;
  const auto payload = user_data.subspan(secured->header_size);
  if (header.has(flags::kExchangePacket)) {
    const auto exchange = rdp::decode_security_exchange(payload);
    if (exchange) keys_ = security_->session(exchange->encrypted_client_random);
    return {.then = keys_ ? Then::kGoOn : Then::kLeave};
  }
  if (!is_encrypted || !keys_) return {.then = Then::kLeave};
  const auto opened = keys_->open({.side = Side::kClient,
                                   .salted = header.has(flags::kSecureChecksum),
                                   .signature = *header.signature,
                                   .padding = header.padding.value_or(0),
                                   .data = payload});
  if (!opened || !opened->mac_fits) return {.then = Then::kLeave};
  constexpr std::uint16_t kKinds = flags::kInfoPacket | flags::kLicensePacket;
  const auto kind = static_cast<std::uint16_t>(header.flags & kKinds);
  if (kind == 0) return answer_payload(opened->plaintext);
  return answer_payload(rdp::encode(rdp::SecurityHeader{.flags = kind}, opened->plaintext));
}

Bytes SessionDialogue::sealed(ByteSpan messages) {
  constexpr auto kHeaders = rdp::TpktHeader::kSize + std::size(kDataTpdu);
  Bytes out;
  while (!messages.empty()) {
    const auto size = std::min(message_size(messages).value_or(messages.size()), messages.size());
    const auto message = messages.first(size);
    messages = messages.subspan(size);
    const auto pdu = size > kHeaders ? rdp::decode_mcs(message.subspan(kHeaders))
                                     : std::expected<rdp::McsPdu, DecodeError>();
    const auto* data = pdu ? std::get_if<rdp::SendData>(&*pdu) : nullptr;
    append(out,
           data == nullptr ? base::to_bytes(message) : indication(sealed_payload(data->user_data)));
  }
  return out;
}

/// Licensing goes in the clear, as servers do it: who wants it encrypted has to say so first.
Bytes SessionDialogue::sealed_payload(ByteSpan user_data) {
  namespace flags = rdp::security_flags;
  const auto control = rdp::decode_share_control(user_data);
  if (!control) return base::to_bytes(user_data);
  auto content = base::to_bytes(user_data);
  auto sealed = keys_->seal(Side::kServer, content, false);
  if (faults_.other_keys) {
    for (auto& octet : sealed.data) octet = static_cast<std::uint8_t>(octet ^ 0xA5);
  }
  rdp::SecurityHeader header{.flags = flags::kEncrypt, .signature = sealed.signature};
  if (keys_->is_fips()) header.padding = sealed.padding;
  return rdp::encode(header, sealed.data);
}

/// MS-RDPBCGR 5.3.1: both directions are encrypted from the level CLIENT_COMPATIBLE on.
rdp::ServerSecurityData SessionDialogue::security_data() const {
  if (!security_) return {};
  constexpr std::uint32_t kClientCompatible = 2, kHigh = 3, kFips = 4;
  using Method = crypto::EncryptionMethod;
  const auto method = static_cast<Method>(faults_.encryption_method);
  return {.encryption_method = faults_.encryption_method,
          .encryption_level = method == Method::kFips     ? kFips
                              : method == Method::k128Bit ? kHigh
                                                          : kClientCompatible,
          .server_random = security_->server_random(),
          .server_certificate = security_->certificate()};
}

/// What stands in Send Data Requests on the I/O channel: with a security header until licensing is
/// over, without one from the share on.
SessionDialogue::Answer SessionDialogue::answer_payload(ByteSpan user_data) {
  Reader r(user_data);
  const auto flags = r.u16le("flags");
  r.skip_rest("rest");
  if ((flags & rdp::security_flags::kInfoPacket) != 0) {
    if (faults_.license_request) {
      asked_for_license_ = true;
      return at(At::kClientInfo, license_request());
    }
    const auto answered = at(At::kClientInfo, {});
    return answered.then == Then::kGoOn && answered.octets.empty() ? end_licensing() : answered;
  }
  constexpr std::size_t kBasicHeader = 4;
  if ((flags & rdp::security_flags::kLicensePacket) != 0 && user_data.size() > kBasicHeader &&
      asked_for_license_)
    return answer_licensing(user_data.subspan(kBasicHeader));
  return answer_share(user_data);
}

/// A client that shows a licence or asks for one gets none, and is let in all the same.
SessionDialogue::Answer SessionDialogue::answer_licensing(ByteSpan pdu) {
  if (!rdp::decode_licensing(pdu)) return {.then = Then::kLeave};
  asked_for_license_ = false;
  return end_licensing();
}

SessionDialogue::Answer SessionDialogue::end_licensing() {
  constexpr std::uint32_t kNoTransition = 2;
  constexpr std::uint32_t kTotalAbort = 1;
  if (faults_.licensing_error) {
    // Who is to begin again or to repeat gets the time for it.
    return {.octets = licensing_error(*faults_.licensing_error, faults_.licensing_transition),
            .then = faults_.licensing_transition == kTotalAbort ? Then::kLeave : Then::kGoOn};
  }
  auto octets = licensing_error(rdp::LicensingError::kValidClient, kNoTransition);
  auto next = at(At::kDemandActive, demand_active());
  append(octets, next.octets);
  return {.octets = std::move(octets), .then = next.then};
}

SessionDialogue::Answer SessionDialogue::answer_share(ByteSpan pdu) {
  const auto control = rdp::decode_share_control(pdu);
  if (!control) return {.then = Then::kLeave};
  if (std::holds_alternative<rdp::ConfirmActive>(control->content))
    return at(At::kConfirmActive, {});
  const auto* data = std::get_if<rdp::ShareData>(&control->content);
  if (data == nullptr) return {};
  if (std::holds_alternative<rdp::Synchronize>(data->content))
    return at(At::kSynchronize, share_data(rdp::Synchronize{.target_user = kClientUser}));
  if (const auto* request = std::get_if<rdp::Control>(&data->content)) {
    if (request->action == rdp::Control::kCooperate)
      return {.octets = share_data(rdp::Control{.action = rdp::Control::kCooperate})};
    if (request->action == rdp::Control::kRequestControl)
      return at(At::kRequestControl,
                share_data(rdp::Control{.action = rdp::Control::kGrantedControl,
                                        .grant_id = kClientUser,
                                        .control_id = kServerUser}));
    return {};
  }
  if (std::holds_alternative<rdp::FontList>(data->content)) {
    if (faults_.at == At::kAfterFontMap) {
      auto octets = share_data(rdp::FontMap{});
      auto after = at(At::kAfterFontMap, {});
      append(octets, after.octets);
      return {.octets = std::move(octets), .then = after.then};
    }
    return at(At::kFontList, share_data(rdp::FontMap{}));
  }
  // Nobody is logged on, so nobody has to be asked.
  if (std::holds_alternative<rdp::ShutdownRequest>(data->content)) return {.then = Then::kLeave};
  return {};
}

SessionDialogue::Answer SessionDialogue::at(At place, Bytes right) {
  if (place != faults_.at) return {.octets = std::move(right)};
  if (faults_.broken != Broken::kNo) {
    const auto then = faults_.broken == Broken::kTruncated ? Then::kLeave : Then::kSilent;
    return {.octets = spoilt(std::move(right)), .then = then};
  }
  if (faults_.refused) return {.octets = refusal(place), .then = Then::kLeave};
  if (faults_.redirected) return {.octets = redirection(), .then = Then::kLeave};
  Answer answer;
  if (faults_.error_info) append(answer.octets, error_info());
  if (faults_.ultimatum)
    append(answer.octets, framed(rdp::DisconnectProviderUltimatum{*faults_.ultimatum}));
  if (faults_.silent) {
    answer.then = Then::kSilent;
  } else if (faults_.leave == Close::kReset) {
    answer.then = Then::kReset;
  } else if (faults_.leave == Close::kClose || !answer.octets.empty()) {
    answer.then = Then::kLeave;
  } else {
    answer.octets = std::move(right);
  }
  return answer;
}

Bytes SessionDialogue::refusal(At place) const {
  switch (place) {
    case At::kConnectInitial:
      return connect_response(kUserRejected);
    case At::kAttachUser:
      return framed(rdp::AttachUserConfirm{.result = kTooManyUsers});
    case At::kFirstJoin:
      return framed(rdp::ChannelJoinConfirm{
          .result = kUserRejected, .initiator = kClientUser, .requested = kClientUser});
    case At::kLastJoin:
      return framed(rdp::ChannelJoinConfirm{
          .result = kUserRejected, .initiator = kClientUser, .requested = kIoChannel});
    default:
      return framed(rdp::DisconnectProviderUltimatum{kProviderInitiated});
  }
}

Bytes SessionDialogue::spoilt(Bytes right) const {
  switch (faults_.broken) {
    case Broken::kNo:
      break;
    case Broken::kTruncated:
      right.resize(right.size() / 2);
      break;
    case Broken::kText:
      return base::to_bytes(base::as_bytes("out of order, please call again\r\n"));
    case Broken::kHugeCapabilities: {
      // lengthCombinedCapabilities and numberCapabilities, far more than there is.
      auto pdu = rdp::encode(rdp::DemandActive{.share_id = kShareId,
                                               .source_descriptor = "RDP",
                                               .capability_sets = capability_sets(),
                                               .session_id = 0},
                             kServerUser);
      constexpr std::size_t kAt = 6 + 4 + 2;  // behind the share control header and shareId
      pdu[kAt] = pdu[kAt + 1] = 0xFF;
      const std::size_t count_at = kAt + 2 + 4;  // behind "RDP" and its null
      pdu[count_at] = pdu[count_at + 1] = 0xFF;
      return indication(std::move(pdu));
    }
    case Broken::kEmptyBlock:
    case Broken::kBlockTooLong:
      break;  // of the connect response itself
  }
  return right;
}

Bytes SessionDialogue::connect_response(std::uint8_t result) const {
  rdp::ServerBlocks blocks;
  blocks.blocks.emplace_back(rdp::ServerCoreData{.version = 0x00080004,
                                                 .client_requested_protocols = requested_,
                                                 .early_capability_flags = 0});
  blocks.blocks.emplace_back(security_data());
  rdp::ServerNetworkData network{.mcs_channel_id = kIoChannel};
  for (std::size_t i = 0; i < static_channels_; ++i)
    network.channel_ids.push_back(static_cast<std::uint16_t>(kFirstStaticChannel + i));
  blocks.blocks.emplace_back(std::move(network));
  auto user_data = rdp::encode(blocks);
  if (faults_.at == At::kConnectInitial) {
    // The length of the first block's header, which counts the header itself.
    if (faults_.broken == Broken::kEmptyBlock) user_data[2] = user_data[3] = 0;
    if (faults_.broken == Broken::kBlockTooLong) user_data[2] = user_data[3] = 0xFF;
  }
  rdp::ConferenceCreateResponse conference{.user_data = std::move(user_data)};
  return framed(rdp::ConnectResponse{
      .result = result,
      .parameters = {.max_channel_ids = 34, .max_user_ids = 3, .max_mcs_pdu_size = 65528},
      .user_data = rdp::encode(conference)});
}

Bytes SessionDialogue::demand_active() const {
  return indication(rdp::encode(rdp::DemandActive{.share_id = kShareId,
                                                  .source_descriptor = "RDP",
                                                  .capability_sets = capability_sets(),
                                                  .session_id = 0},
                                kServerUser));
}

Bytes SessionDialogue::error_info() const {
  return share_data(rdp::SetErrorInfo{*faults_.error_info});
}

Bytes SessionDialogue::redirection() const {
  constexpr std::uint32_t kSession = 7;
  auto packet = faults_.rdstls_result ? redirection_with_credentials() : rdp::ServerRedirection{};
  packet.session_id = kSession;
  packet.flags |= rdp::ServerRedirection::kDontStoreUserName;
  packet.load_balance_info = base::to_bytes(base::as_bytes(std::string(kRoutingToken) + "\r\n"));
  const auto password = faults_.rdstls_result ? handed_out_password() : Secret();
  const auto octets = rdp::encode(packet, password, kServerUser);
  return indication(base::to_bytes(octets.reveal()));
}

}  // namespace rdpwhy::lab
