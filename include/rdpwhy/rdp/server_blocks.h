#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/rdp/client_blocks.h"

// MS-RDPBCGR 2.2.1.4: the data blocks of a server's MCS Connect Response PDU.
namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.1.4.2 Server Core Data (TS_UD_SC_CORE). What is absent is so with all behind it.
struct ServerCoreData {
  static constexpr std::uint16_t kType = 0x0C01;

  std::uint32_t version = 0x00080004;
  std::optional<std::uint32_t> client_requested_protocols;  ///< those of the RDP_NEG_REQ
  std::optional<std::uint32_t> early_capability_flags;

  friend bool operator==(const ServerCoreData&, const ServerCoreData&) = default;
};
/// MS-RDPBCGR 2.2.1.3.2 and 2.2.1.4.2 version: "RDP 5.0 to 8.1", "RDP 10.12"; nothing for an
/// unknown one.
[[nodiscard]] std::optional<std::string_view> rdp_version_name(std::uint32_t version);

/// MS-RDPBCGR 2.2.1.4.3 Server Security Data (TS_UD_SC_SEC1). The random and the certificate are
/// absent where no encryption is used.
struct ServerSecurityData {
  static constexpr std::uint16_t kType = 0x0C02;

  std::uint32_t encryption_method = 0;
  std::uint32_t encryption_level = 0;
  std::optional<Bytes> server_random;
  std::optional<Bytes> server_certificate;

  friend bool operator==(const ServerSecurityData&, const ServerSecurityData&) = default;
};
/// "ENCRYPTION_METHOD_128BIT", ...; nothing for what is not exactly one of them.
[[nodiscard]] std::optional<std::string_view> encryption_method_name(std::uint32_t method);
/// "ENCRYPTION_LEVEL_CLIENT_COMPATIBLE", ...
[[nodiscard]] std::optional<std::string_view> encryption_level_name(std::uint32_t level);

/// MS-RDPBCGR 2.2.1.4.4 Server Network Data (TS_UD_SC_NET)
struct ServerNetworkData {
  static constexpr std::uint16_t kType = 0x0C03;

  std::uint16_t mcs_channel_id = 0;        ///< the I/O channel
  std::vector<std::uint16_t> channel_ids;  ///< in the order of the client's; 0: refused

  friend bool operator==(const ServerNetworkData&, const ServerNetworkData&) = default;
};

/// MS-RDPBCGR 2.2.1.4.5 Server Message Channel Data (TS_UD_SC_MCS_MSGCHANNEL)
struct ServerMessageChannelData {
  static constexpr std::uint16_t kType = 0x0C04;

  std::uint16_t mcs_channel_id = 0;

  friend bool operator==(const ServerMessageChannelData&,
                         const ServerMessageChannelData&) = default;
};

/// MS-RDPBCGR 2.2.1.4.6 Server Multitransport Channel Data (TS_UD_SC_MULTITRANSPORT)
struct ServerMultitransportChannelData {
  static constexpr std::uint16_t kType = 0x0C08;

  std::uint32_t flags = 0;

  friend bool operator==(const ServerMultitransportChannelData&,
                         const ServerMultitransportChannelData&) = default;
};

using ServerBlock =
    std::variant<ServerCoreData, ServerSecurityData, ServerNetworkData, ServerMessageChannelData,
                 ServerMultitransportChannelData, UnknownBlock>;

/// The blocks in the order in which they were sent.
struct ServerBlocks {
  std::vector<ServerBlock> blocks;

  /// The first of its kind; null when there is none.
  template <typename Block>
  [[nodiscard]] const Block* find() const {
    for (const auto& block : blocks) {
      if (const auto* found = std::get_if<Block>(&block)) return found;
    }
    return nullptr;
  }
  friend bool operator==(const ServerBlocks&, const ServerBlocks&) = default;
};

/// `user_data` of a ConferenceCreateResponse.
[[nodiscard]] std::expected<ServerBlocks, DecodeError> decode_server_blocks(ByteSpan user_data,
                                                                            Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const ServerBlocks& blocks);

}  // namespace rdpwhy::rdp
