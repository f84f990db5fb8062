#include "dialogue/session_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "rdpwhy/rdp/autodetect.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/multitransport.h"
#include "rdpwhy/rdp/security_exchange.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/rdp/server_certificate.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"

namespace rdpwhy::dialogue {
namespace {

namespace flags = rdp::security_flags;
using rdp::Autodetect;

constexpr Nanoseconds kMillisecond = 1'000'000;
/// MS-RDPBCGR 2.2.1.4.6: without it the client must not answer an Initiate Multitransport Request.
constexpr std::uint32_t kSoftSync = 0x200;

bool starts_measurement(std::uint16_t type) {
  return type == Autodetect::kBandwidthStartConnectTime ||
         type == Autodetect::kBandwidthStartReliable || type == Autodetect::kBandwidthStartLossy;
}

bool stops_measurement(std::uint16_t type) {
  return type == Autodetect::kBandwidthStopConnectTime ||
         type == Autodetect::kBandwidthStopReliable || type == Autodetect::kBandwidthStopLossy;
}

}  // namespace

const Evidence* SessionPath::next_of_server(std::span<const Evidence> evidence) {
  while (read_ < evidence.size()) {
    const auto& e = evidence[read_++];
    if (e.where.side == Side::kServer) return &e;
  }
  return nullptr;
}

void SessionPath::take(const record::McsConnectResponse& response) {
  if (const auto* network = response.blocks.find<rdp::ServerNetworkData>()) {
    if (network->mcs_channel_id != 0) io_channel_ = network->mcs_channel_id;
    static_channels_ = network->channel_ids;
    // MS-RDPBCGR 2.2.1.4.4: as many as were asked for. No client joins what it did not ask for.
    static_channels_.resize(std::min(static_channels_.size(), std::size(kAskedChannels)));
    std::erase(static_channels_, 0);  // refused
  }
  if (const auto* message = response.blocks.find<rdp::ServerMessageChannelData>()) {
    message_channel_ = message->mcs_channel_id;
  }
  if (const auto* transport = response.blocks.find<rdp::ServerMultitransportChannelData>()) {
    multitransport_flags_ = transport->flags;
  }
  const auto* security = response.blocks.find<rdp::ServerSecurityData>();
  // Inside TLS nothing more is encrypted, whatever a server says (MS-RDPBCGR 5.4.1).
  if (security == nullptr) return;
  certificate_ = security->server_certificate.value_or(Bytes{});
  if (selected_protocol_ != 0) return;
  encryption_method_ = security->encryption_method;
  server_random_ = security->server_random.value_or(Bytes{});
}

std::vector<std::uint16_t> SessionPath::channels_to_join() const {
  std::vector<std::uint16_t> channels{user_channel_, io_channel_};
  if (message_channel_ != 0) channels.push_back(message_channel_);
  channels.insert(channels.end(), static_channels_.begin(), static_channels_.end());
  return channels;
}

std::expected<Bytes, std::string> SessionPath::security_exchange() {
  if (plan_.session.client_random == nullptr) return std::unexpected("there is no client random");
  const auto& random = *plan_.session.client_random;
  const auto certificate = rdp::decode_server_certificate(certificate_);
  if (!certificate) {
    return std::unexpected("its certificate cannot be read: " + certificate.error().message());
  }
  auto encrypted = crypto::encrypt_to_server(*certificate, random);
  if (!encrypted) return std::unexpected("its certificate has no RSA key that is large enough");
  auto security = crypto::StandardSecurity::derive(encryption_method_, random, server_random_);
  if (!security) {
    return std::unexpected(fmt::format(
        "its encryption method 0x{:X} with a random of {} octets protects nothing that is known",
        encryption_method_, server_random_.size()));
  }
  const auto packet = rdp::encode(rdp::SecurityExchange{std::move(*encrypted)});
  auto octets =
      sent(io_channel_, rdp::encode(rdp::SecurityHeader{.flags = flags::kExchangePacket}, packet));
  security_ = std::move(security);
  return octets;
}

Bytes SessionPath::on_io_channel(ByteSpan pdu) {
  return sent(io_channel_, security_ ? sealed(0, pdu) : base::to_bytes(pdu));
}

Bytes SessionPath::with_header(std::uint16_t purpose, ByteSpan payload, bool on_message_channel) {
  const auto channel = on_message_channel && message_channel_ != 0 ? message_channel_ : io_channel_;
  if (security_) return sent(channel, sealed(purpose, payload));
  return sent(channel, rdp::encode(rdp::SecurityHeader{.flags = purpose}, payload));
}

Bytes SessionPath::in_tpkt(ByteSpan mcs) { return rdp::encode_tpkt(rdp::encode_data_tpdu(mcs)); }

Bytes SessionPath::sent(std::uint16_t channel, Bytes user_data) const {
  return in_tpkt(rdp::encode(rdp::SendData{
      .initiator = user_channel_, .channel_id = channel, .user_data = std::move(user_data)}));
}

Bytes SessionPath::sealed(std::uint16_t purpose, ByteSpan payload) {
  // Our General Capability Set does not offer salted MACs, so there are none (5.3.6.1.1).
  const auto protected_payload = security_->seal(Side::kClient, payload, false);
  rdp::SecurityHeader header{.flags = static_cast<std::uint16_t>(purpose | flags::kEncrypt),
                             .signature = protected_payload.signature};
  if (security_->is_fips()) header.padding = protected_payload.padding;
  return rdp::encode(header, protected_payload.data);
}

std::optional<Bytes> SessionPath::answer_to_request(const Evidence& evidence) {
  if (const auto* request = record::get_if<Autodetect>(&evidence.fact)) {
    return request->is_request() ? answer(*request, evidence.at) : std::nullopt;
  }
  const auto* request = record::get_if<rdp::MultitransportRequest>(&evidence.fact);
  if (request == nullptr || (multitransport_flags_ & kSoftSync) == 0) return std::nullopt;
  // No UDP here: E_ABORT, and the server goes on over TCP.
  const rdp::MultitransportResponse response{.request_id = request->request_id};
  return with_header(flags::kTransportResponse, rdp::encode(response), true);
}

std::optional<Bytes> SessionPath::answer(const Autodetect& request, Moment at) {
  Autodetect response{.header_type = Autodetect::kResponseHeader,
                      .sequence_number = request.sequence_number};
  if (request.type == Autodetect::kRttConnectTime || request.type == Autodetect::kRttContinuous) {
    response.type = Autodetect::kRttResponse;
  } else if (starts_measurement(request.type)) {
    measurement_ = Measurement{.began = at};
    return std::nullopt;
  } else if (request.type == Autodetect::kBandwidthPayload) {
    if (measurement_) measurement_->octets += request.payload_size.value_or(0);
    return std::nullopt;
  } else if (stops_measurement(request.type) && measurement_) {
    response.type = request.type == Autodetect::kBandwidthStopConnectTime
                        ? Autodetect::kBandwidthResultsConnectTime
                        : Autodetect::kBandwidthResultsContinuous;
    const auto took = std::max<Nanoseconds>(at - measurement_->began, 0) / kMillisecond;
    response.time_delta = static_cast<std::uint32_t>(took);
    response.byte_count = measurement_->octets + request.payload_size.value_or(0);
    measurement_.reset();
  } else {
    return std::nullopt;
  }
  return with_header(flags::kAutodetectResponse, rdp::encode(response), true);
}

}  // namespace rdpwhy::dialogue
