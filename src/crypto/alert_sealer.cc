#include "crypto/alert_sealer.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>

#include "crypto/key_schedule.h"
#include "crypto/openssl_handles.h"
#include "crypto/tls13_keys.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::crypto {
namespace {

constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;

using Nonce = std::array<std::uint8_t, kNonceSize>;

void append(Bytes& out, ByteSpan more) { out.insert(out.end(), more.begin(), more.end()); }

/// RFC 5116: ciphertext, then tag.
std::optional<Bytes> sealed(const char* name, ByteSpan key, const Nonce& nonce, ByteSpan associated,
                            ByteSpan plaintext) {
  const CipherPtr cipher(EVP_CIPHER_fetch(library_context(), name, nullptr));
  const CipherContextPtr context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* const c = context.get();
  Bytes out(plaintext.size() + kTagSize);
  int written = 0;
  const bool good =
      cipher != nullptr &&
      EVP_EncryptInit_ex2(c, cipher.get(), key.data(), nonce.data(), nullptr) == 1 &&
      EVP_EncryptUpdate(c, nullptr, &written, associated.data(),
                        static_cast<int>(associated.size())) == 1 &&
      EVP_EncryptUpdate(c, out.data(), &written, plaintext.data(),
                        static_cast<int>(plaintext.size())) == 1 &&
      EVP_EncryptFinal_ex(c, out.data() + written, &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kTagSize, out.data() + plaintext.size()) == 1;
  ERR_clear_error();
  if (!good) return {};
  return out;
}

/// RFC 8446 5.2: the content type goes inside, and the record calls itself application data.
std::optional<Bytes> seal_tls13(const WritingEnd& end, Bytes content) {
  const auto* suite = find_tls13_suite(end.cipher_suite);
  if (suite == nullptr || suite->ccm || end.secret.size() != suite->hash_size) return {};
  content.push_back(static_cast<std::uint8_t>(tls::ContentType::kAlert));
  Wiped<32> key;
  Wiped<kTls13IvSize> iv;
  LabelExpander expander(*suite, end.secret);
  expander.expand("key", std::span(key).first(suite->key_size));
  expander.expand("iv", iv);
  auto record = tls::encode_record(tls::ContentType::kApplicationData, kTls12,
                                   Bytes(content.size() + kTagSize));
  const auto header = ByteSpan(record).first(tls::RecordHeader::kSize);
  const auto fragment = sealed(suite->cipher, ByteSpan(key).first(suite->key_size),
                               tls13_nonce(iv, end.sequence), header, content);
  if (!fragment) return {};
  std::ranges::copy(*fragment, record.begin() + tls::RecordHeader::kSize);
  return record;
}

/// RFC 5246 6.2.3.3, with the nonces of RFC 5288 3 and RFC 7905 2.
std::optional<Bytes> seal_tls12(const WritingEnd& end, const Bytes& content) {
  const auto spec = cipher_spec_of(end.cipher_suite);
  MasterSecret master;
  const bool gcm = spec && spec->kind == CipherSpec::Kind::kGcm;
  const bool chacha = spec && spec->kind == CipherSpec::Kind::kChaCha20;
  if ((!gcm && !chacha) || end.secret.size() != master.size()) return {};
  std::ranges::copy(end.secret, master.begin());
  const KeyBlock block(prf_digest(end.version, *spec), *spec, master, end.client_random,
                       end.server_random, true);
  const auto keys = block.of(end.side);

  Bytes associated;
  for (int shift = 56; shift >= 0; shift -= 8)
    associated.push_back(static_cast<std::uint8_t>(end.sequence >> shift));
  const Bytes number = associated;
  append(associated, tls::encode_record(tls::ContentType::kAlert, end.version, content));
  associated.resize(number.size() + tls::RecordHeader::kSize);

  Nonce nonce{};
  std::ranges::copy(keys.iv, nonce.begin());
  Bytes fragment;
  if (gcm) {
    std::ranges::copy(number, nonce.begin() + 4);
    fragment = number;
  } else {
    nonce = tls13_nonce(keys.iv, end.sequence);
  }
  const auto ciphertext = sealed(spec->cipher, keys.key, nonce, associated, content);
  if (!ciphertext) return {};
  append(fragment, *ciphertext);
  return tls::encode_record(tls::ContentType::kAlert, end.version, fragment);
}

}  // namespace

std::optional<Bytes> seal_alert(const WritingEnd& end, const tls::Alert& alert) {
  if (end.version == kTls13) return seal_tls13(end, encode(alert));
  if (end.version == kTls12) return seal_tls12(end, encode(alert));
  return {};
}

}  // namespace rdpwhy::crypto
