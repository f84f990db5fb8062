#include "rdpwhy/crypto/make_certificate.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <optional>

#include "crypto/openssl_handles.h"
#include "rdpwhy/crypto/digest.h"

namespace rdpwhy::crypto {

namespace {

using Key = CertificateRecipe::Key;

KeyPtr generate(Key kind) {
  OSSL_LIB_CTX* const library = library_context();
  switch (kind) {
    case Key::kRsa1024:
      return KeyPtr(EVP_PKEY_Q_keygen(library, nullptr, "RSA", std::size_t{1024}));
    case Key::kRsa2048:
      return KeyPtr(EVP_PKEY_Q_keygen(library, nullptr, "RSA", std::size_t{2048}));
    case Key::kRsa4096:
      return KeyPtr(EVP_PKEY_Q_keygen(library, nullptr, "RSA", std::size_t{4096}));
    case Key::kEcP256:
      return KeyPtr(EVP_PKEY_Q_keygen(library, nullptr, "EC", "P-256"));
    case Key::kEd25519:
      return KeyPtr(EVP_PKEY_Q_keygen(library, nullptr, "ED25519"));
  }
  return nullptr;
}

/// One key of each kind per process: a lab that makes twenty certificates must not generate twenty
/// RSA keys. They protect nothing.
EVP_PKEY* key_of(Key kind) {
  switch (kind) {
    case Key::kRsa1024: {
      static const KeyPtr key = generate(kind);
      return key.get();
    }
    case Key::kRsa2048: {
      static const KeyPtr key = generate(kind);
      return key.get();
    }
    case Key::kRsa4096: {
      static const KeyPtr key = generate(kind);
      return key.get();
    }
    case Key::kEcP256: {
      static const KeyPtr key = generate(kind);
      return key.get();
    }
    case Key::kEd25519: {
      static const KeyPtr key = generate(kind);
      return key.get();
    }
  }
  return nullptr;
}

EVP_PKEY* root_key() {
  static const KeyPtr key = generate(Key::kRsa2048);
  return key.get();
}

EVP_PKEY* intermediate_key() {
  static const KeyPtr key = generate(Key::kRsa2048);
  return key.get();
}

struct Issuer {
  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
};

bool set_times(X509* certificate, const CertificateRecipe& recipe) {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  const auto set = [](ASN1_TIME* time, Moment moment) {
    return ASN1_TIME_set(time, static_cast<time_t>(moment.ns / kSecond)) != nullptr;
  };
  return set(X509_getm_notBefore(certificate), recipe.not_before) &&
         set(X509_getm_notAfter(certificate), recipe.not_after);
}

bool set_name(X509_NAME* name, const std::string& organization, const std::string& common_name) {
  const auto add = [&](const char* field, const std::string& text) {
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, base::as_bytes(text).data(),
                                      static_cast<int>(text.size()), -1, 0) == 1;
  };
  return (organization.empty() || add("O", organization)) && add("CN", common_name);
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

std::string joined(const std::vector<std::string>& names, const char* prefix) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ",") + (prefix + name);
  return text;
}

/// A comma or line end would be read as OpenSSL's configuration syntax.
std::expected<void, Error> check_words(const CertificateRecipe& recipe) {
  for (const auto* list : {&recipe.dns_names, &recipe.ip_addresses, &recipe.extended_key_usage}) {
    for (const auto& word : *list) {
      if (word.empty() || word.find_first_of(",;\r\n\\\"") != std::string::npos) {
        return std::unexpected(Error{fmt::format("'{}' cannot stand in a certificate", word)});
      }
    }
  }
  return {};
}

