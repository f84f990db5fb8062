#include "crypto/tls13_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>

#include "crypto/wiped.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::crypto {
namespace {

constexpr std::array<Tls13Suite, 5> kSuites = {{
    {0x1301, "AES-128-GCM", "SHA256", 16, 32, 16, false},
    {0x1302, "AES-256-GCM", "SHA384", 32, 48, 16, false},
    {0x1303, "ChaCha20-Poly1305", "SHA256", 32, 32, 16, false},
    {0x1304, "AES-128-CCM", "SHA256", 16, 32, 16, true},
    {0x1305, "AES-128-CCM", "SHA256", 16, 32, 8, true},
}};

}  // namespace

const Tls13Suite* find_tls13_suite(std::uint16_t code) {
  const auto* suite = std::ranges::find(kSuites, code, &Tls13Suite::code);
  return suite == kSuites.end() ? nullptr : suite;
}

const EVP_CIPHER* tls13_cipher(const Tls13Suite& suite) {
  static const auto kFetched = [] {
    std::array<EVP_CIPHER*, kSuites.size()> fetched{};
    for (std::size_t i = 0; i < kSuites.size(); ++i)
      fetched[i] = EVP_CIPHER_fetch(library_context(), kSuites[i].cipher, nullptr);
    return fetched;
  }();
  return kFetched[static_cast<std::size_t>(&suite - kSuites.data())];
}

LabelExpander::LabelExpander(const Tls13Suite& suite, ByteSpan secret)
    : hash_size_(suite.hash_size) {
  static EVP_MAC* const kHmac = EVP_MAC_fetch(library_context(), "HMAC", nullptr);
  context_.reset(EVP_MAC_CTX_new(kHmac));
  // Constructed as mutable, and read only.
  const std::array parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(suite.digest), 0),
      OSSL_PARAM_construct_end()};
  RDPWHY_CHECK(context_ != nullptr &&
               EVP_MAC_init(context_.get(), secret.data(), secret.size(), parameters.data()) == 1);
}

void LabelExpander::expand(std::string_view label, std::span<std::uint8_t> out) {
  RDPWHY_CHECK(out.size() <= hash_size_);
  constexpr std::string_view kPrefix = "tls13 ";
  base::Writer text;
  text.u16be(static_cast<std::uint16_t>(out.size()));
  text.u8(static_cast<std::uint8_t>(kPrefix.size() + label.size())).text(kPrefix).text(label);
  text.u8(0);  // context
  text.u8(1);  // the counter of RFC 5869 2.3
  Wiped<EVP_MAX_MD_SIZE> block;
  std::size_t size = 0;
  EVP_MAC_CTX* const c = context_.get();
  const bool done = EVP_MAC_init(c, nullptr, 0, nullptr) == 1 &&  // the key stays
                    EVP_MAC_update(c, text.view().data(), text.view().size()) == 1 &&
                    EVP_MAC_final(c, block.data(), &size, block.size()) == 1;
  RDPWHY_CHECK(done && size == hash_size_);
  std::copy_n(block.begin(), out.size(), out.begin());
}

std::array<std::uint8_t, kTls13IvSize> tls13_nonce(ByteSpan iv, std::uint64_t sequence) {
  std::array<std::uint8_t, kTls13IvSize> nonce;
  for (std::size_t i = 0; i < kTls13IvSize; ++i) {
    const std::size_t shift = 8 * (kTls13IvSize - 1 - i);
    nonce[i] = iv[i];
    if (shift < 64) nonce[i] ^= static_cast<std::uint8_t>(sequence >> shift);
  }
  return nonce;
}

}  // namespace rdpwhy::crypto
