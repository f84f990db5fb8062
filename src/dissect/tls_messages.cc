// The handshake messages of TlsLayer: each becomes one fact.
#include <fmt/format.h>

#include <utility>

#include "dissect/tls_layer.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::dissect {
namespace {

constexpr std::uint16_t kTls12 = 0x0303;

record::CertificateHandle read_with(const CertificateReader& reader, ByteSpan der) {
  if (reader) return reader(der);
  auto facts = std::make_shared<record::CertificateFacts>();
  facts->der = base::to_bytes(der);
  return facts;
}

}  // namespace

void TlsLayer::add_malformed(const Message& message, const char* what, DecodeError error,
                             Notes notes) {
  add(message.where, message.at,
      record::Malformed{
          .what = what, .error = std::move(error), .first = first_octets(message.body)},
      std::move(notes.anomalies));
}

template <typename T>
void TlsLayer::add_decoded(const Message& message, const char* what,
                           std::expected<T, DecodeError> decoded, Notes notes) {
  if (!decoded) {
    add_malformed(message, what, std::move(decoded.error()), std::move(notes));
    return;
  }
  add(message.where, message.at, *std::move(decoded), std::move(notes.anomalies));
}
template void TlsLayer::add_decoded(const Message&, const char*,
                                    std::expected<tls::ClientHello, DecodeError>, Notes);

void TlsLayer::add_plain(const Message& message, std::vector<Note> notes) {
  add(message.where, message.at,
      record::HandshakeMessage{.type = message.type,
                               .size = static_cast<std::uint32_t>(message.body.size()),
                               .signature_algorithm = {}},
      std::move(notes));
}

void TlsLayer::read_message(const Message& message) {
  const auto side = message.where.side;
  const bool server = side == Side::kServer;
  if (message.has_hole) {
    add_plain(message, {{.field = "body", .text = "not all of it is in the capture"}});
    return;
  }
  Notes notes;
  switch (static_cast<tls::HandshakeType>(message.type)) {
    case tls::HandshakeType::kClientHello:
      if (!server) return read_client_hello(message);
      break;
    case tls::HandshakeType::kServerHello:
      if (server) return read_server_hello(message);
      break;
    case tls::HandshakeType::kCertificate:
      return read_certificate(message);
    case tls::HandshakeType::kServerKeyExchange:
      if (!server) break;
      return add_decoded(message, "TLS ServerKeyExchange",
                         tls::decode_server_key_exchange(message.body, version_.value_or(kTls12),
                                                         cipher_suite_, &notes),
                         std::move(notes));
    case tls::HandshakeType::kCertificateRequest:
      if (!server) break;
      return add_decoded(
          message, "TLS CertificateRequest",
          tls::decode_certificate_request(message.body, version_.value_or(kTls12), &notes),
          std::move(notes));
    case tls::HandshakeType::kEncryptedExtensions: {
      if (!server) break;
      auto extensions = tls::decode_encrypted_extensions(message.body, &notes);
      if (!extensions) {
        return add_malformed(message, "TLS EncryptedExtensions", std::move(extensions.error()),
                             std::move(notes));
      }
      record::EncryptedExtensions fact;
      for (const auto& extension : *extensions) fact.types.push_back(extension.type);
      return add(message.where, message.at, std::move(fact), std::move(notes.anomalies));
    }
    case tls::HandshakeType::kCertificateVerify:
      return read_certificate_verify(message);
    case tls::HandshakeType::kFinished:
      return read_finished(message);
    case tls::HandshakeType::kKeyUpdate:
      add_plain(message);
      if (opener_) opener_->key_update(side);
      return;
    default:
      break;
  }
  add_plain(message);
}

void TlsLayer::read_client_hello(const Message& message) {
  Notes notes;
  auto hello = tls::decode_client_hello(message.body, &notes);
  if (hello && !log_.full()) client_hello_ = log_.record().evidence.size();
  add_decoded(message, "TLS ClientHello", std::move(hello), std::move(notes));
}

