#include "rdpwhy/tls/handshake.h"

#include <bit>
#include <string_view>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/tls/registry.h"
#include "tls/extensions.h"
#include "tls/reading.h"

namespace rdpwhy::tls {
namespace {

constexpr std::uint16_t kTls12 = 0x0303;

/// RFC 5246 4.7 digitally-signed; without the algorithm before TLS 1.2.
std::optional<std::uint16_t> read_signature(Reader& r, std::uint16_t version) {
  std::optional<std::uint16_t> algorithm;
  if (version >= kTls12) algorithm = read_named(r, "algorithm", signature_scheme_name);
  read_opaque16(r, "signature");
  return algorithm;
}

std::uint32_t bits_of(ByteSpan number) {
  while (!number.empty() && number[0] == 0) number = number.subspan(1);
  if (number.empty()) return 0;
  const auto tail = static_cast<std::uint32_t>(8 * (number.size() - 1));
  return tail + static_cast<std::uint32_t>(std::bit_width(number[0]));
}

/// RFC 5246 7.4.3 ServerDHParams.
void read_dh_params(Reader& r, ServerKeyExchange& exchange) {
  exchange.kind = ServerKeyExchange::Kind::kDhe;
  const auto prime = read_opaque16(r, "dh_p");
  exchange.dh_bits = bits_of(prime);
  if (r.wants_fields()) r.value(std::to_string(*exchange.dh_bits) + " bits");
  read_opaque16(r, "dh_g");
  read_opaque16(r, "dh_Ys");
}

/// RFC 8422 5.4 ServerECDHParams. False for explicit curves, whose length nobody can know here.
bool read_ecdh_params(Reader& r, ServerKeyExchange& exchange) {
  constexpr std::uint8_t kNamedCurve = 3;
  const auto type = r.u8("curve_type");
  if (r.failed()) return false;
  if (type != kNamedCurve) {
    r.require(type == 1 || type == 2, "neither explicit_prime, explicit_char2 nor named_curve",
              "curve_type");
    r.skip_rest("explicit curve");
    return false;
  }
  if (r.wants_fields()) r.value("0x03 named_curve");
  exchange.kind = ServerKeyExchange::Kind::kEcdhe;
  exchange.group = read_named(r, "namedcurve", group_name);
  read_opaque8(r, "public");
  return true;
}

/// RFC 5054 2.5.3 ServerSRPParams.
void read_srp_params(Reader& r) {
  read_opaque16(r, "srp_N");
  read_opaque16(r, "srp_g");
  read_opaque8(r, "srp_s");
  read_opaque16(r, "srp_B");
}

/// RFC 2246 D.1, export suites: an RSA key short enough for the law of that time.
void read_rsa_params(Reader& r) {
  read_opaque16(r, "rsa_modulus");
  read_opaque16(r, "rsa_exponent");
}

/// What stands between "TLS_" and "_WITH_" in the suite's name.
std::string_view key_exchange_part(std::uint16_t cipher_suite) {
  const auto name = cipher_suite_name(cipher_suite).value_or("");
  const auto end = name.find("_WITH_");
  const auto begin = name.find('_') + 1;  // behind "TLS_" or "SSL_"
  return end == std::string_view::npos ? std::string_view{} : name.substr(begin, end - begin);
}

std::vector<Extension> read_certificate_entry_extensions(Reader& r) {
  return read_extensions(r, Place::kOther, nullptr);
}

}  // namespace

std::optional<HandshakeHeader> decode_handshake_header(ByteSpan bytes) {
  if (bytes.size() < HandshakeHeader::kSize) return std::nullopt;
  return HandshakeHeader{
      .type = bytes[0],
      .length = static_cast<std::uint32_t>(bytes[1] << 16 | bytes[2] << 8 | bytes[3])};
}

Bytes encode_handshake(HandshakeType type, ByteSpan body) {
  base::Writer w;
  w.u8(static_cast<std::uint8_t>(type));
  {
    const auto length = w.block24be();
    w.bytes(body);
  }
  return w.take();
}

std::expected<CertificateMessage, DecodeError> decode_certificate(ByteSpan body, bool tls13,
                                                                  Notes* notes) {
  Reader r(body, notes);
  CertificateMessage message;
  if (tls13)
    message.request_context = base::to_bytes(read_opaque8(r, "certificate_request_context"));
  {
    Reader list = r.block24be("certificate_list");
    while (list.more()) {
      const auto size = list.u24be("cert_data length");
      const auto certificate = list.bytes(size, "cert_data");
      if (list.failed()) break;
      list.expect(!certificate.empty(), "the certificate is empty", "cert_data");
      message.certificates.push_back(base::to_bytes(certificate));
      if (tls13) message.extensions.push_back(read_certificate_entry_extensions(list));
    }
  }
  return r.finish(std::move(message));
}

std::expected<CertificateRequest, DecodeError> decode_certificate_request(ByteSpan body,
                                                                          std::uint16_t version,
                                                                          Notes* notes) {
  Reader r(body, notes);
  CertificateRequest request;
  if (is_tls13(version)) {
    request.request_context = base::to_bytes(read_opaque8(r, "certificate_request_context"));
    ExtensionReadings readings;
    request.extensions = read_extensions(r, Place::kOther, &readings);
    r.expect(r.failed() || has(request.extensions, ExtensionType::kSignatureAlgorithms),
             "signature_algorithms is missing", "extensions");
    request.signature_algorithms =
        std::move(readings.signature_algorithms).value_or(std::vector<std::uint16_t>{});
    request.authorities = readings.authorities;
    return r.finish(std::move(request));
  }
  {
    Reader types = r.block8("certificate_types");
    types.expect(types.more(), "the list is empty", "certificate_types");
    request.certificate_types = read_items8(types, "ClientCertificateType");
  }
  if (version >= kTls12) {
    Reader algorithms = r.block16be("supported_signature_algorithms");
    algorithms.expect(algorithms.more(), "the list is empty", "supported_signature_algorithms");
    request.signature_algorithms =
        read_items16(algorithms, "SignatureAndHashAlgorithm", signature_scheme_name);
  }
  {
    Reader names = r.block16be("certificate_authorities");
    while (names.more()) {
      read_opaque16(names, "DistinguishedName");
      if (!names.failed()) ++request.authorities;
    }
  }
  return r.finish(std::move(request));
}

KeyExchange key_exchange_of(std::uint16_t cipher_suite) {
  const auto name = cipher_suite_name(cipher_suite).value_or("");
  const auto part = key_exchange_part(cipher_suite);
  const bool names_none = part.empty() || name.find("_MGM_") != std::string_view::npos;
  if (names_none) {  // TLS 1.3 suites do; signalling values and the private ones of TLCP are no
                     // suites of it
    return name.starts_with("TLS_") && !name.ends_with("_SCSV") ? KeyExchange::kTls13
                                                                : KeyExchange::kUnknown;
  }
  const auto begins = [part](std::string_view prefix) { return part.starts_with(prefix); };
  if (part == "PSK_DHE") return KeyExchange::kDhePsk;  // the registry's own slip, RFC 6655
  if (begins("DHE_PSK")) return KeyExchange::kDhePsk;
  if (begins("RSA_PSK")) return KeyExchange::kRsaPsk;
  if (begins("ECDHE_PSK")) return KeyExchange::kEcdhePsk;
  if (begins("PSK")) return KeyExchange::kPsk;
  if (begins("ECDHE_")) return KeyExchange::kEcdhe;
  if (begins("ECDH_anon")) return KeyExchange::kEcdheAnonymous;
  if (begins("ECDH_")) return KeyExchange::kEcdh;
  if (begins("DHE_")) return KeyExchange::kDhe;
  if (begins("DH_anon")) return KeyExchange::kDheAnonymous;
  if (begins("DH_")) return KeyExchange::kDh;
  if (begins("RSA")) return KeyExchange::kRsa;
  if (begins("SRP_")) return KeyExchange::kSrp;
  if (begins("KRB5")) return KeyExchange::kKrb5;
  if (begins("GOST")) return KeyExchange::kGost;
  return KeyExchange::kUnknown;
}

std::expected<ServerKeyExchange, DecodeError> decode_server_key_exchange(ByteSpan body,
                                                                         std::uint16_t version,
                                                                         std::uint16_t cipher_suite,
                                                                         Notes* notes) {
  Reader r(body, notes);
  ServerKeyExchange exchange;
  const auto signature = [&] { exchange.signature_algorithm = read_signature(r, version); };
  switch (key_exchange_of(cipher_suite)) {
    case KeyExchange::kEcdhe:
      if (read_ecdh_params(r, exchange)) signature();
      break;
    case KeyExchange::kEcdheAnonymous:
      read_ecdh_params(r, exchange);
      break;
    case KeyExchange::kEcdhePsk:  // RFC 5489 2
      read_opaque16(r, "psk_identity_hint");
      read_ecdh_params(r, exchange);
      break;
    case KeyExchange::kDhe:
      read_dh_params(r, exchange);
      signature();
      break;
    case KeyExchange::kDheAnonymous:
      read_dh_params(r, exchange);
      break;
    case KeyExchange::kDhePsk:  // RFC 4279 3
      read_opaque16(r, "psk_identity_hint");
      read_dh_params(r, exchange);
      break;
    case KeyExchange::kPsk:  // RFC 4279 2, 4
    case KeyExchange::kRsaPsk:
      read_opaque16(r, "psk_identity_hint");
      break;
    case KeyExchange::kSrp:
      read_srp_params(r);
      if (key_exchange_part(cipher_suite) != "SRP_SHA") signature();
      break;
    case KeyExchange::kRsa:
      r.expect(key_exchange_part(cipher_suite).find("EXPORT") != std::string_view::npos,
               "a suite with RSA key exchange has no ServerKeyExchange", "params");
      read_rsa_params(r);
      signature();
      break;
    case KeyExchange::kDh:
    case KeyExchange::kEcdh:
    case KeyExchange::kTls13:
      r.expect(false, "this suite has no ServerKeyExchange", "params");
      r.skip_rest("params");
      break;
    case KeyExchange::kKrb5:
    case KeyExchange::kGost:
    case KeyExchange::kUnknown:
      r.skip_rest("params");
      break;
  }
  return r.finish(exchange);
}

std::expected<std::vector<Extension>, DecodeError> decode_encrypted_extensions(ByteSpan body,
                                                                               Notes* notes) {
  Reader r(body, notes);
  auto extensions = read_extensions(r, Place::kOther, nullptr);
  return r.finish(std::move(extensions));
}

std::expected<std::optional<std::uint16_t>, DecodeError> decode_certificate_verify(
    ByteSpan body, std::uint16_t version, Notes* notes) {
  Reader r(body, notes);
  auto algorithm = read_signature(r, version);
  return r.finish(algorithm);
}

}  // namespace rdpwhy::tls
