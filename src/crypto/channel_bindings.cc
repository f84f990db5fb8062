#include "rdpwhy/crypto/channel_bindings.h"

#include <openssl/err.h>

#include <algorithm>

#include "crypto/openssl_handles.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/crypto/digest.h"

namespace rdpwhy::crypto {
namespace {

/// Up to this version pubKeyAuth holds the key itself.
constexpr std::uint32_t kLastWithoutHash = 4;

X509Ptr parse(ByteSpan certificate) {
  if (certificate.empty() || certificate.size() > INT32_MAX) return nullptr;
  X509* parsed = X509_new_ex(library_context(), nullptr);
  const auto* at = certificate.data();
  // An allocated object is reused, and with it our library context; freed by OpenSSL on failure.
  if (parsed == nullptr ||
      d2i_X509(&parsed, &at, static_cast<long>(certificate.size())) == nullptr) {
    return nullptr;
  }
  return X509Ptr(parsed);
}

Bytes hashed(std::string_view text, ByteSpan nonce, ByteSpan key) {
  Writer w;
  w.text(text).u8(0).bytes(nonce).bytes(key);
  const auto hash = sha256(w.view());
  return base::to_bytes(hash);
}

/// RFC 5929 4.1: the hash of the certificate's signature, but SHA-256 instead of MD5 and SHA-1.
Bytes end_point_hash(X509* certificate) {
  int digest_id = NID_undef;
  int key_id = NID_undef;
  int bits = 0;
  std::uint32_t flags = 0;
  if (X509_get_signature_info(certificate, &digest_id, &key_id, &bits, &flags) != 1 ||
      digest_id == NID_undef) {
    return {};
  }
  if (digest_id == NID_md5 || digest_id == NID_sha1) digest_id = NID_sha256;
  const std::unique_ptr<EVP_MD, Freer<EVP_MD_free>> digest(
      EVP_MD_fetch(library_context(), OBJ_nid2sn(digest_id), nullptr));
  Bytes hash(EVP_MAX_MD_SIZE);
  unsigned int size = 0;
  if (digest == nullptr || X509_digest(certificate, digest.get(), hash.data(), &size) != 1) {
    return {};
  }
  hash.resize(size);
  return hash;
}

}  // namespace

std::expected<Bytes, Error> subject_public_key(ByteSpan certificate) {
  ERR_clear_error();
  const auto parsed = parse(certificate);
  const ASN1_BIT_STRING* key = parsed == nullptr ? nullptr : X509_get0_pubkey_bitstr(parsed.get());
  if (key == nullptr) {
    return std::unexpected(Error{"the certificate's key cannot be read: " + take_errors()});
  }
  ERR_clear_error();
  const ByteSpan octets(ASN1_STRING_get0_data(key),
                        static_cast<std::size_t>(ASN1_STRING_length(key)));
  return base::to_bytes(octets);
}

Bytes client_public_key_proof(std::uint32_t version, ByteSpan key, ByteSpan nonce) {
  if (version <= kLastWithoutHash) return base::to_bytes(key);
  return hashed("CredSSP Client-To-Server Binding Hash", nonce, key);
}

Bytes server_public_key_proof(std::uint32_t version, ByteSpan key, ByteSpan nonce) {
  if (version > kLastWithoutHash) {
    return hashed("CredSSP Server-To-Client Binding Hash", nonce, key);
  }
  Bytes proof = base::to_bytes(key);
  if (!proof.empty()) ++proof.front();
  return proof;
}

std::optional<std::array<std::uint8_t, 16>> tls_server_end_point_bindings(ByteSpan certificate) {
  ERR_clear_error();
  const auto parsed = parse(certificate);
  const Bytes hash = parsed == nullptr ? Bytes{} : end_point_hash(parsed.get());
  ERR_clear_error();
  if (hash.empty()) return {};
  return bindings_of_hash(hash);
}

std::optional<std::array<std::uint8_t, 16>> bindings_of_hash(ByteSpan certificate_hash) {
  constexpr std::string_view kType = "tls-server-end-point:";
  Writer w;
  w.zeros(16);  // no addresses: types and lengths of initiator and acceptor
  w.u32le(static_cast<std::uint32_t>(kType.size() + certificate_hash.size()));
  w.text(kType).bytes(certificate_hash);
  std::array<std::uint8_t, 16> bindings{};
  std::size_t size = 0;
  ERR_clear_error();
  const bool good = EVP_Q_digest(library_context(), "MD5", nullptr, w.view().data(), w.size(),
                                 bindings.data(), &size) == 1 &&
                    size == bindings.size();
  ERR_clear_error();
  if (!good) return {};
  return bindings;
}

}  // namespace rdpwhy::crypto
