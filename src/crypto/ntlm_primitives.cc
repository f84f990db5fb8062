#include "crypto/ntlm_primitives.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "rdpwhy/base/check.h"
#include "rdpwhy/crypto/ntlm.h"

namespace rdpwhy::crypto {
namespace {

constexpr std::size_t kDigestSize = 16;  // of MD4, MD5 and HMAC-MD5

DigestPtr find_md4() {
  OSSL_LIB_CTX* const legacy = legacy_context();
  return DigestPtr(legacy == nullptr ? nullptr : EVP_MD_fetch(legacy, "MD4", nullptr));
}

CipherPtr find_rc4() {
  OSSL_LIB_CTX* const legacy = legacy_context();
  return CipherPtr(legacy == nullptr ? nullptr : EVP_CIPHER_fetch(legacy, "RC4", nullptr));
}

DigestPtr find_md5() { return DigestPtr(EVP_MD_fetch(library_context(), "MD5", nullptr)); }

/// Keyed with nothing yet; null where HMAC or MD5 cannot be had.
MacContextPtr find_hmac_md5() {
  const MacPtr mac(EVP_MAC_fetch(library_context(), "HMAC", nullptr));
  if (mac == nullptr) return nullptr;
  MacContextPtr context(EVP_MAC_CTX_new(mac.get()));
  char name[] = "MD5";
  const OSSL_PARAM digest[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
      OSSL_PARAM_construct_end(),
  };
  if (context == nullptr || EVP_MAC_CTX_set_params(context.get(), digest) != 1) return nullptr;
  return context;
}

Secret digest(const EVP_MD* algorithm, Parts parts) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  RDPWHY_CHECK(context != nullptr && algorithm != nullptr);
  bool good = EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1;
  for (const auto part : parts) {
    good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  Bytes out(kDigestSize);
  unsigned int size = 0;
  RDPWHY_CHECK(EVP_MD_get_size(algorithm) == static_cast<int>(kDigestSize));
  good = good && EVP_DigestFinal_ex(context.get(), out.data(), &size) == 1;
  RDPWHY_CHECK(good && size == kDigestSize);
  return Secret(std::move(out));
}

}  // namespace

std::expected<void, Error> ntlm_available() {
  ERR_clear_error();
  const char* missing = nullptr;
  if (find_md4() == nullptr) missing = "MD4";
  if (missing == nullptr && find_rc4() == nullptr) missing = "RC4";
  const bool legacy_is_there = missing == nullptr;
  const bool md5_is_there = find_md5() != nullptr && find_hmac_md5() != nullptr;
  ERR_clear_error();
  if (!legacy_is_there)
    return std::unexpected(why_no_legacy(missing).in("NTLM cannot be computed"));
  if (!md5_is_there) {
    return std::unexpected(
        Error{"NTLM cannot be computed: this OpenSSL has no MD5, as in FIPS mode"});
  }
  return {};
}

Secret md4(ByteSpan octets) { return digest(find_md4().get(), {octets}); }

Secret md5(Parts parts) { return digest(find_md5().get(), parts); }

Secret hmac_md5(const Secret& key, Parts parts) {
  const auto context = find_hmac_md5();
  RDPWHY_CHECK(context != nullptr);
  const auto key_octets = key.reveal();
  bool good = EVP_MAC_init(context.get(), key_octets.data(), key_octets.size(), nullptr) == 1;
  for (const auto part : parts) {
    good = good && EVP_MAC_update(context.get(), part.data(), part.size()) == 1;
  }
  Bytes out(kDigestSize);
  std::size_t size = 0;
  good = good && EVP_MAC_final(context.get(), out.data(), &size, out.size()) == 1;
  RDPWHY_CHECK(good && size == kDigestSize);
  return Secret(std::move(out));
}

Rc4::Rc4(const Secret& key) : context_(EVP_CIPHER_CTX_new()) {
  const auto cipher = find_rc4();
  const auto octets = key.reveal();
  RDPWHY_CHECK(cipher != nullptr && context_ != nullptr && !octets.empty());
  RDPWHY_CHECK(EVP_EncryptInit_ex2(context_.get(), cipher.get(), nullptr, nullptr, nullptr) == 1 &&
               EVP_CIPHER_CTX_set_key_length(context_.get(), static_cast<int>(octets.size())) ==
                   1 &&
               EVP_EncryptInit_ex2(context_.get(), nullptr, octets.data(), nullptr, nullptr) == 1);
}

Bytes Rc4::transform(ByteSpan octets) {
  RDPWHY_CHECK(octets.size() <= INT32_MAX);
  Bytes out(octets.size());
  int size = 0;
  RDPWHY_CHECK(EVP_EncryptUpdate(context_.get(), out.data(), &size, octets.data(),
                                 static_cast<int>(octets.size())) == 1);
  RDPWHY_CHECK(static_cast<std::size_t>(size) == octets.size());
  return out;
}

}  // namespace rdpwhy::crypto
