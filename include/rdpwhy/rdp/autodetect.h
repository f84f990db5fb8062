#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

// MS-RDPBCGR 2.2.14 network characteristics detection, behind the security header.
namespace rdpwhy::rdp {

/// 2.2.14.1 and 2.2.14.2: the requestType or responseType says which of the numbers are there.
struct Autodetect {
  static constexpr std::uint8_t kRequestHeader = 0x00;   ///< TYPE_ID_AUTODETECT_REQUEST
  static constexpr std::uint8_t kResponseHeader = 0x01;  ///< TYPE_ID_AUTODETECT_RESPONSE

  // Requests.
  static constexpr std::uint16_t kRttContinuous = 0x0001;
  static constexpr std::uint16_t kRttConnectTime = 0x1001;
  static constexpr std::uint16_t kBandwidthStartConnectTime = 0x1014;
  static constexpr std::uint16_t kBandwidthStartReliable = 0x0014;
  static constexpr std::uint16_t kBandwidthStartLossy = 0x0114;
  static constexpr std::uint16_t kBandwidthPayload = 0x0002;
  static constexpr std::uint16_t kBandwidthStopConnectTime = 0x002B;
  static constexpr std::uint16_t kBandwidthStopReliable = 0x0429;
  static constexpr std::uint16_t kBandwidthStopLossy = 0x0629;
  static constexpr std::uint16_t kResultBaseAndAverageRtt = 0x0840;
  static constexpr std::uint16_t kResultBandwidthAndAverageRtt = 0x0880;
  static constexpr std::uint16_t kResultAll = 0x08C0;
  // Responses.
  static constexpr std::uint16_t kRttResponse = 0x0000;
  static constexpr std::uint16_t kBandwidthResultsConnectTime = 0x0003;
  static constexpr std::uint16_t kBandwidthResultsContinuous = 0x000B;
  static constexpr std::uint16_t kSync = 0x0018;

  std::uint8_t header_type = kRequestHeader;
  std::uint16_t sequence_number = 0;
  std::uint16_t type = 0;
  std::optional<std::uint16_t> payload_size;  ///< of random octets, which are not kept
  std::optional<std::uint32_t> base_rtt;      ///< milliseconds
  std::optional<std::uint32_t> bandwidth;     ///< kilobits per second
  std::optional<std::uint32_t> average_rtt;   ///< milliseconds
  std::optional<std::uint32_t> time_delta;    ///< milliseconds
  std::optional<std::uint32_t> byte_count;

  [[nodiscard]] bool is_request() const { return header_type == kRequestHeader; }
  friend bool operator==(const Autodetect&, const Autodetect&) = default;
};

/// "RTT Measure Request", "Bandwidth Measure Stop", ...; nothing for an unknown type.
[[nodiscard]] std::optional<std::string_view> autodetect_name(std::uint8_t header_type,
                                                              std::uint16_t type);

[[nodiscard]] std::expected<Autodetect, DecodeError> decode_autodetect(ByteSpan octets,
                                                                       Notes* notes = nullptr);
/// The numbers that the type has; absent ones are zero. A payload is written as zeros.
[[nodiscard]] Bytes encode(const Autodetect& pdu);

}  // namespace rdpwhy::rdp
