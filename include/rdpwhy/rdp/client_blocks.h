#pragma once

#include <array>
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

// MS-RDPBCGR 2.2.1.3: the data blocks of a client's MCS Connect Initial PDU, each behind a header
// of type and length.
namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.1.3.2 Client Core Data (TS_UD_CS_CORE). The fields from post_beta2_color_depth on
/// are optional: where one is absent, so are all behind it.
struct ClientCoreData {
  static constexpr std::uint16_t kType = 0xC001;

  std::uint32_t version = 0x00080004;
  std::uint16_t desktop_width = 0;
  std::uint16_t desktop_height = 0;
  std::uint16_t color_depth = 0;
  std::uint16_t sas_sequence = 0xAA03;
  std::uint32_t keyboard_layout = 0;
  std::uint32_t client_build = 0;
  std::string client_name;  ///< UTF-8; on the wire at most 15 units of UTF-16
  std::uint32_t keyboard_type = 0;
  std::uint32_t keyboard_sub_type = 0;
  std::uint32_t keyboard_function_key = 0;
  std::string ime_file_name;  ///< at most 31 units

  std::optional<std::uint16_t> post_beta2_color_depth;
  std::optional<std::uint16_t> client_product_id;
  std::optional<std::uint32_t> serial_number;
  std::optional<std::uint16_t> high_color_depth;
  std::optional<std::uint16_t> supported_color_depths;
  std::optional<std::uint16_t> early_capability_flags;
  std::optional<std::string> client_dig_product_id;  ///< at most 31 units
  std::optional<std::uint8_t> connection_type;
  std::optional<std::uint8_t> pad1;
  std::optional<std::uint32_t> server_selected_protocol;
  std::optional<std::uint32_t> desktop_physical_width;
  std::optional<std::uint32_t> desktop_physical_height;
  std::optional<std::uint16_t> desktop_orientation;
  std::optional<std::uint32_t> desktop_scale_factor;
  std::optional<std::uint32_t> device_scale_factor;

  friend bool operator==(const ClientCoreData&, const ClientCoreData&) = default;
};

/// MS-RDPBCGR 2.2.1.3.2 earlyCapabilityFlags: names in bit order without RNS_UD_CS_, unknown bits
/// together as one hex string.
[[nodiscard]] std::vector<std::string> early_capability_names(std::uint16_t flags);

/// MS-RDPBCGR 2.2.1.3.3 Client Security Data (TS_UD_CS_SEC)
struct ClientSecurityData {
  static constexpr std::uint16_t kType = 0xC002;

  std::uint32_t encryption_methods = 0;
  std::uint32_t ext_encryption_methods = 0;  ///< of French clients, in place of the former

  friend bool operator==(const ClientSecurityData&, const ClientSecurityData&) = default;
};

/// MS-RDPBCGR 2.2.1.3.4.1 Channel Definition Structure (CHANNEL_DEF)
struct ChannelDefinition {
  std::string name;  ///< octets up to the terminator, at most 8
  std::uint32_t options = 0;

  friend bool operator==(const ChannelDefinition&, const ChannelDefinition&) = default;
};

/// MS-RDPBCGR 2.2.1.3.4 Client Network Data (TS_UD_CS_NET)
struct ClientNetworkData {
  static constexpr std::uint16_t kType = 0xC003;
  static constexpr std::size_t kMostChannels = 31;

  std::vector<ChannelDefinition> channels;

  friend bool operator==(const ClientNetworkData&, const ClientNetworkData&) = default;
};

/// MS-RDPBCGR 2.2.1.3.5 Client Cluster Data (TS_UD_CS_CLUSTER)
struct ClientClusterData {
  static constexpr std::uint16_t kType = 0xC004;
  static constexpr std::uint32_t kRedirectionSupported = 0x01;
  static constexpr std::uint32_t kRedirectedSessionIdFieldValid = 0x02;
  static constexpr std::uint32_t kRedirectedSmartcard = 0x40;

  std::uint32_t flags = 0;
  std::uint32_t redirected_session_id = 0;

