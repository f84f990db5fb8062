#include "crypto/rdp_hashes.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <array>

#include "rdpwhy/base/check.h"

namespace rdpwhy::crypto {
namespace {

constexpr std::size_t kSha1Size = 20;

using MacPtr = std::unique_ptr<EVP_MAC, Freer<EVP_MAC_free>>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;

template <std::size_t kSize, std::uint8_t kOctet>
constexpr auto kPad = [] {
  std::array<std::uint8_t, kSize> pad{};
  pad.fill(kOctet);
  return pad;
}();

constexpr auto kPad1 = kPad<40, 0x36>;
constexpr auto kPad2 = kPad<48, 0x5C>;

std::array<std::uint8_t, 4> length_le(ByteSpan octets) {
  const auto size = octets.size();
  return {static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(size >> 8),
          static_cast<std::uint8_t>(size >> 16), static_cast<std::uint8_t>(size >> 24)};
}

}  // namespace

Secret sha1_of(Parts parts) {
  const DigestPtr sha1(EVP_MD_fetch(library_context(), "SHA1", nullptr));
  const DigestContextPtr context(EVP_MD_CTX_new());
  RDPWHY_CHECK(sha1 != nullptr && context != nullptr);
  bool good = EVP_DigestInit_ex2(context.get(), sha1.get(), nullptr) == 1;
  for (const auto part : parts)
    good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  Bytes out(kSha1Size);
  unsigned int size = 0;
  good = good && EVP_DigestFinal_ex(context.get(), out.data(), &size) == 1;
  RDPWHY_CHECK(good && size == kSha1Size);
  return Secret(std::move(out));
}

Secret hmac_sha1(const Secret& key, Parts parts) {
  const MacPtr mac(EVP_MAC_fetch(library_context(), "HMAC", nullptr));
  const MacContextPtr context(EVP_MAC_CTX_new(mac.get()));
  RDPWHY_CHECK(context != nullptr);
  char name[] = "SHA1";
  const OSSL_PARAM digest[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
      OSSL_PARAM_construct_end(),
  };
  const auto octets = key.reveal();
  bool good = EVP_MAC_init(context.get(), octets.data(), octets.size(), digest) == 1;
  for (const auto part : parts)
    good = good && EVP_MAC_update(context.get(), part.data(), part.size()) == 1;
  Bytes out(kSha1Size);
  std::size_t size = 0;
  good = good && EVP_MAC_final(context.get(), out.data(), &size, out.size()) == 1;
  RDPWHY_CHECK(good && size == kSha1Size);
  return Secret(std::move(out));
}

Secret three_salted_hashes(const Secret& secret, char label, ByteSpan first, ByteSpan second) {
  Bytes out;
  out.reserve(48);  // a buffer that grew would leave a copy behind
  for (std::size_t times = 1; times <= 3; ++times) {
    const std::string salt(times, static_cast<char>(label + static_cast<char>(times - 1)));
    const auto inner = sha1_of({base::as_bytes(salt), secret.reveal(), first, second});
    const auto outer = md5({secret.reveal(), inner.reveal()});
    out.insert(out.end(), outer.reveal().begin(), outer.reveal().end());
  }
  return Secret(std::move(out));
}

Secret final_hash(ByteSpan key, ByteSpan client_random, ByteSpan server_random) {
  return md5({key, client_random, server_random});
}

Secret salted_mac(ByteSpan key, ByteSpan plaintext, ByteSpan count) {
  const auto inner = sha1_of({key, kPad1, length_le(plaintext), plaintext, count});
  return md5({key, kPad2, inner.reveal()});
}

Secret updated_key_base(ByteSpan initial, ByteSpan current) {
  const auto inner = sha1_of({initial, kPad1, current});
  return md5({initial, kPad2, inner.reveal()});
}

}  // namespace rdpwhy::crypto
