#include "rdpwhy/rdp/autodetect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::uint8_t kPlainHeaderLength = 6;

/// One number behind the header.
struct Number {
  std::string_view name;
  std::optional<std::uint32_t> Autodetect::* member;
};
constexpr Number kBaseRtt{"baseRTT", &Autodetect::base_rtt};
constexpr Number kBandwidth{"bandwidth", &Autodetect::bandwidth};
constexpr Number kAverageRtt{"averageRTT", &Autodetect::average_rtt};
constexpr Number kTimeDelta{"timeDelta", &Autodetect::time_delta};
constexpr Number kByteCount{"byteCount", &Autodetect::byte_count};
constexpr Number kRtt{"rtt", &Autodetect::average_rtt};

/// headerLength counts the header and the numbers, but neither payloadLength nor the payload.
struct Layout {
  std::uint8_t header_type;
  std::uint16_t type;
  std::string_view name;
  std::array<Number, 3> numbers = {};
  bool has_payload = false;

  [[nodiscard]] std::span<const Number> present() const {
    const auto end =
        std::ranges::find_if(numbers, [](const Number& number) { return number.name.empty(); });
    return {numbers.begin(), end};
  }
};

constexpr auto kRequest = Autodetect::kRequestHeader;
constexpr auto kResponse = Autodetect::kResponseHeader;
constexpr Layout kLayouts[] = {
    {kRequest, Autodetect::kRttContinuous, "RTT Measure Request"},
    {kRequest, Autodetect::kRttConnectTime, "RTT Measure Request"},
    {kRequest, Autodetect::kBandwidthStartConnectTime, "Bandwidth Measure Start"},
    {kRequest, Autodetect::kBandwidthStartReliable, "Bandwidth Measure Start"},
    {kRequest, Autodetect::kBandwidthStartLossy, "Bandwidth Measure Start"},
    {kRequest, Autodetect::kBandwidthPayload, "Bandwidth Measure Payload", {}, true},
    {kRequest, Autodetect::kBandwidthStopConnectTime, "Bandwidth Measure Stop", {}, true},
    {kRequest, Autodetect::kBandwidthStopReliable, "Bandwidth Measure Stop"},
    {kRequest, Autodetect::kBandwidthStopLossy, "Bandwidth Measure Stop"},
    {kRequest,
     Autodetect::kResultBaseAndAverageRtt,
     "Network Characteristics Result",
     {kBaseRtt, kAverageRtt}},
    {kRequest,
     Autodetect::kResultBandwidthAndAverageRtt,
     "Network Characteristics Result",
     {kBandwidth, kAverageRtt}},
    {kRequest,
     Autodetect::kResultAll,
     "Network Characteristics Result",
     {kBaseRtt, kBandwidth, kAverageRtt}},
    {kResponse, Autodetect::kRttResponse, "RTT Measure Response"},
    {kResponse,
     Autodetect::kBandwidthResultsConnectTime,
     "Bandwidth Measure Results",
     {kTimeDelta, kByteCount}},
    {kResponse,
     Autodetect::kBandwidthResultsContinuous,
     "Bandwidth Measure Results",
     {kTimeDelta, kByteCount}},
    {kResponse, Autodetect::kSync, "Network Characteristics Sync", {kBandwidth, kRtt}},
};

const Layout* layout_of(std::uint8_t header_type, std::uint16_t type) {
  const auto* found = std::ranges::find_if(kLayouts, [&](const Layout& layout) {
    return layout.header_type == header_type && layout.type == type;
  });
  return found == std::end(kLayouts) ? nullptr : found;
}

std::uint8_t header_length(const Layout& layout) {
  return static_cast<std::uint8_t>(kPlainHeaderLength + 4 * layout.present().size());
}

void read_content(Reader& r, const Layout& layout, std::uint8_t length, Autodetect& pdu) {
  if (length != header_length(layout)) {
    r.expect(false, fmt::format("is {}, not {}", length, header_length(layout)), "headerLength", 0);
  }
  for (const auto& number : layout.present()) {
    pdu.*number.member = r.u32le(number.name);
    if (r.wants_fields()) r.value(std::to_string(*(pdu.*number.member)));
  }
  if (!layout.has_payload) return;
  pdu.payload_size = r.u16le("payloadLength");
  if (*pdu.payload_size > 0) r.skip(*pdu.payload_size, "payload");
}

}  // namespace

std::optional<std::string_view> autodetect_name(std::uint8_t header_type, std::uint16_t type) {
  const auto* layout = layout_of(header_type, type);
  if (layout == nullptr) return std::nullopt;
  return layout->name;
}

std::expected<Autodetect, DecodeError> decode_autodetect(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  Autodetect pdu;
  const auto length = r.u8("headerLength");
  pdu.header_type = r.u8("headerTypeId");
  r.require(pdu.header_type <= Autodetect::kResponseHeader,
            base::to_hex_number(pdu.header_type, 2) + " is neither a request nor a response",
            "headerTypeId");
  pdu.sequence_number = r.u16le("sequenceNumber");
  pdu.type = r.u16le(pdu.is_request() ? "requestType" : "responseType");
  const auto* layout = layout_of(pdu.header_type, pdu.type);
  if (r.wants_fields()) {
    r.value(fmt::format("{} {}", base::to_hex_number(pdu.type, 4),
                        layout == nullptr ? "unknown" : layout->name));
  }
  if (layout != nullptr) {
    read_content(r, *layout, length, pdu);
  } else {
    r.expect(false, base::to_hex_number(pdu.type, 4) + " is a type without a meaning",
             pdu.is_request() ? "requestType" : "responseType");
    r.skip_rest("unknown");
  }
  return r.finish(pdu);
}

Bytes encode(const Autodetect& pdu) {
  const auto* layout = layout_of(pdu.header_type, pdu.type);
  RDPWHY_CHECK(layout != nullptr);
  Writer w;
  w.u8(header_length(*layout)).u8(pdu.header_type).u16le(pdu.sequence_number).u16le(pdu.type);
  for (const auto& number : layout->present()) w.u32le((pdu.*number.member).value_or(0));
  if (layout->has_payload) {
    const auto size = pdu.payload_size.value_or(0);
    w.u16le(size).zeros(size);
  }
  return w.take();
}

}  // namespace rdpwhy::rdp
