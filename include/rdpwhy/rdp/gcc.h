#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

// T.124, generic conference control: the envelope of the data blocks inside the MCS connect PDUs,
// in aligned PER.
namespace rdpwhy::rdp {

/// T.124 8.7 UserData: the h221NonStandard key of the client's blocks ("Duca") or the server's
/// ("McDn").
using H221Key = std::array<std::uint8_t, 4>;
inline constexpr H221Key kClientToServerKey = {'D', 'u', 'c', 'a'};
inline constexpr H221Key kServerToClientKey = {'M', 'c', 'D', 'n'};

/// MS-RDPBCGR 2.2.1.3 and T.124 8.7, ConnectData with a ConferenceCreateRequest. `user_data` are
/// the client's data blocks.
struct ConferenceCreateRequest {
  std::string conference_name = "1";  ///< digits
  H221Key key = kClientToServerKey;
  Bytes user_data;

  friend bool operator==(const ConferenceCreateRequest&, const ConferenceCreateRequest&) = default;
};

/// MS-RDPBCGR 2.2.1.4 and T.124 8.7, ConnectData with a ConferenceCreateResponse. `user_data` are
/// the server's data blocks.
struct ConferenceCreateResponse {
  std::uint16_t node_id = 31219;  ///< from 1001 on
  std::uint32_t tag = 1;
  std::uint8_t result = 0;  ///< T.124 8.7, ConferenceCreateResponse.result
  H221Key key = kServerToClientKey;
  Bytes user_data;

  friend bool operator==(const ConferenceCreateResponse&,
                         const ConferenceCreateResponse&) = default;
};
/// "success", "userRejected", "resourcesNotAvailable", "rejectedForSymmetryBreaking",
/// "lockedConferenceNotSupported"; nothing for an unknown one.
[[nodiscard]] std::optional<std::string_view> conference_result_name(std::uint8_t result);

// Each takes the userData of the MCS connect PDU.
[[nodiscard]] std::expected<ConferenceCreateRequest, DecodeError> decode_conference_create_request(
    ByteSpan bytes, Notes* notes = nullptr);
[[nodiscard]] std::expected<ConferenceCreateResponse, DecodeError>
decode_conference_create_response(ByteSpan bytes, Notes* notes = nullptr);
/// A conference name of 1 to 255 digits.
[[nodiscard]] Bytes encode(const ConferenceCreateRequest& request);
[[nodiscard]] Bytes encode(const ConferenceCreateResponse& response);

}  // namespace rdpwhy::rdp
