// What a server of Standard RDP Security shows of its key, and what is encrypted to it.
#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>

#include "crypto/known_rsa_keys.h"
#include "crypto/ntlm_primitives.h"
#include "crypto/openssl_handles.h"
#include "crypto/raw_rsa.h"
#include "rdpwhy/base/check.h"
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

}  // namespace

ServerKeyJudgement judge_server_key(ByteSpan server_certificate) {
  ServerKeyJudgement judgement;
  const auto certificate = rdp::decode_server_certificate(server_certificate);
  if (!certificate) return judgement;
  if (const auto key = public_key_of(*certificate)) {
    judgement.key_bits = static_cast<std::uint32_t>(8 * key->modulus.size());
    for (auto top = key->modulus.back(); (top & 0x80) == 0;
         top = static_cast<std::uint8_t>(top << 1))
      --judgement.key_bits;
    judgement.is_published = base::equal(key->modulus, published_modulus());
  }
  if (const auto* chain = certificate->x509()) {
    judgement.form = ServerKeyJudgement::Form::kX509;
    judgement.signature = chain_signature(*chain);
  } else {
    judgement.form = ServerKeyJudgement::Form::kProprietary;
    judgement.signature = proprietary_signature(*certificate);
  }
  return judgement;
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
