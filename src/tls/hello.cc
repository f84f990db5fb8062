#include "rdpwhy/tls/hello.h"

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/tls/registry.h"
#include "tls/extensions.h"
#include "tls/reading.h"

namespace rdpwhy::tls {
namespace {

constexpr std::uint16_t kEmptyRenegotiationInfoScsv = 0x00FF;  // RFC 5746 3.3
constexpr std::uint16_t kFallbackScsv = 0x5600;                // RFC 7507 2
constexpr std::uint8_t kSsl2ClientHello = 1;

/// RFC 8446 4.1.3: SHA-256 of "HelloRetryRequest".
constexpr Random kHelloRetryRequest = {
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};

Random read_random(Reader& r) {
  Random random{};
  std::ranges::copy(r.bytes(random.size(), "random"), random.begin());
  return random;
}

Bytes read_session_id(Reader& r, std::string_view field) {
  const auto id = read_opaque8(r, field);
  r.expect(id.size() <= 32, "longer than 32 octets", field);
  return base::to_bytes(id);
}

std::vector<std::uint16_t> read_cipher_suites(Reader& r) {
  Reader list = r.block16be("cipher_suites");
  list.expect(list.more(), "the list is empty", "cipher_suites");
  return read_items16(list, "CipherSuite", cipher_suite_name);
}

std::vector<std::uint8_t> read_compression_methods(Reader& r) {
  Reader list = r.block8("legacy_compression_methods");
  auto methods = read_items8(list, "CompressionMethod");
  list.expect(std::ranges::find(methods, 0) != methods.end(), "the null method is missing",
              "legacy_compression_methods");
  for (const auto method : methods) {
    list.expect(method == 0 || method == 1 || method == 64, "a method that no registry knows",
                "legacy_compression_methods");
  }
  return methods;
}

void take_suite_signals(ClientHello& hello) {
  for (const auto suite : hello.cipher_suites) {
    if (suite == kEmptyRenegotiationInfoScsv) hello.renegotiation_info = true;
    if (suite == kFallbackScsv) hello.fallback_scsv = true;
  }
}

void take_readings(ClientHello& hello, ExtensionReadings&& readings) {
  hello.server_name = std::move(readings.server_name);
  hello.supported_versions = std::move(readings.supported_versions);
  hello.supported_groups = std::move(readings.supported_groups);
  hello.ec_point_formats = std::move(readings.ec_point_formats);
  hello.signature_algorithms = std::move(readings.signature_algorithms);
  hello.signature_algorithms_cert = std::move(readings.signature_algorithms_cert);
  hello.key_shares = std::move(readings.key_shares);
  hello.alpn = std::move(readings.alpn);
  hello.psk_key_exchange_modes = std::move(readings.psk_key_exchange_modes);
  hello.record_size_limit = readings.record_size_limit;

  const auto& list = hello.extensions;
  hello.extended_master_secret = has(list, ExtensionType::kExtendedMasterSecret);
  hello.encrypt_then_mac = has(list, ExtensionType::kEncryptThenMac);
  hello.renegotiation_info |= has(list, ExtensionType::kRenegotiationInfo);
  hello.session_ticket = has(list, ExtensionType::kSessionTicket);
  hello.status_request = has(list, ExtensionType::kStatusRequest);
  hello.pre_shared_key = has(list, ExtensionType::kPreSharedKey);
  hello.early_data = has(list, ExtensionType::kEarlyData);
  hello.heartbeat = has(list, ExtensionType::kHeartbeat);
}

void take_readings(ServerHello& hello, ExtensionReadings&& readings) {
  if (readings.supported_versions) hello.selected_version = readings.supported_versions->front();
  if (readings.key_shares) hello.key_share = readings.key_shares->front();
  if (readings.alpn && !readings.alpn->empty()) hello.alpn = std::move(readings.alpn->front());

  const auto& list = hello.extensions;
  hello.extended_master_secret = has(list, ExtensionType::kExtendedMasterSecret);
  hello.encrypt_then_mac = has(list, ExtensionType::kEncryptThenMac);
  hello.renegotiation_info = has(list, ExtensionType::kRenegotiationInfo);
  hello.session_ticket = has(list, ExtensionType::kSessionTicket);
  hello.status_request = has(list, ExtensionType::kStatusRequest);
  hello.pre_shared_key = has(list, ExtensionType::kPreSharedKey);
}

ServerHello::Downgrade read_downgrade(const Random& random) {
  const auto tail = base::as_text(ByteSpan(random).last(8));
  if (tail.substr(0, 7) != "DOWNGRD") return ServerHello::Downgrade::kNone;
  if (tail[7] == 1) return ServerHello::Downgrade::kTls12;
  if (tail[7] == 0) return ServerHello::Downgrade::kTls11OrBelow;
  return ServerHello::Downgrade::kNone;
}

/// Until draft 21 of TLS 1.3 a ServerHello had no session_id and no compression_method.
bool is_early_draft(std::uint16_t version) { return version >> 8 == 0x7F && version < 0x7F16; }

void read_ssl2_specs(Reader& specs, ClientHello& hello) {
  specs.expect(specs.more(), "the list is empty", "cipher_specs");
  specs.expect(specs.left() % 3 == 0, "length is no multiple of three", "cipher_specs");
  while (specs.left() >= 3) {
    const auto kind = specs.u24be("V2CipherSpec");
    const auto suite = static_cast<std::uint16_t>(kind);
    const bool is_tls = kind <= 0xFFFF;
    if (specs.wants_fields()) {
      show_name(specs, is_tls ? cipher_suite_name(suite) : ssl2_cipher_name(kind), kind, 6);
    }
    hello.ssl2_cipher_specs.push_back(kind);
    if (is_tls) hello.cipher_suites.push_back(suite);
  }
  if (specs.more()) specs.skip_rest("cipher_specs");
}

Bytes encode_ssl2(const ClientHello& hello) {
  base::Writer w;
  const auto size = 9 + 3 * hello.ssl2_cipher_specs.size() + hello.session_id.size() + 32;
  RDPWHY_CHECK(size < 0x8000);
  w.u16be(static_cast<std::uint16_t>(0x8000 | size)).u8(kSsl2ClientHello);
  w.u16be(hello.legacy_version);
  w.u16be(static_cast<std::uint16_t>(3 * hello.ssl2_cipher_specs.size()));
  w.u16be(static_cast<std::uint16_t>(hello.session_id.size())).u16be(32);
  for (const auto kind : hello.ssl2_cipher_specs) w.u24be(kind);
  w.bytes(hello.session_id).bytes(hello.random);
  return w.take();
}

}  // namespace

std::expected<ClientHello, DecodeError> decode_client_hello(ByteSpan body, Notes* notes) {
  Reader r(body, notes);
  ClientHello hello;
  hello.legacy_version = read_version(r, "legacy_version");
  hello.random = read_random(r);
  hello.session_id = read_session_id(r, "legacy_session_id");
  hello.cipher_suites = read_cipher_suites(r);
  hello.compression_methods = read_compression_methods(r);
  hello.has_extensions = r.more();
  ExtensionReadings readings;
  if (r.more()) hello.extensions = read_extensions(r, Place::kClientHello, &readings);
  take_readings(hello, std::move(readings));
  take_suite_signals(hello);
  r.expect(!hello.pre_shared_key || hello.extensions.back().type ==
                                        static_cast<std::uint16_t>(ExtensionType::kPreSharedKey),
           "pre_shared_key is not the last extension", "extensions");
  return r.finish(std::move(hello));
}

std::expected<ClientHello, DecodeError> decode_ssl2_client_hello(ByteSpan record, Notes* notes) {
  Reader r(record, notes);
  ClientHello hello;
  hello.ssl2_format = true;
  const auto length = r.u16be("msg_length");
  r.require((length & 0x8000) != 0, "the highest bit is not set", "msg_length");
  {
    Reader message = r.block(length & 0x7FFF, "CLIENT-HELLO");
    message.require(message.u8("msg_type") == kSsl2ClientHello, "not a CLIENT-HELLO", "msg_type");
    hello.legacy_version = read_version(message, "version");
    const auto specs_size = message.u16be("cipher_spec_length");
    const auto id_size = message.u16be("session_id_length");
    const auto challenge_size = message.u16be("challenge_length");
    {
      Reader specs = message.block(specs_size, "cipher_specs");
      read_ssl2_specs(specs, hello);
    }
    message.expect(id_size == 0 || id_size == 16 || id_size == 32, "neither 0, 16 nor 32",
                   "session_id_length");
    hello.session_id = base::to_bytes(message.bytes(id_size, "session_id"));
    message.expect(challenge_size >= 16 && challenge_size <= 32, "not between 16 and 32",
                   "challenge_length");
    auto challenge = message.bytes(challenge_size, "challenge");
    challenge = challenge.last(std::min(challenge.size(), hello.random.size()));
    std::ranges::copy(challenge,
                      hello.random.end() - static_cast<std::ptrdiff_t>(challenge.size()));
  }
  take_suite_signals(hello);
  return r.finish(std::move(hello));
}

std::expected<ServerHello, DecodeError> decode_server_hello(ByteSpan body, Notes* notes) {
  Reader r(body, notes);
  ServerHello hello;
  hello.legacy_version = read_version(r, "legacy_version");
  hello.random = read_random(r);
  hello.hello_retry_request = hello.random == kHelloRetryRequest;
  if (r.wants_fields() && hello.hello_retry_request) r.value("HelloRetryRequest");
  hello.downgrade = read_downgrade(hello.random);
  const bool early_draft = is_early_draft(hello.legacy_version);
  if (!early_draft) hello.session_id = read_session_id(r, "legacy_session_id_echo");
  hello.cipher_suite = read_named(r, "cipher_suite", cipher_suite_name);
  if (!early_draft) {
    hello.compression_method = r.u8("legacy_compression_method");
    r.expect(hello.compression_method == 0 || hello.compression_method == 1 ||
                 hello.compression_method == 64,
             "a method that no registry knows", "legacy_compression_method");
  }
  hello.has_extensions = r.more();
  ExtensionReadings readings;
  const auto place = hello.hello_retry_request ? Place::kHelloRetryRequest : Place::kServerHello;
  if (r.more()) hello.extensions = read_extensions(r, place, &readings);
  take_readings(hello, std::move(readings));
  return r.finish(std::move(hello));
}

Bytes encode(const ClientHello& hello) {
  if (hello.ssl2_format) return encode_ssl2(hello);
  base::Writer w;
  w.u16be(hello.legacy_version).bytes(hello.random);
  {
    const auto id = w.block8();
    w.bytes(hello.session_id);
  }
  {
    const auto suites = w.block16be();
    for (const auto suite : hello.cipher_suites) w.u16be(suite);
  }
  {
    const auto methods = w.block8();
    w.bytes(hello.compression_methods);
  }
  if (hello.has_extensions) write_extensions(w, hello.extensions);
  return w.take();
}

Bytes encode(const ServerHello& hello) {
  base::Writer w;
  const bool early_draft = is_early_draft(hello.legacy_version);
  w.u16be(hello.legacy_version).bytes(hello.random);
  if (!early_draft) {
    const auto id = w.block8();
    w.bytes(hello.session_id);
  }
  w.u16be(hello.cipher_suite);
  if (!early_draft) w.u8(hello.compression_method);
  if (hello.has_extensions) write_extensions(w, hello.extensions);
  return w.take();
}

std::uint16_t ClientHello::newest_version() const {
  // Drafts and experiments have large numbers and stand between TLS 1.2 and the finished TLS 1.3.
  const auto rank = [](std::uint16_t version) {
    return is_tls13(version) && version != 0x0304 ? 2u * 0x0303u + 1u : 2u * version;
  };
  if (!supported_versions) return legacy_version;
  std::optional<std::uint16_t> newest;
  for (const auto version : *supported_versions) {
    if (is_grease(version) || (version >> 8 != 3 && !is_tls13(version))) continue;
    if (!newest || rank(version) > rank(*newest) ||
        (rank(version) == rank(*newest) && version > *newest)) {
      newest = version;
    }
  }
  return newest.value_or(legacy_version);
}

}  // namespace rdpwhy::tls
