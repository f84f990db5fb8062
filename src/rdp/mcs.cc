#include "rdpwhy/rdp/mcs.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "rdpwhy/asn1/der.h"
#include "rdpwhy/asn1/per.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

using asn1::LengthForm;

constexpr asn1::Tag kConnectInitial{0x7F65};   // [APPLICATION 101]
constexpr asn1::Tag kConnectResponse{0x7F66};  // [APPLICATION 102]

// T.125 7, DomainMCSPDU: a choice of 43, which takes six bits.
enum class Choice : std::uint8_t {
  kErectDomainRequest = 1,
  kDisconnectProviderUltimatum = 8,
  kAttachUserRequest = 10,
  kAttachUserConfirm = 11,
  kChannelJoinRequest = 14,
  kChannelJoinConfirm = 15,
  kSendDataRequest = 25,
  kSendDataIndication = 26,
};
constexpr unsigned kChoiceBits = 6;
constexpr unsigned kResultBits = 4;
constexpr unsigned kReasonBits = 3;
constexpr std::uint16_t kFirstUser = 1001;  // T.125 7, UserId ::= DynamicChannelId, 1001 to 65535

constexpr std::array<std::string_view, 43> kDomainPduNames = {
    "plumbDomainIndication",  "erectDomainRequest",        "mergeChannelsRequest",
    "mergeChannelsConfirm",   "purgeChannelsIndication",   "mergeTokensRequest",
    "mergeTokensConfirm",     "purgeTokensIndication",     "disconnectProviderUltimatum",
    "rejectMCSPDUUltimatum",  "attachUserRequest",         "attachUserConfirm",
    "detachUserRequest",      "detachUserIndication",      "channelJoinRequest",
    "channelJoinConfirm",     "channelLeaveRequest",       "channelConveneRequest",
    "channelConveneConfirm",  "channelDisbandRequest",     "channelDisbandIndication",
    "channelAdmitRequest",    "channelAdmitIndication",    "channelExpelRequest",
    "channelExpelIndication", "sendDataRequest",           "sendDataIndication",
    "uniformSendDataRequest", "uniformSendDataIndication", "tokenGrabRequest",
    "tokenGrabConfirm",       "tokenInhibitRequest",       "tokenInhibitConfirm",
    "tokenGiveRequest",       "tokenGiveIndication",       "tokenGiveResponse",
    "tokenGiveConfirm",       "tokenPleaseRequest",        "tokenPleaseIndication",
    "tokenReleaseRequest",    "tokenReleaseConfirm",       "tokenTestRequest",
    "tokenTestConfirm",
};

constexpr std::array<std::string_view, 16> kResultNames = {
    "rt-successful",          "rt-domain-merging",      "rt-domain-not-hierarchical",
    "rt-no-such-channel",     "rt-no-such-domain",      "rt-no-such-user",
    "rt-not-admitted",        "rt-other-user-id",       "rt-parameters-unacceptable",
    "rt-token-not-available", "rt-token-not-possessed", "rt-too-many-channels",
    "rt-too-many-tokens",     "rt-too-many-users",      "rt-unspecified-failure",
    "rt-user-rejected",
};

constexpr std::string_view kReasonNames[] = {"rn-domain-disconnected", "rn-provider-initiated",
                                             "rn-token-purged", "rn-user-requested",
                                             "rn-channel-purged"};

std::string result_words(std::uint8_t result) {
  return fmt::format("{} {}", result, mcs_result_name(result).value_or("unknown"));
}

void skip_surplus(Reader& r) {
  if (!r.more()) return;
  const auto surplus = r.rest("surplus");
  r.expect(false, fmt::format("{} octets behind the last known field", surplus.size()));
}

// --- BER: the connect PDUs
// ------------------------------------------------------------------------

