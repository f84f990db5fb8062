#include "crypto/tls_offer.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "rdpwhy/tls/registry.h"

namespace rdpwhy::crypto {

namespace {

constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;
constexpr std::uint16_t kEmptyRenegotiationScsv =
    0x00FF;                                      // RFC 5746 3.3: OpenSSL adds it by itself
constexpr std::uint16_t kFallbackScsv = 0x5600;  // RFC 7507

struct Group {
  std::string name;  // OpenSSL's name in TLS: "secp256r1"
  int nid = 0;
};

int add_group(const OSSL_PARAM params[], void* out) {
  const OSSL_PARAM* id = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ID);
  const OSSL_PARAM* name = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_NAME);
  const OSSL_PARAM* inner =
      OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_NAME_INTERNAL);
  unsigned number = 0;
  const char* text = nullptr;
  const char* inner_text = nullptr;
  if (id != nullptr && name != nullptr && inner != nullptr &&
      OSSL_PARAM_get_uint(id, &number) == 1 && OSSL_PARAM_get_utf8_string_ptr(name, &text) == 1 &&
      OSSL_PARAM_get_utf8_string_ptr(inner, &inner_text) == 1 && number <= 0xFFFF) {
    // A number comes more than once, under each of its names; any of them does.
    static_cast<std::map<std::uint16_t, Group>*>(out)->try_emplace(
        static_cast<std::uint16_t>(number), Group{text, OBJ_txt2nid(inner_text)});
  }
  return 1;
}

int add_provider_groups(OSSL_PROVIDER* provider, void* out) {
  return OSSL_PROVIDER_get_capabilities(provider, "TLS-GROUP", add_group, out);
}

/// What this OpenSSL can do, asked of its providers instead of kept in a table of our own.
const std::map<std::uint16_t, Group>& known_groups() {
  static const auto groups = [] {
    std::map<std::uint16_t, Group> found;
    OSSL_PROVIDER_do_all(library_context(), add_provider_groups, &found);
    return found;
  }();
  return groups;
}

struct SignatureName {
  std::uint16_t code;
  const char* name;
};

// OpenSSL gives no list of its signature schemes: these are all that version 3.0 knows, GOST aside.
constexpr std::array<SignatureName, 23> kSignatureNames = {{
    {0x0201, "RSA+SHA1"},
    {0x0202, "DSA+SHA1"},
    {0x0203, "ECDSA+SHA1"},
    {0x0301, "RSA+SHA224"},
    {0x0302, "DSA+SHA224"},
    {0x0303, "ECDSA+SHA224"},
    {0x0401, "rsa_pkcs1_sha256"},
    {0x0402, "DSA+SHA256"},
    {0x0403, "ecdsa_secp256r1_sha256"},
    {0x0501, "rsa_pkcs1_sha384"},
    {0x0502, "DSA+SHA384"},
    {0x0503, "ecdsa_secp384r1_sha384"},
    {0x0601, "rsa_pkcs1_sha512"},
    {0x0602, "DSA+SHA512"},
    {0x0603, "ecdsa_secp521r1_sha512"},
    {0x0804, "rsa_pss_rsae_sha256"},
    {0x0805, "rsa_pss_rsae_sha384"},
    {0x0806, "rsa_pss_rsae_sha512"},
    {0x0807, "ed25519"},
    {0x0808, "ed448"},
    {0x0809, "rsa_pss_pss_sha256"},
    {0x080A, "rsa_pss_pss_sha384"},
    {0x080B, "rsa_pss_pss_sha512"},
}};

/// Names joined by colons, and what has none.
struct Joined {
  std::string names;
  std::vector<std::string> refused;

  void add(const char* name) {
    if (!names.empty()) names += ':';
    names += name;
  }
};

Joined join_groups(const std::vector<std::uint16_t>& codes) {
  Joined joined;
  for (const auto code : codes) {
    const auto found = known_groups().find(code);
    if (found != known_groups().end()) {
      joined.add(found->second.name.c_str());
    } else {
      joined.refused.push_back("group " + tls::name_or_hex(tls::group_name(code), code));
    }
  }
  return joined;
}

Joined join_signature_algorithms(const std::vector<std::uint16_t>& codes) {
  Joined joined;
  for (const auto code : codes) {
    const auto* found = std::ranges::find(kSignatureNames, code, &SignatureName::code);
    if (found != kSignatureNames.end()) {
      joined.add(found->name);
    } else {
      joined.refused.push_back("signature algorithm " +
                               tls::name_or_hex(tls::signature_scheme_name(code), code));
    }
  }
  return joined;
}

struct Suites {
  Joined tls13;
  Joined older;
  bool fallback_scsv = false;
};

