#include "rdpwhy/crypto/digest.h"

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/check.h"

namespace rdpwhy::crypto {

namespace {

template <std::size_t kSize>
std::array<std::uint8_t, kSize> digest(const char* name, ByteSpan octets) {
  std::array<std::uint8_t, kSize> out{};
  std::size_t size = 0;
  const int ok = EVP_Q_digest(library_context(), name, nullptr, octets.data(), octets.size(),
                              out.data(), &size);
  RDPWHY_CHECK(ok == 1 && size == kSize);
  return out;
}

}  // namespace

std::array<std::uint8_t, 32> sha256(ByteSpan octets) { return digest<32>("SHA256", octets); }
std::array<std::uint8_t, 20> sha1(ByteSpan octets) { return digest<20>("SHA1", octets); }

}  // namespace rdpwhy::crypto
