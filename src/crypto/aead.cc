#include "crypto/aead.h"

#include <openssl/err.h>

#include "rdpwhy/base/check.h"

namespace rdpwhy::crypto {

AeadCipher::AeadCipher(const EVP_CIPHER* cipher, ByteSpan key, std::size_t tag_size, bool is_ccm)
    : context_(EVP_CIPHER_CTX_new()), tag_size_(tag_size), is_ccm_(is_ccm) {
  RDPWHY_CHECK(context_ != nullptr);
  EVP_CIPHER_CTX* const c = context_.get();
  // CCM takes the lengths of nonce and tag into account when the key is set; no other cipher wants
  // to know that of the tag before there is one.
  known_ = cipher != nullptr &&
           static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher)) == key.size() &&
           EVP_DecryptInit_ex2(c, cipher, nullptr, nullptr, nullptr) == 1 &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, kNonceSize, nullptr) == 1 &&
           (!is_ccm || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size),
                                           nullptr) == 1) &&
           EVP_DecryptInit_ex2(c, nullptr, key.data(), nullptr, nullptr) == 1;
  if (!known_) ERR_clear_error();
}

bool AeadCipher::open(const Nonce& nonce, ByteSpan associated, ByteSpan sealed,
                      std::span<std::uint8_t> out) {
  RDPWHY_CHECK(known_ && sealed.size() == out.size() + tag_size_);
  const bool good =
      decrypt(nonce, associated, sealed.first(out.size()), sealed.last(tag_size_), out.data());
  if (!good) {
    ERR_clear_error();
    OPENSSL_cleanse(out.data(), out.size());
  }
  return good;
}

bool AeadCipher::decrypt(const Nonce& nonce, ByteSpan associated, ByteSpan sealed, ByteSpan tag,
                         std::uint8_t* out) {
  EVP_CIPHER_CTX* const c = context_.get();
  const auto size = static_cast<int>(sealed.size());
  int written = 0;
  std::uint8_t nothing =
      0;  // without a place to write to, OpenSSL would take it for associated data
  if (out == nullptr) out = &nothing;
  // The control call wants its argument mutable and reads it only.
  auto* tag_octets = const_cast<std::uint8_t*>(tag.data());
  return EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag_octets) ==
             1 &&
         EVP_DecryptInit_ex2(c, nullptr, nullptr, nonce.data(), nullptr) == 1 &&  // the key stays
         (!is_ccm_ || EVP_DecryptUpdate(c, nullptr, &written, nullptr, size) == 1) &&
         EVP_DecryptUpdate(c, nullptr, &written, associated.data(),
                           static_cast<int>(associated.size())) == 1 &&
         EVP_DecryptUpdate(c, out, &written, sealed.data(), size) == 1 &&
         // CCM has verified the tag by now and has nothing to finish
         (is_ccm_ || EVP_DecryptFinal_ex(c, out + written, &written) == 1);
}

}  // namespace rdpwhy::crypto