bool add_extensions(X509* certificate, const CertificateRecipe& recipe, bool is_ca) {
  if (!add_extension(certificate, NID_basic_constraints,
                     is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE")) {
    return false;
  }
  if (is_ca) return add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  std::string names = joined(recipe.dns_names, "DNS:");
  const std::string addresses = joined(recipe.ip_addresses, "IP:");
  if (!names.empty() && !addresses.empty()) names += ',';
  names += addresses;
  const std::string usages = joined(recipe.extended_key_usage, "");
  return (names.empty() || add_extension(certificate, NID_subject_alt_name, names)) &&
         (usages.empty() || add_extension(certificate, NID_ext_key_usage, usages));
}

const EVP_MD* digest_named(const std::string& name, const EVP_PKEY* key) {
  return EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 ? nullptr : EVP_get_digestbyname(name.c_str());
}

/// 16 octets made from all that a recipe says: no two certificates of an issuer share a serial
/// number (RFC 5280 4.1.2.2), and no randomness is asked for it.
std::array<std::uint8_t, 16> serial_for(const CertificateRecipe& recipe, bool is_ca) {
  const auto text = fmt::format(
      "{}\n{}\n{}\n{}\n{}\n{} {} {} {} {}", recipe.common_name, fmt::join(recipe.dns_names, "\n"),
      fmt::join(recipe.ip_addresses, "\n"), fmt::join(recipe.extended_key_usage, "\n"),
      recipe.digest, static_cast<int>(recipe.key), recipe.not_before.ns, recipe.not_after.ns,
      recipe.version, is_ca);
  const auto hash = sha256(base::as_bytes(text));
  std::array<std::uint8_t, 16> serial;
  std::copy_n(hash.begin(), serial.size(), serial.begin());
  serial[0] = (serial[0] & 0x7F) | 0x40;  // positive, and of one length
  return serial;
}

std::expected<X509Ptr, Error> make(const CertificateRecipe& recipe, bool is_ca, EVP_PKEY* key,
                                   std::optional<Issuer> issuer) {
  ERR_clear_error();
  if (auto ok = check_words(recipe); !ok) return std::unexpected(ok.error());
  if (recipe.version < 1 || recipe.version > 3) {
    return std::unexpected(Error{"an X.509 certificate has version 1, 2 or 3"});
  }
  X509Ptr certificate(X509_new_ex(library_context(), nullptr));
  EVP_PKEY* const signer = issuer ? issuer->key : key;
  const EVP_MD* digest = digest_named(recipe.digest, signer);
  if (digest == nullptr && EVP_PKEY_get_id(signer) != EVP_PKEY_ED25519) {
    return std::unexpected(Error{"no digest is called " + recipe.digest});
  }
  X509* const x = certificate.get();
  const auto serial = serial_for(recipe, is_ca);
  BIGNUM* number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  const bool good =
      number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != nullptr &&
      X509_set_version(x, recipe.version - 1) == 1 && set_times(x, recipe) &&
      set_name(X509_get_subject_name(x), is_ca ? "rdpwhy lab" : "", recipe.common_name) &&
      X509_set_issuer_name(
          x, issuer ? X509_get_subject_name(issuer->certificate) : X509_get_subject_name(x)) == 1 &&
      X509_set_pubkey(x, key) == 1 && (recipe.version < 3 || add_extensions(x, recipe, is_ca)) &&
      X509_sign(x, signer, digest) > 0;
  BN_free(number);
  if (!good) return std::unexpected(Error{"the certificate cannot be made: " + take_errors()});
  return certificate;
}

/// The CA is valid far beyond its leaf, so that only what the recipe spoils is spoilt.
CertificateRecipe ca_recipe(const CertificateRecipe& leaf) {
  constexpr Nanoseconds kTenYears = Nanoseconds{10} * 366 * 86'400 * 1'000'000'000;
  CertificateRecipe ca;
  ca.common_name = "rdpwhy lab CA";
  ca.not_before = {std::max(leaf.not_before.ns, INT64_MIN + kTenYears) - kTenYears};
  ca.not_after = {std::min(leaf.not_after.ns, INT64_MAX - kTenYears) + kTenYears};
  return ca;
}

std::string memory_text(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, static_cast<void*>(&text));
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

std::string pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return memory_text(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return memory_text(bio.get());
}

}  // namespace

std::expected<MadeCertificate, Error> make_self_signed(const CertificateRecipe& recipe) {
  EVP_PKEY* const key = key_of(recipe.key);
  if (key == nullptr) return std::unexpected(Error{"no key can be made: " + take_errors()});
  const auto certificate = make(recipe, false, key, std::nullopt);
  if (!certificate) return std::unexpected(certificate.error());
  return MadeCertificate{
      der_of(certificate->get()), pem_of(certificate->get()), pem_of(key), {}, {}};
}

std::expected<MadeCertificate, Error> make_issued(const CertificateRecipe& recipe,
                                                  bool include_issuer) {
  EVP_PKEY* const key = key_of(recipe.key);
  if (key == nullptr || root_key() == nullptr || intermediate_key() == nullptr) {
    return std::unexpected(Error{"no key can be made: " + take_errors()});
  }
  CertificateRecipe ca = ca_recipe(recipe);
  const auto root = make(ca, true, root_key(), std::nullopt);
  if (!root) return std::unexpected(root.error());
  MadeCertificate made;
  made.issuer_pem = pem_of(root->get());
  Issuer issuer{root->get(), root_key()};
  X509Ptr between;
  if (recipe.intermediate) {
    ca.common_name = "rdpwhy lab issuing CA";
    auto intermediate = make(ca, true, intermediate_key(), issuer);
    if (!intermediate) return std::unexpected(intermediate.error());
    between = std::move(*intermediate);
    issuer = {between.get(), intermediate_key()};
    made.intermediate_pem = pem_of(between.get());
  }
  const auto leaf = make(recipe, false, key, issuer);
  if (!leaf) return std::unexpected(leaf.error());
  made.private_key_pem = pem_of(key);
  made.certificate_der = der_of(leaf->get());
  made.certificate_pem = pem_of(leaf->get());
  if (include_issuer) made.certificate_pem += made.intermediate_pem + made.issuer_pem;
  return made;
}

}  // namespace rdpwhy::crypto
