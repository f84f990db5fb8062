#include "rdpwhy/crypto/record_opener.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "crypto/aead.h"
#include "crypto/openssl_handles.h"
#include "crypto/tls12_opener.h"
#include "crypto/wiped.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::crypto {

namespace {

using Opened = record::RecordOpener::Opened;
using Refusal = record::RecordOpener::Refusal;

constexpr std::size_t kHeaderSize = 5;
constexpr std::size_t kIvSize = AeadCipher::kNonceSize;
constexpr std::size_t kMaxKeySize = 32;
constexpr std::size_t kMaxSecretSize = 48;
constexpr std::uint8_t kApplicationData = 23;

/// RFC 8446 B.4
struct Suite {
  std::uint16_t code;
  const char* cipher;  // OpenSSL's name
  const char* digest;
  std::size_t key_size;
  std::size_t hash_size;
  std::size_t tag_size;
  bool ccm;  // OpenSSL wants to be told the lengths first
};

constexpr std::array<Suite, 5> kSuites = {{
    {0x1301, "AES-128-GCM", "SHA256", 16, 32, 16, false},
    {0x1302, "AES-256-GCM", "SHA384", 32, 48, 16, false},
    {0x1303, "ChaCha20-Poly1305", "SHA256", 32, 32, 16, false},
    {0x1304, "AES-128-CCM", "SHA256", 16, 32, 16, true},
    {0x1305, "AES-128-CCM", "SHA256", 16, 32, 8, true},
}};

/// Fetched once and kept, never freed, like the library context: a capture has thousands of
/// connections, and looking a cipher up costs as much as opening a record. Null: not there.
const EVP_CIPHER* cipher_of(const Suite& suite) {
  static const auto kFetched = [] {
    std::array<EVP_CIPHER*, kSuites.size()> fetched{};
    for (std::size_t i = 0; i < kSuites.size(); ++i)
      fetched[i] = EVP_CIPHER_fetch(library_context(), kSuites[i].cipher, nullptr);
    return fetched;
  }();
  return kFetched[static_cast<std::size_t>(&suite - kSuites.data())];
}

/// RFC 8446 7.1 HKDF-Expand-Label of one secret with an empty context. All that TLS 1.3 asks of it
/// here fits in one block of the hash, so that RFC 5869's T(1) is the whole answer. The secret is
/// hashed once for all labels.
class LabelExpander {
 public:
  LabelExpander(const Suite& suite, ByteSpan secret) : hash_size_(suite.hash_size) {
    static EVP_MAC* const kHmac = EVP_MAC_fetch(library_context(), "HMAC", nullptr);
    context_.reset(EVP_MAC_CTX_new(kHmac));
    // Constructed as mutable, and read only.
    const std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(suite.digest), 0),
        OSSL_PARAM_construct_end()};
    RDPWHY_CHECK(context_ != nullptr && EVP_MAC_init(context_.get(), secret.data(), secret.size(),
                                                     parameters.data()) == 1);
  }

  void expand(std::string_view label, std::span<std::uint8_t> out) {
    RDPWHY_CHECK(out.size() <= hash_size_);
    constexpr std::string_view kPrefix = "tls13 ";
    base::Writer text;
    text.u16be(static_cast<std::uint16_t>(out.size()));
    text.u8(static_cast<std::uint8_t>(kPrefix.size() + label.size())).text(kPrefix).text(label);
    text.u8(0);  // context
    text.u8(1);  // the counter of RFC 5869 2.3
    Wiped<EVP_MAX_MD_SIZE> block;
    std::size_t size = 0;
    EVP_MAC_CTX* const c = context_.get();
    const bool done = EVP_MAC_init(c, nullptr, 0, nullptr) == 1 &&  // the key stays
                      EVP_MAC_update(c, text.view().data(), text.view().size()) == 1 &&
                      EVP_MAC_final(c, block.data(), &size, block.size()) == 1;
    RDPWHY_CHECK(done && size == hash_size_);
    std::copy_n(block.begin(), out.size(), out.begin());
  }

 private:
  MacContextPtr context_;
  std::size_t hash_size_;
};

/// What protects the records of one side from one change of keys to the next.
class TrafficKeys {
 public:
  TrafficKeys(const Suite& suite, ByteSpan secret) : suite_(suite) {
    std::ranges::copy(secret, secret_.begin());
    derive();
  }

  /// RFC 8446 7.2: application_traffic_secret_N+1
  void update() {
    Wiped<kMaxSecretSize> next;
    LabelExpander(suite_, secret()).expand("traffic upd", std::span(next).first(suite_.hash_size));
    std::ranges::copy(next, secret_.begin());
    derive();
  }

  /// RFC 8446 5.2, AEAD-Decrypt under the next sequence number, which is counted by `count`.
  std::expected<Opened, Refusal> open(ByteSpan record);
  void count() { ++sequence_; }
  [[nodiscard]] bool fresh() const { return sequence_ == 0; }

 private:
  [[nodiscard]] ByteSpan secret() const { return ByteSpan(secret_).first(suite_.hash_size); }
  void derive();
  [[nodiscard]] AeadCipher::Nonce nonce() const;

  const Suite& suite_;
  std::optional<AeadCipher> cipher_;
  Wiped<kMaxSecretSize> secret_;
  Wiped<kIvSize> iv_;
  std::uint64_t sequence_ = 0;
};

void TrafficKeys::derive() {
  Wiped<kMaxKeySize> key;
  LabelExpander expander(suite_, secret());
  expander.expand("key", std::span(key).first(suite_.key_size));
  expander.expand("iv", iv_);
  sequence_ = 0;
  cipher_.emplace(cipher_of(suite_), ByteSpan(key).first(suite_.key_size), suite_.tag_size,
                  suite_.ccm);
  RDPWHY_CHECK(cipher_->is_known());
}