// A number without a sign in one to four octets, or five that begin with zero.
std::uint32_t read_number(Reader& r, std::string_view field, asn1::Tag tag = asn1::kInteger) {
  const auto at = r.offset();
  auto digits = asn1::read_primitive(r, tag, field, LengthForm::kAny);
  if (r.failed()) return 0;
  if (digits.size() == 5 && digits[0] == 0) digits = digits.subspan(1);
  if (digits.empty() || digits.size() > 4) {
    r.require(false, "is no number of one to four octets", field, at);
    return 0;
  }
  std::uint32_t value = 0;
  for (const auto octet : digits) value = value << 8 | octet;
  if (r.wants_fields()) r.value(std::to_string(value));
  return value;
}

void write_number(asn1::DerWriter& w, std::uint32_t value, asn1::Tag tag = asn1::kInteger) {
  std::array<std::uint8_t, 4> octets{};
  for (unsigned i = 0; i < 4; ++i) octets[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  ByteSpan digits(octets);
  while (digits.size() > 1 && digits[0] == 0) digits = digits.subspan(1);
  w.primitive(tag, digits);
}

DomainParameters read_parameters(Reader& outer, std::string_view field) {
  DomainParameters p;
  auto r = asn1::open(outer, asn1::kSequence, field, LengthForm::kAny);
  p.max_channel_ids = read_number(r, "maxChannelIds");
  p.max_user_ids = read_number(r, "maxUserIds");
  p.max_token_ids = read_number(r, "maxTokenIds");
  p.num_priorities = read_number(r, "numPriorities");
  p.min_throughput = read_number(r, "minThroughput");
  p.max_height = read_number(r, "maxHeight");
  p.max_mcs_pdu_size = read_number(r, "maxMCSPDUsize");
  p.protocol_version = read_number(r, "protocolVersion");
  return p;
}

void write(asn1::DerWriter& w, const DomainParameters& p) {
  const auto sequence = w.open(asn1::kSequence);
  for (const auto number :
       {p.max_channel_ids, p.max_user_ids, p.max_token_ids, p.num_priorities, p.min_throughput,
        p.max_height, p.max_mcs_pdu_size, p.protocol_version}) {
    write_number(w, number);
  }
}

bool read_boolean(Reader& r, std::string_view field) {
  const auto at = r.offset();
  const auto content = asn1::read_primitive(r, asn1::kBoolean, field, LengthForm::kAny);
  if (!r.failed()) r.require(content.size() == 1, "a BOOLEAN has one octet", field, at);
  return !content.empty() && content[0] != 0;
}

Bytes read_octets(Reader& r, std::string_view field) {
  const auto octets = asn1::read_primitive(r, asn1::kOctetString, field, LengthForm::kAny);
  if (r.wants_fields()) r.value(fmt::format("{} octets", octets.size()));
  return base::to_bytes(octets);
}

ConnectInitial read_connect_initial(Reader& outer) {
  ConnectInitial initial;
  auto r = asn1::open(outer, kConnectInitial, "Connect-Initial", LengthForm::kAny);
  initial.calling_domain_selector = read_octets(r, "callingDomainSelector");
  initial.called_domain_selector = read_octets(r, "calledDomainSelector");
  initial.upward_flag = read_boolean(r, "upwardFlag");
  initial.target = read_parameters(r, "targetParameters");
  initial.minimum = read_parameters(r, "minimumParameters");
  initial.maximum = read_parameters(r, "maximumParameters");
  initial.user_data = read_octets(r, "userData");
  return initial;
}

ConnectResponse read_connect_response(Reader& outer) {
  ConnectResponse response;
  auto r = asn1::open(outer, kConnectResponse, "Connect-Response", LengthForm::kAny);
  const auto at = r.offset();
  const auto result = read_number(r, "result", asn1::kEnumerated);
  r.require(result <= 0xFF, "is no result", "result", at);
  response.result = static_cast<std::uint8_t>(result);
  if (r.wants_fields()) r.value(result_words(response.result));
  r.expect(response.result < kResultNames.size(), "is no result that T.125 knows", "result", at);
  response.called_connect_id = read_number(r, "calledConnectId");
  response.parameters = read_parameters(r, "domainParameters");
  response.user_data = read_octets(r, "userData");
  return response;
}

// --- PER: everything else
// -------------------------------------------------------------------------

std::uint16_t read_user(Reader& r, std::string_view field) {
  const auto above = r.u16be(field);
  r.require(above <= 0xFFFF - kFirstUser, "is no user id that T.125 has", field);
  const auto id = static_cast<std::uint16_t>(above + kFirstUser);
  if (r.wants_fields()) r.value(std::to_string(id));
  return id;
}

void write_user(Writer& w, std::uint16_t id) {
  RDPWHY_CHECK(id >= kFirstUser);
  w.u16be(static_cast<std::uint16_t>(id - kFirstUser));
}

std::uint16_t read_channel(Reader& r, std::string_view field) {
  const auto id = r.u16be(field);
  if (r.wants_fields()) r.value(std::to_string(id));
  return id;
}

// Four bits over two octets. Some write the whole second octet instead.
std::uint8_t read_result(Reader& r, asn1::PerReader& bits) {
  auto result = static_cast<std::uint8_t>(bits.bits(kResultBits, "result"));
  const auto padding = bits.align("result");
  if (result == 0 && padding < kResultNames.size()) result = padding;
  if (r.wants_fields()) r.value(result_words(result));
  return result;
}

AttachUserConfirm read_attach_user_confirm(Reader& r, asn1::PerReader& bits) {
  AttachUserConfirm confirm;
  const bool has_initiator = bits.bit("initiator present");
  confirm.result = read_result(r, bits);
  if (has_initiator) confirm.initiator = read_user(r, "initiator");
  return confirm;
}

ChannelJoinConfirm read_channel_join_confirm(Reader& r, asn1::PerReader& bits) {
  ChannelJoinConfirm confirm;
  const bool has_channel = bits.bit("channelId present");
  confirm.result = read_result(r, bits);
  confirm.initiator = read_user(r, "initiator");
  confirm.requested = read_channel(r, "requested");
  if (has_channel) confirm.channel_id = read_channel(r, "channelId");
  return confirm;
}

SendData read_send_data(Reader& r, bool indication) {
  SendData data{.indication = indication};
  data.initiator = read_user(r, "initiator");
  data.channel_id = read_channel(r, "channelId");
  asn1::PerReader bits(r);
  data.priority = static_cast<std::uint8_t>(bits.bits(2, "dataPriority, segmentation"));
  data.segmentation = static_cast<std::uint8_t>(bits.bits(2, "segmentation"));
  bits.align("segmentation");
  r.expect(data.segmentation == 3, "is not whole: the data goes on in another PDU", "segmentation");
  const auto length = asn1::read_per_length(r, "userData length");
  data.user_data = base::to_bytes(r.bytes(length, "userData"));
  return data;
}

void note_padding(asn1::PerReader& bits) { bits.align("DomainMCSPDU"); }

McsPdu read_domain_pdu(Reader& r) {
  const auto whole = r.left();
  asn1::PerReader bits(r);
  const auto choice = static_cast<std::uint8_t>(bits.bits(kChoiceBits, "DomainMCSPDU"));
  const auto name = domain_pdu_name(choice);
  if (r.wants_fields()) r.value(fmt::format("{} {}", choice, name.value_or("unknown")));
  r.require(name.has_value(), fmt::format("{} is no DomainMCSPDU", choice), "DomainMCSPDU");
  switch (Choice{choice}) {
    case Choice::kErectDomainRequest: {
      note_padding(bits);
      ErectDomainRequest request;
      request.sub_height = asn1::read_per_unsigned(r, "subHeight");
      request.sub_interval = asn1::read_per_unsigned(r, "subInterval");
      return request;
    }
    case Choice::kAttachUserRequest:
      note_padding(bits);
      return AttachUserRequest{};
    case Choice::kAttachUserConfirm:
      return read_attach_user_confirm(r, bits);
    case Choice::kChannelJoinRequest: {
      note_padding(bits);
      ChannelJoinRequest request;
      request.initiator = read_user(r, "initiator");
      request.channel_id = read_channel(r, "channelId");
      return request;
    }
    case Choice::kChannelJoinConfirm:
      return read_channel_join_confirm(r, bits);
    case Choice::kSendDataRequest:
    case Choice::kSendDataIndication:
      note_padding(bits);
      return read_send_data(r, Choice{choice} == Choice::kSendDataIndication);
    case Choice::kDisconnectProviderUltimatum:
      break;  // read_ultimatum's
  }
  r.skip_rest("parameters");
  return OtherDomainPdu{.choice = choice, .size = static_cast<std::uint32_t>(whole)};
}

void write_choice(asn1::PerWriter& w, Choice choice) {
  w.bits(static_cast<std::uint8_t>(choice), kChoiceBits);
}

}  // namespace

