#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

// MS-RDPEUDP: how a connection over UDP begins. All numbers are big-endian.
namespace rdpwhy::rdp {

/// 2.2.2.1 RDPUDP_FEC_HEADER, uFlags.
namespace rdpudp_flags {
inline constexpr std::uint16_t kSyn = 0x0001;
inline constexpr std::uint16_t kFin = 0x0002;
inline constexpr std::uint16_t kAck = 0x0004;
inline constexpr std::uint16_t kData = 0x0008;
inline constexpr std::uint16_t kSynLossy = 0x0200;
inline constexpr std::uint16_t kCorrelationId = 0x0800;
inline constexpr std::uint16_t kSynEx = 0x1000;
}  // namespace rdpudp_flags
[[nodiscard]] std::vector<std::string> rdpudp_flag_names(std::uint16_t flags);

/// 3.1.5.1.1 SYN and 3.1.5.1.3 SYN+ACK datagrams.
struct RdpUdpSyn {
  static constexpr std::uint16_t kLeastMtu = 1132;
  static constexpr std::uint16_t kMostMtu = 1232;
  static constexpr std::uint16_t kVersion1 = 0x0001;
  static constexpr std::uint16_t kVersion2 = 0x0002;
  static constexpr std::uint16_t kVersion3 = 0x0101;
  static constexpr std::uint16_t kVersionInfoValid = 0x0001;

  std::uint32_t source_ack = 0xFFFFFFFF;  ///< snSourceAck
  std::uint16_t receive_window = 0;       ///< uReceiveWindowSize, packets
  std::uint16_t flags = rdpudp_flags::kSyn;
  std::uint32_t initial_sequence_number = 0;
  std::uint16_t up_stream_mtu = kMostMtu;
  std::uint16_t down_stream_mtu = kMostMtu;
  std::optional<std::array<std::uint8_t, 16>> correlation_id;
  /// 2.2.2.9 RDPUDP_SYNDATAEX_PAYLOAD. The cookieHash of version 3 is kept: it is a digest and
  /// opens nothing.
  std::optional<std::uint16_t> syn_ex_flags;
  std::optional<std::uint16_t> version;  ///< uUdpVer as sent, 0x0101 is version 3
  std::optional<std::array<std::uint8_t, 32>> cookie_hash;
  std::uint32_t padding = 0;  ///< octets of zeros to the end

  [[nodiscard]] bool is_answer() const { return (flags & rdpudp_flags::kAck) != 0; }
  friend bool operator==(const RdpUdpSyn&, const RdpUdpSyn&) = default;
};

/// "RDPUDP_PROTOCOL_VERSION_1" ... 3; nothing for another.
[[nodiscard]] std::optional<std::string_view> rdpudp_version_name(std::uint16_t version);

/// Whether a datagram looks like a SYN or SYN+ACK: the flags of one and a possible MTU.
[[nodiscard]] bool begins_rdpudp_syn(ByteSpan datagram);
/// A whole datagram.
[[nodiscard]] std::expected<RdpUdpSyn, DecodeError> decode_rdpudp_syn(ByteSpan datagram,
                                                                      Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const RdpUdpSyn& syn);

}  // namespace rdpwhy::rdp
