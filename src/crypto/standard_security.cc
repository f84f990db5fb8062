#include "rdpwhy/crypto/standard_security.h"

#include <openssl/err.h>

#include <algorithm>

#include "crypto/openssl_handles.h"
#include "crypto/rdp_hashes.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/crypto/ntlm.h"

namespace rdpwhy::crypto {
namespace {

using Refusal = record::SessionOpener::Refusal;
using Opened = record::SessionOpener::Opened;
using Signature = std::array<std::uint8_t, StandardSecurity::kSignatureSize>;

constexpr std::size_t kShortKey = 8;   // octets, of 40 and 56 bits
constexpr std::size_t kBlock = 8;      // octets, of 3DES
constexpr std::size_t kFipsKey = 24;   // octets
constexpr std::size_t kFipsBits = 21;  // octets of which the key is made
/// MS-RDPBCGR 5.3.6.2: the first IV of both directions.
constexpr std::array<std::uint8_t, kBlock> kFipsIv = {0x12, 0x34, 0x56, 0x78,
                                                      0x90, 0xAB, 0xCD, 0xEF};
/// 5.3.5.1: what replaces the octets that 40 and 56 bits leave out.
constexpr std::array<std::uint8_t, 3> kSalt = {0xD1, 0x26, 0x9E};

std::array<std::uint8_t, 4> little_endian(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8),
          static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 24)};
}

