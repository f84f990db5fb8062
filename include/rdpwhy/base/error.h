#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rdpwhy::base {

/// Why octets could not be decoded. `offset` counts from the start of what was given to the
/// decoder.
struct DecodeError {
  enum class Kind {
    kTruncated,  ///< the message ends before the field does
    kBadValue,   ///< the octets are there and cannot be what they should be
    kTrailing,   ///< the message goes on after its last field
  };

  Kind kind = Kind::kBadValue;
  std::string field;  ///< the specification's own name; for kTrailing the enclosing part, if any
  std::uint64_t offset = 0;  ///< octets
  std::uint64_t needed = 0;  ///< octets, for kTruncated
  std::uint64_t left = 0;    ///< octets, for kTruncated and kTrailing
  std::string text;          ///< for kBadValue: one lower-case sentence

  /// "selectedProtocol needs 4 bytes at offset 15, 2 left"
  [[nodiscard]] std::string message() const;

  friend bool operator==(const DecodeError&, const DecodeError&) = default;
};

/// Our own input or surroundings are at fault: an unreadable file, a bad option, no descriptors
/// left. What a peer does is never an Error, it is evidence.
struct Error {
  std::string text;  ///< one lower-case sentence without a full stop

  /// "context: text"
  [[nodiscard]] Error in(std::string_view context) const;

  friend bool operator==(const Error&, const Error&) = default;
};

}  // namespace rdpwhy::base

namespace rdpwhy {
using base::DecodeError;
using base::Error;
}  // namespace rdpwhy
