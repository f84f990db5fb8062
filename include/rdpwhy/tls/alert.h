#pragma once

#include <cstdint>
#include <expected>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::tls {

/// RFC 5246 7.2, RFC 8446 6 Alert.
struct Alert {
  static constexpr std::uint8_t kWarning = 1;
  static constexpr std::uint8_t kFatal = 2;
  static constexpr std::uint8_t kCloseNotify = 0;

  std::uint8_t level = kFatal;
  std::uint8_t description = 0;

  friend bool operator==(const Alert&, const Alert&) = default;
};

[[nodiscard]] std::expected<Alert, DecodeError> decode_alert(ByteSpan fragment,
                                                             Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const Alert& alert);

}  // namespace rdpwhy::tls
