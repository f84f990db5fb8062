#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "crypto/cipher_spec.h"
#include "crypto/openssl_handles.h"
#include "oracles/oracle.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::crypto {

/// The writing end of TLS 1.0 to 1.2 under a given master secret, made from the RFCs once more and
/// from none of the code that opens: for ciphers that no OpenSSL of today negotiates, and for
/// oracles that must know what a record holds. Its IVs and nonces count up; it protects nothing.
class RecordSealer {
 public:
  struct Setup {
    std::uint16_t suite = 0xC02F;
    std::uint16_t version = 0x0303;
    bool encrypt_then_mac = false;
    Side side = Side::kClient;
  };

  RecordSealer(const Setup& setup, ByteSpan master, ByteSpan client_random, ByteSpan server_random)
      : setup_(setup), spec_(*cipher_spec_of(setup.suite)), cipher_(EVP_CIPHER_CTX_new()) {
    Bytes seed = base::to_bytes(base::as_bytes("key expansion"));
    for (const auto random : {server_random, client_random})
      seed.insert(seed.end(), random.begin(), random.end());
    const std::size_t iv_size = is_aead() || setup.version == 0x0301 ? spec_.iv_size : 0;
    const std::size_t sizes[] = {spec_.mac_size, spec_.key_size, iv_size};
    const auto block = prf(master, seed, 2 * (sizes[0] + sizes[1] + iv_size));
    Bytes* const parts[] = {&mac_key_, &key_, &iv_};
    std::size_t at = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      if (setup.side == Side::kServer) at += sizes[i];
      parts[i]->assign(block.begin() + static_cast<std::ptrdiff_t>(at),
                       block.begin() + static_cast<std::ptrdiff_t>(at + sizes[i]));
      at += setup.side == Side::kServer ? sizes[i] : 2 * sizes[i];
    }
    if (spec_.cipher == nullptr) return;
    auto* const library = spec_.legacy ? legacy_context() : library_context();
    const CipherPtr fetched(library == nullptr ? nullptr
                                               : EVP_CIPHER_fetch(library, spec_.cipher, nullptr));
    known_ = fetched != nullptr &&
             EVP_EncryptInit_ex2(cipher_.get(), fetched.get(), nullptr, nullptr, nullptr) == 1;
    if (known_ && spec_.kind == CipherSpec::Kind::kStream)
      EVP_EncryptInit_ex2(cipher_.get(), nullptr, key_.data(), nullptr, nullptr);
  }

  [[nodiscard]] bool is_known() const { return known_; }

  Bytes seal(std::uint8_t type, ByteSpan content) {
    const auto fragment = is_aead()                              ? sealed_aead(type, content)
                          : spec_.kind == CipherSpec::Kind::kCbc ? sealed_cbc(type, content)
                                                                 : sealed_stream(type, content);
    ++sequence_;
    Bytes record = header(type, fragment.size());
    append(record, fragment);
    return record;
  }

 private:
  using Kind = CipherSpec::Kind;

  static void append(Bytes& out, ByteSpan more) { out.insert(out.end(), more.begin(), more.end()); }
  [[nodiscard]] bool is_aead() const { return spec_.tag_size > 0; }

  static Bytes hmac(const char* digest, ByteSpan key, ByteSpan octets) {
    Bytes out(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    rdpwhy::oracle::hold(
        EVP_Q_mac(library_context(), "HMAC", nullptr, digest, nullptr, key.data(), key.size(),
                  octets.data(), octets.size(), out.data(), out.size(), &size) != nullptr,
        "an HMAC is made");
    out.resize(size);
    return out;
  }

  /// RFC 5246 5: P_hash.
  static Bytes p_hash(const char* digest, ByteSpan secret, const Bytes& seed, std::size_t size) {
    Bytes out;
    for (Bytes a = seed; out.size() < size;) {
      a = hmac(digest, secret, a);
      Bytes both = a;
      append(both, seed);
      append(out, hmac(digest, secret, both));
    }
    out.resize(size);
    return out;
  }

  Bytes prf(ByteSpan secret, const Bytes& seed, std::size_t size) const {
    if (setup_.version >= 0x0303) return p_hash(spec_.prf, secret, seed, size);
    const auto half = (secret.size() + 1) / 2;  // RFC 2246 5
    auto out = p_hash("MD5", secret.first(half), seed, size);
    const auto other = p_hash("SHA1", secret.last(half), seed, size);
    for (std::size_t i = 0; i < size; ++i) out[i] ^= other[i];
    return out;
  }

  Bytes header(std::uint8_t type, std::size_t size) const {
    return {type, static_cast<std::uint8_t>(setup_.version >> 8),
            static_cast<std::uint8_t>(setup_.version), static_cast<std::uint8_t>(size >> 8),
            static_cast<std::uint8_t>(size)};
  }

  Bytes numbered(std::uint8_t type, std::size_t size) const {
    Bytes out;
    for (int shift = 56; shift >= 0; shift -= 8)
      out.push_back(static_cast<std::uint8_t>(sequence_ >> shift));
    append(out, header(type, size));
    return out;
  }

  Bytes mac_of(std::uint8_t type, ByteSpan content) const {
    Bytes all = numbered(type, content.size());
    append(all, content);
    return hmac(spec_.mac, mac_key_, all);
  }

  Bytes encrypted(ByteSpan octets) {
    Bytes out(octets.size() + 32);
    int size = 0;
    EVP_EncryptUpdate(cipher_.get(), out.data(), &size, octets.data(),
                      static_cast<int>(octets.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
  }

  Bytes sealed_stream(std::uint8_t type, ByteSpan content) {
    Bytes all = base::to_bytes(content);
    append(all, mac_of(type, content));
    return spec_.cipher == nullptr ? all : encrypted(all);
  }

  Bytes sealed_cbc(std::uint8_t type, ByteSpan content) {
    Bytes all = base::to_bytes(content);
    if (!setup_.encrypt_then_mac) append(all, mac_of(type, content));
    const std::size_t block = spec_.iv_size;
    // Up to 255 octets of padding are allowed; sometimes more than there must be.
    auto padding = block - (all.size() + 1) % block;
    if (padding == block) padding = 0;
    if (sequence_ % 3 == 1 && padding + 2 * block < 256) padding += 2 * block;
    all.resize(all.size() + padding + 1, static_cast<std::uint8_t>(padding));
    const Bytes iv =
        setup_.version == 0x0301 ? iv_ : Bytes(block, static_cast<std::uint8_t>(0x40 + sequence_));
    EVP_EncryptInit_ex2(cipher_.get(), nullptr, key_.data(), iv.data(), nullptr);
    EVP_CIPHER_CTX_set_padding(cipher_.get(), 0);
    const auto blocks = encrypted(all);
    Bytes fragment;
    if (setup_.version == 0x0301) {
      iv_.assign(blocks.end() - static_cast<std::ptrdiff_t>(block), blocks.end());
    } else {
      fragment = iv;
    }
    append(fragment, blocks);
    if (setup_.encrypt_then_mac) append(fragment, mac_of(type, fragment));
    return fragment;
  }

  Bytes sealed_aead(std::uint8_t type, ByteSpan content) {
    Bytes nonce = iv_;
    Bytes fragment;
    if (spec_.kind == Kind::kChaCha20) {
      for (std::size_t i = 0; i < 8; ++i)
        nonce[4 + i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * (7 - i)));
    } else {
      fragment = Bytes(8, static_cast<std::uint8_t>(0x60 + sequence_));
      append(nonce, fragment);
    }
    const auto associated = numbered(type, content.size());
    EVP_CIPHER_CTX* const c = cipher_.get();
    int size = 0;
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, 12, nullptr);
    if (spec_.kind == Kind::kCcm)
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, spec_.tag_size, nullptr);
    EVP_EncryptInit_ex2(c, nullptr, key_.data(), nonce.data(), nullptr);
    if (spec_.kind == Kind::kCcm)
      EVP_EncryptUpdate(c, nullptr, &size, nullptr, static_cast<int>(content.size()));
    EVP_EncryptUpdate(c, nullptr, &size, associated.data(), static_cast<int>(associated.size()));
    append(fragment, encrypted(content));
    Bytes tag(spec_.tag_size);
    EVP_EncryptFinal_ex(c, nullptr, &size);
    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, spec_.tag_size, tag.data());
    append(fragment, tag);
    return fragment;
  }

  Setup setup_;
  CipherSpec spec_;
  CipherContextPtr cipher_;
  bool known_ = true;
  Bytes mac_key_, key_, iv_;
  std::uint64_t sequence_ = 0;
};

}  // namespace rdpwhy::crypto