/// PSK and SRP suites are known to OpenSSL, but without a secret it would not put them in a hello.
bool needs_shared_secret(const SSL_CIPHER* cipher) {
  const int kx = SSL_CIPHER_get_kx_nid(cipher);
  return kx == NID_kx_psk || kx == NID_kx_rsa_psk || kx == NID_kx_dhe_psk ||
         kx == NID_kx_ecdhe_psk || kx == NID_kx_srp;
}

Suites join_suites(SSL_CTX* context, const std::vector<std::uint16_t>& codes) {
  Suites suites;
  const SslPtr asked(SSL_new(context));
  for (const auto code : codes) {
    if (code == kEmptyRenegotiationScsv) continue;
    if (code == kFallbackScsv) {
      suites.fallback_scsv = true;
      continue;
    }
    const std::array<std::uint8_t, 2> octets = {static_cast<std::uint8_t>(code >> 8),
                                                static_cast<std::uint8_t>(code & 0xFF)};
    const SSL_CIPHER* cipher = SSL_CIPHER_find(asked.get(), octets.data());
    const bool is_tls13 = (code >> 8) == 0x13;
    if (cipher == nullptr || needs_shared_secret(cipher)) {
      suites.older.refused.push_back("cipher suite " +
                                     tls::name_or_hex(tls::cipher_suite_name(code), code));
    } else {
      (is_tls13 ? suites.tls13 : suites.older).add(SSL_CIPHER_get_name(cipher));
    }
  }
  return suites;
}

/// Known by name and still not in the list: its algorithm is compiled out or in no loaded provider.
void find_silently_dropped(SSL_CTX* context, Suites& suites) {
  std::set<std::string, std::less<>> present;
  const STACK_OF(SSL_CIPHER)* list = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(list); ++i) {
    present.emplace(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, i)));
  }
  for (const auto* joined : {&suites.tls13, &suites.older}) {
    std::string_view rest = joined->names;
    while (!rest.empty()) {
      const auto name = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      if (!present.contains(name)) {
        suites.older.refused.push_back(fmt::format("cipher suite {}", name));
      }
    }
  }
}

std::expected<void, Error> refuse(const std::vector<std::string>& refused, bool skip) {
  if (refused.empty() || skip) return {};
  return std::unexpected(Error{fmt::format("OpenSSL {}.{} cannot offer {}", OPENSSL_VERSION_MAJOR,
                                           OPENSSL_VERSION_MINOR, fmt::join(refused, ", "))});
}

std::expected<void, Error> set_suites(SSL_CTX* context, const TlsOffer& offer) {
  if (offer.cipher_suites.empty()) return {};
  Suites suites = join_suites(context, offer.cipher_suites);
  SSL_CTX_set_ciphersuites(context, suites.tls13.names.c_str());
  // Returns 0 when the list leaves TLS 1.3 suites alone, and has set it all the same.
  SSL_CTX_set_cipher_list(context, suites.older.names.c_str());
  ERR_clear_error();
  find_silently_dropped(context, suites);
  if (auto ok = refuse(suites.older.refused, offer.skip_unsupported); !ok) return ok;
  if (suites.tls13.names.empty() && suites.older.names.empty()) {
    return std::unexpected(Error{"no cipher suite is left to offer"});
  }
  if (suites.fallback_scsv) SSL_CTX_set_mode(context, SSL_MODE_SEND_FALLBACK_SCSV);

  // A version without a suite of its own is not offered: OpenSSL would refuse to write the hello.
  if (suites.tls13.names.empty()) {
    if (offer.min_version >= kTls13) {
      return std::unexpected(Error{"TLS 1.3 alone is asked for, and no cipher suite of it"});
    }
    SSL_CTX_set_max_proto_version(context, std::min(offer.max_version, kTls12));
  }
  if (suites.older.names.empty()) {
    if (offer.max_version < kTls13) {
      return std::unexpected(Error{"only TLS 1.3 cipher suites are asked for, and no TLS 1.3"});
    }
    SSL_CTX_set_min_proto_version(context, kTls13);
  }
  return {};
}

std::expected<void, Error> set_groups(SSL_CTX* context, const TlsOffer& offer) {
  if (offer.groups.empty()) return {};
  const Joined joined = join_groups(offer.groups);
  if (auto ok = refuse(joined.refused, offer.skip_unsupported); !ok) return ok;
  if (SSL_CTX_set1_groups_list(context, joined.names.c_str()) != 1) {
    return std::unexpected(Error{"the list of groups cannot be offered: " + take_errors()});
  }
  return {};
}

