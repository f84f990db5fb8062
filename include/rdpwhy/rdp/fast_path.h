#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/rdp/security_header.h"

namespace rdpwhy::rdp {

/// The head of MS-RDPBCGR 2.2.8.1.2 TS_FP_INPUT_PDU and 2.2.9.1.2 TS_FP_UPDATE_PDU, which stand in
/// the stream where a TPKT could: the two low bits of the first octet are 0 here and 3 there.
struct FastPathHeader {
  static constexpr std::uint8_t kSecureChecksum = 0x1;
  static constexpr std::uint8_t kEncrypted = 0x2;

  std::uint8_t number_events = 0;  ///< input: 0 when they stand behind the header; output: reserved
  std::uint8_t flags = 0;
  std::uint16_t length = 0;     ///< of the whole PDU, this header included
  std::size_t header_size = 0;  ///< octets of action and length

  [[nodiscard]] bool is_encrypted() const { return (flags & kEncrypted) != 0; }
  friend bool operator==(const FastPathHeader&, const FastPathHeader&) = default;
};

/// Whether the octet begins a fast-path PDU rather than a TPKT.
[[nodiscard]] constexpr bool begins_fast_path(std::uint8_t octet) { return (octet & 0x03) == 0; }

/// The head of the PDU that begins here; nothing while its length is not there yet; an error when
/// no fast-path PDU begins so.
[[nodiscard]] std::expected<std::optional<FastPathHeader>, DecodeError> decode_fast_path_header(
    ByteSpan begin);

/// A whole PDU with, where its flags say so, what protects it.
struct FastPathPdu {
  FastPathHeader header;
  std::optional<SecurityHeader::Signature> signature;
  std::optional<std::uint8_t> padding;  ///< of FIPS
  std::size_t payload_at = 0;           ///< where the (encrypted) payload begins
  friend bool operator==(const FastPathPdu&, const FastPathPdu&) = default;
};
/// `form` is kBasic for a connection without Standard RDP Security.
[[nodiscard]] std::expected<FastPathPdu, DecodeError> decode_fast_path(ByteSpan pdu,
                                                                       SecurityHeaderForm form,
                                                                       Notes* notes = nullptr);
/// Without protection. `payload` has at least one octet: a PDU of a header alone does not exist.
[[nodiscard]] Bytes encode_fast_path(std::uint8_t number_events, ByteSpan payload);

}  // namespace rdpwhy::rdp
