#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rdpwhy::tls {

/// A number of an IANA TLS registry with its name. Any 16-bit value can come from the wire, so the
/// numbers stay plain integers and only naming knows the registry.
struct RegistryEntry {
  std::uint16_t code;
  std::string_view name;
};

// IANA "TLS Cipher Suites", "TLS Supported Groups", "TLS SignatureScheme", "TLS ExtensionType
// Values": every assigned value, SSL 3.0 FIPS, old ChaCha20 and pre-standard GOST/PQ ones that are
// seen included.
[[nodiscard]] std::span<const RegistryEntry> cipher_suites();
[[nodiscard]] std::span<const RegistryEntry> groups();
[[nodiscard]] std::span<const RegistryEntry> signature_schemes();
[[nodiscard]] std::span<const RegistryEntry> extension_types();

/// The name, or nothing for an unassigned value.
[[nodiscard]] std::optional<std::string_view> cipher_suite_name(std::uint16_t code);
[[nodiscard]] std::optional<std::string_view> group_name(std::uint16_t code);  // "secp384r1"
[[nodiscard]] std::optional<std::string_view> signature_scheme_name(
    std::uint16_t code);  // "rsa_pss_rsae_sha256"
[[nodiscard]] std::optional<std::string_view> extension_name(std::uint16_t code);
[[nodiscard]] std::optional<std::string_view> alert_name(std::uint8_t code);  // "handshake_failure"
[[nodiscard]] std::optional<std::string_view> handshake_type_name(
    std::uint8_t type);  // "client_hello"

/// Numbers by name, as a person types them (IANA or OpenSSL spelling for suites).
[[nodiscard]] std::optional<std::uint16_t> cipher_suite_code(std::string_view name);
[[nodiscard]] std::optional<std::uint16_t> group_code(std::string_view name);
[[nodiscard]] std::optional<std::uint16_t> signature_scheme_code(std::string_view name);

/// "TLSv1.2" for 0x0303, "SSLv3" for 0x0300, "TLSv1.3" for 0x0304, "TLSv1.3 (draft 28)"; hex
/// otherwise.
[[nodiscard]] std::string version_name(std::uint16_t version);

/// "SSL2_RC4_128_WITH_MD5" for a cipher kind of SSLv2 (three octets).
[[nodiscard]] std::optional<std::string_view> ssl2_cipher_name(std::uint32_t kind);

/// TLS 1.3 or one of its drafts: the forms of RFC 8446 hold.
[[nodiscard]] constexpr bool is_tls13(std::uint16_t version) {
  const auto major = version >> 8;
  return version == 0x0304 || major == 0x7F || major == 0x7E || major == 0xFB;
}

/// RFC 8701: reserved values that a peer must ignore.
[[nodiscard]] constexpr bool is_grease(std::uint16_t code) {
  return (code & 0x0F0F) == 0x0A0A && (code >> 8) == (code & 0xFF);
}

/// The name, or "0x1234" where the registry has none.
[[nodiscard]] std::string name_or_hex(std::optional<std::string_view> name, std::uint16_t code);

}  // namespace rdpwhy::tls
