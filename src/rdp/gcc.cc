#include "rdpwhy/rdp/gcc.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/asn1/per.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

// T.124 8.7: the object identifier 0.0.20.124.0.1, as the choice of Key and its length precede it.
constexpr std::uint8_t kConnectDataKey[] = {0x00, 0x05, 0x00, 0x14, 0x7C, 0x00, 0x01};
// ConnectGCCPDU, a choice of eight that may grow.
constexpr unsigned kChoiceBits = 3;
constexpr std::uint16_t kCreateRequest = 0;
constexpr std::uint16_t kCreateResponse = 1;
// ConferenceCreateRequest's optional parts; RDP uses the last one alone.
constexpr unsigned kOptionalParts = 8;
constexpr std::uint16_t kUserDataOnly = 1;
constexpr std::uint16_t kFirstUser = 1001;  // T.124 8.7, UserID ::= DynamicChannelID
// MS-RDPBCGR 4.1.4: what Windows writes as the length of the response, whatever it is, and so does
// everybody else; clients pass it over.
constexpr std::uint16_t kLengthOfEveryResponse = 0x2A;

constexpr std::string_view kResultNames[] = {"success", "userRejected", "resourcesNotAvailable",
                                             "rejectedForSymmetryBreaking",
                                             "lockedConferenceNotSupported"};

// ConnectData: its key, then the length of the PDU.
std::uint16_t read_connect_data(Reader& r) {
  const auto key = r.bytes(sizeof kConnectDataKey, "t124Identifier");
  if (r.wants_fields()) r.value("0.0.20.124.0.1");
  if (!r.failed()) {
    r.require(base::equal(key, ByteSpan(kConnectDataKey)), "is not T.124's", "t124Identifier");
  }
  return asn1::read_per_length(r, "connectPDU length");
}

void expect_length(Reader& r, std::uint16_t said, std::size_t left, std::uint64_t at) {
  if (said == left || r.failed()) return;
  r.expect(false, fmt::format("says {} octets, {} follow", said, left), "connectPDU length", at);
}

void require_choice(Reader& r, std::uint16_t choice, std::uint16_t wanted, std::string_view name) {
  if (r.failed()) return;
  if (r.wants_fields()) r.value(std::string(name));
  if (choice == wanted) return;
  r.require(false, fmt::format("{} is not the choice of {}", choice, name), "ConnectGCCPDU");
}

void read_conference_name(Reader& r, asn1::PerReader& bits, std::string& name) {
  r.require(!bits.bit("conferenceName extension"), "is an extension that RDP does not use",
            "conferenceName");
  r.require(!bits.bit("text present"), "has a text, which RDP does not use", "conferenceName");
  const auto digits = bits.bits(8, "numeric length") + 1u;
  bits.align("numeric");
  name.clear();
  for (unsigned i = 0; i < digits && !r.failed(); ++i) {
    const auto digit = bits.bits(4, "numeric");
    r.require(digit <= 9, "is no digit", "numeric");
    name += static_cast<char>('0' + digit);
  }
  if (r.wants_fields()) r.value('"' + name + '"');
}

// T.124 8.7 UserData: a set of one element, with h221NonStandard key and a value.
void read_user_data(Reader& r, H221Key& key, const H221Key& expected, Bytes& user_data) {
  const auto elements = asn1::read_per_length(r, "userData elements");
  r.require(elements >= 1, "holds nothing", "userData elements");
  r.expect(elements == 1, "is not one", "userData elements");
  asn1::PerReader bits(r);
  const bool has_value = bits.bit("value present, h221NonStandard");
  const bool is_h221 = bits.bit("h221NonStandard");
  r.require(has_value && is_h221, "is no value with an h221NonStandard key", "userData");
  const auto octets = bits.bits(8, "h221NonStandard length") + 4u;
  bits.align("h221NonStandard");
  r.require(octets == key.size(), "is not four octets", "h221NonStandard");
  const auto at = r.offset();
  const auto read = r.bytes(r.failed() ? 0 : key.size(), "h221NonStandard");
  if (r.wants_fields()) r.value('"' + base::printable(base::as_text(read)) + '"');
  std::ranges::copy(read, key.begin());
  r.expect(key == expected, "is not the key of this side", "h221NonStandard", at);
  const auto length = asn1::read_per_length(r, "userData length");
  user_data = base::to_bytes(r.bytes(r.failed() ? 0 : length, "userData"));
  if (!r.more()) return;
  const auto surplus = r.rest("surplus");
  r.expect(false, fmt::format("{} octets behind the last known field", surplus.size()));
}

void write_user_data(Writer& w, const H221Key& key, ByteSpan user_data) {
  asn1::write_per_length(w, 1);
  {
    asn1::PerWriter bits(w);
    bits.bit(true).bit(true).bits(0, 8);
  }
  w.bytes(key);
  asn1::write_per_length(w, user_data.size());
  w.bytes(user_data);
}

}  // namespace

std::optional<std::string_view> conference_result_name(std::uint8_t result) {
  if (result >= std::size(kResultNames)) return std::nullopt;
  return kResultNames[result];
}

