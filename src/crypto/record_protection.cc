#include "crypto/record_protection.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/aead.h"
#include "crypto/openssl_handles.h"
#include "crypto/wiped.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::crypto {

namespace {

using Kind = CipherSpec::Kind;

constexpr std::size_t kHeaderSize = tls::RecordHeader::kSize;

/// seq_num, type, version and length: what RFC 5246 6.2.3.1 and 6.2.3.3 put before the content.
std::array<std::uint8_t, 13> pseudo_header(std::uint64_t sequence, ByteSpan record,
                                           std::size_t length) {
  std::array<std::uint8_t, 13> out{};
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(sequence >> (8 * (7 - i)));
  std::copy_n(record.begin(), 3, out.begin() + 8);
  out[11] = static_cast<std::uint8_t>(length >> 8);
  out[12] = static_cast<std::uint8_t>(length);
  return out;
}

/// The HMAC of one side's records.
class RecordMac {
 public:
  RecordMac(const char* digest, ByteSpan key) {
    const MacPtr mac(EVP_MAC_fetch(library_context(), "HMAC", nullptr));
    RDPWHY_CHECK(mac != nullptr);
    context_.reset(EVP_MAC_CTX_new(mac.get()));
    RDPWHY_CHECK(context_ != nullptr);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end()};
    const int good = EVP_MAC_init(context_.get(), key.data(), key.size(), parameters);
    RDPWHY_CHECK(good == 1);
    size_ = EVP_MAC_CTX_get_mac_size(context_.get());
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Over `content` as record number `sequence` with the type and version of `record`.
  [[nodiscard]] bool matches(std::uint64_t sequence, ByteSpan record, ByteSpan content,
                             ByteSpan tag) {
    const auto header = pseudo_header(sequence, record, content.size());
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> made;
    std::size_t made_size = 0;
    EVP_MAC_CTX* const c = context_.get();
    const bool done = EVP_MAC_init(c, nullptr, 0, nullptr) == 1 &&  // the key stays
                      EVP_MAC_update(c, header.data(), header.size()) == 1 &&
                      EVP_MAC_update(c, content.data(), content.size()) == 1 &&
                      EVP_MAC_final(c, made.data(), &made_size, made.size()) == 1;
    RDPWHY_CHECK(done);
    return tag.size() == made_size && CRYPTO_memcmp(made.data(), tag.data(), made_size) == 0;
  }

 private:
  MacContextPtr context_;
  std::size_t size_ = 0;
};

/// Ready to decrypt, without padding; null when this OpenSSL does not have the cipher.
CipherContextPtr make_cipher(const CipherSpec& spec, ByteSpan key) {
  ERR_clear_error();
  OSSL_LIB_CTX* const library = spec.legacy ? legacy_context() : library_context();
  const CipherPtr cipher(library == nullptr ? nullptr
                                            : EVP_CIPHER_fetch(library, spec.cipher, nullptr));
  CipherContextPtr context(EVP_CIPHER_CTX_new());
  const bool good =
      cipher != nullptr && context != nullptr &&
      static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher.get())) == key.size() &&
      EVP_DecryptInit_ex2(context.get(), cipher.get(), key.data(), nullptr, nullptr) == 1 &&
      EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1;
  ERR_clear_error();
  return good ? std::move(context) : nullptr;
}

Bytes decrypted(EVP_CIPHER_CTX* context, ByteSpan octets) {
  Bytes out(octets.size());
  int written = 0;
  if (EVP_DecryptUpdate(context, out.data(), &written, octets.data(),
                        static_cast<int>(octets.size())) != 1 ||
      static_cast<std::size_t>(written) != octets.size()) {
    out.clear();
  }
  ERR_clear_error();
  return out;
}

