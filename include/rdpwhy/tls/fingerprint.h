#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/tls/hello.h"

// What the fingerprints of TLS software are made of: JA3 and JA3S (Salesforce, 2017 and 2018), JA4
// and JA4S (FoxIO, 2023, "technical details"). Only the texts: whoever may compute digests makes
// fingerprints of them.
namespace rdpwhy::tls {

/// Of a ClientHello all that its fingerprints depend on and nothing else, GREASE (RFC 8701) left
/// out; lists in the order of the hello. So equal traits have equal fingerprints, and a capture of
/// one client's 90,000 connections computes them once.
struct ClientTraits {
  std::uint16_t legacy_version = 0;
  std::uint16_t highest_version = 0;  ///< of supported_versions, where that extension is
  std::vector<std::uint16_t> cipher_suites;
  std::vector<std::uint16_t> extensions;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::uint8_t> point_formats;
  std::string protocol;  ///< octets of the first name of ALPN

  friend bool operator==(const ClientTraits&, const ClientTraits&) = default;
};

/// Nothing for an SSLv2 CLIENT-HELLO, which no fingerprint is defined for, and where an extension
/// that counts is malformed or stands twice: another reader might take something else from it.
[[nodiscard]] std::optional<ClientTraits> client_traits(const ClientHello& hello);

/// Of a ServerHello or HelloRetryRequest; GREASE, which no server may send here, is not left out.
struct ServerTraits {
  std::uint16_t legacy_version = 0;
  std::uint16_t version = 0;  ///< in force
  std::uint16_t cipher_suite = 0;
  std::vector<std::uint16_t> extensions;
  std::string protocol;  ///< octets of the name that ALPN chose

  friend bool operator==(const ServerTraits&, const ServerTraits&) = default;
};
[[nodiscard]] std::optional<ServerTraits> server_traits(const ServerHello& hello);

/// The same, in memory that is there already. False: there are none, whatever `traits` holds.
[[nodiscard]] bool read_traits(const ClientHello& hello, ClientTraits& traits);
[[nodiscard]] bool read_traits(const ServerHello& hello, ServerTraits& traits);

/// "769,47-53-5,0-10-11,23-24-25,0": version, suites, extensions, groups, point formats. JA3 is the
/// MD5 of it.
[[nodiscard]] std::string ja3_text(const ClientTraits& traits);
/// "769,47,65281": version, suite, extensions. JA3S is the MD5 of it.
[[nodiscard]] std::string ja3s_text(const ServerTraits& traits);

/// JA4 is "head_B_C": B and C are the first twelve hex digits of the SHA-256 of these lists, zeros
/// for an empty one.
struct Ja4Text {
  std::string head;           ///< "t13d1516h2"
  std::string cipher_suites;  ///< "002f,0035": sorted
  /// "0005,000a_0403,0804": sorted, without server_name and ALPN, which the head tells of; then the
  /// signature algorithms as they came, if any.
  std::string extensions;
};
[[nodiscard]] Ja4Text ja4_text(const ClientTraits& traits);

/// JA4S is "head_C": C as above.
struct Ja4sText {
  std::string head;        ///< "t120400_c030"
  std::string extensions;  ///< "0005,0017,ff01": as they came
};
[[nodiscard]] Ja4sText ja4s_text(const ServerTraits& traits);

}  // namespace rdpwhy::tls
