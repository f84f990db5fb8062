#include "rdpwhy/crypto/standard_server.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>

#include "crypto/known_rsa_keys.h"
#include "crypto/ntlm_primitives.h"
#include "crypto/openssl_handles.h"
#include "crypto/raw_rsa.h"
#include "rdpwhy/rdp/security_exchange.h"
#include "rdpwhy/rdp/server_certificate.h"

namespace rdpwhy::crypto {
namespace {

using NumberPtr = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;

constexpr std::size_t kKeyBits = 2048;
constexpr std::size_t kPadding = 8;  // MS-RDPBCGR 2.2.1.4.3.1.1.1

/// Little-endian.
struct KeyPair {
  Bytes modulus;
  std::uint32_t public_exponent = 0;
  Secret private_exponent;
};

std::optional<Bytes> number_of(const EVP_PKEY* key, const char* name, std::size_t size) {
  BIGNUM* read = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &read) != 1) return std::nullopt;
  const NumberPtr number(read);
  Bytes out(size);
  if (BN_bn2lebinpad(number.get(), out.data(), static_cast<int>(size)) < 0) return std::nullopt;
  return out;
}

std::optional<KeyPair> make_key() {
  const KeyPtr key(EVP_PKEY_Q_keygen(library_context(), nullptr, "RSA", kKeyBits));
  if (key == nullptr) return std::nullopt;
  auto modulus = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N, kKeyBits / 8);
  auto exponent = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E, 4);
  auto secret = number_of(key.get(), OSSL_PKEY_PARAM_RSA_D, kKeyBits / 8);
  if (!modulus || !exponent || !secret) return std::nullopt;
  std::uint32_t public_exponent = 0;
  for (std::size_t i = 0; i < exponent->size(); ++i)
    public_exponent |= static_cast<std::uint32_t>((*exponent)[i]) << (8 * i);
  return KeyPair{.modulus = std::move(*modulus),
                 .public_exponent = public_exponent,
                 .private_exponent = Secret(std::move(*secret))};
}

const std::optional<KeyPair>& key_of_this_process() {
  static const auto kKey = make_key();
  return kKey;
}

/// 5.3.3.1.2: MD5, 00, FF up to the last two octets, 01, 00, and RSA over that.
std::optional<Bytes> signature_of(const rdp::ServerCertificate& certificate) {
  const auto digest = md5({rdp::signed_part(certificate)});
  auto block = base::to_bytes(digest.reveal());
  block.push_back(0);
  block.resize(signing_key_modulus().size() - 2, 0xFF);
  block.push_back(1);
  block.push_back(0);
  const auto made = raw_rsa_private(signing_key_modulus(), signing_key_private_exponent(), block);
  if (!made) return std::nullopt;
  auto signature = base::to_bytes(made->reveal());
  signature.resize(signature.size() + kPadding);
  return signature;
}

std::optional<Bytes> certificate_of(const KeyPair& key) {
  rdp::ProprietaryServerCertificate form;
  form.public_key = {.bit_length = kKeyBits,
                     .data_length = kKeyBits / 8 - 1,
                     .public_exponent = key.public_exponent,
                     .modulus = key.modulus};
  form.public_key.modulus.resize(key.modulus.size() + kPadding);
  rdp::ServerCertificate certificate{.form = std::move(form)};
  auto signature = signature_of(certificate);
  if (!signature) return std::nullopt;
  std::get<rdp::ProprietaryServerCertificate>(certificate.form).signature = std::move(*signature);
  return rdp::encode(certificate);
}

}  // namespace

class StandardServer::Impl {
 public:
  std::uint32_t method = 0;
  Bytes random;
  Bytes certificate;
};

StandardServer::StandardServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StandardServer::StandardServer(StandardServer&&) noexcept = default;
StandardServer::~StandardServer() = default;

std::expected<StandardServer, Error> StandardServer::make(std::uint32_t encryption_method,
                                                          ByteSpan server_random) {
  if (const auto able = standard_security_available(); !able) return std::unexpected(able.error());
  const auto& key = key_of_this_process();
  auto certificate = key ? certificate_of(*key) : std::nullopt;
  ERR_clear_error();
  if (!certificate) return std::unexpected(Error{"no RSA key could be made"});
  auto impl = std::make_unique<Impl>();
  impl->method = encryption_method;
  impl->random = base::to_bytes(server_random);
  impl->certificate = std::move(*certificate);
  return StandardServer(std::move(impl));
}

const Bytes& StandardServer::certificate() const { return impl_->certificate; }
const Bytes& StandardServer::server_random() const { return impl_->random; }

std::optional<StandardSecurity> StandardServer::session(ByteSpan encrypted_client_random) const {
  const auto& key = key_of_this_process();
  const auto payload = rdp::without_padding(encrypted_client_random);
  if (payload.size() > key->modulus.size()) return std::nullopt;
  const auto block = raw_rsa_private(key->modulus, key->private_exponent.reveal(), payload);
  constexpr auto kRandom = StandardSecurity::kRandomSize;
  if (!block || block->reveal().size() < kRandom) return std::nullopt;
  const auto rest = block->reveal().subspan(kRandom);
  if (!std::ranges::all_of(rest, [](auto octet) { return octet == 0; })) return std::nullopt;
  const Secret random(base::to_bytes(block->reveal().first(kRandom)));
  return StandardSecurity::derive(impl_->method, random, impl_->random);
}

}  // namespace rdpwhy::crypto