std::expected<ConferenceCreateRequest, DecodeError> decode_conference_create_request(ByteSpan bytes,
                                                                                     Notes* notes) {
  Reader r(bytes, notes);
  ConferenceCreateRequest request;
  const auto length = read_connect_data(r);
  expect_length(r, length, r.left(), sizeof kConnectDataKey);
  asn1::PerReader bits(r);
  r.require(!bits.bit("ConnectGCCPDU"), "is an extension that RDP does not use", "ConnectGCCPDU");
  require_choice(r, bits.bits(kChoiceBits, "ConnectGCCPDU"), kCreateRequest,
                 "conferenceCreateRequest");
  r.require(!bits.bit("extension"), "is an extension that RDP does not use",
            "conferenceCreateRequest");
  const auto optional = bits.bits(kOptionalParts, "optional parts");
  r.require(optional == kUserDataOnly, "has other optional parts than userData",
            "conferenceCreateRequest");
  read_conference_name(r, bits, request.conference_name);
  bits.bits(3, "lockedConference, listedConference, conductibleConference");
  const auto termination = bits.bits(2, "terminationMethod");
  r.expect(termination < 2, "is an extension that RDP does not use", "terminationMethod");
  bits.align("terminationMethod");
  read_user_data(r, request.key, kClientToServerKey, request.user_data);
  return r.finish(std::move(request));
}

Bytes encode(const ConferenceCreateRequest& request) {
  const auto& name = request.conference_name;
  RDPWHY_CHECK(!name.empty() && name.size() <= 255);
  Writer pdu;
  {
    asn1::PerWriter bits(pdu);
    bits.bit(false).bits(kCreateRequest, kChoiceBits);
    bits.bit(false).bits(kUserDataOnly, kOptionalParts);
    bits.bit(false).bit(false).bits(static_cast<std::uint16_t>(name.size() - 1), 8);
    bits.align();
    for (const auto digit : name) bits.bits(static_cast<std::uint16_t>(digit - '0'), 4);
    bits.bits(0, 3).bits(0, 2);
  }
  write_user_data(pdu, request.key, request.user_data);
  Writer w;
  w.bytes(kConnectDataKey);
  asn1::write_per_length(w, pdu.size());
  w.bytes(pdu.view());
  return w.take();
}

std::expected<ConferenceCreateResponse, DecodeError> decode_conference_create_response(
    ByteSpan bytes, Notes* notes) {
  Reader r(bytes, notes);
  ConferenceCreateResponse response;
  const auto length = read_connect_data(r);
  if (length != kLengthOfEveryResponse) expect_length(r, length, r.left(), sizeof kConnectDataKey);
  asn1::PerReader bits(r);
  r.require(!bits.bit("ConnectGCCPDU"), "is an extension that RDP does not use", "ConnectGCCPDU");
  require_choice(r, bits.bits(kChoiceBits, "ConnectGCCPDU"), kCreateResponse,
                 "conferenceCreateResponse");
  r.require(!bits.bit("extension"), "is an extension that RDP does not use",
            "conferenceCreateResponse");
  const bool has_user_data = bits.bit("userData present");
  bits.align("conferenceCreateResponse");
  const auto node = r.u16be("nodeID");
  r.require(node <= 0xFFFF - kFirstUser, "is no user id that T.124 has", "nodeID");
  response.node_id = static_cast<std::uint16_t>(node + kFirstUser);
  if (r.wants_fields()) r.value(std::to_string(response.node_id));
  response.tag = asn1::read_per_unsigned(r, "tag");
  r.require(!bits.bit("result"), "is an extension that RDP does not use", "result");
  response.result = static_cast<std::uint8_t>(bits.bits(3, "result"));
  const auto padding = bits.align("result");
  // FreeRDP and others write a whole octet where T.124 has three bits.
  if (response.result == 0 && padding < std::size(kResultNames)) response.result = padding;
  if (r.wants_fields()) {
    r.value(fmt::format("{} {}", response.result,
                        conference_result_name(response.result).value_or("unknown")));
  }
  if (has_user_data) {
    read_user_data(r, response.key, kServerToClientKey, response.user_data);
  } else {
    r.expect(false, "has no userData", "conferenceCreateResponse");
    r.skip_rest("surplus");
  }
  return r.finish(std::move(response));
}

Bytes encode(const ConferenceCreateResponse& response) {
  RDPWHY_CHECK(response.node_id >= kFirstUser);
  Writer w;
  w.bytes(kConnectDataKey);
  asn1::write_per_length(w, kLengthOfEveryResponse);
  asn1::PerWriter bits(w);
  bits.bit(false).bits(kCreateResponse, kChoiceBits).bit(false).bit(true);
  bits.align();
  w.u16be(static_cast<std::uint16_t>(response.node_id - kFirstUser));
  asn1::write_per_unsigned(w, response.tag);
  bits.bit(false).bits(response.result, 3);
  bits.align();
  write_user_data(w, response.key, response.user_data);
  return w.take();
}

}  // namespace rdpwhy::rdp
