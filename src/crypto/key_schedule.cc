#include "crypto/key_schedule.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <initializer_list>
#include <memory>
#include <string_view>

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/check.h"

namespace rdpwhy::crypto {

namespace {

using KdfPtr = std::unique_ptr<EVP_KDF, Freer<EVP_KDF_free>>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, Freer<EVP_KDF_CTX_free>>;

/// RFC 5246 5 and RFC 2246 5: PRF(secret, label, seed).
void prf(const char* digest, ByteSpan secret, std::string_view label,
         std::initializer_list<ByteSpan> seeds, std::span<std::uint8_t> out) {
  const KdfPtr kdf(EVP_KDF_fetch(library_context(), "TLS1-PRF", nullptr));
  RDPWHY_CHECK(kdf != nullptr);
  const KdfContextPtr context(EVP_KDF_CTX_new(kdf.get()));
  RDPWHY_CHECK(context != nullptr && seeds.size() <= 2);
  // The parameters want their octets mutable and read them only.
  const auto octets = [](const char* key, ByteSpan value) {
    return OSSL_PARAM_construct_octet_string(key, const_cast<std::uint8_t*>(value.data()),
                                             value.size());
  };
  std::array<OSSL_PARAM, 6> parameters;
  std::size_t count = 0;
  parameters.at(count++) =
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(digest), 0);
  parameters.at(count++) = octets(OSSL_KDF_PARAM_SECRET, secret);
  parameters.at(count++) = octets(OSSL_KDF_PARAM_SEED, base::as_bytes(label));
  for (const auto seed : seeds) parameters.at(count++) = octets(OSSL_KDF_PARAM_SEED, seed);
  parameters.at(count) = OSSL_PARAM_construct_end();
  const int done = EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data());
  RDPWHY_CHECK(done == 1);
}

}  // namespace

const char* prf_digest(std::uint16_t version, const CipherSpec& spec) {
  return version >= 0x0303 ? spec.prf : "MD5-SHA1";
}

void derive_master_secret(const char* digest, ByteSpan premaster, ByteSpan client_random,
                          ByteSpan server_random, MasterSecret& out) {
  prf(digest, premaster, "master secret", {client_random, server_random}, out);
}

void derive_extended_master_secret(const char* digest, ByteSpan premaster, ByteSpan session_hash,
                                   MasterSecret& out) {
  prf(digest, premaster, "extended master secret", {session_hash}, out);
}

KeyBlock::KeyBlock(const char* digest, const CipherSpec& spec, const MasterSecret& master,
                   ByteSpan client_random, ByteSpan server_random, bool with_ivs)
    : mac_size_(spec.mac_size), key_size_(spec.key_size), iv_size_(with_ivs ? spec.iv_size : 0) {
  const auto size = 2 * (mac_size_ + key_size_ + iv_size_);
  RDPWHY_CHECK(size <= kMostSize);
  prf(digest, master, "key expansion", {server_random, client_random},
      std::span(octets_).first(size));
}

WriteKeys KeyBlock::of(Side side) const {
  const ByteSpan all(octets_);
  const std::size_t which = side == Side::kServer ? 1 : 0;
  const auto keys = 2 * mac_size_;
  const auto ivs = keys + 2 * key_size_;
  return {.mac_key = all.subspan(which * mac_size_, mac_size_),
          .key = all.subspan(keys + which * key_size_, key_size_),
          .iv = all.subspan(ivs + which * iv_size_, iv_size_)};
}

}  // namespace rdpwhy::crypto
