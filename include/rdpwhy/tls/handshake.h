#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::tls {

/// RFC 5246 7.4, RFC 8446 4 HandshakeType.
enum class HandshakeType : std::uint8_t {
  kHelloRequest = 0,
  kClientHello = 1,
  kServerHello = 2,
  kNewSessionTicket = 4,
  kEndOfEarlyData = 5,
  kEncryptedExtensions = 8,
  kCertificate = 11,
  kServerKeyExchange = 12,
  kCertificateRequest = 13,
  kServerHelloDone = 14,
  kCertificateVerify = 15,
  kClientKeyExchange = 16,
  kFinished = 20,
  kCertificateStatus = 22,
  kKeyUpdate = 24,
};

struct HandshakeHeader {
  static constexpr std::size_t kSize = 4;
  std::uint8_t type = 0;
  std::uint32_t length = 0;  ///< octets of the body, at most 2^24-1: bounded by the dissector

  [[nodiscard]] HandshakeType kind() const { return static_cast<HandshakeType>(type); }
};
[[nodiscard]] std::optional<HandshakeHeader> decode_handshake_header(ByteSpan bytes);
[[nodiscard]] Bytes encode_handshake(HandshakeType type, ByteSpan body);

/// RFC 5246 7.4.2, RFC 8446 4.4.2 Certificate: the DER of each certificate, leaf first.
struct CertificateMessage {
  Bytes request_context;  ///< TLS 1.3 only
  std::vector<Bytes> certificates;
  std::vector<std::vector<Extension>> extensions;  ///< TLS 1.3: one list per certificate

  friend bool operator==(const CertificateMessage&, const CertificateMessage&) = default;
};

/// RFC 5246 7.4.4, RFC 8446 4.3.2 CertificateRequest.
struct CertificateRequest {
  Bytes request_context;                            ///< TLS 1.3 only
  std::vector<Extension> extensions;                ///< TLS 1.3 only
  std::vector<std::uint8_t> certificate_types;      ///< TLS 1.2 and older
  std::vector<std::uint16_t> signature_algorithms;  ///< TLS 1.2 and newer
  std::uint32_t authorities = 0;                    ///< how many names were listed

  friend bool operator==(const CertificateRequest&, const CertificateRequest&) = default;
};

/// RFC 8422 5.4, RFC 5246 7.4.3 ServerKeyExchange: parameters, never the keys.
struct ServerKeyExchange {
  enum class Kind { kEcdhe, kDhe, kOther };
  Kind kind = Kind::kOther;
  std::optional<std::uint16_t> group;                ///< ECDHE named curve
  std::optional<std::uint32_t> dh_bits;              ///< DHE: bits of the prime
  std::optional<std::uint16_t> signature_algorithm;  ///< TLS 1.2 SignatureAndHashAlgorithm

  friend bool operator==(const ServerKeyExchange&, const ServerKeyExchange&) = default;
};

/// How a suite agrees on keys, which decides the form of ServerKeyExchange.
enum class KeyExchange {
  kRsa,
  kDhe,
  kDheAnonymous,
  kEcdhe,
  kEcdheAnonymous,
  kPsk,
  kDhePsk,
  kEcdhePsk,
  kRsaPsk,
  kDh,
  kEcdh,
  kSrp,
  kKrb5,
  kGost,
  kTls13,
  kUnknown
};
[[nodiscard]] KeyExchange key_exchange_of(std::uint16_t cipher_suite);

[[nodiscard]] std::expected<CertificateMessage, DecodeError> decode_certificate(
    ByteSpan body, bool tls13, Notes* notes = nullptr);
[[nodiscard]] std::expected<CertificateRequest, DecodeError> decode_certificate_request(
    ByteSpan body, std::uint16_t version, Notes* notes = nullptr);
[[nodiscard]] std::expected<ServerKeyExchange, DecodeError> decode_server_key_exchange(
    ByteSpan body, std::uint16_t version, std::uint16_t cipher_suite, Notes* notes = nullptr);
/// RFC 8446 4.3.1: the list alone.
[[nodiscard]] std::expected<std::vector<Extension>, DecodeError> decode_encrypted_extensions(
    ByteSpan body, Notes* notes = nullptr);
/// RFC 8446 4.4.3, RFC 5246 7.4.8: the algorithm; nothing for versions before TLS 1.2.
[[nodiscard]] std::expected<std::optional<std::uint16_t>, DecodeError> decode_certificate_verify(
    ByteSpan body, std::uint16_t version, Notes* notes = nullptr);

}  // namespace rdpwhy::tls