std::expected<void, Error> set_signature_algorithms(SSL_CTX* context, const TlsOffer& offer) {
  if (offer.signature_algorithms.empty()) return {};
  const Joined joined = join_signature_algorithms(offer.signature_algorithms);
  if (auto ok = refuse(joined.refused, offer.skip_unsupported); !ok) return ok;
  if (SSL_CTX_set1_sigalgs_list(context, joined.names.c_str()) != 1) {
    return std::unexpected(
        Error{"the list of signature algorithms cannot be offered: " + take_errors()});
  }
  return {};
}

}  // namespace

// As in captures of mstsc on Windows 11 22H2 (build 22621), the newest we know. Where OpenSSL's
// hello parts from it:
//  - OpenSSL says secure renegotiation by the suite 0x00FF at the end, mstsc by the extension
//  65281;
//  - OpenSSL adds ec_point_formats (11), which mstsc has not sent since TLS 1.3 came to Windows;
//  - the order of the extensions: mstsc has 0 5 43 13 35 10 51 49 23 65281 45, and OpenSSL's own
//    post_handshake_auth (49) is left out, since it would answer a request in no other way than
//    mstsc;
//  - legacy_session_id is 32 random octets in both.
TlsOffer TlsOffer::mstsc() {
  TlsOffer offer;
  offer.min_version = 0x0301;
  offer.max_version = kTls13;
  offer.cipher_suites = {0x1302, 0x1301, 0xC02C, 0xC02B, 0xC030, 0xC02F, 0xC024,
                         0xC023, 0xC028, 0xC027, 0xC00A, 0xC009, 0xC014, 0xC013,
                         0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F};
  offer.groups = {29, 23, 24};
  offer.signature_algorithms = {0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201,
                                0x0403, 0x0503, 0x0203, 0x0202, 0x0601, 0x0603};
  offer.status_request = true;
  offer.post_handshake_auth = true;
  offer.skip_unsupported = true;
  return offer;
}

std::expected<SslContextPtr, Error> make_context(const SSL_METHOD* method,
                                                 std::uint16_t min_version,
                                                 std::uint16_t max_version) {
  ERR_clear_error();
  if (min_version > max_version) {
    return std::unexpected(
        Error{fmt::format("no TLS version lies between {} and {}", tls::version_name(min_version),
                          tls::version_name(max_version))});
  }
  SslContextPtr context(SSL_CTX_new_ex(library_context(), nullptr, method));
  if (context == nullptr) {
    return std::unexpected(Error{"OpenSSL does not start: " + take_errors()});
  }
  SSL_CTX* const c = context.get();
  // Everything that a system's configuration could have set before us is set again here.
  SSL_CTX_set_security_level(c, 0);
  SSL_CTX_clear_options(c, SSL_CTX_get_options(c));
  // Microsoft's RDP servers of old do not take the empty records that hide the IV of TLS 1.0.
  SSL_CTX_set_options(c, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                             SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS | SSL_OP_NO_COMPRESSION |
                             SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  if (SSL_CTX_set_min_proto_version(c, min_version) != 1 ||
      SSL_CTX_set_max_proto_version(c, max_version) != 1) {
    ERR_clear_error();
    return std::unexpected(
        Error{fmt::format("OpenSSL cannot do {} to {}", tls::version_name(min_version),
                          tls::version_name(max_version))});
  }
  // Certificates are judged from the record. OpenSSL would build and verify a chain all the same,
  // only to forget what it found: a tenth of the work of a probe, and a hostile peer's choice.
  SSL_CTX_set_verify(c, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(c, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(c,
                            1L << 20);  // a chain too long for OpenSSL's 100 kB is still evidence
  return context;
}

std::expected<SslContextPtr, Error> make_client_context(const TlsOffer& offer) {
  auto context = make_context(TLS_client_method(), offer.min_version, offer.max_version);
  if (!context) return context;
  SSL_CTX* const c = context->get();
  if (!offer.encrypt_then_mac) SSL_CTX_set_options(c, SSL_OP_NO_ENCRYPT_THEN_MAC);
  if (offer.status_request) SSL_CTX_set_tlsext_status_type(c, TLSEXT_STATUSTYPE_ocsp);
  if (offer.post_handshake_auth) SSL_CTX_set_post_handshake_auth(c, 1);
  for (const auto& set : {set_suites, set_groups, set_signature_algorithms}) {
    if (auto ok = set(c, offer); !ok) return std::unexpected(ok.error());
  }
  return context;
}

std::uint16_t group_of_nid(int nid) {
  for (const auto& [code, group] : known_groups()) {
    if (group.nid == nid && nid != NID_undef) return code;
  }
  return 0;
}

}  // namespace rdpwhy::crypto
