#include "crypto/openssl_handles.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

namespace rdpwhy::crypto {

namespace {

/// Answers every question for a passphrase with "none", so that nothing prompts on a terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

/// "-----BEGIN RSA PRIVATE KEY-----", of any kind.
std::size_t count_private_keys(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  std::size_t count = 0;
  for (auto at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at)) {
    at += kBegin.size();
    const auto kind = pem.substr(at, pem.substr(at).find('-'));
    if (kind.ends_with("PRIVATE KEY")) ++count;
  }
  return count;
}

OSSL_LIB_CTX* make_library_context() {
  // Before anything else of OpenSSL runs: whichever option comes first decides for the process.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (context != nullptr) OSSL_PROVIDER_load(context, "default");
  return context;
}

struct LegacyProvider {
  OSSL_LIB_CTX* context = nullptr;
  std::string failure;
};

LegacyProvider load_legacy_provider() {
  static_cast<void>(library_context());  // settles that no configuration file is read
  ERR_clear_error();
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (context != nullptr && OSSL_PROVIDER_load(context, "legacy") != nullptr) return {context, {}};
  OSSL_LIB_CTX_free(context);
  return {nullptr, take_errors()};
}

/// Loaded once and kept, as library_context() is.
const LegacyProvider& legacy_provider() {
  static const LegacyProvider provider = load_legacy_provider();
  return provider;
}

}  // namespace

OSSL_LIB_CTX* library_context() {
  // Never freed: OpenSSL tears itself down at exit and objects made from it may live until then.
  static OSSL_LIB_CTX* const context = make_library_context();
  return context;
}

OSSL_LIB_CTX* legacy_context() { return legacy_provider().context; }

Error why_no_legacy(std::string_view algorithm) {
  const auto& legacy = legacy_provider();
  if (legacy.context == nullptr) {
    return {fmt::format("this OpenSSL cannot load its legacy provider, which has {}: {}", algorithm,
                        legacy.failure)};
  }
  if (EVP_default_properties_is_fips_enabled(legacy.context) == 1) {
    return {fmt::format("OpenSSL runs in FIPS mode, which forbids {}", algorithm)};
  }
  return {fmt::format("the legacy provider of this OpenSSL has no {}", algorithm)};
}

std::string take_errors() {
  std::string text;
  const char* more = nullptr;
  int flags = 0;
  int reasons = 0;
  while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &more, &flags)) {
    if (++reasons > 4) continue;  // a queue holds 16; the first ones say why
    const char* reason = ERR_reason_error_string(code);
    if (!text.empty()) text += "; ";
    text += reason != nullptr ? std::string(reason) : fmt::format("error 0x{:x}", code);
    if ((flags & ERR_TXT_STRING) != 0 && more != nullptr && *more != '\0') {
      text += fmt::format(" ({})", more);
    }
  }
  return text.empty() ? "unknown error" : text;
}

BioPtr bio_over(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::expected<std::vector<X509Ptr>, Error> read_pem_certificates(std::string_view pem) {
  ERR_clear_error();
  if (pem.size() > INT32_MAX) return std::unexpected(Error{"the PEM text is too large"});
  const BioPtr bio = bio_over(pem);
  std::vector<X509Ptr> certificates;
  for (;;) {
    X509* read = X509_new_ex(library_context(), nullptr);
    if (PEM_read_bio_X509(bio.get(), &read, no_passphrase, nullptr) == nullptr) {
      X509_free(read);
      break;
    }
    certificates.emplace_back(read);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string errors = take_errors();
  if (!at_end) return std::unexpected(Error{"not a readable certificate: " + errors});
  if (certificates.empty()) return std::unexpected(Error{"no certificate in the PEM text"});
  return certificates;
}

std::expected<std::vector<KeyPtr>, Error> read_pem_private_keys(std::string_view pem) {
  ERR_clear_error();
  if (pem.size() > INT32_MAX) return std::unexpected(Error{"the PEM text is too large"});
  const BioPtr bio = bio_over(pem);
  std::vector<KeyPtr> keys;
  for (std::size_t left = count_private_keys(pem); left > 0; --left) {
    keys.emplace_back(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, no_passphrase, nullptr,
                                                 library_context(), nullptr));
    if (keys.back() != nullptr) continue;
    const std::string errors = take_errors();
    if (pem.find("ENCRYPTED") != std::string_view::npos) {
      return std::unexpected(
          Error{"the private key is locked with a passphrase, and nobody is asked for one: unlock "
                "a copy of it first (openssl pkey -in FILE -out COPY)"});
    }
    return std::unexpected(Error{"not a readable private key: " + errors});
  }
  ERR_clear_error();
  if (keys.empty()) return std::unexpected(Error{"no private key in the PEM text"});
  return keys;
}

std::expected<KeyPtr, Error> read_pem_private_key(std::string_view pem) {
  auto keys = read_pem_private_keys(pem);
  if (!keys) return std::unexpected(std::move(keys.error()));
  return std::move(keys->front());
}

Bytes der_of(const X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  if (size <= 0) {
    ERR_clear_error();
    return {};
  }
  Bytes der(static_cast<std::size_t>(size));
  std::uint8_t* out = der.data();
  i2d_X509(certificate, &out);
  return der;
}

}  // namespace rdpwhy::crypto
