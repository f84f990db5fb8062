// What a server of Standard RDP Security shows of its key, and what is encrypted to it.
#include <openssl/err.h>
#include <openssl/x509.h>

#include <array>
#include <bit>
#include <map>
#include <utility>

#include "crypto/known_rsa_keys.h"
#include "crypto/ntlm_primitives.h"
#include "crypto/openssl_handles.h"
#include "crypto/raw_rsa.h"
#include "crypto/server_key.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/crypto/digest.h"
#include "rdpwhy/crypto/standard_security.h"

namespace rdpwhy::crypto {
namespace {

using record::ServerKeyJudgement;
using Signature = ServerKeyJudgement::Signature;

constexpr std::size_t kPadding = 8;

/// MS-RDPBCGR 5.3.3.1.3: the signature in the clear is the MD5 of what is signed, 00, FF to the end
/// but for the last two octets, 01, 00.
Signature proprietary_signature(const rdp::ServerCertificate& certificate) {
  if (!standard_security_available()) return Signature::kNotJudged;
  const auto block = raw_rsa(signing_key_modulus(), signing_key_exponent(),
                             rdp::without_padding(certificate.proprietary()->signature));
  if (!block) return Signature::kInvalid;
  const auto digest = md5({rdp::signed_part(certificate)});
  Bytes expected = base::to_bytes(digest.reveal());
  expected.push_back(0);
  expected.resize(block->size() - 2, 0xFF);
  expected.push_back(1);
  expected.push_back(0);
  return *block == expected ? Signature::kValid : Signature::kInvalid;
}

X509Ptr read_der(const Bytes& der) {
  const auto* at = der.data();
  return X509Ptr(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

/// By the certificate above it. One whose issuer's key or algorithm OpenSSL does not take is not
/// judged, which is something else than invalid.
Signature chain_signature(const rdp::X509CertificateChain& chain) {
  if (chain.certificates.size() < 2) return Signature::kNotJudged;
  const auto own = read_der(chain.certificates.back());
  const auto issuer = read_der(chain.certificates[chain.certificates.size() - 2]);
  EVP_PKEY* key = issuer == nullptr ? nullptr : X509_get0_pubkey(issuer.get());
  auto judged = Signature::kNotJudged;
  if (own != nullptr && key != nullptr) {
    const int verified = X509_verify(own.get(), key);
    if (verified == 1) judged = Signature::kValid;
    if (verified == 0) judged = Signature::kInvalid;
  }
  ERR_clear_error();
  return judged;
}

/// Of a number without zeros at its end, which is its most significant one.
std::uint32_t bits_of(const Bytes& little_endian) {
  return static_cast<std::uint32_t>(8 * (little_endian.size() - 1)) +
         static_cast<std::uint32_t>(std::bit_width(little_endian.back()));
}

}  // namespace

ServerKey read_server_key(ByteSpan server_certificate) {
  ServerKey read;
  const auto certificate = rdp::decode_server_certificate(server_certificate);
  if (!certificate) return read;
  read.key = public_key_of(*certificate);
  if (read.key) {
    read.judgement.key_bits = bits_of(read.key->modulus);
    read.judgement.is_published = base::equal(read.key->modulus, published_modulus());
  }
  if (const auto* chain = certificate->x509()) {
    read.judgement.form = ServerKeyJudgement::Form::kX509;
    read.judgement.signature = chain_signature(*chain);
  } else {
    read.judgement.form = ServerKeyJudgement::Form::kProprietary;
    read.judgement.signature = proprietary_signature(*certificate);
  }
  return read;
}

ServerKeyJudgement judge_server_key(ByteSpan server_certificate) {
  return read_server_key(server_certificate).judgement;
}

class ServerKeyCache::Impl {
 public:
  explicit Impl(std::size_t capacity) : capacity_(capacity) {}

  std::shared_ptr<const ServerKey> read(ByteSpan server_certificate) {
    if (capacity_ == 0) return std::make_shared<ServerKey>(read_server_key(server_certificate));
    const auto fingerprint = sha256(server_certificate);
    if (const auto found = known_.find(fingerprint); found != known_.end()) return found->second;
    if (known_.size() >= capacity_) known_.clear();
    auto key = std::make_shared<const ServerKey>(read_server_key(server_certificate));
    known_.emplace(fingerprint, key);
    return key;
  }

 private:
  std::size_t capacity_;
  std::map<std::array<std::uint8_t, 32>, std::shared_ptr<const ServerKey>> known_;
};

ServerKeyCache::ServerKeyCache(std::size_t capacity) : impl_(std::make_unique<Impl>(capacity)) {}
ServerKeyCache::~ServerKeyCache() = default;
std::shared_ptr<const ServerKey> ServerKeyCache::read(ByteSpan server_certificate) {
  return impl_->read(server_certificate);
}

std::optional<Bytes> encrypt_to_server(const rdp::ServerCertificate& certificate,
                                       const Secret& secret) {
  const auto key = public_key_of(certificate);
  // A key no larger than the secret could not give it back.
  if (!key || key->modulus.size() <= secret.reveal().size()) return std::nullopt;
  auto encrypted = raw_rsa(key->modulus, key->exponent, secret.reveal());
  if (encrypted) encrypted->resize(encrypted->size() + kPadding);
  return encrypted;
}

}  // namespace rdpwhy::crypto
