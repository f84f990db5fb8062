#include "rdpwhy/crypto/rsa_private_keys.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <vector>

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::crypto {

namespace {

using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using ParameterBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using ParametersPtr = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
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

Bytes modulus_of(const EVP_PKEY* key) {
  BIGNUM* read = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &read) != 1) return {};
  const NumberPtr modulus(read);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(modulus.get())));
  BN_bn2lebinpad(modulus.get(), out.data(), static_cast<int>(out.size()));
  return out;
}

/// RSA without any padding, big-endian.
bool decrypt_raw(EVP_PKEY* key, ByteSpan encrypted, WipedBytes& block) {
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_context(), key, nullptr));
  std::size_t size = block.size();
  const bool good =
      context != nullptr && EVP_PKEY_decrypt_init(context.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
      EVP_PKEY_decrypt(context.get(), block.data(), &size, encrypted.data(), encrypted.size()) == 1;
  ERR_clear_error();
  return good && size == block.size();
}

std::optional<Secret> decrypted(EVP_PKEY* key, ByteSpan encrypted) {
  WipedBytes block(static_cast<std::size_t>(EVP_PKEY_get_size(key)));
  if (!decrypt_raw(key, encrypted, block)) return {};
  return unpadded(block);
}

// ------------------------------------------------------------------ xrdp's rsakeys.ini

/// "name=0x01,0x02,...": the octets, little-endian. Nothing when there is no such line.
std::expected<std::optional<Secret>, Error> octets_of_line(std::string_view text,
                                                           std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != '=') continue;
    line.remove_prefix(name.size() + 1);
    auto octets = base::parse_hex(line);
    if (!octets) return std::unexpected(octets.error().in(name));
    return Secret(std::move(*octets));
  }
  return std::nullopt;
}

NumberPtr number(ByteSpan little_endian) {
  return NumberPtr(
      BN_lebin2bn(little_endian.data(), static_cast<int>(little_endian.size()), nullptr));
}

KeyPtr key_of_numbers(ByteSpan modulus, ByteSpan exponent, ByteSpan private_exponent) {
  const auto n = number(modulus);
  const auto e = number(exponent);
  const auto d = number(private_exponent);
  const ParameterBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || d == nullptr || builder == nullptr) return nullptr;
  const bool pushed = OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
                      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1 &&
                      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, d.get()) == 1;
  const ParametersPtr parameters(pushed ? OSSL_PARAM_BLD_to_param(builder.get()) : nullptr);
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(library_context(), "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = parameters != nullptr && context != nullptr &&
                    EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) == 1;
  ERR_clear_error();
  return KeyPtr(made ? key : nullptr);
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

  /// Null: none of them is that of the certificate.
  [[nodiscard]] EVP_PKEY* of_certificate(ByteSpan der) const {
    if (keys.empty() || der.empty()) return nullptr;
    const auto x509 = read_der(der);
    EVP_PKEY* public_key = x509 == nullptr ? nullptr : X509_get0_pubkey(x509.get());
    const auto found = std::ranges::find_if(keys, [&](const KeyPtr& key) {
      return public_key != nullptr && EVP_PKEY_eq(public_key, key.get()) == 1;
    });
    ERR_clear_error();
    return found == keys.end() ? nullptr : found->get();
  }
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

std::expected<void, Error> RsaPrivateKeys::add_rdp_keys(std::string_view text) {
  auto private_exponent = octets_of_line(text, "pri_exp");
  if (!private_exponent) return std::unexpected(std::move(private_exponent.error()));
  if (!*private_exponent) return add(text);
  auto modulus = octets_of_line(text, "pub_mod");
  if (!modulus) return std::unexpected(std::move(modulus.error()));
  auto exponent = octets_of_line(text, "pub_exp");
  if (!exponent) return std::unexpected(std::move(exponent.error()));
  if (!*modulus || !*exponent)
    return std::unexpected(Error{"a key pair without pub_mod or pub_exp"});
  auto key =
      key_of_numbers((*modulus)->reveal(), (*exponent)->reveal(), (*private_exponent)->reveal());
  if (key == nullptr) return std::unexpected(Error{"these numbers are no RSA key pair"});
  impl_->keys.push_back(std::move(key));
  return {};
}

bool RsaPrivateKeys::empty() const { return impl_->keys.empty(); }

bool RsaPrivateKeys::fit(ByteSpan certificate) const {
  return impl_->of_certificate(certificate) != nullptr;
}

std::optional<Secret> RsaPrivateKeys::premaster(ByteSpan certificate, ByteSpan encrypted) const {
  auto* key = impl_->of_certificate(certificate);
  return key == nullptr ? std::nullopt : decrypted(key, encrypted);
}

std::optional<Secret> RsaPrivateKeys::decrypted_little_endian(ByteSpan modulus,
                                                              ByteSpan encrypted) const {
  for (const auto& key : impl_->keys) {
    if (!base::equal(modulus_of(key.get()), modulus)) continue;
    // Octets beyond the modulus are padding; a number too large OpenSSL refuses.
    Bytes turned(modulus.size());
    const auto size = std::min(encrypted.size(), turned.size());
    std::reverse_copy(encrypted.begin(), encrypted.begin() + static_cast<std::ptrdiff_t>(size),
                      turned.end() - static_cast<std::ptrdiff_t>(size));
    WipedBytes block(modulus.size());
    if (!decrypt_raw(key.get(), turned, block)) return {};
    std::ranges::reverse(block);
    return Secret(base::to_bytes(block));
  }
  return {};
}

}  // namespace rdpwhy::crypto