bool same(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

CipherPtr find_3des() {
  return CipherPtr(EVP_CIPHER_fetch(library_context(), "DES-EDE3-CBC", nullptr));
}

/// 5.3.5.1: a key of 128 bits cut down to the strength of the method.
Secret weakened(EncryptionMethod method, ByteSpan key) {
  if (method == EncryptionMethod::k128Bit) return Secret(base::to_bytes(key));
  auto octets = base::to_bytes(key.first(kShortKey));
  const auto salted = method == EncryptionMethod::k40Bit ? kSalt.size() : std::size_t{1};
  std::copy_n(kSalt.begin(), salted, octets.begin());
  return Secret(std::move(octets));
}

/// 5.3.5.2: 168 bits spread over 24 octets, seven to each from the lowest up. DES looks at the
/// upper seven of an octet only; its parity bit is left as it falls.
Secret spread(ByteSpan bits) {
  RDPWHY_CHECK(bits.size() == kFipsBits);
  Bytes key(kFipsKey);
  for (std::size_t i = 0; i < 7 * kFipsKey; ++i) {
    const auto bit = bits[i / 8] >> (i % 8) & 1;
    key[i / 7] |= static_cast<std::uint8_t>(bit << (i % 7));
  }
  return Secret(std::move(key));
}

/// 160 bits of a hash and its first eight again.
Secret fips_key(const Secret& hash) {
  Bytes bits;
  bits.reserve(kFipsBits);
  bits.assign(hash.reveal().begin(), hash.reveal().end());
  bits.push_back(bits[0]);
  const Secret held(std::move(bits));
  return spread(held.reveal());
}

/// One direction: what it encrypts with now, and how much it has.
class Direction {
 public:
  Direction(EncryptionMethod method, Secret key)
      : method_(method), initial_(std::move(key)), current_(initial_.copy()) {}

  [[nodiscard]] const Secret& initial() const { return initial_; }
  /// Payloads that went before the one that is to come.
  [[nodiscard]] std::uint32_t count() const { return count_; }
  void counted() {
    ++count_;
    ++since_update_;
  }

  /// RC4 is the same both ways.
  Bytes rc4(ByteSpan octets) {
    if (since_update_ == StandardSecurity::kKeyLifetime) update();
    if (!rc4_) rc4_.emplace(current_);
    return rc4_->transform(octets);
  }

  /// CBC goes on from payload to payload. Whole blocks only.
  Bytes triple_des(ByteSpan octets, bool encrypting) {
    if (cipher_ == nullptr) {
      const auto algorithm = find_3des();
      cipher_.reset(EVP_CIPHER_CTX_new());
      RDPWHY_CHECK(cipher_ != nullptr && algorithm != nullptr &&
                   EVP_CipherInit_ex2(cipher_.get(), algorithm.get(), current_.reveal().data(),
                                      kFipsIv.data(), encrypting ? 1 : 0, nullptr) == 1 &&
                   EVP_CIPHER_CTX_set_padding(cipher_.get(), 0) == 1);
    }
    RDPWHY_CHECK(octets.size() % kBlock == 0 && octets.size() <= INT32_MAX);
    Bytes out(octets.size() + kBlock);
    int size = 0;
    RDPWHY_CHECK(EVP_CipherUpdate(cipher_.get(), out.data(), &size, octets.data(),
                                  static_cast<int>(octets.size())) == 1);
    RDPWHY_CHECK(static_cast<std::size_t>(size) == octets.size());
    out.resize(octets.size());
    return out;
  }

  void lose() { is_lost_ = true; }
  [[nodiscard]] bool is_lost() const { return is_lost_; }

 private:
  /// 5.3.7
  void update() {
    const auto base = updated_key_base(initial_.reveal(), current_.reveal());
    const Secret cut(base::to_bytes(base.reveal().first(current_.reveal().size())));
    const Secret fresh(Rc4(cut).transform(cut.reveal()));
    current_ = weakened(method_, fresh.reveal());
    rc4_.emplace(current_);
    since_update_ = 0;
  }

  EncryptionMethod method_;
  Secret initial_;
  Secret current_;
  std::optional<Rc4> rc4_;
  CipherContextPtr cipher_;
  std::uint32_t count_ = 0;
  std::uint32_t since_update_ = 0;
  bool is_lost_ = false;
};

struct SessionKeys {
  Secret mac;
  Secret client;  ///< what the client encrypts with
  Secret server;
};

/// 5.3.5.1
SessionKeys rc4_keys(EncryptionMethod method, ByteSpan client_random, ByteSpan server_random) {
  Bytes halves;
  halves.reserve(48);
  halves.insert(halves.end(), client_random.begin(), client_random.begin() + 24);
  halves.insert(halves.end(), server_random.begin(), server_random.begin() + 24);
  const Secret premaster(std::move(halves));
  const auto master = three_salted_hashes(premaster, 'A', client_random, server_random);
  const auto blob = three_salted_hashes(master, 'X', client_random, server_random);
  const auto part = [&](std::size_t at) { return blob.reveal().subspan(at, 16); };
  return {.mac = weakened(method, part(0)),
          .client = weakened(method, final_hash(part(32), client_random, server_random).reveal()),
          .server = weakened(method, final_hash(part(16), client_random, server_random).reveal())};
}

/// 5.3.5.2
SessionKeys fips_keys(ByteSpan client_random, ByteSpan server_random) {
  const auto client = sha1_of({client_random.last(16), server_random.last(16)});
  const auto server = sha1_of({client_random.first(16), server_random.first(16)});
  return {.mac = sha1_of({server.reveal(), client.reveal()}),
          .client = fips_key(client),
          .server = fips_key(server)};
}

std::optional<EncryptionMethod> known_method(std::uint32_t method) {
  switch (static_cast<EncryptionMethod>(method)) {
    case EncryptionMethod::k40Bit:
    case EncryptionMethod::k56Bit:
    case EncryptionMethod::k128Bit:
    case EncryptionMethod::kFips:
      return static_cast<EncryptionMethod>(method);
    case EncryptionMethod::kNone:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::expected<void, Error> standard_security_available() {
  if (auto available = ntlm_available(); !available) {
    return std::unexpected(Error{"Standard RDP Security: " + available.error().text});
  }
  const bool is_there = find_3des() != nullptr;
  ERR_clear_error();
  if (!is_there) return std::unexpected(Error{"this OpenSSL has no 3DES"});
  return {};
}

class StandardSecurity::Impl {
 public:
  Impl(EncryptionMethod method, SessionKeys keys)
      : method_(method),
        mac_key_(std::move(keys.mac)),
        client_(method, std::move(keys.client)),
        server_(method, std::move(keys.server)) {}

  [[nodiscard]] bool is_fips() const { return method_ == EncryptionMethod::kFips; }
  [[nodiscard]] const Secret& mac_key() const { return mac_key_; }
  Direction& direction(Side side) { return side == Side::kClient ? client_ : server_; }

  /// 5.3.6.1, 5.3.6.1.1, 5.3.6.2
  [[nodiscard]] Signature signature(const Direction& direction, ByteSpan plaintext,
                                    bool salted) const {
    const auto count = little_endian(direction.count());
    const auto mac =
        is_fips() ? hmac_sha1(mac_key_, {plaintext, count})
                  : salted_mac(mac_key_.reveal(), plaintext, salted ? ByteSpan(count) : ByteSpan());
    Signature out{};
    std::copy_n(mac.reveal().begin(), out.size(), out.begin());
    return out;
  }

  Sealed seal(Direction& direction, ByteSpan plaintext, bool salted) {
    Sealed sealed{.signature = signature(direction, plaintext, salted)};
    if (is_fips()) {
      sealed.padding = static_cast<std::uint8_t>((kBlock - plaintext.size() % kBlock) % kBlock);
      auto padded = base::to_bytes(plaintext);
      padded.resize(padded.size() + sealed.padding);
      sealed.data = direction.triple_des(padded, true);
      base::wipe(padded);
    } else {
      sealed.data = direction.rc4(plaintext);
    }
    direction.counted();
    return sealed;
  }

  std::expected<Opened, Refusal> open(Direction& direction,
                                      const record::SessionOpener::Protected& payload) {
    if (direction.is_lost()) return std::unexpected(Refusal::kOutOfStep);
    const bool whole =
        !is_fips() || (payload.data.size() % kBlock == 0 && payload.padding <= payload.data.size());
    if (!whole || payload.signature.size() != kSignatureSize) {
      direction.lose();  // where the key stream stands is anybody's guess now
      return std::unexpected(Refusal::kMalformed);
    }
    auto plaintext =
        is_fips() ? direction.triple_des(payload.data, false) : direction.rc4(payload.data);
    if (is_fips()) plaintext.resize(plaintext.size() - payload.padding);
    const bool good = same(signature(direction, plaintext, payload.salted), payload.signature);
    direction.counted();
    return Opened{.plaintext = std::move(plaintext), .mac_fits = good};
  }

 private:
  EncryptionMethod method_;
  Secret mac_key_;
  Direction client_;
  Direction server_;
};

StandardSecurity::StandardSecurity(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StandardSecurity::StandardSecurity(StandardSecurity&&) noexcept = default;
StandardSecurity& StandardSecurity::operator=(StandardSecurity&&) noexcept = default;
StandardSecurity::~StandardSecurity() = default;

std::optional<StandardSecurity> StandardSecurity::derive(std::uint32_t encryption_method,
                                                         const Secret& client_random,
                                                         ByteSpan server_random) {
  const auto method = known_method(encryption_method);
  const auto random = client_random.reveal();
  if (!method || random.size() != kRandomSize || server_random.size() != kRandomSize ||
      !standard_security_available())
    return std::nullopt;
  return StandardSecurity(std::make_unique<Impl>(
      *method, *method == EncryptionMethod::kFips ? fips_keys(random, server_random)
                                                  : rc4_keys(*method, random, server_random)));
}

StandardSecurity::Sealed StandardSecurity::seal(Side side, ByteSpan plaintext, bool salted) {
  return impl_->seal(impl_->direction(side), plaintext, salted);
}

std::expected<Opened, Refusal> StandardSecurity::open(
    const record::SessionOpener::Protected& payload) {
  return impl_->open(impl_->direction(payload.side), payload);
}

void StandardSecurity::lost(Side side) { impl_->direction(side).lose(); }
bool StandardSecurity::is_fips() const { return impl_->is_fips(); }
const Secret& StandardSecurity::mac_key() const { return impl_->mac_key(); }
const Secret& StandardSecurity::initial_key(Side side) const {
  return impl_->direction(side).initial();
}

}  // namespace rdpwhy::crypto
