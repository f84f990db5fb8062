#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/rdp/capabilities.h"
#include "rdpwhy/rdp/redirection.h"
#include "rdpwhy/rdp/share_data.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.8.1.1.1.1 TS_SHARECONTROLHEADER, the low four bits of pduType.
enum class ShareControlType : std::uint8_t {
  kDemandActive = 1,
  kConfirmActive = 3,
  kDeactivateAll = 6,
  kData = 7,
  kServerRedirection = 10,
};
/// "PDUTYPE_DEMANDACTIVEPDU", ...; nothing for an unknown one.
[[nodiscard]] std::optional<std::string_view> share_control_type_name(std::uint8_t type);

/// MS-RDPBCGR 2.2.1.13.1.1 TS_DEMAND_ACTIVE_PDU
struct DemandActive {
  std::uint32_t share_id = 0;
  std::string source_descriptor;
  std::vector<CapabilitySet> capability_sets;
  std::optional<std::uint32_t> session_id;  ///< absent in the PDUs of some servers
  friend bool operator==(const DemandActive&, const DemandActive&) = default;
};

/// MS-RDPBCGR 2.2.1.13.2.1 TS_CONFIRM_ACTIVE_PDU
struct ConfirmActive {
  static constexpr std::uint16_t kOriginatorId = 0x03EA;
  std::uint32_t share_id = 0;
  std::uint16_t originator_id = kOriginatorId;
  std::string source_descriptor;
  std::vector<CapabilitySet> capability_sets;
  friend bool operator==(const ConfirmActive&, const ConfirmActive&) = default;
};

/// MS-RDPBCGR 2.2.3.1.1 TS_DEACTIVATE_ALL_PDU. Some servers send nothing behind the header.
struct DeactivateAll {
  std::optional<std::uint32_t> share_id;
  std::string source_descriptor;
  friend bool operator==(const DeactivateAll&, const DeactivateAll&) = default;
};

/// A flow control PDU of T.128, whose totalLength reads 0x8000: Windows sends them to old clients.
struct FlowControl {
  std::uint8_t type = 0;  ///< 0x41 test, 0x42 response, 0x43 stop
  friend bool operator==(const FlowControl&, const FlowControl&) = default;
};

/// A pduType without a meaning here.
struct OtherShareControl {
  friend bool operator==(const OtherShareControl&, const OtherShareControl&) = default;
};

using ShareControlContent = std::variant<OtherShareControl, DemandActive, ConfirmActive,
                                         DeactivateAll, ShareData, ServerRedirection, FlowControl>;

struct ShareControl {
  static constexpr std::size_t kHeaderSize = 6;
  static constexpr std::uint16_t kVersion = 0x10;
  static constexpr std::uint16_t kFlowMarker = 0x8000;
  static constexpr std::size_t kFlowSize = 8;

  std::uint8_t type = 0;           ///< ShareControlType, or unknown
  std::uint16_t pdu_source = 0;    ///< channel of who sends it; 0 where the header ends before it
  std::uint32_t content_size = 0;  ///< octets behind the header
  ShareControlContent content;
  friend bool operator==(const ShareControl&, const ShareControl&) = default;
};

/// How many octets the first PDU of some user data takes: a server may put several into one. More
/// than there is is the decoder's error to say; nothing where the header is not whole or says less
/// than itself.
[[nodiscard]] std::optional<std::size_t> share_control_size(ByteSpan user_data);

/// One PDU and nothing behind it.
[[nodiscard]] std::expected<ShareControl, DecodeError> decode_share_control(ByteSpan pdu,
                                                                            Notes* notes = nullptr);

[[nodiscard]] Bytes encode(const DemandActive& pdu, std::uint16_t pdu_source);
[[nodiscard]] Bytes encode(const ConfirmActive& pdu, std::uint16_t pdu_source);
[[nodiscard]] Bytes encode(const DeactivateAll& pdu, std::uint16_t pdu_source);
/// A data PDU; see write_share_data for which.
[[nodiscard]] Bytes encode(const ShareDataContent& content, std::uint32_t share_id,
                           std::uint16_t pdu_source);
/// 2.2.13.3.1 TS_ENHANCED_SECURITY_SERVER_REDIRECTION
[[nodiscard]] Secret encode(const ServerRedirection& redirection, const Secret& password,
                            std::uint16_t pdu_source);

}  // namespace rdpwhy::rdp