std::optional<std::string_view> mcs_result_name(std::uint8_t result) {
  if (result >= kResultNames.size()) return std::nullopt;
  return kResultNames[result];
}

std::string disconnect_reason_name(std::uint8_t reason) {
  return reason < std::size(kReasonNames) ? std::string(kReasonNames[reason])
                                          : std::to_string(reason);
}

std::optional<std::string_view> domain_pdu_name(std::uint8_t choice) {
  if (choice >= kDomainPduNames.size()) return std::nullopt;
  return kDomainPduNames[choice];
}

bool next_is_ultimatum(const Reader& r) {
  constexpr unsigned kBehind = 8 - kChoiceBits;
  const auto ahead = r.peek(1);
  return !ahead.empty() && Choice{static_cast<std::uint8_t>(ahead[0] >> kBehind)} ==
                               Choice::kDisconnectProviderUltimatum;
}

DisconnectProviderUltimatum read_ultimatum(Reader& r) {
  asn1::PerReader bits(r);
  bits.bits(kChoiceBits, "disconnectProviderUltimatum");
  DisconnectProviderUltimatum ultimatum;
  ultimatum.reason = static_cast<std::uint8_t>(bits.bits(kReasonBits, "reason"));
  if (r.wants_fields()) r.value(disconnect_reason_name(ultimatum.reason));
  r.expect(ultimatum.reason < std::size(kReasonNames), "is no reason that T.125 knows", "reason");
  bits.align("reason");
  return ultimatum;
}

