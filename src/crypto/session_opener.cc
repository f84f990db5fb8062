#include "rdpwhy/crypto/session_opener.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/known_rsa_keys.h"
#include "crypto/raw_rsa.h"
#include "crypto/server_key.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/standard_security.h"

namespace rdpwhy::crypto {
namespace {

constexpr std::size_t kRandomSize = StandardSecurity::kRandomSize;

/// A random of 32 octets, encrypted as a number: what is above it has to be zero, or another key
/// decrypted it.
std::optional<Secret> random_in(const std::optional<Secret>& block) {
  if (!block || block->reveal().size() < kRandomSize) return std::nullopt;
  const auto octets = block->reveal();
  if (!std::ranges::all_of(octets.subspan(kRandomSize), [](auto octet) { return octet == 0; }))
    return std::nullopt;
  return Secret(base::to_bytes(octets.first(kRandomSize)));
}

void wipe(std::string& text) {
  base::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

class StandardSessionOpener final : public record::SessionOpener {
 public:
  explicit StandardSessionOpener(SessionSecrets secrets) : secrets_(std::move(secrets)) {}

  record::ServerKeyJudgement server_security(std::uint32_t encryption_method,
                                             ByteSpan server_random,
                                             ByteSpan server_certificate) override {
    method_ = encryption_method;
    server_random_ = base::to_bytes(server_random);
    server_key_ = secrets_.server_keys != nullptr
                      ? secrets_.server_keys->read(server_certificate)
                      : std::make_shared<ServerKey>(read_server_key(server_certificate));
    return server_key_->judgement;
  }

  bool security_exchange(ByteSpan encrypted_client_random) override {
    session_.reset();
    is_unsupported_ = false;
    const auto random = client_random(encrypted_client_random);
    if (!random) return false;
    session_ = StandardSecurity::derive(method_, *random, server_random_);
    is_unsupported_ = !session_;
    return session_.has_value();
  }

  std::expected<Opened, Refusal> open(const Protected& payload) override {
    if (is_unsupported_) return std::unexpected(Refusal::kUnsupported);
    if (!session_) return std::unexpected(Refusal::kNoKeys);
    return session_->open(payload);
  }

  void lost(Side side) override {
    if (session_) session_->lost(side);
  }

 private:
  [[nodiscard]] std::optional<Secret> client_random(ByteSpan encrypted) const {
    if (auto known = from_key_log(encrypted)) return known;
    const auto payload = rdp::without_padding(encrypted);
    const auto* key = server_key_ && server_key_->key ? &*server_key_->key : nullptr;
    if (key == nullptr || payload.size() > key->modulus.size()) return std::nullopt;
    if (auto ours = from_ourselves(*key, encrypted)) return ours;
    if (secrets_.private_keys != nullptr) {
      if (auto found =
              random_in(secrets_.private_keys->decrypted_little_endian(key->modulus, payload)))
        return found;
    }
    if (!base::equal(key->modulus, published_modulus())) return std::nullopt;
    return random_in(raw_rsa_private(key->modulus, published_private_exponent(), payload));
  }

  [[nodiscard]] std::optional<Secret> from_key_log(ByteSpan encrypted) const {
    if (secrets_.key_log == nullptr || encrypted.size() < kRandomSize) return std::nullopt;
    const auto found = secrets_.key_log->secret(kClientRandomLabel, encrypted.first(kRandomSize));
    if (!found) return std::nullopt;
    return Secret(base::to_bytes(*found));
  }

  [[nodiscard]] std::optional<Secret> from_ourselves(const RawPublicKey& key,
                                                     ByteSpan encrypted) const {
    if (secrets_.client_random == nullptr || encrypted.size() < kRandomSize) return std::nullopt;
    const auto sent = raw_rsa(key.modulus, key.exponent, secrets_.client_random->reveal());
    if (!sent || !base::equal(rdp::without_padding(*sent), rdp::without_padding(encrypted)))
      return std::nullopt;
    if (secrets_.on_secret) {
      auto digits = base::to_hex(secrets_.client_random->reveal());
      auto line = fmt::format("{} {} {}", kClientRandomLabel,
                              base::to_hex(encrypted.first(kRandomSize)), digits);
      secrets_.on_secret(line);
      wipe(line);
      wipe(digits);
    }
    return secrets_.client_random->copy();
  }

  SessionSecrets secrets_;
  std::uint32_t method_ = 0;
  Bytes server_random_;
  std::shared_ptr<const ServerKey> server_key_;
  std::optional<StandardSecurity> session_;
  bool is_unsupported_ = false;
};

}  // namespace

std::unique_ptr<record::SessionOpener> make_session_opener(SessionSecrets secrets) {
  return std::make_unique<StandardSessionOpener>(std::move(secrets));
}

}  // namespace rdpwhy::crypto
