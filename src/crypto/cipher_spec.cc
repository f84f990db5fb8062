#include "crypto/cipher_spec.h"

#include <string_view>

#include "rdpwhy/tls/registry.h"

namespace rdpwhy::crypto {

namespace {

using Kind = CipherSpec::Kind;

struct Cipher {
  std::string_view name;  // as the registry spells it
  Kind kind;
  const char* openssl;
  std::uint8_t key_size;
  std::uint8_t iv_size;
  std::uint8_t tag_size;
  bool legacy = false;
};

// A name that begins like another stands before it.
constexpr Cipher kCiphers[] = {
    {"AES_128_GCM", Kind::kGcm, "AES-128-GCM", 16, 4, 16},
    {"AES_256_GCM", Kind::kGcm, "AES-256-GCM", 32, 4, 16},
    {"AES_128_CCM_8", Kind::kCcm, "AES-128-CCM", 16, 4, 8},
    {"AES_256_CCM_8", Kind::kCcm, "AES-256-CCM", 32, 4, 8},
    {"AES_128_CCM", Kind::kCcm, "AES-128-CCM", 16, 4, 16},
    {"AES_256_CCM", Kind::kCcm, "AES-256-CCM", 32, 4, 16},
    {"ARIA_128_GCM", Kind::kGcm, "ARIA-128-GCM", 16, 4, 16},
    {"ARIA_256_GCM", Kind::kGcm, "ARIA-256-GCM", 32, 4, 16},
    {"CHACHA20_POLY1305", Kind::kChaCha20, "ChaCha20-Poly1305", 32, 12, 16},
    {"AES_128_CBC", Kind::kCbc, "AES-128-CBC", 16, 16, 0},
    {"AES_256_CBC", Kind::kCbc, "AES-256-CBC", 32, 16, 0},
    {"ARIA_128_CBC", Kind::kCbc, "ARIA-128-CBC", 16, 16, 0},
    {"ARIA_256_CBC", Kind::kCbc, "ARIA-256-CBC", 32, 16, 0},
    {"CAMELLIA_128_CBC", Kind::kCbc, "CAMELLIA-128-CBC", 16, 16, 0},
    {"CAMELLIA_256_CBC", Kind::kCbc, "CAMELLIA-256-CBC", 32, 16, 0},
    {"3DES_EDE_CBC", Kind::kCbc, "DES-EDE3-CBC", 24, 8, 0},
    {"DES_CBC", Kind::kCbc, "DES-CBC", 8, 8, 0, true},
    {"SEED_CBC", Kind::kCbc, "SEED-CBC", 16, 16, 0, true},
    {"IDEA_CBC", Kind::kCbc, "IDEA-CBC", 16, 8, 0, true},
    {"RC4_128", Kind::kStream, "RC4", 16, 0, 0, true},
    {"NULL", Kind::kNull, nullptr, 0, 0, 0},
};

struct Hash {
  std::string_view name;
  const char* openssl;
  std::uint8_t size;
};

constexpr Hash kHashes[] = {
    {"MD5", "MD5", 16}, {"SHA", "SHA1", 20}, {"SHA256", "SHA256", 32}, {"SHA384", "SHA384", 48}};

bool is_aead(Kind kind) {
  return kind == Kind::kGcm || kind == Kind::kCcm || kind == Kind::kChaCha20;
}

std::optional<CipherSpec> spec_of(const Cipher& cipher, std::string_view hash_name) {
  CipherSpec spec{.kind = cipher.kind,
                  .legacy = cipher.legacy,
                  .key_size = cipher.key_size,
                  .iv_size = cipher.iv_size,
                  .tag_size = cipher.tag_size,
                  .cipher = cipher.openssl,
                  // RFC 5246 5: SHA-256 unless the suite says otherwise, and those that say MD5 or
                  // SHA-1 are older than this choice.
                  .prf = "SHA256"};
  // RFC 6655 names no hash: SHA-256 it is.
  if (hash_name.empty()) return cipher.kind == Kind::kCcm ? std::optional(spec) : std::nullopt;
  for (const auto& hash : kHashes) {
    if (hash.name != hash_name) continue;
    if (hash.name == "SHA384") spec.prf = hash.openssl;
    if (!is_aead(cipher.kind)) {
      spec.mac = hash.openssl;
      spec.mac_size = hash.size;
    }
    return spec;
  }
  return {};
}

}  // namespace

std::optional<CipherSpec> cipher_spec_of(std::uint16_t cipher_suite) {
  const auto name = tls::cipher_suite_name(cipher_suite).value_or("");
  const auto with = name.find("_WITH_");
  if (!name.starts_with("TLS_") || with == std::string_view::npos) return {};
  // Export suites weaken the key in a way of their own.
  if (name.substr(0, with).find("EXPORT") != std::string_view::npos) return {};
  const auto protection = name.substr(with + 6);
  for (const auto& cipher : kCiphers) {
    if (!protection.starts_with(cipher.name)) continue;
    const auto rest = protection.substr(cipher.name.size());
    if (!rest.empty() && rest[0] != '_') continue;
    return spec_of(cipher, rest.empty() ? rest : rest.substr(1));
  }
  return {};
}

}  // namespace rdpwhy::crypto
