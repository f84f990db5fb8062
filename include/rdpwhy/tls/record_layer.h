#pragma once

#include <cstdint>
#include <optional>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::tls {

/// RFC 5246 6.2.1, RFC 8446 5.1 ContentType.
enum class ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
  kHeartbeat = 24,
};

/// RFC 5246 6.2.1 TLSPlaintext / TLSCiphertext header.
struct RecordHeader {
  static constexpr std::size_t kSize = 5;
  /// RFC 5246 6.2.3: 2^14 plus what compression and protection may add.
  static constexpr std::uint16_t kMostFragment = (1 << 14) + 2048;

  std::uint8_t type = 0;
  std::uint16_t version = 0;
  std::uint16_t length = 0;  ///< octets of the fragment

  [[nodiscard]] ContentType content() const { return static_cast<ContentType>(type); }
  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

/// Nothing when fewer than five octets are given.
[[nodiscard]] std::optional<RecordHeader> decode_record_header(ByteSpan bytes);

/// Known type, major version 3, a length that the protocol allows.
[[nodiscard]] bool plausible(const RecordHeader& header);

/// True when the octets (at least two) begin an SSLv2 CLIENT-HELLO (RFC 5246 E.2).
[[nodiscard]] bool looks_like_ssl2_hello(ByteSpan bytes);

[[nodiscard]] Bytes encode_record(ContentType type, std::uint16_t version, ByteSpan fragment);

}  // namespace rdpwhy::tls
