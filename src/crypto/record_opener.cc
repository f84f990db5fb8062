#include "rdpwhy/crypto/record_opener.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/aead.h"
#include "crypto/tls12_opener.h"
#include "crypto/tls13_keys.h"
#include "crypto/wiped.h"
#include "rdpwhy/base/check.h"

namespace rdpwhy::crypto {

namespace {

using Opened = record::RecordOpener::Opened;
using Refusal = record::RecordOpener::Refusal;

constexpr std::size_t kHeaderSize = 5;
static_assert(kTls13IvSize == AeadCipher::kNonceSize);
constexpr std::size_t kMaxKeySize = 32;
constexpr std::size_t kMaxSecretSize = 48;
constexpr std::uint8_t kApplicationData = 23;

/// What protects the records of one side from one change of keys to the next.
class TrafficKeys {
 public:
  TrafficKeys(const Tls13Suite& suite, ByteSpan secret) : suite_(suite) {
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

  const Tls13Suite& suite_;
  std::optional<AeadCipher> cipher_;
  Wiped<kMaxSecretSize> secret_;
  Wiped<kTls13IvSize> iv_;
  std::uint64_t sequence_ = 0;
};

void TrafficKeys::derive() {
  Wiped<kMaxKeySize> key;
  LabelExpander expander(suite_, secret());
  expander.expand("key", std::span(key).first(suite_.key_size));
  expander.expand("iv", iv_);
  sequence_ = 0;
  cipher_.emplace(tls13_cipher(suite_), ByteSpan(key).first(suite_.key_size), suite_.tag_size,
                  suite_.ccm);
  RDPWHY_CHECK(cipher_->is_known());
}

std::expected<Opened, Refusal> TrafficKeys::open(ByteSpan record) {
  const auto header = record.first(kHeaderSize);
  const auto fragment = record.subspan(kHeaderSize);
  if (fragment.size() <= suite_.tag_size) return std::unexpected(Refusal::kBadRecord);
  Opened opened;
  opened.plaintext.resize(fragment.size() - suite_.tag_size);
  if (!cipher_->open(tls13_nonce(iv_, sequence_), header, fragment, opened.plaintext))
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
  Tls13Opener(const KeyLog& key_log, const tls::Random& client_random, const Tls13Suite* suite,
              bool early_data)
      : key_log_(key_log), client_random_(client_random), suite_(suite), early_data_(early_data) {}

  std::expected<Opened, Refusal> open(Side side, ByteSpan record) override;
  void finished(Side side) override {
    Direction& direction = of(side);
    direction.application = true;
    direction.updates = 0;
    direction.keys.clear();
  }
  void key_update(Side side) override {
    Direction& direction = of(side);
    for (const auto& keys : direction.keys) keys->update();
    if (direction.keys.empty() && direction.updates < kMaxUpdatesAhead) {
      ++direction.updates;
    }
  }

 private:
  /// Updates said before the secret is known: hostile counts must not cost hours of hashing.
  static constexpr int kMaxUpdatesAhead = 1024;

  struct Direction {
    bool application = false;
    int updates = 0;
    /// None until a secret is known; more than one where key logs disagree, until one of them
    /// opens a record.
    std::vector<std::unique_ptr<TrafficKeys>> keys;
  };

  Direction& of(Side side) { return side == Side::kServer ? server_ : client_; }
  bool find_keys(Side side);
  static std::expected<Opened, Refusal> open_with(std::vector<std::unique_ptr<TrafficKeys>>& rivals,
                                                  ByteSpan record);

  const KeyLog& key_log_;
  tls::Random client_random_;
  const Tls13Suite* suite_;
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
  if (direction.keys.empty() && !find_keys(side)) return std::unexpected(Refusal::kNoSecrets);
  auto opened = open_with(direction.keys, record);
  const bool early = !opened && early_data_ && side == Side::kClient && !direction.application &&
                     direction.keys.front()->fresh();
  if (early) return std::unexpected(Refusal::kUnsupported);
  for (const auto& keys : direction.keys) keys->count();
  return opened;
}

/// Of rivals the one that opens it stays.
std::expected<Opened, Refusal> Tls13Opener::open_with(
    std::vector<std::unique_ptr<TrafficKeys>>& rivals, ByteSpan record) {
  for (auto& keys : rivals) {
    auto opened = keys->open(record);
    if (!opened) continue;
    std::swap(keys, rivals.front());
    rivals.resize(1);
    return opened;
  }
  return std::unexpected(Refusal::kBadRecord);
}

bool Tls13Opener::find_keys(Side side) {
  Direction& direction = of(side);
  const bool server = side == Side::kServer;
  const std::string_view label =
      direction.application
          ? (server ? "SERVER_TRAFFIC_SECRET_0" : "CLIENT_TRAFFIC_SECRET_0")
          : (server ? "SERVER_HANDSHAKE_TRAFFIC_SECRET" : "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
  for (const auto secret : key_log_.secrets(label, client_random_)) {
    // A secret of another length belongs to another suite: as good as none.
    if (secret.size() != suite_->hash_size) continue;
    auto& keys = direction.keys.emplace_back(std::make_unique<TrafficKeys>(*suite_, secret));
    for (int i = 0; i < direction.updates; ++i) keys->update();
  }
  return !direction.keys.empty();
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
  return std::make_unique<Tls13Opener>(secrets.key_log, client_hello.random,
                                       find_tls13_suite(server_hello.cipher_suite),
                                       client_hello.early_data);
}

}  // namespace rdpwhy::crypto
