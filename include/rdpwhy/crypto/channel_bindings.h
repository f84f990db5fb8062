#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"

// What ties an authentication to the TLS channel that it runs in.
namespace rdpwhy::crypto {

/// RFC 5280 4.1.2.7: the content of the BIT STRING subjectPublicKey, whatever kind of key it is
/// (RSA: a PKCS#1 RSAPublicKey; EC: the point; Ed25519: 32 octets). CredSSP means these octets.
[[nodiscard]] std::expected<Bytes, Error> subject_public_key(ByteSpan certificate);

/// MS-CSSP 3.1.5: what pubKeyAuth holds once it is opened. `version` is the lower one of both
/// sides: up to 4 the key itself (the server's with 1 added to its first octet), from 5 on SHA-256
/// over a fixed text, the client's nonce and the key.
[[nodiscard]] Bytes client_public_key_proof(std::uint32_t version, ByteSpan key, ByteSpan nonce);
[[nodiscard]] Bytes server_public_key_proof(std::uint32_t version, ByteSpan key, ByteSpan nonce);

/// The channel binding "tls-server-end-point" (RFC 5929 4): MD5 over the
/// gss_channel_bindings_struct (RFC 2744 3.11, MS-NLMP 2.2.2.1 MsvAvChannelBindings) with that text
/// and the certificate's hash. Nothing for a certificate whose signature names no hash (Ed25519),
/// where the RFC defines none, and where MD5 cannot be had.
[[nodiscard]] std::optional<std::array<std::uint8_t, 16>> tls_server_end_point_bindings(
    ByteSpan certificate);
[[nodiscard]] std::optional<std::array<std::uint8_t, 16>> bindings_of_hash(
    ByteSpan certificate_hash);

}  // namespace rdpwhy::crypto
