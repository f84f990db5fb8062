#pragma once

#include <cstdint>
#include <expected>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

// MS-RDPBCGR 2.2.15, behind the security header.
namespace rdpwhy::rdp {

/// 2.2.15.1 Server Initiate Multitransport Request PDU. The securityCookie authenticates the
/// client on the other transport and is not kept.
struct MultitransportRequest {
  static constexpr std::uint16_t kReliable = 1;  ///< INITIATE_REQUEST_PROTOCOL_UDPFECR
  static constexpr std::uint16_t kLossy = 2;     ///< INITIATE_REQUEST_PROTOCOL_UDPFECL
  std::uint32_t request_id = 0;
  std::uint16_t requested_protocol = 0;
  friend bool operator==(const MultitransportRequest&, const MultitransportRequest&) = default;
};

/// 2.2.15.2 Client Initiate Multitransport Response PDU
struct MultitransportResponse {
  static constexpr std::uint32_t kOk = 0;
  static constexpr std::uint32_t kAbort = 0x80004004;  ///< E_ABORT: no such transport
  std::uint32_t request_id = 0;
  std::uint32_t hr_response = kAbort;
  friend bool operator==(const MultitransportResponse&, const MultitransportResponse&) = default;
};

[[nodiscard]] std::expected<MultitransportRequest, DecodeError> decode_multitransport_request(
    ByteSpan octets, Notes* notes = nullptr);
[[nodiscard]] std::expected<MultitransportResponse, DecodeError> decode_multitransport_response(
    ByteSpan octets, Notes* notes = nullptr);
/// With a cookie of zeros: for tests.
[[nodiscard]] Bytes encode(const MultitransportRequest& request);
[[nodiscard]] Bytes encode(const MultitransportResponse& response);

}  // namespace rdpwhy::rdp
