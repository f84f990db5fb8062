#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.1.1.1 requestedProtocols and 2.2.1.2.1 selectedProtocol. PROTOCOL_RDP is the
/// absence of bits, so it is no enumerator. Any 32-bit value can come from the wire.
enum class Protocol : std::uint32_t {
  kSsl = 0x01,
  kHybrid = 0x02,
  kRdstls = 0x04,
  kHybridEx = 0x08,
  kRdsAad = 0x10,
};

/// A set of Protocol bits as on the wire, unknown ones included.
struct Protocols {
  std::uint32_t bits = 0;

  [[nodiscard]] bool has(Protocol p) const { return (bits & static_cast<std::uint32_t>(p)) != 0; }
  friend bool operator==(const Protocols&, const Protocols&) = default;
};

/// Short names in bit order ("SSL", "HYBRID", "RDSTLS", "HYBRID_EX", "RDSAAD"); unknown bits
/// together as one hex string; empty for PROTOCOL_RDP.
[[nodiscard]] std::vector<std::string> protocol_names(Protocols protocols);

/// The short name of a selectedProtocol: "RDP" for 0, "SSL", ...; a hex string for anything that is
/// not exactly one known bit.
[[nodiscard]] std::string selected_protocol_name(std::uint32_t selected);

/// MS-RDPBCGR 2.2.1.1.1 RDP_NEG_REQ
struct NegotiationRequest {
  static constexpr std::uint8_t kType = 0x01;
  static constexpr std::uint8_t kRestrictedAdminModeRequired = 0x01;
  static constexpr std::uint8_t kRedirectedAuthenticationModeRequired = 0x02;
  static constexpr std::uint8_t kCorrelationInfoPresent = 0x08;

  std::uint8_t flags = 0;
  Protocols requested;

  friend bool operator==(const NegotiationRequest&, const NegotiationRequest&) = default;
};

/// MS-RDPBCGR 2.2.1.1.2 RDP_NEG_CORRELATION_INFO
struct CorrelationInfo {
  static constexpr std::uint8_t kType = 0x06;

  std::array<std::uint8_t, 16> correlation_id{};

  friend bool operator==(const CorrelationInfo&, const CorrelationInfo&) = default;
};

/// MS-RDPBCGR 2.2.1.2.1 RDP_NEG_RSP
struct NegotiationResponse {
  static constexpr std::uint8_t kType = 0x02;
  static constexpr std::uint8_t kExtendedClientDataSupported = 0x01;
  static constexpr std::uint8_t kDynvcGfxProtocolSupported = 0x02;
  static constexpr std::uint8_t kNegRspFlagReserved = 0x04;
  static constexpr std::uint8_t kRestrictedAdminModeSupported = 0x08;
  static constexpr std::uint8_t kRedirectedAuthenticationModeSupported = 0x10;

  std::uint8_t flags = 0;
  std::uint32_t selected_protocol = 0;

  friend bool operator==(const NegotiationResponse&, const NegotiationResponse&) = default;
};

/// MS-RDPBCGR 2.2.1.2.2 RDP_NEG_FAILURE
struct NegotiationFailure {
  static constexpr std::uint8_t kType = 0x03;

  std::uint8_t flags = 0;
  std::uint32_t failure_code = 0;

  friend bool operator==(const NegotiationFailure&, const NegotiationFailure&) = default;
};

/// MS-RDPBCGR 2.2.1.2.2 failureCode: "SSL_REQUIRED_BY_SERVER", ...; nothing for an unknown one.
/// What each of them means stands in room `codes`.
[[nodiscard]] std::optional<std::string_view> failure_code_name(std::uint32_t failure_code);

/// Names of set flags in bit order, the specification's own; unknown bits together as one hex
/// string.
[[nodiscard]] std::vector<std::string> request_flag_names(std::uint8_t flags);
[[nodiscard]] std::vector<std::string> response_flag_names(std::uint8_t flags);

// Each stands before the type octet and reads type, flags, length and payload: a wrong type is an
// error, a wrong length a note.
[[nodiscard]] NegotiationRequest read_negotiation_request(Reader& r);
[[nodiscard]] CorrelationInfo read_correlation_info(Reader& r);
[[nodiscard]] NegotiationResponse read_negotiation_response(Reader& r);
[[nodiscard]] NegotiationFailure read_negotiation_failure(Reader& r);
void write(Writer& w, const NegotiationRequest& request);
void write(Writer& w, const CorrelationInfo& info);
void write(Writer& w, const NegotiationResponse& response);
void write(Writer& w, const NegotiationFailure& failure);

}  // namespace rdpwhy::rdp
