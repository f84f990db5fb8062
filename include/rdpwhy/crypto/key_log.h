#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

/// Secrets of TLS connections in the NSS key log format, by client random. Grows only. Its contents are
/// wiped when it goes; it has no formatter (I7).
class KeyLog {
 public:
  KeyLog() = default;
  KeyLog(const KeyLog&) = delete;
  KeyLog& operator=(const KeyLog&) = delete;
  KeyLog(KeyLog&&) noexcept = default;
  KeyLog& operator=(KeyLog&&) noexcept = default;
  ~KeyLog();

  /// Any number of lines; comments and lines of other kinds are passed over. Returns how many secrets
  /// were understood.
  std::size_t add(std::string_view lines);

  /// `label` as in the file: "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_RANDOM" (a master secret).
  [[nodiscard]] std::optional<ByteSpan> secret(std::string_view label, ByteSpan client_random) const;

  [[nodiscard]] bool empty() const { return secrets_.empty(); }

 private:
  std::map<Bytes, std::map<std::string, Bytes, std::less<>>> secrets_;
};

}  // namespace rdpwhy::crypto
