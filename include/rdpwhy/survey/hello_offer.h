#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::survey {

inline constexpr std::uint16_t kSsl3 = 0x0300;
inline constexpr std::uint16_t kTls10 = 0x0301;
inline constexpr std::uint16_t kTls11 = 0x0302;
inline constexpr std::uint16_t kTls12 = 0x0303;
inline constexpr std::uint16_t kTls13 = 0x0304;
inline constexpr std::uint16_t kFallbackScsv = 0x5600;  ///< RFC 7507 2

/// What one ClientHello of ours offers. Empty lists leave their extension out.
struct HelloOffer {
  /// The newest version. Up to TLS 1.2 it stands in the hello itself, and older ones are offered
  /// with it; TLS 1.3 is offered alone, or with those of `beside_tls13`.
  std::uint16_t version = kTls12;
  std::vector<std::uint16_t> beside_tls13;
  std::vector<std::uint16_t> suites;  ///< in order; signalling values too
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  /// TLS 1.3: groups for which a key is sent. Without any the server can only ask for one, by a
  /// HelloRetryRequest, which names suite and group and costs nobody a computation.
  std::vector<std::uint16_t> key_shares;
  std::optional<std::string> server_name;
  std::vector<std::string> alpn;
  std::vector<std::uint8_t> compression = {0};
  bool extensions = true;  ///< false: none at all, as the oldest clients
  bool extended_master_secret = true;
  bool encrypt_then_mac = false;
  bool session_ticket = false;
  bool status_request = false;
  bool heartbeat = false;
  bool record_size_limit = false;

  [[nodiscard]] bool offers_version(std::uint16_t version) const;

  friend bool operator==(const HelloOffer&, const HelloOffer&) = default;
};

/// What of a hello is random; it comes in (I1).
struct HelloRandomness {
  tls::Random random{};
  std::array<std::uint8_t, 32> session_id{};
  std::array<std::uint8_t, 32> x25519{};  ///< any 32 octets are a public key (RFC 7748 5)
};

/// The hello in its record.
[[nodiscard]] Bytes encode(const HelloOffer& offer, const HelloRandomness& randomness);

/// Groups for which a hello can hold a key without anybody computing one.
[[nodiscard]] std::vector<std::uint16_t> ready_key_shares();

// Everything that the registries know, in the order in which it is offered: what current clients
// offer first, as they order it.
[[nodiscard]] const std::vector<std::uint16_t>& suites_before_tls13();
[[nodiscard]] const std::vector<std::uint16_t>& suites_of_tls13();
[[nodiscard]] const std::vector<std::uint16_t>& curves();  ///< elliptic curves of TLS 1.2 and older
[[nodiscard]] const std::vector<std::uint16_t>& finite_field_groups();  ///< RFC 7919
[[nodiscard]] const std::vector<std::uint16_t>& groups_of_tls13();
[[nodiscard]] const std::vector<std::uint16_t>& signature_algorithms();
/// Suite numbers that no registry has: nobody can accept them.
[[nodiscard]] std::vector<std::uint16_t> unassigned_suites(std::size_t count);

}  // namespace rdpwhy::survey
