#include "rdpwhy/tls/registry.h"

#include <algorithm>
#include <iterator>

#include "rdpwhy/base/hex.h"
#include "tls/registry_tables.h"

namespace rdpwhy::tls {
namespace {

// IANA "TLS Supported Groups", and the post-quantum drafts that browsers offered before it had
// them.
constexpr RegistryEntry kGroups[] = {
    {0x0001, "sect163k1"},
    {0x0002, "sect163r1"},
    {0x0003, "sect163r2"},
    {0x0004, "sect193r1"},
    {0x0005, "sect193r2"},
    {0x0006, "sect233k1"},
    {0x0007, "sect233r1"},
    {0x0008, "sect239k1"},
    {0x0009, "sect283k1"},
    {0x000A, "sect283r1"},
    {0x000B, "sect409k1"},
    {0x000C, "sect409r1"},
    {0x000D, "sect571k1"},
    {0x000E, "sect571r1"},
    {0x000F, "secp160k1"},
    {0x0010, "secp160r1"},
    {0x0011, "secp160r2"},
    {0x0012, "secp192k1"},
    {0x0013, "secp192r1"},
    {0x0014, "secp224k1"},
    {0x0015, "secp224r1"},
    {0x0016, "secp256k1"},
    {0x0017, "secp256r1"},
    {0x0018, "secp384r1"},
    {0x0019, "secp521r1"},
    {0x001A, "brainpoolP256r1"},
    {0x001B, "brainpoolP384r1"},
    {0x001C, "brainpoolP512r1"},
    {0x001D, "x25519"},
    {0x001E, "x448"},
    {0x001F, "brainpoolP256r1tls13"},
    {0x0020, "brainpoolP384r1tls13"},
    {0x0021, "brainpoolP512r1tls13"},
    {0x0022, "GC256A"},
    {0x0023, "GC256B"},
    {0x0024, "GC256C"},
    {0x0025, "GC256D"},
    {0x0026, "GC512A"},
    {0x0027, "GC512B"},
    {0x0028, "GC512C"},
    {0x0029, "curveSM2"},
    {0x0100, "ffdhe2048"},
    {0x0101, "ffdhe3072"},
    {0x0102, "ffdhe4096"},
    {0x0103, "ffdhe6144"},
    {0x0104, "ffdhe8192"},
    {0x0200, "MLKEM512"},
    {0x0201, "MLKEM768"},
    {0x0202, "MLKEM1024"},
    {0x11EB, "SecP256r1MLKEM768"},
    {0x11EC, "X25519MLKEM768"},
    {0x11ED, "SecP384r1MLKEM1024"},
    {0x11EE, "curveSM2MLKEM768"},
    {0x4138, "CECPQ2"},
    {0x6399, "X25519Kyber768Draft00"},
    {0x639A, "SecP256r1Kyber768Draft00"},
    {0xFE30, "X25519Kyber512Draft00"},
    {0xFE31, "X25519Kyber768Draft00_OLD"},
    {0xFE32, "CECPQ2b"},
    {0xFF01, "arbitrary_explicit_prime_curves"},
    {0xFF02, "arbitrary_explicit_char2_curves"},
};

// IANA "TLS SignatureScheme", and the pairs of RFC 5246 7.4.1.4.1 (hash, signature) that it left
// out.
constexpr RegistryEntry kSignatureSchemes[] = {
    {0x0101, "rsa_pkcs1_md5"},
    {0x0102, "dsa_md5"},
    {0x0103, "ecdsa_md5"},
    {0x0201, "rsa_pkcs1_sha1"},
    {0x0202, "dsa_sha1"},
    {0x0203, "ecdsa_sha1"},
    {0x0301, "rsa_pkcs1_sha224"},
    {0x0302, "dsa_sha224"},
    {0x0303, "ecdsa_sha224"},
    {0x0401, "rsa_pkcs1_sha256"},
    {0x0402, "dsa_sha256"},
    {0x0403, "ecdsa_secp256r1_sha256"},
    {0x0420, "rsa_pkcs1_sha256_legacy"},
    {0x0501, "rsa_pkcs1_sha384"},
    {0x0502, "dsa_sha384"},
    {0x0503, "ecdsa_secp384r1_sha384"},
    {0x0520, "rsa_pkcs1_sha384_legacy"},
    {0x0601, "rsa_pkcs1_sha512"},
    {0x0602, "dsa_sha512"},
    {0x0603, "ecdsa_secp521r1_sha512"},
    {0x0620, "rsa_pkcs1_sha512_legacy"},
    {0x0704, "eccsi_sha256"},
    {0x0705, "iso_ibs1"},
    {0x0706, "iso_ibs2"},
    {0x0707, "iso_chinese_ibs"},
    {0x0708, "sm2sig_sm3"},
    {0x0709, "gostr34102012_256a"},
    {0x070A, "gostr34102012_256b"},
    {0x070B, "gostr34102012_256c"},
    {0x070C, "gostr34102012_256d"},
    {0x070D, "gostr34102012_512a"},
    {0x070E, "gostr34102012_512b"},
    {0x070F, "gostr34102012_512c"},
    {0x0804, "rsa_pss_rsae_sha256"},
    {0x0805, "rsa_pss_rsae_sha384"},
    {0x0806, "rsa_pss_rsae_sha512"},
    {0x0807, "ed25519"},
    {0x0808, "ed448"},
    {0x0809, "rsa_pss_pss_sha256"},
    {0x080A, "rsa_pss_pss_sha384"},
    {0x080B, "rsa_pss_pss_sha512"},
    {0x081A, "ecdsa_brainpoolP256r1tls13_sha256"},
    {0x081B, "ecdsa_brainpoolP384r1tls13_sha384"},
    {0x081C, "ecdsa_brainpoolP512r1tls13_sha512"},
    {0x0840, "gostr34102012_256"},
    {0x0841, "gostr34102012_512"},
    {0x0904, "mldsa44"},
    {0x0905, "mldsa65"},
    {0x0906, "mldsa87"},
    {0x0911, "slhdsa_sha2_128s"},
    {0x0912, "slhdsa_sha2_128f"},
    {0x0913, "slhdsa_sha2_192s"},
    {0x0914, "slhdsa_sha2_192f"},
    {0x0915, "slhdsa_sha2_256s"},
    {0x0916, "slhdsa_sha2_256f"},
    {0x0917, "slhdsa_shake_128s"},
    {0x0918, "slhdsa_shake_128f"},
    {0x0919, "slhdsa_shake_192s"},
    {0x091A, "slhdsa_shake_192f"},
    {0x091B, "slhdsa_shake_256s"},
    {0x091C, "slhdsa_shake_256f"},
    {0xEDED, "gostr34102001_gostr3411"},
    {0xEEEE, "gostr34102012_256_gostr34112012_256"},
    {0xEFEF, "gostr34102012_512_gostr34112012_512"},
};

// IANA "TLS ExtensionType Values", and those of drafts and browsers that hellos carry.
constexpr RegistryEntry kExtensionTypes[] = {
    {0, "server_name"},
    {1, "max_fragment_length"},
    {2, "client_certificate_url"},
    {3, "trusted_ca_keys"},
    {4, "truncated_hmac"},
    {5, "status_request"},
    {6, "user_mapping"},
    {7, "client_authz"},
    {8, "server_authz"},
    {9, "cert_type"},
    {10, "supported_groups"},
    {11, "ec_point_formats"},
    {12, "srp"},
    {13, "signature_algorithms"},
    {14, "use_srtp"},
    {15, "heartbeat"},
    {16, "application_layer_protocol_negotiation"},
    {17, "status_request_v2"},
    {18, "signed_certificate_timestamp"},
    {19, "client_certificate_type"},
    {20, "server_certificate_type"},
    {21, "padding"},
    {22, "encrypt_then_mac"},
    {23, "extended_master_secret"},
    {24, "token_binding"},
    {25, "cached_info"},
    {26, "tls_lts"},
    {27, "compress_certificate"},
    {28, "record_size_limit"},
    {29, "pwd_protect"},
    {30, "pwd_clear"},
    {31, "password_salt"},
    {32, "ticket_pinning"},
    {33, "tls_cert_with_extern_psk"},
    {34, "delegated_credential"},
    {35, "session_ticket"},
    {36, "TLMSP"},
    {37, "TLMSP_proxying"},
    {38, "TLMSP_delegate"},
    {39, "supported_ekt_ciphers"},
    {40, "key_share_draft"},
    {41, "pre_shared_key"},
    {42, "early_data"},
    {43, "supported_versions"},
    {44, "cookie"},
    {45, "psk_key_exchange_modes"},
    {46, "ticket_early_data_info_draft"},
    {47, "certificate_authorities"},
    {48, "oid_filters"},
    {49, "post_handshake_auth"},
    {50, "signature_algorithms_cert"},
    {51, "key_share"},
    {52, "transparency_info"},
    {53, "connection_id_deprecated"},
    {54, "connection_id"},
    {55, "external_id_hash"},
    {56, "external_session_id"},
    {57, "quic_transport_parameters"},
    {58, "ticket_request"},
    {59, "dnssec_chain"},
    {60, "sequence_number_encryption_algorithms"},
    {61, "rrc"},
    {62, "tls_flags"},
    {13172, "next_protocol_negotiation"},
    {17513, "application_settings_old"},
    {17613, "application_settings"},
    {30031, "channel_id_old"},
    {30032, "channel_id"},
    {0xFD00, "ech_outer_extensions"},
    {0xFE0D, "encrypted_client_hello"},
    {0xFF01, "renegotiation_info"},
    {0xFFA5, "quic_transport_parameters_draft"},
    {0xFFCE, "encrypted_server_name"},
};

// IANA "TLS Alerts" in the spelling of RFC 5246 and RFC 8446, without their _RESERVED.
constexpr RegistryEntry kAlerts[] = {
    {0, "close_notify"},
    {1, "end_of_early_data"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {52, "too_many_cids_requested"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {117, "general_error"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

// IANA "TLS HandshakeType", and those of the NPN and Channel ID drafts.
constexpr RegistryEntry kHandshakeTypes[] = {
    {0, "hello_request"},
    {1, "client_hello"},
    {2, "server_hello"},
    {3, "hello_verify_request"},
    {4, "new_session_ticket"},
    {5, "end_of_early_data"},
    {6, "hello_retry_request"},
    {8, "encrypted_extensions"},
    {9, "request_connection_id"},
    {10, "new_connection_id"},
    {11, "certificate"},
    {12, "server_key_exchange"},
    {13, "certificate_request"},
    {14, "server_hello_done"},
    {15, "certificate_verify"},
    {16, "client_key_exchange"},
    {17, "client_certificate_request"},
    {20, "finished"},
    {21, "certificate_url"},
    {22, "certificate_status"},
    {23, "supplemental_data"},
    {24, "key_update"},
    {25, "compressed_certificate"},
    {26, "ekt_key"},
    {67, "next_protocol"},
    {203, "channel_id"},
    {254, "message_hash"},
};

struct Ssl2Cipher {
  std::uint32_t kind;
  std::string_view name;
};

// The SSL Protocol version 2, C.4; the last one is SSLeay's.
constexpr Ssl2Cipher kSsl2Ciphers[] = {
    {0x010080, "SSL2_RC4_128_WITH_MD5"},          {0x020080, "SSL2_RC4_128_EXPORT40_WITH_MD5"},
    {0x030080, "SSL2_RC2_128_CBC_WITH_MD5"},      {0x040080, "SSL2_RC2_128_CBC_EXPORT40_WITH_MD5"},
    {0x050080, "SSL2_IDEA_128_CBC_WITH_MD5"},     {0x060040, "SSL2_DES_64_CBC_WITH_MD5"},
    {0x060140, "SSL2_DES_64_CBC_WITH_SHA"},       {0x0700C0, "SSL2_DES_192_EDE3_CBC_WITH_MD5"},
    {0x0701C0, "SSL2_DES_192_EDE3_CBC_WITH_SHA"}, {0x080080, "SSL2_RC4_64_WITH_MD5"},
};

static_assert(strictly_ascending(kGroups));
static_assert(strictly_ascending(kSignatureSchemes));
static_assert(strictly_ascending(kExtensionTypes));
static_assert(strictly_ascending(kAlerts));
static_assert(strictly_ascending(kHandshakeTypes));

std::optional<std::string_view> find_name(std::span<const RegistryEntry> table,
                                          std::uint16_t code) {
  const auto found = std::ranges::lower_bound(table, code, {}, &RegistryEntry::code);
  if (found == table.end() || found->code != code) return std::nullopt;
  return found->name;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<std::uint16_t> find_code(std::span<const RegistryEntry> table,
                                       std::string_view name) {
  const auto found = std::ranges::find_if(table, [name](const RegistryEntry& entry) {
    return std::ranges::equal(entry.name, name, {}, to_lower, to_lower);
  });
  if (found == table.end()) return std::nullopt;
  return found->code;
}

}  // namespace

std::span<const RegistryEntry> cipher_suites() { return cipher_suite_table(); }
std::span<const RegistryEntry> groups() { return kGroups; }
std::span<const RegistryEntry> signature_schemes() { return kSignatureSchemes; }
std::span<const RegistryEntry> extension_types() { return kExtensionTypes; }

std::optional<std::string_view> cipher_suite_name(std::uint16_t code) {
  return find_name(cipher_suite_table(), code);
}

std::optional<std::string_view> group_name(std::uint16_t code) { return find_name(kGroups, code); }

std::optional<std::string_view> signature_scheme_name(std::uint16_t code) {
  return find_name(kSignatureSchemes, code);
}

std::optional<std::string_view> extension_name(std::uint16_t code) {
  return find_name(kExtensionTypes, code);
}

std::optional<std::string_view> alert_name(std::uint8_t code) { return find_name(kAlerts, code); }

std::optional<std::string_view> handshake_type_name(std::uint8_t type) {
  return find_name(kHandshakeTypes, type);
}

std::optional<std::uint16_t> cipher_suite_code(std::string_view name) {
  if (const auto code = find_code(cipher_suite_table(), name)) return code;
  return find_code(openssl_name_table(), name);
}

std::optional<std::uint16_t> group_code(std::string_view name) {
  // The names of FIPS 186-4 and OpenSSL for the curves that have them.
  constexpr RegistryEntry kOtherNames[] = {
      {0x0013, "prime192v1"}, {0x0013, "P-192"}, {0x0015, "P-224"}, {0x0017, "prime256v1"},
      {0x0017, "P-256"},      {0x0018, "P-384"}, {0x0019, "P-521"},
  };
  if (const auto code = find_code(kGroups, name)) return code;
  return find_code(kOtherNames, name);
}

std::optional<std::uint16_t> signature_scheme_code(std::string_view name) {
  return find_code(kSignatureSchemes, name);
}

std::string version_name(std::uint16_t version) {
  switch (version) {
    case 0x0002:
      return "SSLv2";
    case 0x0300:
      return "SSLv3";
    case 0x0301:
      return "TLSv1.0";
    case 0x0302:
      return "TLSv1.1";
    case 0x0303:
      return "TLSv1.2";
    case 0x0304:
      return "TLSv1.3";
    case 0x0101:
      return "TLCPv1.1";
    case 0xFEFF:
      return "DTLSv1.0";
    case 0xFEFD:
      return "DTLSv1.2";
    case 0xFEFC:
      return "DTLSv1.3";
    default:
      break;
  }
  if (version >> 8 == 0x7F) return "TLSv1.3 (draft " + std::to_string(version & 0xFF) + ")";
  return base::to_hex_number(version, 4);
}

std::optional<std::string_view> ssl2_cipher_name(std::uint32_t kind) {
  const auto* found = std::ranges::find(kSsl2Ciphers, kind, &Ssl2Cipher::kind);
  if (found == std::end(kSsl2Ciphers)) return std::nullopt;
  return found->name;
}

std::string name_or_hex(std::optional<std::string_view> name, std::uint16_t code) {
  return name ? std::string(*name) : base::to_hex_number(code, 4);
}

}  // namespace rdpwhy::tls
