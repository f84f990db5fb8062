#include "rdpwhy/crypto/rsa_private_keys.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <vector>

#include "crypto/openssl_handles.h"

namespace rdpwhy::crypto {

namespace {

using KeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;

constexpr std::size_t kPremasterSize = 48;

/// Octets that are wiped when they go, of a size that only the key knows.
struct WipedBytes : Bytes {
  using Bytes::Bytes;
  WipedBytes(const WipedBytes&) = delete;
  WipedBytes& operator=(const WipedBytes&) = delete;
  ~WipedBytes() { base::wipe(*this); }
};

/// RFC 8017 7.2.2: the content of 00 02 PS 00 M. Done here because OpenSSL's own may answer a bad
/// padding with octets that it made up, which is right for a server and wrong for a witness.
std::optional<Secret> unpadded(ByteSpan block) {
  constexpr std::size_t kLeastPadding = 8;
  if (block.size() < kPremasterSize + kLeastPadding + 3 || block[0] != 0 || block[1] != 2)
    return {};
  const auto message = block.last(kPremasterSize);
  const auto padding = block.subspan(2, block.size() - kPremasterSize - 3);
  const bool whole = std::ranges::find(padding, 0) == padding.end() &&
                     block[block.size() - kPremasterSize - 1] == 0;
  // client_version: whatever was offered, its major number is 3.
  if (!whole || message[0] != 3) return {};
  return Secret(base::to_bytes(message));
}

std::optional<Secret> decrypted(EVP_PKEY* key, ByteSpan encrypted) {
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_context(), key, nullptr));
  WipedBytes block(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
  std::size_t size = block.size();
  const bool good =
      context != nullptr && EVP_PKEY_decrypt_init(context.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
      EVP_PKEY_decrypt(context.get(), block.data(), &size, encrypted.data(), encrypted.size()) == 1;
  ERR_clear_error();
  if (!good || size != block.size()) return {};
  return unpadded(block);
}

X509Ptr read_der(ByteSpan der) {
  const auto* octets = der.data();
  X509* read = X509_new_ex(library_context(), nullptr);
  if (d2i_X509(&read, &octets, static_cast<long>(der.size())) == nullptr) read = nullptr;  // freed
  ERR_clear_error();
  return X509Ptr(read);
}

}  // namespace

class RsaPrivateKeys::Impl {
 public:
  std::vector<KeyPtr> keys;
};

RsaPrivateKeys::RsaPrivateKeys() : impl_(std::make_unique<Impl>()) {}
RsaPrivateKeys::RsaPrivateKeys(RsaPrivateKeys&&) noexcept = default;
RsaPrivateKeys& RsaPrivateKeys::operator=(RsaPrivateKeys&&) noexcept = default;
RsaPrivateKeys::~RsaPrivateKeys() = default;

std::expected<void, Error> RsaPrivateKeys::add(std::string_view pem) {
  auto keys = read_pem_private_keys(pem);
  if (!keys) return std::unexpected(std::move(keys.error()));
  for (auto& key : *keys) {
    if (EVP_PKEY_is_a(key.get(), "RSA") != 1) {
      const char* kind = EVP_PKEY_get0_type_name(key.get());
      return std::unexpected(
          Error{fmt::format("a private key of the kind {}, which opens nothing: only what a client "
                            "encrypts to an RSA "
                            "key can be decrypted again",
                            kind == nullptr ? "unknown" : kind)});
    }
    impl_->keys.push_back(std::move(key));
  }
  return {};
}

bool RsaPrivateKeys::empty() const { return impl_->keys.empty(); }

std::optional<Secret> RsaPrivateKeys::premaster(ByteSpan certificate, ByteSpan encrypted) const {
  if (empty() || certificate.empty()) return {};
  const auto x509 = read_der(certificate);
  EVP_PKEY* public_key = x509 == nullptr ? nullptr : X509_get0_pubkey(x509.get());
  std::optional<Secret> found;
  for (const auto& key : impl_->keys) {
    if (public_key == nullptr || EVP_PKEY_eq(public_key, key.get()) != 1) continue;
    found = decrypted(key.get(), encrypted);
    break;
  }
  ERR_clear_error();
  return found;
}

}  // namespace rdpwhy::crypto