/// RFC 5246 6.2.3.3. The nonce is salt and explicit part (RFC 5288 3, RFC 6655 3), or static IV and
/// sequence number (RFC 7905 2).
class AeadProtection final : public RecordProtection {
 public:
  AeadProtection(const CipherSpec& spec, const WriteKeys& keys)
      : cipher_(CipherPtr(EVP_CIPHER_fetch(library_context(), spec.cipher, nullptr)).get(),
                keys.key, spec.tag_size, spec.kind == Kind::kCcm),
        explicit_size_(spec.kind == Kind::kChaCha20 ? 0 : 8) {
    RDPWHY_CHECK(keys.iv.size() + explicit_size_ == AeadCipher::kNonceSize);
    std::ranges::copy(keys.iv, iv_.begin());
  }
  [[nodiscard]] bool is_known() const { return cipher_.is_known(); }

  std::optional<Bytes> open(ByteSpan record) override {
    const auto sequence = sequence_++;
    const auto fragment = record.subspan(kHeaderSize);
    const auto overhead = explicit_size_ + cipher_.tag_size();
    if (fragment.size() < overhead) return {};
    AeadCipher::Nonce nonce;
    std::ranges::copy(iv_, nonce.begin());
    if (explicit_size_ > 0) {
      std::ranges::copy(fragment.first(explicit_size_), nonce.begin() + 4);
    } else {
      for (std::size_t i = 0; i < 8; ++i)
        nonce[4 + i] ^= static_cast<std::uint8_t>(sequence >> (8 * (7 - i)));
    }
    Bytes plaintext(fragment.size() - overhead);
    const auto associated = pseudo_header(sequence, record, plaintext.size());
    if (!cipher_.open(nonce, associated, fragment.subspan(explicit_size_), plaintext)) return {};
    return plaintext;
  }

 private:
  AeadCipher cipher_;
  std::size_t explicit_size_;
  Wiped<AeadCipher::kNonceSize> iv_;
  std::uint64_t sequence_ = 0;
};

/// RFC 5246 6.2.3.1: content and MAC under a stream cipher, or under none.
class StreamProtection final : public RecordProtection {
 public:
  /// `cipher` is null for the NULL ciphers.
  StreamProtection(CipherContextPtr cipher, RecordMac mac)
      : cipher_(std::move(cipher)), mac_(std::move(mac)) {}

  std::optional<Bytes> open(ByteSpan record) override {
    const auto sequence = sequence_++;
    const auto fragment = record.subspan(kHeaderSize);
    Bytes plaintext = cipher_ ? decrypted(cipher_.get(), fragment) : base::to_bytes(fragment);
    if (plaintext.size() < mac_.size()) return {};
    const auto content = ByteSpan(plaintext).first(plaintext.size() - mac_.size());
    if (!mac_.matches(sequence, record, content, ByteSpan(plaintext).last(mac_.size()))) return {};
    plaintext.resize(content.size());
    return plaintext;
  }

 private:
  CipherContextPtr cipher_;
  RecordMac mac_;
  std::uint64_t sequence_ = 0;
};

/// RFC 5246 6.2.3.2: content, MAC and padding under a block cipher; RFC 7366: content and padding
/// under it and the MAC behind. TLS 1.0 takes each IV from the record before (RFC 2246 6.2.3.2).
class CbcProtection final : public RecordProtection {
 public:
  CbcProtection(CipherContextPtr cipher, RecordMac mac, ByteSpan iv, bool encrypt_then_mac)
      : cipher_(std::move(cipher)),
        mac_(std::move(mac)),
        iv_(base::to_bytes(iv)),
        explicit_iv_(iv.empty()),
        block_(static_cast<std::size_t>(EVP_CIPHER_CTX_get_block_size(cipher_.get()))),
        encrypt_then_mac_(encrypt_then_mac) {}