void TlsLayer::read_server_hello(const Message& message) {
  Notes notes;
  auto hello = tls::decode_server_hello(message.body, &notes);
  if (!hello) {
    add_malformed(message, "TLS ServerHello", std::move(hello.error()), std::move(notes));
    return;
  }
  // One that came under keys cannot change what the records are: a renegotiation keeps the version
  // (RFC 5246 7.4.1.2), and its opener knows of the rest.
  if (message.where.layer == record::Layer::kDecrypted) {
    if (!tls13_) cipher_suite_ = hello->cipher_suite;
  } else {
    version_ = hello->version();
    cipher_suite_ = hello->cipher_suite;
    tls13_ = hello->hello_retry_request || tls::is_tls13(*version_);
    if (tls13_) {  // RFC 8446 D.4: a ChangeCipherSpec seen before meant nothing
      client_.encrypted = false;
      server_.encrypted = false;
    }
    if (!hello->hello_retry_request) make_opener(*hello);
  }
  add(message.where, message.at, *std::move(hello), std::move(notes.anomalies));
}

void TlsLayer::make_opener(const tls::ServerHello& hello) {
  const auto octets = std::exchange(client_hello_octets_, {});
  if (!options_.make_opener || !client_hello_ || *client_hello_ >= log_.record().evidence.size())
    return;
  const auto* client_hello =
      record::get_if<tls::ClientHello>(&log_.record().evidence[*client_hello_].fact);
  if (client_hello == nullptr) return;
  opener_ = options_.make_opener(*client_hello, hello);
  if (!opener_) return;
  if (!octets.empty()) opener_->handshake_message(Side::kClient, octets);
  // A side that had changed its cipher before, against the rules, changed to nobody knows what.
  client_.sealed = client_.encrypted;
  server_.sealed = server_.encrypted;
}

void TlsLayer::tell_opener(const Message& message) {
  if (opener_) {
    opener_->handshake_message(message.where.side, message.has_hole ? ByteSpan{} : message.whole);
  } else if (options_.make_opener && message.where.side == Side::kClient && !message.has_hole &&
             message.type == static_cast<std::uint8_t>(tls::HandshakeType::kClientHello)) {
    client_hello_octets_ = base::to_bytes(message.whole);
  }
}

void TlsLayer::read_certificate(const Message& message) {
  Notes notes;
  auto decoded = tls::decode_certificate(message.body, tls13_, &notes);
  if (!decoded) {
    add_malformed(message, "TLS Certificate", std::move(decoded.error()), std::move(notes));
    return;
  }
  record::Certificates certificates;
  for (const auto& der : decoded->certificates) {
    if (certificates_read_ == kMostCertificates) {
      notes.add_anomaly(0, "certificate_list",
                        fmt::format("{} certificates, of which {} are read",
                                    decoded->certificates.size(), certificates.chain.size()));
      break;
    }
    ++certificates_read_;
    certificates.chain.push_back(read_with(options_.read_certificate, der));
  }
  add(message.where, message.at, std::move(certificates), std::move(notes.anomalies));
}

void TlsLayer::read_certificate_verify(const Message& message) {
  Notes notes;
  auto algorithm = tls::decode_certificate_verify(message.body, version_.value_or(kTls12), &notes);
  if (!algorithm) {
    add_malformed(message, "TLS CertificateVerify", std::move(algorithm.error()), std::move(notes));
    return;
  }
  add(message.where, message.at,
      record::HandshakeMessage{.type = message.type,
                               .size = static_cast<std::uint32_t>(message.body.size()),
                               .signature_algorithm = *algorithm},
      std::move(notes.anomalies));
}

void TlsLayer::read_finished(const Message& message) {
  const auto side = message.where.side;
  add_plain(message);
  note_finished(side);
  if (opener_) opener_->finished(side);
}

}  // namespace rdpwhy::dissect
