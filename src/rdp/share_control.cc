#include "rdpwhy/rdp/share_control.h"

#include <fmt/format.h>

#include "rdp/bit_names.h"
#include "rdp/texts.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::uint16_t kTypeMask = 0x0F;
constexpr std::uint16_t kVersionMask = 0xFFF0;
constexpr std::size_t kShortHeader = 4;  // without pduSource
constexpr std::size_t kCountSize = 4;    // numberCapabilities and pad2Octets

constexpr BitName kTypeNames[] = {
    {1, "PDUTYPE_DEMANDACTIVEPDU"},   {3, "PDUTYPE_CONFIRMACTIVEPDU"},
    {6, "PDUTYPE_DEACTIVATEALLPDU"},  {7, "PDUTYPE_DATAPDU"},
    {10, "PDUTYPE_SERVER_REDIR_PKT"},
};

constexpr BitName kFlowNames[] = {
    {0x41, "FLOW_TEST_PDU"},
    {0x42, "FLOW_RESPONSE_PDU"},
    {0x43, "FLOW_STOP_PDU"},
};

std::uint16_t u16le(ByteSpan octets, std::size_t at) {
  return static_cast<std::uint16_t>(octets[at] | octets[at + 1] << 8);
}

std::string read_source_descriptor(Reader& r, std::uint16_t size) {
  auto text = read_ansi(r, size, "sourceDescriptor");
  const bool ends = !text.empty() && text.back() == '\0';
  r.expect(ends || size == 0, "is not ended by a null character", "sourceDescriptor");
  if (ends) text.pop_back();
  return text;
}

/// From numberCapabilities on. The count leads, and `combined` is compared: servers get it wrong.
std::vector<CapabilitySet> read_capabilities(Reader& r, std::uint16_t combined) {
  const auto begin = r.offset();
  const auto count = r.u16le("numberCapabilities");
  if (r.wants_fields()) r.value(std::to_string(count));
  r.u16le("pad2Octets");
  auto sets = read_capability_sets(r, count);
  const auto taken = r.offset() - begin;
  if (taken != combined && !r.failed()) {
    r.expect(false, fmt::format("is {}, the capability sets take {}", combined, taken),
             "lengthCombinedCapabilities", begin);
  }
  return sets;
}

DemandActive read_demand_active(Reader& r) {
  DemandActive pdu;
  pdu.share_id = r.u32le("shareId");
  const auto descriptor = r.u16le("lengthSourceDescriptor");
  const auto combined = r.u16le("lengthCombinedCapabilities");
  pdu.source_descriptor = read_source_descriptor(r, descriptor);
  pdu.capability_sets = read_capabilities(r, combined);
  if (r.more()) pdu.session_id = r.u32le("sessionId");
  return pdu;
}

ConfirmActive read_confirm_active(Reader& r) {
  ConfirmActive pdu;
  pdu.share_id = r.u32le("shareId");
  pdu.originator_id = r.u16le("originatorId");
  r.expect(pdu.originator_id == ConfirmActive::kOriginatorId, "is not 0x03ea", "originatorId");
  const auto descriptor = r.u16le("lengthSourceDescriptor");
  const auto combined = r.u16le("lengthCombinedCapabilities");
  pdu.source_descriptor = read_source_descriptor(r, descriptor);
  pdu.capability_sets = read_capabilities(r, combined);
  return pdu;
}

DeactivateAll read_deactivate_all(Reader& r) {
  DeactivateAll pdu;
  if (!r.more()) return pdu;
  pdu.share_id = r.u32le("shareId");
  if (!r.more()) return pdu;
  const auto size = r.u16le("lengthSourceDescriptor");
  pdu.source_descriptor = read_source_descriptor(r, size);
  return pdu;
}

ServerRedirection read_redirection(Reader& r) {
  r.u16le("pad2Octets");
  auto redirection = read_server_redirection(r);
  if (r.more()) r.skip_rest("pad1Octet");
  return redirection;
}

ShareControlContent read_content(Reader& r, std::uint8_t type) {
  switch (ShareControlType{type}) {
    case ShareControlType::kDemandActive:
      return read_demand_active(r);
    case ShareControlType::kConfirmActive:
      return read_confirm_active(r);
    case ShareControlType::kDeactivateAll:
      return read_deactivate_all(r);
    case ShareControlType::kData:
      return read_share_data(r);
    case ShareControlType::kServerRedirection:
      return read_redirection(r);
  }
  if (r.more()) r.skip_rest("content");
  return OtherShareControl{};
}

ShareControl read_flow(Reader& r) {
  r.u16le("flowMarker");
  r.u8("pad8bits");
  FlowControl flow{.type = r.u8("pduTypeFlow")};
  if (r.wants_fields()) r.value(number_text(flow.type, 2, kFlowNames));
  r.u8("flowIdentifier");
  r.u8("flowNumber");
  ShareControl pdu;
  pdu.pdu_source = r.u16le("pduSource");
  pdu.content = flow;
  return pdu;
}

void read_total_length(Reader& r, std::size_t size) {
  const auto length = r.u16le("totalLength");
  if (r.wants_fields()) r.value(std::to_string(length));
  if (length < kShortHeader) {
    r.require(false, fmt::format("is {}, and the header itself has more", length), "totalLength");
  } else if (length > size && !r.failed()) {
    r.fail({.kind = DecodeError::Kind::kTruncated,
            .field = "PDU of totalLength",
            .offset = 0,
            .needed = length,
            .left = size});
  } else if (length < size) {
    r.require(false, fmt::format("is {}, and {} octets are there", length, size), "totalLength");
  }
}

