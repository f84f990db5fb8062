#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/negotiation.h"

namespace rdpwhy::rdp {

/// X.224 clause 13, TPDU codes in the high half of the second octet.
enum class TpduCode : std::uint8_t {
  kConnectionRequest = 0xE0,
  kConnectionConfirm = 0xD0,
  kDisconnectRequest = 0x80,
  kData = 0xF0,
  kError = 0x70,
};

/// MS-RDPBCGR 2.2.1.1 Client X.224 Connection Request PDU, from LI on (the TPDU inside a TPKT).
///
/// The variable part holds either a routing token ("Cookie: msts=...", "tsv://..." or any other
/// line that ends in CR LF, MS-RDPBCGR 3.2.5.3.1) or a cookie ("Cookie: mstshash=..."). Texts are
/// kept as on the wire without prefix and CR LF; they may hold any octet but CR LF.
struct ConnectionRequest {
  /// LI is one octet and at most 254, six of which are the fixed part.
  static constexpr std::size_t kMostVariableOctets = 248;

  std::uint16_t dst_ref = 0;
  std::uint16_t src_ref = 0;
  std::uint8_t class_option = 0;
  std::optional<std::string> cookie;  ///< the value behind "Cookie: mstshash="
  /// The whole line, "Cookie: msts=" included; empty for a CR LF with nothing before it.
  std::optional<std::string> routing_token;
  std::optional<NegotiationRequest> negotiation;
  std::optional<CorrelationInfo> correlation;
  /// X.224 13.3.4 parameters (TSAP identifiers, TPDU size), whole: no RDP client sends them, S7comm
  /// and other speakers of ISO transport over TCP do.
  Bytes parameters;

  friend bool operator==(const ConnectionRequest&, const ConnectionRequest&) = default;
};

/// MS-RDPBCGR 2.2.1.2 Server X.224 Connection Confirm PDU, from LI on.
struct ConnectionConfirm {
  std::uint16_t dst_ref = 0;
  std::uint16_t src_ref = 0;
  std::uint8_t class_option = 0;
  /// monostate: no negotiation data, an answer of servers before RDP 5.2 or forced to RDP security.
  std::variant<std::monostate, NegotiationResponse, NegotiationFailure> negotiation;
  Bytes parameters;  ///< X.224 13.4.4 parameters, as in ConnectionRequest

  [[nodiscard]] const NegotiationResponse* response() const {
    return std::get_if<NegotiationResponse>(&negotiation);
  }
  [[nodiscard]] const NegotiationFailure* failure() const {
    return std::get_if<NegotiationFailure>(&negotiation);
  }
  friend bool operator==(const ConnectionConfirm&, const ConnectionConfirm&) = default;
};

/// X.224 clause 13.5 Disconnect Request: another way to say no, seen from gateways and old servers.
struct DisconnectRequest {
  std::uint16_t dst_ref = 0;
  std::uint16_t src_ref = 0;
  std::uint8_t reason = 0;

  friend bool operator==(const DisconnectRequest&, const DisconnectRequest&) = default;
};

/// An X.224 Data TPDU (X.224 clause 13.7): what it carries belongs to later phases and is kept by
/// size and first octets only; decode_mcs reads it.
struct DataTpdu {
  std::uint32_t size = 0;  ///< octets of user data
  Bytes first;             ///< at most 16 of them

  friend bool operator==(const DataTpdu&, const DataTpdu&) = default;
};

using Tpdu = std::variant<ConnectionRequest, ConnectionConfirm, DisconnectRequest,
                          DisconnectProviderUltimatum, DataTpdu>;

// Each takes the TPDU (behind the TPKT header). Notes may be null.
[[nodiscard]] std::expected<ConnectionRequest, DecodeError> decode_connection_request(
    ByteSpan tpdu, Notes* notes = nullptr);
[[nodiscard]] std::expected<ConnectionConfirm, DecodeError> decode_connection_confirm(
    ByteSpan tpdu, Notes* notes = nullptr);
[[nodiscard]] std::expected<DisconnectRequest, DecodeError> decode_disconnect_request(
    ByteSpan tpdu, Notes* notes = nullptr);
/// By its TPDU code; an unknown code is a DecodeError.
[[nodiscard]] std::expected<Tpdu, DecodeError> decode_tpdu(ByteSpan tpdu, Notes* notes = nullptr);

/// Octets behind the fixed part. A request whose texts come from a person is encodable when this is
/// at most kMostVariableOctets and no text holds CR LF.
[[nodiscard]] std::size_t variable_size(const ConnectionRequest& request);

// Each gives the TPDU; encode_tpkt puts the header on. Too long a request is our bug.
[[nodiscard]] Bytes encode(const ConnectionRequest& request);
[[nodiscard]] Bytes encode(const ConnectionConfirm& confirm);
[[nodiscard]] Bytes encode(const DisconnectRequest& request);
/// An X.224 Data TPDU around user data.
[[nodiscard]] Bytes encode_data_tpdu(ByteSpan user_data);

}  // namespace rdpwhy::rdp
