#pragma once

#include <cstdint>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {

/// T.123 clause 8, TPKT header: version 3, a reserved octet, the length of header and payload.
struct TpktHeader {
  static constexpr std::size_t kSize = 4;
  static constexpr std::uint8_t kVersion = 3;

  std::uint8_t version = kVersion;
  std::uint8_t reserved = 0;
  std::uint16_t length = 0;  ///< octets, header included

  friend bool operator==(const TpktHeader&, const TpktHeader&) = default;
};

/// Nothing when fewer than four octets are given; whether they make sense is the caller's
/// judgement.
[[nodiscard]] std::optional<TpktHeader> decode_tpkt_header(ByteSpan bytes);

/// `tpdu` with its TPKT header. `tpdu` is at most 65,531 octets.
[[nodiscard]] Bytes encode_tpkt(ByteSpan tpdu);

}  // namespace rdpwhy::rdp
