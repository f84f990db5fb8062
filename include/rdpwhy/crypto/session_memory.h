#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"

namespace rdpwhy::crypto {

/// Master secrets of sessions of TLS 1.0 to 1.2 that a later connection of the same capture may
/// resume, by session id (RFC 5246 7.4.1.3) and by ticket (RFC 5077). Bounded: the oldest go first.
class SessionMemory {
 public:
  static constexpr std::size_t kMostSessions = 16'384;

  /// What a session is resumed by, as a hash: a ticket may have 65,535 octets.
  using Name = std::array<std::uint8_t, 32>;
  [[nodiscard]] static Name of_session_id(ByteSpan session_id);
  [[nodiscard]] static Name of_ticket(ByteSpan ticket);

  /// A name that is known already keeps its place and takes the newer secret.
  void remember(const Name& name, ByteSpan master_secret);
  /// The view holds until the next remember().
  [[nodiscard]] std::optional<ByteSpan> master_secret(const Name& name) const;
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }

 private:
  std::map<Name, Secret> sessions_;
  std::deque<std::map<Name, Secret>::iterator> order_;  ///< oldest first
};

}  // namespace rdpwhy::crypto
