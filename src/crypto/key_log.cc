#include "rdpwhy/crypto/key_log.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <ranges>
#include <span>
#include <utility>

namespace rdpwhy::crypto {

namespace {

constexpr std::size_t kMaxSecrets = 1'000'000;
constexpr std::size_t kMaxLabels = 64;  // distinct ones; the format has nine
constexpr std::size_t kMaxLabelSize = 64;
constexpr std::size_t kMaxSecretSize = 128;  // the largest hash in TLS 1.3 has 64 octets
constexpr std::string_view kRsa = "RSA";
constexpr std::size_t kEncryptedSize = 8;  // of the octets that an "RSA" line goes by
constexpr std::string_view kPremaster = "PMS_CLIENT_RANDOM";

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Digits only: base::parse_hex is for what people type, and its copies would not be wiped.
bool read_hex(std::string_view digits, std::span<std::uint8_t> out) {
  if (digits.size() != 2 * out.size()) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = nibble(digits[2 * i]);
    const int low = nibble(digits[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

std::string_view next_word(std::string_view& line) {
  const auto begin = std::min(line.find_first_not_of(" \t"), line.size());
  line.remove_prefix(begin);
  const auto word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

bool is_label(std::string_view word) {
  return !word.empty() && word.size() <= kMaxLabelSize && std::ranges::all_of(word, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

KeyLog::KeyLog(KeyLog&& other) noexcept
    : labels_(std::move(other.labels_)),
      secrets_(std::move(other.secrets_)),
      count_(std::exchange(other.count_, 0)),
      has_premasters_(std::exchange(other.has_premasters_, false)) {}

KeyLog& KeyLog::operator=(KeyLog&& other) noexcept {
  if (this != &other) {
    wipe();
    labels_ = std::move(other.labels_);
    secrets_ = std::move(other.secrets_);
    count_ = std::exchange(other.count_, 0);
    has_premasters_ = std::exchange(other.has_premasters_, false);
  }
  return *this;
}

KeyLog::~KeyLog() { wipe(); }

std::size_t KeyLog::add(std::string_view lines) {
  std::size_t understood = 0;
  while (!lines.empty()) {
    const auto end = std::min(lines.find_first_of("\r\n"), lines.size());
    if (add_line(lines.substr(0, end))) ++understood;
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return understood;
}

std::vector<ByteSpan> KeyLog::secrets(std::string_view label, ByteSpan client_random) const {
  Random random;
  if (client_random.size() != random.size()) return {};
  std::ranges::copy(client_random, random.begin());
  const auto found = secrets_.find(random);
  if (found == secrets_.end()) return {};
  std::vector<ByteSpan> rivals;
  for (const auto& entry : std::views::reverse(found->second)) {
    if (labels_[entry.label] == label) rivals.emplace_back(entry.secret);
  }
  return rivals;
}

std::optional<ByteSpan> KeyLog::secret(std::string_view label, ByteSpan client_random) const {
  const auto rivals = secrets(label, client_random);
  return rivals.empty() ? std::nullopt : std::optional(rivals.front());
}

std::vector<ByteSpan> KeyLog::premasters(ByteSpan encrypted) const {
  if (encrypted.size() < kEncryptedSize) return {};
  Random key{};
  std::ranges::copy(encrypted.first(kEncryptedSize), key.begin());
  return secrets(kRsa, key);
}

bool KeyLog::add_line(std::string_view line) {
  const auto label = next_word(line);
  const auto random_digits = next_word(line);
  const auto secret_digits = next_word(line);
  Random random{};
  const auto key = std::span(random).first(label == kRsa ? kEncryptedSize : random.size());
  if (!is_label(label) || !next_word(line).empty() || !read_hex(random_digits, key) ||
      secret_digits.empty() || secret_digits.size() > 2 * kMaxSecretSize) {
    return false;
  }
  Bytes secret(secret_digits.size() / 2);  // at its final size: growing would leave copies behind
  const bool good = read_hex(secret_digits, secret);
  if (good && keep(label, random, secret)) return true;
  OPENSSL_cleanse(secret.data(), secret.size());
  return false;
}

bool KeyLog::keep(std::string_view label, const Random& random, Bytes& secret) {
  auto known = std::ranges::find(labels_, label);
  if (known == labels_.end()) {
    if (labels_.size() == kMaxLabels) return false;
    known = labels_.insert(known, std::string(label));
  }
  const auto number = static_cast<std::uint8_t>(known - labels_.begin());
  const auto known_random = secrets_.find(random);
  const bool room =
      known_random == secrets_.end() || give_way(known_random->second, number, secret);
  if (room && count_ == kMaxSecrets) return false;
  auto& entries = known_random == secrets_.end() ? secrets_[random] : known_random->second;
  entries.push_back({number, std::move(secret)});
  if (room) ++count_;
  has_premasters_ = has_premasters_ || label == kRsa || label == kPremaster;
  return true;
}

/// Takes away what the newer secret stands for: the same one, or of too many rivals the oldest.
/// True: there was none, and it is one more.
bool KeyLog::give_way(std::vector<Entry>& entries, std::uint8_t label, ByteSpan newer) {
  auto oldest = entries.end();
  std::size_t rivals = 0;
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    if (entry->label != label) continue;
    if (rivals++ == 0) oldest = entry;
    if (!base::equal(entry->secret, newer)) continue;
    oldest = entry;
    rivals = kMostRivals;
    break;
  }
  if (rivals < kMostRivals) return true;
  OPENSSL_cleanse(oldest->secret.data(), oldest->secret.size());
  entries.erase(oldest);  // what stands behind it is moved, not copied
  return false;
}

void KeyLog::wipe() {
  for (auto& [random, entries] : secrets_) {
    for (auto& entry : entries) OPENSSL_cleanse(entry.secret.data(), entry.secret.size());
  }
  secrets_.clear();
  labels_.clear();
  count_ = 0;
  has_premasters_ = false;
}

}  // namespace rdpwhy::crypto