  friend bool operator==(const ClientClusterData&, const ClientClusterData&) = default;
};

/// MS-RDPBCGR 2.2.1.3.6.1 Monitor Definition (TS_MONITOR_DEF)
struct MonitorDefinition {
  static constexpr std::uint32_t kPrimary = 0x01;

  std::int32_t left = 0, top = 0, right = 0, bottom = 0;  ///< all inclusive
  std::uint32_t flags = 0;

  friend bool operator==(const MonitorDefinition&, const MonitorDefinition&) = default;
};

/// MS-RDPBCGR 2.2.1.3.6 Client Monitor Data (TS_UD_CS_MONITOR)
struct ClientMonitorData {
  static constexpr std::uint16_t kType = 0xC005;
  static constexpr std::size_t kMostMonitors = 16;

  std::uint32_t flags = 0;
  std::vector<MonitorDefinition> monitors;

  friend bool operator==(const ClientMonitorData&, const ClientMonitorData&) = default;
};

/// MS-RDPBCGR 2.2.1.3.7 Client Message Channel Data (TS_UD_CS_MCS_MSGCHANNEL)
struct ClientMessageChannelData {
  static constexpr std::uint16_t kType = 0xC006;

  std::uint32_t flags = 0;

  friend bool operator==(const ClientMessageChannelData&,
                         const ClientMessageChannelData&) = default;
};

/// MS-RDPBCGR 2.2.1.3.9.1 Monitor Attributes (TS_MONITOR_ATTRIBUTES)
struct MonitorAttributes {
  std::uint32_t physical_width = 0;   ///< millimetres
  std::uint32_t physical_height = 0;  ///< millimetres
  std::uint32_t orientation = 0;      ///< degrees
  std::uint32_t desktop_scale_factor = 0;
  std::uint32_t device_scale_factor = 0;

  friend bool operator==(const MonitorAttributes&, const MonitorAttributes&) = default;
};

/// MS-RDPBCGR 2.2.1.3.9 Client Monitor Extended Data (TS_UD_CS_MONITOR_EX)
struct ClientMonitorExtendedData {
  static constexpr std::uint16_t kType = 0xC008;

  std::uint32_t flags = 0;
  std::vector<MonitorAttributes> monitors;

  friend bool operator==(const ClientMonitorExtendedData&,
                         const ClientMonitorExtendedData&) = default;
};

/// MS-RDPBCGR 2.2.1.3.8 Client Multitransport Channel Data (TS_UD_CS_MULTITRANSPORT)
struct ClientMultitransportChannelData {
  static constexpr std::uint16_t kType = 0xC00A;

  std::uint32_t flags = 0;

  friend bool operator==(const ClientMultitransportChannelData&,
                         const ClientMultitransportChannelData&) = default;
};

/// A block of a type that MS-RDPBCGR 2.2.1.3.1 and 2.2.1.4.1 do not have, as it is.
struct UnknownBlock {
  std::uint16_t type = 0;
  Bytes body;

  friend bool operator==(const UnknownBlock&, const UnknownBlock&) = default;
};

using ClientBlock =
    std::variant<ClientCoreData, ClientSecurityData, ClientNetworkData, ClientClusterData,
                 ClientMonitorData, ClientMessageChannelData, ClientMonitorExtendedData,
                 ClientMultitransportChannelData, UnknownBlock>;

/// The blocks in the order in which they were sent.
struct ClientBlocks {
  std::vector<ClientBlock> blocks;

  /// The first of its kind; null when there is none.
  template <typename Block>
  [[nodiscard]] const Block* find() const {
    for (const auto& block : blocks) {
      if (const auto* found = std::get_if<Block>(&block)) return found;
    }
    return nullptr;
  }
  friend bool operator==(const ClientBlocks&, const ClientBlocks&) = default;
};

/// `user_data` of a ConferenceCreateRequest.
[[nodiscard]] std::expected<ClientBlocks, DecodeError> decode_client_blocks(ByteSpan user_data,
                                                                            Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const ClientBlocks& blocks);

}  // namespace rdpwhy::rdp
