#include "rdpwhy/survey/hello_offer.h"

#include <algorithm>
#include <span>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::survey {
namespace {

using tls::ExtensionType;

constexpr std::uint16_t kEmptyRenegotiationInfoScsv = 0x00FF;  // RFC 5746 3.3
constexpr std::uint16_t kX25519 = 0x001D;
constexpr std::uint16_t kSecp256r1 = 0x0017;

/// SEC 2 2.4.2: the base point of secp256r1, uncompressed. As good a public key as any other for
/// who never uses the secret.
constexpr std::array<std::uint8_t, 65> kSecp256r1Point = {
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5,
    0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4,
    0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A,
    0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33,
    0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};

/// A list of 16-bit numbers behind its 16-bit length.
void write_list(base::Writer& w, std::span<const std::uint16_t> numbers) {
  const auto list = w.block16be();
  for (const auto number : numbers) w.u16be(number);
}

/// Gathers the extensions of one hello, in order.
class ExtensionList {
 public:
  explicit ExtensionList(std::vector<tls::Extension>& into) : into_(into) {}

  void add(ExtensionType type, Bytes payload = {}) {
    into_.push_back({static_cast<std::uint16_t>(type), std::move(payload)});
  }
  template <typename Write>
  void write(ExtensionType type, Write write) {
    base::Writer w;
    write(w);
    add(type, w.take());
  }

 private:
  std::vector<tls::Extension>& into_;
};

void write_server_name(base::Writer& w, std::string_view name) {  // RFC 6066 3
  const auto list = w.block16be();
  w.u8(0);
  const auto host = w.block16be();
  w.text(name);
}

void write_alpn(base::Writer& w, const std::vector<std::string>& protocols) {  // RFC 7301 3.1
  const auto list = w.block16be();
  for (const auto& protocol : protocols) {
    const auto name = w.block8();
    w.text(protocol);
  }
}

void write_key_shares(base::Writer& w, const HelloOffer& offer, const HelloRandomness& randomness) {
  const auto list = w.block16be();
  for (const auto group : offer.key_shares) {
    w.u16be(group);
    const auto key = w.block16be();
    if (group == kX25519) {
      w.bytes(randomness.x25519);
    } else {
      RDPWHY_CHECK(group == kSecp256r1);
      w.bytes(kSecp256r1Point);
    }
  }
}

void add_tls13_extensions(ExtensionList& list, const HelloOffer& offer,
                          const HelloRandomness& randomness) {
  list.write(ExtensionType::kSupportedVersions, [&](auto& w) {
    const auto versions = w.block8();
    w.u16be(kTls13);
    for (const auto version : offer.beside_tls13) w.u16be(version);
  });
  list.add(ExtensionType::kPskKeyExchangeModes, {1, 1});  // psk_dhe_ke
  list.write(ExtensionType::kKeyShare, [&](auto& w) { write_key_shares(w, offer, randomness); });
}

std::vector<tls::Extension> extensions_of(const HelloOffer& offer,
                                          const HelloRandomness& randomness) {
  std::vector<tls::Extension> extensions;
  ExtensionList list(extensions);
  if (offer.server_name) {
    list.write(ExtensionType::kServerName,
               [&](auto& w) { write_server_name(w, *offer.server_name); });
  }
  if (offer.status_request) list.add(ExtensionType::kStatusRequest, {1, 0, 0, 0, 0});
  if (!offer.groups.empty()) {
    list.write(ExtensionType::kSupportedGroups, [&](auto& w) { write_list(w, offer.groups); });
    // RFC 8422 5.1.2: uncompressed, which alone is left, and the two that older servers knew.
    if (offer.version < kTls13 || !offer.beside_tls13.empty())
      list.add(ExtensionType::kEcPointFormats, {3, 0, 1, 2});
  }
  if (!offer.signature_algorithms.empty()) {
    list.write(ExtensionType::kSignatureAlgorithms,
               [&](auto& w) { write_list(w, offer.signature_algorithms); });
  }
  if (!offer.alpn.empty())
    list.write(ExtensionType::kAlpn, [&](auto& w) { write_alpn(w, offer.alpn); });
  if (offer.heartbeat) list.add(ExtensionType::kHeartbeat, {1});  // peer_allowed_to_send
  if (offer.encrypt_then_mac) list.add(ExtensionType::kEncryptThenMac);
  if (offer.extended_master_secret) list.add(ExtensionType::kExtendedMasterSecret);
  if (offer.record_size_limit) list.add(ExtensionType::kRecordSizeLimit, {0x40, 0x00});
  if (offer.session_ticket) list.add(ExtensionType::kSessionTicket);
  if (offer.version >= kTls13) add_tls13_extensions(list, offer, randomness);
  list.add(ExtensionType::kRenegotiationInfo, {0});
  return extensions;
}

std::vector<std::uint16_t> with_first(std::vector<std::uint16_t> first,
                                      std::span<const tls::RegistryEntry> all, auto belongs) {
  for (const auto& entry : all) {
    if (belongs(entry.code) && std::ranges::find(first, entry.code) == first.end())
      first.push_back(entry.code);
  }
  return first;
}

bool is_finite_field(std::uint16_t group) { return group >= 0x0100 && group <= 0x01FF; }

/// Hybrids and key encapsulation: groups that only TLS 1.3 can agree on.
bool is_post_quantum(std::uint16_t group) { return group >= 0x0200 && group < 0xFF00; }

/// RFC 8422 5.1.1 arbitrary_explicit_*: no group that a server could name.
bool is_explicit(std::uint16_t group) { return group == 0xFF01 || group == 0xFF02; }

}  // namespace