  std::optional<Bytes> open(ByteSpan record) override {
    const auto sequence = sequence_++;
    auto fragment = record.subspan(kHeaderSize);
    bool authentic = true;
    if (encrypt_then_mac_) {
      if (fragment.size() < mac_.size()) return {};
      const auto tag = fragment.last(mac_.size());
      fragment = fragment.first(fragment.size() - tag.size());
      authentic = mac_.matches(sequence, record, fragment, tag);
    }
    auto plaintext = decrypt(fragment);  // even when it is not authentic: the next IV hangs on it
    // RFC 7366 does not authenticate the IV that TLS 1.0 takes from the record before.
    const bool iv_was_sure = std::exchange(iv_is_sure_, authentic && plaintext.has_value());
    if (!plaintext || !authentic || (encrypt_then_mac_ && !explicit_iv_ && !iv_was_sure) ||
        !strip_padding(*plaintext)) {
      return {};
    }
    if (encrypt_then_mac_) return plaintext;
    if (plaintext->size() < mac_.size()) return {};
    const auto content = ByteSpan(*plaintext).first(plaintext->size() - mac_.size());
    if (!mac_.matches(sequence, record, content, ByteSpan(*plaintext).last(mac_.size()))) return {};
    plaintext->resize(content.size());
    return plaintext;
  }

 private:
  std::optional<Bytes> decrypt(ByteSpan blocks) {
    if (blocks.size() % block_ != 0 || blocks.size() < (explicit_iv_ ? 2 : 1) * block_) return {};
    const Bytes iv = explicit_iv_ ? base::to_bytes(blocks.first(block_)) : iv_;
    if (explicit_iv_) {
      blocks = blocks.subspan(block_);
    } else {
      iv_ = base::to_bytes(blocks.last(block_));
    }
    if (EVP_DecryptInit_ex2(cipher_.get(), nullptr, nullptr, iv.data(), nullptr) != 1) {
      ERR_clear_error();
      return {};
    }
    return decrypted(cipher_.get(), blocks);
  }

  /// RFC 5246 6.2.3.2: every octet of the padding is its length, which does not count itself.
  static bool strip_padding(Bytes& plaintext) {
    if (plaintext.empty()) return false;
    const std::size_t padding = plaintext.back() + std::size_t{1};
    if (padding > plaintext.size()) return false;
    const auto octets = ByteSpan(plaintext).last(padding);
    if (std::ranges::any_of(octets, [&](auto octet) { return octet != plaintext.back(); }))
      return false;
    plaintext.resize(plaintext.size() - padding);
    return true;
  }

  CipherContextPtr cipher_;
  RecordMac mac_;
  Bytes iv_;  ///< of the next record, where they do not bring their own
  bool explicit_iv_;
  std::size_t block_;
  bool encrypt_then_mac_;
  bool iv_is_sure_ = true;
  std::uint64_t sequence_ = 0;
};

}  // namespace

std::unique_ptr<RecordProtection> make_record_protection(const CipherSpec& spec,
                                                         const WriteKeys& keys, bool explicit_iv,
                                                         bool encrypt_then_mac) {
  switch (spec.kind) {
    case Kind::kGcm:
    case Kind::kCcm:
    case Kind::kChaCha20: {
      auto protection = std::make_unique<AeadProtection>(spec, keys);
      return protection->is_known() ? std::move(protection) : nullptr;
    }
    case Kind::kNull:
      return std::make_unique<StreamProtection>(nullptr, RecordMac(spec.mac, keys.mac_key));
    case Kind::kStream: {
      auto cipher = make_cipher(spec, keys.key);
      if (cipher == nullptr) return nullptr;
      return std::make_unique<StreamProtection>(std::move(cipher),
                                                RecordMac(spec.mac, keys.mac_key));
    }
    case Kind::kCbc: {
      auto cipher = make_cipher(spec, keys.key);
      if (cipher == nullptr) return nullptr;
      return std::make_unique<CbcProtection>(std::move(cipher), RecordMac(spec.mac, keys.mac_key),
                                             explicit_iv ? ByteSpan{} : keys.iv, encrypt_then_mac);
    }
  }
  return nullptr;
}

}  // namespace rdpwhy::crypto