namespace {

/// By its identifier alone: what is wrong behind it is then said of that PDU.
bool begins_with(const Reader& r, asn1::Tag tag) {
  const auto ahead = r.peek(2);
  return ahead.size() == 2 && (std::uint32_t{ahead[0]} << 8 | ahead[1]) == tag.octets;
}

}  // namespace

std::expected<McsPdu, DecodeError> decode_mcs(ByteSpan user_data, Notes* notes) {
  Reader r(user_data, notes);
  McsPdu pdu;
  if (begins_with(r, kConnectInitial)) {
    pdu = read_connect_initial(r);
  } else if (begins_with(r, kConnectResponse)) {
    pdu = read_connect_response(r);
  } else if (next_is_ultimatum(r)) {
    pdu = read_ultimatum(r);
  } else {
    pdu = read_domain_pdu(r);
  }
  skip_surplus(r);
  return r.finish(std::move(pdu));
}

std::string_view title_of(const McsPdu& pdu) {
  struct Titles {
    std::string_view operator()(const ConnectInitial&) { return "MCS Connect-Initial"; }
    std::string_view operator()(const ConnectResponse&) { return "MCS Connect-Response"; }
    std::string_view operator()(const ErectDomainRequest&) { return "MCS Erect Domain Request"; }
    std::string_view operator()(const AttachUserRequest&) { return "MCS Attach User Request"; }
    std::string_view operator()(const AttachUserConfirm&) { return "MCS Attach User Confirm"; }
    std::string_view operator()(const ChannelJoinRequest&) { return "MCS Channel Join Request"; }
    std::string_view operator()(const ChannelJoinConfirm&) { return "MCS Channel Join Confirm"; }
    std::string_view operator()(const SendData& data) {
      return data.indication ? "MCS Send Data Indication" : "MCS Send Data Request";
    }
    std::string_view operator()(const DisconnectProviderUltimatum&) {
      return "MCS Disconnect Provider Ultimatum";
    }
    std::string_view operator()(const OtherDomainPdu&) { return "MCS PDU that RDP has no use for"; }
  };
  return std::visit(Titles{}, pdu);
}