bool HelloOffer::offers_version(std::uint16_t asked) const {
  if (version < kTls13) return asked <= version && asked >= kSsl3;
  return asked == version || std::ranges::find(beside_tls13, asked) != beside_tls13.end();
}

Bytes encode(const HelloOffer& offer, const HelloRandomness& randomness) {
  tls::ClientHello hello;
  hello.legacy_version = std::min(offer.version, kTls12);
  hello.random = randomness.random;
  // RFC 8446 4.1.2: middleboxes expect one where TLS 1.3 is offered.
  if (offer.version >= kTls13) hello.session_id = base::to_bytes(randomness.session_id);
  hello.cipher_suites = offer.suites;
  hello.compression_methods = offer.compression;
  hello.has_extensions = offer.extensions;
  if (offer.extensions) {
    hello.extensions = extensions_of(offer, randomness);
  } else {
    hello.cipher_suites.push_back(kEmptyRenegotiationInfoScsv);
  }
  // RFC 5246 E.1: a first record of an older version is what old servers take.
  const auto record_version = std::min(offer.version, kTls10);
  return tls::encode_record(
      tls::ContentType::kHandshake, record_version,
      tls::encode_handshake(tls::HandshakeType::kClientHello, tls::encode(hello)));
}

std::vector<std::uint16_t> ready_key_shares() { return {kX25519, kSecp256r1}; }

const std::vector<std::uint16_t>& suites_before_tls13() {
  // As a current mstsc orders them, then what is common elsewhere.
  static const auto kAll =
      with_first({0xC02C, 0xC02B, 0xC030, 0xC02F, 0xCCA9, 0xCCA8, 0xC024, 0xC023, 0xC028, 0xC027,
                  0xC00A, 0xC009, 0xC014, 0xC013, 0x009F, 0x009E, 0xCCAA, 0x006B, 0x0067, 0x0039,
                  0x0033, 0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F, 0x000A, 0x0005, 0x0004},
                 tls::cipher_suites(), [](std::uint16_t suite) {
                   return suite != kEmptyRenegotiationInfoScsv && suite != kFallbackScsv &&
                          tls::key_exchange_of(suite) != tls::KeyExchange::kTls13;
                 });
  return kAll;
}

const std::vector<std::uint16_t>& suites_of_tls13() {
  static const auto kAll = with_first(
      {0x1302, 0x1301, 0x1303}, tls::cipher_suites(),
      [](std::uint16_t suite) { return tls::key_exchange_of(suite) == tls::KeyExchange::kTls13; });
  return kAll;
}

const std::vector<std::uint16_t>& curves() {
  static const auto kAll =
      with_first({0x001D, 0x0017, 0x0018, 0x0019}, tls::groups(), [](std::uint16_t group) {
        return !is_finite_field(group) && !is_post_quantum(group) && !is_explicit(group);
      });
  return kAll;
}

const std::vector<std::uint16_t>& finite_field_groups() {
  static const auto kAll = with_first({}, tls::groups(), is_finite_field);
  return kAll;
}

const std::vector<std::uint16_t>& groups_of_tls13() {
  static const auto kAll = with_first({0x001D, 0x0017, 0x0018, 0x0019}, tls::groups(),
                                      [](std::uint16_t group) { return !is_explicit(group); });
  return kAll;
}

const std::vector<std::uint16_t>& signature_algorithms() {
  static const auto kAll =
      with_first({0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0807,
                  0x0808, 0x0809, 0x080A, 0x080B, 0x0201, 0x0203},
                 tls::signature_schemes(), [](std::uint16_t) { return true; });
  return kAll;
}

std::vector<std::uint16_t> unassigned_suites(std::size_t count) {
  std::vector<std::uint16_t> suites;
  suites.reserve(count);
  for (std::uint16_t suite = 0xF000; suites.size() < count && suite != 0xFFFF; ++suite) {
    if (!tls::cipher_suite_name(suite) && !tls::is_grease(suite)) suites.push_back(suite);
  }
  return suites;
}

}  // namespace rdpwhy::survey
