#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/tls/hello.h"

// JARM (Salesforce, version 1.0 of November 2020): ten ClientHellos, each on a connection of its
// own, and what of the answers a server's software and settings are known by. Whoever asks opens
// the connections; behind X.224 each begins with a Connection Request of its own.
namespace rdpwhy::tls {

inline constexpr std::size_t kJarmHellos = 10;

/// What of a hello is random: it has no part in the fingerprint.
struct JarmDraw {
  Random random{};
  std::array<std::uint8_t, 32> session_id{};
  std::array<std::uint8_t, 32> key{};  ///< an X25519 public key, which any 32 octets are
  /// Which of the sixteen values of GREASE: in suites, extensions, key shares, versions.
  std::array<std::uint8_t, 4> grease{};
};

/// The record with the hello of this number (from 0). The specification sends the name that was
/// asked for, whatever it is: an address too, and no server that minds is JARM's concern.
[[nodiscard]] Bytes jarm_hello(std::size_t number, std::string_view server_name,
                               const JarmDraw& draw);

/// What JARM keeps of an answer.
struct JarmAnswer {
  std::uint16_t cipher_suite = 0;
  std::uint16_t legacy_version = 0;
  std::string protocol;  ///< that ALPN chose
  std::vector<std::uint16_t> extensions;

  friend auto operator<=>(const JarmAnswer&, const JarmAnswer&) = default;
};

[[nodiscard]] JarmAnswer jarm_answer(const ServerHello& hello);

/// `octets` are the first that came behind the hello. Nothing unless they begin with a whole
/// ServerHello (a HelloRetryRequest is one here): an alert before it counts as a refusal.
[[nodiscard]] std::optional<JarmAnswer> jarm_answer(ByteSpan octets);

/// "c02f|0303|h2|ff01-0000", as JARM's own program shows it; "|||" for nothing.
[[nodiscard]] std::string text_of(const std::optional<JarmAnswer>& answer);

/// Of all answers in the order of the hellos. The fingerprint is `suites` and the first 32 hex
/// digits of the SHA-256 of `extensions`, or 62 zeros where nothing was answered.
struct JarmText {
  std::string suites;      ///< "29d29d000...": three characters for each answer
  std::string extensions;  ///< protocol and extensions of each, one behind the other
};
using JarmAnswers = std::span<const std::optional<JarmAnswer>, kJarmHellos>;
[[nodiscard]] JarmText jarm_text(JarmAnswers answers);

}  // namespace rdpwhy::tls