Bytes encode(const ConnectInitial& initial) {
  asn1::DerWriter w;
  {
    const auto scope = w.open(kConnectInitial);
    w.octet_string(initial.calling_domain_selector).octet_string(initial.called_domain_selector);
    const std::uint8_t upward = initial.upward_flag ? 0xFF : 0;
    w.primitive(asn1::kBoolean, {&upward, 1});
    write(w, initial.target);
    write(w, initial.minimum);
    write(w, initial.maximum);
    w.octet_string(initial.user_data);
  }
  return w.take();
}

Bytes encode(const ConnectResponse& response) {
  asn1::DerWriter w;
  {
    const auto scope = w.open(kConnectResponse);
    write_number(w, response.result, asn1::kEnumerated);
    write_number(w, response.called_connect_id);
    write(w, response.parameters);
    w.octet_string(response.user_data);
  }
  return w.take();
}

Bytes encode(const ErectDomainRequest& request) {
  Writer w;
  {
    asn1::PerWriter bits(w);
    write_choice(bits, Choice::kErectDomainRequest);
  }
  asn1::write_per_unsigned(w, request.sub_height);
  asn1::write_per_unsigned(w, request.sub_interval);
  return w.take();
}

Bytes encode(const AttachUserRequest&) {
  Writer w;
  {
    asn1::PerWriter bits(w);
    write_choice(bits, Choice::kAttachUserRequest);
  }
  return w.take();
}

Bytes encode(const AttachUserConfirm& confirm) {
  Writer w;
  {
    asn1::PerWriter bits(w);
    write_choice(bits, Choice::kAttachUserConfirm);
    bits.bit(confirm.initiator.has_value()).bits(confirm.result, kResultBits);
  }
  if (confirm.initiator) write_user(w, *confirm.initiator);
  return w.take();
}

Bytes encode(const ChannelJoinRequest& request) {
  Writer w;
  {
    asn1::PerWriter bits(w);
    write_choice(bits, Choice::kChannelJoinRequest);
  }
  write_user(w, request.initiator);
  w.u16be(request.channel_id);
  return w.take();
}

Bytes encode(const ChannelJoinConfirm& confirm) {
  Writer w;
  {
    asn1::PerWriter bits(w);
    write_choice(bits, Choice::kChannelJoinConfirm);
    bits.bit(confirm.channel_id.has_value()).bits(confirm.result, kResultBits);
  }
  write_user(w, confirm.initiator);
  w.u16be(confirm.requested);
  if (confirm.channel_id) w.u16be(*confirm.channel_id);
  return w.take();
}

Bytes encode(const SendData& data) {
  Writer w;
  {
    asn1::PerWriter bits(w);
    write_choice(bits, data.indication ? Choice::kSendDataIndication : Choice::kSendDataRequest);
  }
  write_user(w, data.initiator);
  w.u16be(data.channel_id);
  {
    asn1::PerWriter bits(w);
    bits.bits(data.priority, 2).bits(data.segmentation, 2);
  }
  asn1::write_per_length(w, data.user_data.size());
  w.bytes(data.user_data);
  return w.take();
}

Bytes encode(const DisconnectProviderUltimatum& ultimatum) {
  Writer w;
  {
    asn1::PerWriter bits(w);
    write_choice(bits, Choice::kDisconnectProviderUltimatum);
    bits.bits(ultimatum.reason, kReasonBits);
  }
  return w.take();
}

}  // namespace rdpwhy::rdp
