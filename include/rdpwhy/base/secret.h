#pragma once

#include <string_view>
#include <utility>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::base {

/// Octets that must not come out again: a password, a session key. No formatter, no comparison, no
/// stream operator (I7); whoever needs the octets says so by `reveal`. Wiped when it goes, is moved
/// from or is assigned to. Copies are made on purpose only (`copy`).
class Secret {
 public:
  Secret() = default;
  explicit Secret(Bytes octets) : octets_(std::move(octets)) {}
  explicit Secret(std::string_view text) : octets_(as_bytes(text).begin(), as_bytes(text).end()) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : octets_(std::exchange(other.octets_, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      octets_ = std::exchange(other.octets_, {});
    }
    return *this;
  }
  ~Secret() { wipe(); }

  [[nodiscard]] Secret copy() const { return Secret(octets_); }
  [[nodiscard]] bool empty() const { return octets_.empty(); }
  /// For the one computation that needs them; never kept, never printed.
  [[nodiscard]] ByteSpan reveal() const { return octets_; }

 private:
  void wipe() noexcept;

  Bytes octets_;
};

/// Overwrites octets so that no optimiser leaves them standing.
void wipe(std::span<std::uint8_t> octets) noexcept;

}  // namespace rdpwhy::base

namespace rdpwhy {
using base::Secret;
}  // namespace rdpwhy
