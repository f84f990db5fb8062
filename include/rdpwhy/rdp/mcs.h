#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/reader.h"

// T.125, the multipoint communication service: what stands in X.224 Data TPDUs. The connect PDUs
// are BER, all others (DomainMCSPDU) aligned PER.
namespace rdpwhy::rdp {

/// T.125 7, DomainParameters. Windows writes 65535 as two octets, which BER would read as -1: all
/// are read and written without a sign, as it does.
struct DomainParameters {
  std::uint32_t max_channel_ids = 34;
  std::uint32_t max_user_ids = 2;
  std::uint32_t max_token_ids = 0;
  std::uint32_t num_priorities = 1;
  std::uint32_t min_throughput = 0;
  std::uint32_t max_height = 1;
  std::uint32_t max_mcs_pdu_size = 65535;
  std::uint32_t protocol_version = 2;

  friend bool operator==(const DomainParameters&, const DomainParameters&) = default;
};

/// MS-RDPBCGR 2.2.1.3 and T.125 7, Connect-Initial. `user_data` is a GCC Conference Create Request.
struct ConnectInitial {
  Bytes calling_domain_selector = {1};
  Bytes called_domain_selector = {1};
  bool upward_flag = true;
  DomainParameters target, minimum, maximum;
  Bytes user_data;

  friend bool operator==(const ConnectInitial&, const ConnectInitial&) = default;
};

/// T.125 7, Result: of Connect-Response and the two confirms.
inline constexpr std::uint8_t kMcsSuccessful = 0;
/// "rt-successful", ..., "rt-user-rejected"; nothing for an unknown one.
[[nodiscard]] std::optional<std::string_view> mcs_result_name(std::uint8_t result);

/// MS-RDPBCGR 2.2.1.4 and T.125 7, Connect-Response. `user_data` is a GCC Conference Create
/// Response.
struct ConnectResponse {
  std::uint8_t result = kMcsSuccessful;
  std::uint32_t called_connect_id = 0;
  DomainParameters parameters;
  Bytes user_data;

  friend bool operator==(const ConnectResponse&, const ConnectResponse&) = default;
};

/// MS-RDPBCGR 2.2.1.5
struct ErectDomainRequest {
  std::uint32_t sub_height = 0;
  std::uint32_t sub_interval = 0;

  friend bool operator==(const ErectDomainRequest&, const ErectDomainRequest&) = default;
};

/// MS-RDPBCGR 2.2.1.6
struct AttachUserRequest {
  friend bool operator==(const AttachUserRequest&, const AttachUserRequest&) = default;
};

/// MS-RDPBCGR 2.2.1.7
struct AttachUserConfirm {
  std::uint8_t result = kMcsSuccessful;
  std::optional<std::uint16_t> initiator;  ///< the user's channel id, from 1001 on

  friend bool operator==(const AttachUserConfirm&, const AttachUserConfirm&) = default;
};

/// MS-RDPBCGR 2.2.1.8
struct ChannelJoinRequest {
  std::uint16_t initiator = 0;
  std::uint16_t channel_id = 0;

  friend bool operator==(const ChannelJoinRequest&, const ChannelJoinRequest&) = default;
};

/// MS-RDPBCGR 2.2.1.9
struct ChannelJoinConfirm {
  std::uint8_t result = kMcsSuccessful;
  std::uint16_t initiator = 0;
  std::uint16_t requested = 0;
  std::optional<std::uint16_t> channel_id;

  friend bool operator==(const ChannelJoinConfirm&, const ChannelJoinConfirm&) = default;
};

/// T.125 7, SendDataRequest (client to server) and SendDataIndication (server to client): what
/// carries every RDP PDU from the Security Exchange on.
struct SendData {
  bool indication = false;
  std::uint16_t initiator = 0;
  std::uint16_t channel_id = 0;
  std::uint8_t priority = 1;      ///< top, high, medium, low
  std::uint8_t segmentation = 3;  ///< 2 begins, 1 ends: RDP uses whole ones only
  Bytes user_data;

  friend bool operator==(const SendData&, const SendData&) = default;
};

/// MS-RDPBCGR 2.2.2.3 MCS Disconnect Provider Ultimatum PDU. xrdp sends it in the clear where a
/// ServerHello is due.
struct DisconnectProviderUltimatum {
  std::uint8_t reason = 0;  ///< T.125 Reason

  friend bool operator==(const DisconnectProviderUltimatum&,
                         const DisconnectProviderUltimatum&) = default;
};

/// T.125 Reason: "rn-domain-disconnected", "rn-provider-initiated", "rn-token-purged",
/// "rn-user-requested", "rn-channel-purged"; a number for anything else.
[[nodiscard]] std::string disconnect_reason_name(std::uint8_t reason);

/// Any other DomainMCSPDU: RDP has no use for it.
struct OtherDomainPdu {
  std::uint8_t choice = 0;  ///< T.125 7, DomainMCSPDU: 0 to 42
  std::uint32_t size = 0;   ///< octets, the choice's included

  friend bool operator==(const OtherDomainPdu&, const OtherDomainPdu&) = default;
};
/// T.125's name of a DomainMCSPDU: "detachUserRequest"; nothing for numbers that are none.
[[nodiscard]] std::optional<std::string_view> domain_pdu_name(std::uint8_t choice);

using McsPdu = std::variant<ConnectInitial, ConnectResponse, ErectDomainRequest, AttachUserRequest,
                            AttachUserConfirm, ChannelJoinRequest, ChannelJoinConfirm, SendData,
                            DisconnectProviderUltimatum, OtherDomainPdu>;

/// Whether an ultimatum stands there.
[[nodiscard]] bool next_is_ultimatum(const Reader& r);
[[nodiscard]] DisconnectProviderUltimatum read_ultimatum(Reader& r);

/// By its first octets; `user_data` is that of an X.224 Data TPDU.
[[nodiscard]] std::expected<McsPdu, DecodeError> decode_mcs(ByteSpan user_data,
                                                            Notes* notes = nullptr);
/// "MCS Connect-Initial", "MCS Send Data Request", ...
[[nodiscard]] std::string_view title_of(const McsPdu& pdu);

// Each gives the user data of an X.224 Data TPDU.
[[nodiscard]] Bytes encode(const ConnectInitial& initial);
[[nodiscard]] Bytes encode(const ConnectResponse& response);
[[nodiscard]] Bytes encode(const ErectDomainRequest& request);
[[nodiscard]] Bytes encode(const AttachUserRequest& request);
[[nodiscard]] Bytes encode(const AttachUserConfirm& confirm);
[[nodiscard]] Bytes encode(const ChannelJoinRequest& request);
[[nodiscard]] Bytes encode(const ChannelJoinConfirm& confirm);
/// At most 16,383 octets of user data.
[[nodiscard]] Bytes encode(const SendData& data);
[[nodiscard]] Bytes encode(const DisconnectProviderUltimatum& ultimatum);

}  // namespace rdpwhy::rdp