/// RFC 8446 5.3: the sequence number, padded on the left, XOR the static IV.
AeadCipher::Nonce TrafficKeys::nonce() const {
  AeadCipher::Nonce nonce;
  for (std::size_t i = 0; i < kIvSize; ++i) {
    const std::size_t shift = 8 * (kIvSize - 1 - i);
    nonce[i] = iv_[i];
    if (shift < 64) nonce[i] ^= static_cast<std::uint8_t>(sequence_ >> shift);
  }
  return nonce;
}

std::expected<Opened, Refusal> TrafficKeys::open(ByteSpan record) {
  const auto header = record.first(kHeaderSize);
  const auto fragment = record.subspan(kHeaderSize);
  if (fragment.size() <= suite_.tag_size) return std::unexpected(Refusal::kBadRecord);
  Opened opened;
  opened.plaintext.resize(fragment.size() - suite_.tag_size);
  if (!cipher_->open(nonce(), header, fragment, opened.plaintext))
    return std::unexpected(Refusal::kBadRecord);
  // RFC 8446 5.4: the content type is the last octet that is not zero
  while (!opened.plaintext.empty() && opened.plaintext.back() == 0) opened.plaintext.pop_back();
  if (!opened.plaintext.empty()) {
    opened.content_type = opened.plaintext.back();
    opened.plaintext.pop_back();
  }
  return opened;
}

class Tls13Opener final : public record::RecordOpener {
 public:
  Tls13Opener(const KeyLog& key_log, const tls::Random& client_random, const Suite* suite,
              bool early_data)
      : key_log_(key_log), client_random_(client_random), suite_(suite), early_data_(early_data) {}

  std::expected<Opened, Refusal> open(Side side, ByteSpan record) override;
  void finished(Side side) override {
    Direction& direction = of(side);
    direction.application = true;
    direction.updates = 0;
    direction.keys.reset();
  }
  void key_update(Side side) override {
    Direction& direction = of(side);
    if (direction.keys != nullptr) {
      direction.keys->update();
    } else if (direction.updates < kMaxUpdatesAhead) {
      ++direction.updates;
    }
  }

 private:
  /// Updates said before the secret is known: hostile counts must not cost hours of hashing.
  static constexpr int kMaxUpdatesAhead = 1024;

  struct Direction {
    bool application = false;
    int updates = 0;
    std::unique_ptr<TrafficKeys> keys;  // null until its secret is known
  };

  Direction& of(Side side) { return side == Side::kServer ? server_ : client_; }
  bool find_keys(Side side);

  const KeyLog& key_log_;
  tls::Random client_random_;
  const Suite* suite_;
  bool early_data_;
  Direction client_;
  Direction server_;
};

std::expected<Opened, Refusal> Tls13Opener::open(Side side, ByteSpan record) {
  if (suite_ == nullptr) return std::unexpected(Refusal::kUnsupported);
  if (record.size() < kHeaderSize) return std::unexpected(Refusal::kBadRecord);
  if (record[0] != kApplicationData) {
    return Opened{record[0], base::to_bytes(record.subspan(kHeaderSize))};
  }
  Direction& direction = of(side);
  if (direction.keys == nullptr && !find_keys(side)) return std::unexpected(Refusal::kNoSecrets);
  TrafficKeys& keys = *direction.keys;
  auto opened = keys.open(record);
  const bool early =
      !opened && early_data_ && side == Side::kClient && !direction.application && keys.fresh();
  if (early) return std::unexpected(Refusal::kUnsupported);
  keys.count();
  return opened;
}

bool Tls13Opener::find_keys(Side side) {
  Direction& direction = of(side);
  const bool server = side == Side::kServer;
  const std::string_view label =
      direction.application
          ? (server ? "SERVER_TRAFFIC_SECRET_0" : "CLIENT_TRAFFIC_SECRET_0")
          : (server ? "SERVER_HANDSHAKE_TRAFFIC_SECRET" : "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
  const auto secret = key_log_.secret(label, client_random_);
  // A secret of another length belongs to another suite: as good as none.
  if (!secret || secret->size() != suite_->hash_size) return false;
  direction.keys = std::make_unique<TrafficKeys>(*suite_, *secret);
  for (; direction.updates > 0; --direction.updates) direction.keys->update();
  return true;
}

/// TLS 1.3 and its last drafts, which differ from it in their number alone.
bool is_tls13(std::uint16_t version) {
  return version == 0x0304 || (version >= 0x7F1A && version <= 0x7F1C);
}

/// TLS 1.0 to 1.2; SSL 3.0 derives and authenticates in ways of its own.
bool is_tls12_or_older(std::uint16_t version) { return version >= 0x0301 && version <= 0x0303; }

}  // namespace

std::unique_ptr<record::RecordOpener> make_record_opener(const OpeningSecrets& secrets,
                                                         const tls::ClientHello& client_hello,
                                                         const tls::ServerHello& server_hello) {
  if (server_hello.hello_retry_request) return nullptr;
  if (is_tls12_or_older(server_hello.version()))
    return make_tls12_opener(secrets, client_hello, server_hello);
  if (!is_tls13(server_hello.version())) return nullptr;
  const auto* suite = std::ranges::find(kSuites, server_hello.cipher_suite, &Suite::code);
  return std::make_unique<Tls13Opener>(secrets.key_log, client_hello.random,
                                       suite == kSuites.end() ? nullptr : suite,
                                       client_hello.early_data);
}

}  // namespace rdpwhy::crypto
