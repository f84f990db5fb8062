#include "rdpwhy/crypto/digest.h"

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/check.h"

namespace rdpwhy::crypto {

namespace {

/// Looking a digest up by its name costs as much as a certificate's digest itself: `of` is kept by
/// the callers below, and never freed, like the library context.
template <std::size_t kSize>
std::array<std::uint8_t, kSize> digest(const EVP_MD* of, ByteSpan octets) {
  std::array<std::uint8_t, kSize> out{};
  unsigned size = 0;
  const int ok =
      EVP_Digest(octets.data(), octets.size(), out.data(), &size, of, /*engine=*/nullptr);
  RDPWHY_CHECK(ok == 1 && size == kSize);
  return out;
}

}  // namespace

std::array<std::uint8_t, 32> sha256(ByteSpan octets) {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(library_context(), "SHA256", nullptr);
  return digest<32>(kSha256, octets);
}

std::array<std::uint8_t, 20> sha1(ByteSpan octets) {
  static const EVP_MD* const kSha1 = EVP_MD_fetch(library_context(), "SHA1", nullptr);
  return digest<20>(kSha1, octets);
}

std::optional<std::array<std::uint8_t, 16>> md5(ByteSpan octets) {
  static const EVP_MD* const kMd5 = EVP_MD_fetch(library_context(), "MD5", nullptr);
  if (kMd5 == nullptr) return {};
  return digest<16>(kMd5, octets);
}

}  // namespace rdpwhy::crypto
