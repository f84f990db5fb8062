#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::tls {

using Random = std::array<std::uint8_t, 32>;

/// IANA "TLS ExtensionType Values": those whose payload is read here. Names of all others are in
/// registry.h.
enum class ExtensionType : std::uint16_t {
  kServerName = 0,
  kMaxFragmentLength = 1,
  kStatusRequest = 5,
  kSupportedGroups = 10,
  kEcPointFormats = 11,
  kSignatureAlgorithms = 13,
  kUseSrtp = 14,
  kHeartbeat = 15,
  kAlpn = 16,
  kStatusRequestV2 = 17,
  kSignedCertificateTimestamp = 18,
  kClientCertificateType = 19,
  kServerCertificateType = 20,
  kPadding = 21,
  kEncryptThenMac = 22,
  kExtendedMasterSecret = 23,
  kCompressCertificate = 27,
  kRecordSizeLimit = 28,
  kDelegatedCredential = 34,
  kSessionTicket = 35,
  kKeyShareDraft = 40,  ///< key_share until draft 22 of TLS 1.3
  kPreSharedKey = 41,
  kEarlyData = 42,
  kSupportedVersions = 43,
  kCookie = 44,
  kPskKeyExchangeModes = 45,
  kCertificateAuthorities = 47,
  kPostHandshakeAuth = 49,
  kSignatureAlgorithmsCert = 50,
  kKeyShare = 51,
  kNextProtocolNegotiation = 13172,
  kEncryptedClientHello = 0xFE0D,
  kRenegotiationInfo = 0xFF01,
};

/// An extension as on the wire: order and octets are kept, so that a hello can be written again and
/// fingerprinted.
struct Extension {
  std::uint16_t type = 0;
  Bytes payload;

  friend bool operator==(const Extension&, const Extension&) = default;
};

/// RFC 8446 4.2.8 KeyShareEntry; the key itself is kept by length only.
struct KeyShare {
  std::uint16_t group = 0;
  std::uint16_t size = 0;  ///< octets of key_exchange

  friend bool operator==(const KeyShare&, const KeyShare&) = default;
};

/// RFC 5246 7.4.1.2, RFC 8446 4.1.2 ClientHello; also read from an SSLv2 CLIENT-HELLO (RFC 5246
/// E.2).
///
/// An absent extension is an empty optional, an empty list in a present one an empty vector. The
/// decoded members are readings of `extensions`; an encoder writes `extensions` alone.
struct ClientHello {
  bool ssl2_format = false;
  std::uint16_t legacy_version = 0;
  Random random{};
  Bytes session_id;
  std::vector<std::uint16_t> cipher_suites;
  /// SSLv2 form only: all three-octet kinds in their order; those of TLS stand in cipher_suites
  /// too.
  std::vector<std::uint32_t> ssl2_cipher_specs;
  std::vector<std::uint8_t> compression_methods;
  bool has_extensions = false;  ///< the extensions block stands, even if empty
  std::vector<Extension> extensions;

  std::optional<std::string> server_name;                          // RFC 6066 3, host_name
  std::optional<std::vector<std::uint16_t>> supported_versions;    // RFC 8446 4.2.1
  std::optional<std::vector<std::uint16_t>> supported_groups;      // RFC 8422 5.1.1, RFC 7919
  std::optional<std::vector<std::uint8_t>> ec_point_formats;       // RFC 8422 5.1.2
  std::optional<std::vector<std::uint16_t>> signature_algorithms;  // RFC 8446 4.2.3
  std::optional<std::vector<std::uint16_t>> signature_algorithms_cert;
  std::optional<std::vector<KeyShare>> key_shares;                  // RFC 8446 4.2.8
  std::optional<std::vector<std::string>> alpn;                     // RFC 7301
  std::optional<std::vector<std::uint8_t>> psk_key_exchange_modes;  // RFC 8446 4.2.9
  std::optional<std::uint16_t> record_size_limit;                   // RFC 8449
  bool extended_master_secret = false;                              // RFC 7627
  bool encrypt_then_mac = false;                                    // RFC 7366
  bool renegotiation_info = false;                                  // RFC 5746, extension or SCSV
  bool session_ticket = false;                                      // RFC 5077
  bool status_request = false;                                      // RFC 6066 8
  bool pre_shared_key = false;                                      // RFC 8446 4.2.11
  bool early_data = false;                                          // RFC 8446 4.2.10
  bool heartbeat = false;                                           // RFC 6520
  bool fallback_scsv = false;                                       // RFC 7507

  /// The newest version offered: supported_versions where present, else legacy_version. GREASE is
  /// no version, and a draft of TLS 1.3 is older than TLS 1.3.
  [[nodiscard]] std::uint16_t newest_version() const;

  friend bool operator==(const ClientHello&, const ClientHello&) = default;
};

/// RFC 5246 7.4.1.3, RFC 8446 4.1.3 ServerHello and 4.1.4 HelloRetryRequest.
struct ServerHello {
  bool hello_retry_request = false;  ///< by its fixed random value
  std::uint16_t legacy_version = 0;
  Random random{};
  Bytes session_id;
  std::uint16_t cipher_suite = 0;
  std::uint8_t compression_method = 0;
  bool has_extensions = false;
  std::vector<Extension> extensions;

  std::optional<std::uint16_t> selected_version;  // supported_versions, RFC 8446 4.2.1
  std::optional<KeyShare> key_share;              // in a HelloRetryRequest the group alone, size 0
  std::optional<std::string> alpn;
  bool extended_master_secret = false;
  bool encrypt_then_mac = false;
  bool renegotiation_info = false;
  bool session_ticket = false;
  bool status_request = false;
  bool pre_shared_key = false;
  /// RFC 8446 4.1.3: the last octets of random that warn of a downgrade.
  enum class Downgrade { kNone, kTls12, kTls11OrBelow };
  Downgrade downgrade = Downgrade::kNone;

  /// The version in force: selected_version where present, else legacy_version.
  [[nodiscard]] std::uint16_t version() const { return selected_version.value_or(legacy_version); }

  friend bool operator==(const ServerHello&, const ServerHello&) = default;
};

// Bodies: what follows the four octets of the handshake header. A malformed payload of one
// extension is an anomaly: its octets are kept, its reading stays absent, the hello stands.
[[nodiscard]] std::expected<ClientHello, DecodeError> decode_client_hello(ByteSpan body,
                                                                          Notes* notes = nullptr);
/// The record with its two octets of length (RFC 5246 E.2).
[[nodiscard]] std::expected<ClientHello, DecodeError> decode_ssl2_client_hello(
    ByteSpan record, Notes* notes = nullptr);
[[nodiscard]] std::expected<ServerHello, DecodeError> decode_server_hello(ByteSpan body,
                                                                          Notes* notes = nullptr);
/// The body; the whole record for the SSLv2 form.
[[nodiscard]] Bytes encode(const ClientHello& hello);
/// The body.
[[nodiscard]] Bytes encode(const ServerHello& hello);

}  // namespace rdpwhy::tls
