#include "crypto/raw_rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "crypto/openssl_handles.h"

namespace rdpwhy::crypto {
namespace {

using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using NumberContextPtr = std::unique_ptr<BN_CTX, Freer<BN_CTX_free>>;

constexpr std::size_t kMostModulus = 2048;  // octets
constexpr std::size_t kMostExponent = 2048;

NumberPtr number(ByteSpan little_endian) {
  return NumberPtr(
      BN_lebin2bn(little_endian.data(), static_cast<int>(little_endian.size()), nullptr));
}

/// BN_mod_exp_mont wants an odd modulus; a size that a hostile certificate names must cost little.
bool is_modulus(ByteSpan modulus) {
  return modulus.size() >= 8 && modulus.size() <= kMostModulus && (modulus[0] & 1) != 0;
}

bool power(ByteSpan modulus_octets, ByteSpan exponent_octets, ByteSpan value_octets, bool is_secret,
           Bytes& out) {
  const auto modulus = rdp::without_padding(modulus_octets);
  const auto value = rdp::without_padding(value_octets);
  if (!is_modulus(modulus) || value.size() > modulus.size() ||
      exponent_octets.size() > kMostExponent)
    return false;
  const NumberContextPtr context(BN_CTX_secure_new_ex(library_context()));
  const auto n = number(modulus);
  const auto e = number(exponent_octets);
  const auto v = number(value);
  const NumberPtr result(BN_new());
  if (context == nullptr || n == nullptr || e == nullptr || v == nullptr || result == nullptr)
    return false;
  if (BN_ucmp(v.get(), n.get()) >= 0) return false;
  if (is_secret) BN_set_flags(e.get(), BN_FLG_CONSTTIME);
  const bool good =
      (is_secret ? BN_mod_exp_mont_consttime(result.get(), v.get(), e.get(), n.get(), context.get(),
                                             nullptr)
                 : BN_mod_exp(result.get(), v.get(), e.get(), n.get(), context.get())) == 1;
  out.resize(modulus.size());
  const bool written =
      good && BN_bn2lebinpad(result.get(), out.data(), static_cast<int>(out.size())) ==
                  static_cast<int>(out.size());
  ERR_clear_error();
  return written;
}

Bytes octets_of(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* read = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &read) != 1) return {};
  const NumberPtr value(read);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(value.get())));
  BN_bn2lebinpad(value.get(), out.data(), static_cast<int>(out.size()));
  return out;
}

/// Windows names the key of its licensing certificates by the identifier of a signature algorithm,
/// so OpenSSL does not take it for an RSA key. It is one all the same.
KeyPtr rsa_key_of(const X509* certificate) {
  const ASN1_BIT_STRING* octets = X509_get0_pubkey_bitstr(certificate);
  if (octets == nullptr) return nullptr;
  const auto* at = octets->data;
  return KeyPtr(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, octets->length));
}

std::optional<RawPublicKey> public_key_of_x509(ByteSpan der) {
  const auto* at = der.data();
  const X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  std::optional<RawPublicKey> found;
  if (certificate != nullptr) {
    if (const auto key = rsa_key_of(certificate.get())) {
      found = RawPublicKey{octets_of(key.get(), OSSL_PKEY_PARAM_RSA_N),
                           octets_of(key.get(), OSSL_PKEY_PARAM_RSA_E)};
    }
  }
  ERR_clear_error();
  return found;
}

}  // namespace

std::optional<RawPublicKey> public_key_of(const rdp::ServerCertificate& certificate) {
  std::optional<RawPublicKey> key;
  if (const auto* proprietary = certificate.proprietary()) {
    const auto& rsa = proprietary->public_key;
    const auto e = rsa.public_exponent;
    key = RawPublicKey{base::to_bytes(rdp::without_padding(rsa.modulus)),
                       {static_cast<std::uint8_t>(e), static_cast<std::uint8_t>(e >> 8),
                        static_cast<std::uint8_t>(e >> 16), static_cast<std::uint8_t>(e >> 24)}};
  } else if (const auto& chain = certificate.x509()->certificates; !chain.empty()) {
    key = public_key_of_x509(chain.back());
  }
  if (key && !is_modulus(key->modulus)) return std::nullopt;
  return key;
}

std::optional<Bytes> raw_rsa(ByteSpan modulus, ByteSpan exponent, ByteSpan value) {
  Bytes out;
  if (!power(modulus, exponent, value, false, out)) return std::nullopt;
  return out;
}

std::optional<Secret> raw_rsa_private(ByteSpan modulus, ByteSpan private_exponent, ByteSpan value) {
  Bytes out;
  const bool good = power(modulus, private_exponent, value, true, out);
  Secret secret(std::move(out));
  if (!good) return std::nullopt;
  return secret;
}

}  // namespace rdpwhy::crypto