ShareControl read_share_control(Reader& r, std::size_t size) {
  ShareControl pdu;
  read_total_length(r, size);
  const auto type = r.u16le("pduType");
  pdu.type = static_cast<std::uint8_t>(type & kTypeMask);
  if (r.wants_fields()) r.value(number_text(pdu.type, 1, kTypeNames));
  // 2.2.13.3.1: a redirection has the version 0, though not every server knows it.
  const bool is_redirection = ShareControlType{pdu.type} == ShareControlType::kServerRedirection;
  r.expect((type & kVersionMask) == ShareControl::kVersion ||
               (is_redirection && (type & kVersionMask) == 0),
           fmt::format("says version {:#x}, not 0x10", type & kVersionMask), "pduType");
  if (r.more()) pdu.pdu_source = r.u16le("pduSource");
  pdu.content_size = static_cast<std::uint32_t>(r.left());
  pdu.content = read_content(r, pdu.type);
  if (const auto left = r.left(); left > 0) {
    r.skip_rest("unknown");
    r.expect(false, fmt::format("{} octets follow the last field", left), "unknown");
  }
  return pdu;
}

void write_header(Writer& w, std::size_t content_size, ShareControlType type,
                  std::uint16_t pdu_source) {
  const auto size = content_size + ShareControl::kHeaderSize;
  RDPWHY_CHECK(size < ShareControl::kFlowMarker);
  w.u16le(static_cast<std::uint16_t>(size));
  const auto version =
      type == ShareControlType::kServerRedirection ? std::uint16_t{0} : ShareControl::kVersion;
  w.u16le(static_cast<std::uint16_t>(version | std::to_underlying(type)));
  w.u16le(pdu_source);
}

Bytes with_header(const Writer& content, ShareControlType type, std::uint16_t pdu_source) {
  Writer w;
  write_header(w, content.size(), type, pdu_source);
  return w.bytes(content.view()).take();
}

/// Lengths, descriptor and sets, as both PDUs have them.
void write_capabilities(Writer& w, std::string_view descriptor,
                        const std::vector<CapabilitySet>& sets) {
  Writer octets;
  octets.u16le(static_cast<std::uint16_t>(sets.size())).u16le(0);
  for (const auto& set : sets) write(octets, set);
  RDPWHY_CHECK(octets.size() >= kCountSize && octets.size() <= 0xFFFF);
  w.u16le(static_cast<std::uint16_t>(descriptor.size() + 1));
  w.u16le(static_cast<std::uint16_t>(octets.size()));
  w.text(descriptor).u8(0).bytes(octets.view());
}

}  // namespace

std::optional<std::string_view> share_control_type_name(std::uint8_t type) {
  const auto name = name_of_number(type, kTypeNames);
  if (name.empty()) return std::nullopt;
  return name;
}

std::optional<std::size_t> share_control_size(ByteSpan user_data) {
  if (user_data.size() < kShortHeader) return std::nullopt;
  const auto length = u16le(user_data, 0);
  if (length == ShareControl::kFlowMarker) return ShareControl::kFlowSize;
  if (length < kShortHeader) return std::nullopt;
  return length;
}

std::expected<ShareControl, DecodeError> decode_share_control(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  const bool is_flow = octets.size() >= 2 && u16le(octets, 0) == ShareControl::kFlowMarker;
  auto pdu = is_flow ? read_flow(r) : read_share_control(r, octets.size());
  return r.finish(std::move(pdu));
}

Bytes encode(const DemandActive& pdu, std::uint16_t pdu_source) {
  Writer w;
  w.u32le(pdu.share_id);
  write_capabilities(w, pdu.source_descriptor, pdu.capability_sets);
  if (pdu.session_id) w.u32le(*pdu.session_id);
  return with_header(w, ShareControlType::kDemandActive, pdu_source);
}

Bytes encode(const ConfirmActive& pdu, std::uint16_t pdu_source) {
  Writer w;
  w.u32le(pdu.share_id).u16le(pdu.originator_id);
  write_capabilities(w, pdu.source_descriptor, pdu.capability_sets);
  return with_header(w, ShareControlType::kConfirmActive, pdu_source);
}

Bytes encode(const DeactivateAll& pdu, std::uint16_t pdu_source) {
  Writer w;
  if (pdu.share_id) {
    w.u32le(*pdu.share_id).u16le(static_cast<std::uint16_t>(pdu.source_descriptor.size() + 1));
    w.text(pdu.source_descriptor).u8(0);
  }
  return with_header(w, ShareControlType::kDeactivateAll, pdu_source);
}

Bytes encode(const ShareDataContent& content, std::uint32_t share_id, std::uint16_t pdu_source) {
  Writer w;
  write_share_data(w, share_id, content);
  return with_header(w, ShareControlType::kData, pdu_source);
}

Secret encode(const ServerRedirection& redirection, const Secret& password,
              std::uint16_t pdu_source) {
  const auto packet = encode(redirection, password);
  const auto size = packet.reveal().size() + 2;
  Writer head;
  write_header(head, size, ShareControlType::kServerRedirection, pdu_source);
  head.u16le(0);
  Bytes octets;
  octets.reserve(head.size() + packet.reveal().size());
  for (const auto part : {head.view(), packet.reveal()}) {
    octets.insert(octets.end(), part.begin(), part.end());
  }
  return Secret(std::move(octets));
}

}  // namespace rdpwhy::rdp
