#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/hello.h"
#include "rdpwhy/tls/record_layer.h"

// Hand-made streams for the tests of the dissector.
namespace rdpwhy::dissect::streams {

inline Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline Bytes text(std::string_view octets) { return base::to_bytes(base::as_bytes(octets)); }

inline Bytes request(std::uint32_t protocols = 0x0B, std::optional<std::string> cookie = "user") {
  rdp::ConnectionRequest request;
  request.cookie = std::move(cookie);
  request.negotiation = rdp::NegotiationRequest{.flags = 0, .requested = {protocols}};
  return rdp::encode_tpkt(rdp::encode(request));
}

inline Bytes confirm(std::uint32_t selected) {
  rdp::ConnectionConfirm confirm;
  confirm.negotiation = rdp::NegotiationResponse{.flags = 1, .selected_protocol = selected};
  return rdp::encode_tpkt(rdp::encode(confirm));
}

inline Bytes refusal(std::uint32_t code) {
  rdp::ConnectionConfirm confirm;
  confirm.negotiation = rdp::NegotiationFailure{.flags = 0, .failure_code = code};
  return rdp::encode_tpkt(rdp::encode(confirm));
}

inline Bytes record(tls::ContentType type, const Bytes& fragment, std::uint16_t version = 0x0303) {
  return tls::encode_record(type, version, fragment);
}

inline Bytes handshake(tls::HandshakeType type, const Bytes& body) {
  return tls::encode_handshake(type, body);
}

inline Bytes client_hello_message(bool tls13 = false) {
  tls::ClientHello hello;
  hello.legacy_version = 0x0303;
  hello.random.fill(0x11);
  hello.cipher_suites = {0xC02F, 0x1301};
  hello.compression_methods = {0};
  if (tls13) {
    hello.has_extensions = true;
    hello.extensions = {{.type = 43, .payload = {4, 3, 4, 3, 3}}};
  }
  return handshake(tls::HandshakeType::kClientHello, tls::encode(hello));
}

inline Bytes server_hello_message(bool tls13 = false) {
  tls::ServerHello hello;
  hello.legacy_version = 0x0303;
  hello.random.fill(0x22);
  hello.cipher_suite = tls13 ? 0x1301 : 0xC02F;
  if (tls13) {
    hello.has_extensions = true;
    hello.extensions = {{.type = 43, .payload = {3, 4}}};
  }
  return handshake(tls::HandshakeType::kServerHello, tls::encode(hello));
}

/// Three octets that stand for a certificate.
inline Bytes certificate_message(Bytes der = {1, 2, 3}) {
  Bytes body;
  const auto n = der.size();
  const auto u24 = [&](std::size_t v) {
    for (int shift = 16; shift >= 0; shift -= 8)
      body.push_back(static_cast<std::uint8_t>(v >> shift));
  };
  u24(n + 3);
  u24(n);
  body.insert(body.end(), der.begin(), der.end());
  return handshake(tls::HandshakeType::kCertificate, body);
}

inline Bytes done_message() { return handshake(tls::HandshakeType::kServerHelloDone, {}); }
inline Bytes key_exchange_message() {
  return handshake(tls::HandshakeType::kClientKeyExchange, Bytes(33, 7));
}
inline Bytes change_cipher_spec() { return record(tls::ContentType::kChangeCipherSpec, {1}); }
/// An encrypted Finished of TLS 1.2.
inline Bytes sealed_finished() { return record(tls::ContentType::kHandshake, Bytes(40, 9)); }
inline Bytes sealed_data(std::size_t size) {
  return record(tls::ContentType::kApplicationData, Bytes(size, 9));
}
inline Bytes alert(std::uint8_t level, std::uint8_t description) {
  return record(tls::ContentType::kAlert, {level, description});
}
/// xrdp's clear-text MCS Disconnect Provider Ultimatum.
inline Bytes ultimatum() { return {3, 0, 0, 9, 2, 0xF0, 0x80, 0x21, 0x80}; }

/// One thing that happens on a connection.
struct Event {
  enum class What { kBytes, kGap, kEnded };
  What what = What::kBytes;
  Side side = Side::kClient;
  Bytes octets;
  std::uint64_t gap = 0;
  record::Ending::How how = record::Ending::How::kClose;
};
inline Event client(Bytes octets) { return {.octets = std::move(octets)}; }
inline Event server(Bytes octets) { return {.side = Side::kServer, .octets = std::move(octets)}; }
inline Event gap(Side side, std::uint64_t size) {
  return {.what = Event::What::kGap, .side = side, .octets = {}, .gap = size};
}
inline Event ended(Side by, record::Ending::How how = record::Ending::How::kClose) {
  return {.what = Event::What::kEnded, .side = by, .octets = {}, .how = how};
}
using Connection = std::vector<Event>;

/// A millisecond per event, from one second on.
inline Moment moment_of(std::size_t i) {
  return {static_cast<Nanoseconds>(1'000'000'000 + 1'000'000 * i)};
}

inline void feed(Dissector& dissector, const Event& event, Moment at) {
  switch (event.what) {
    case Event::What::kBytes:
      dissector.bytes(event.side, event.octets, at);
      break;
    case Event::What::kGap:
      dissector.gap(event.side, event.gap, at);
      break;
    case Event::What::kEnded:
      dissector.ended(event.side, event.how, at);
      break;
  }
}

inline void play(Dissector& dissector, const Connection& connection) {
  dissector.connecting(moment_of(0));
  dissector.connected(moment_of(1));
  for (std::size_t i = 0; i < connection.size(); ++i)
    feed(dissector, connection[i], moment_of(i + 2));
}

inline HandshakeRecord dissected(const Connection& connection, Dissector::Options options = {}) {
  Dissector dissector(std::move(options));
  play(dissector, connection);
  return dissector.take();
}

/// What the record says, one line per evidence.
inline std::vector<std::string> said(const HandshakeRecord& record) {
  std::vector<std::string> lines;
  for (const auto& e : record.evidence) {
    lines.push_back(std::string(record::name_of(e.where.side)) + ": " + record::describe(e));
  }
  return lines;
}

/// A whole handshake of TLS 1.2 behind X.224.
inline Connection tls12_connection(std::uint32_t selected = 2) {
  using tls::ContentType;
  return {client(request()),
          server(confirm(selected)),
          client(record(ContentType::kHandshake, client_hello_message())),
          server(record(ContentType::kHandshake,
                        joined({server_hello_message(), certificate_message(), done_message()}))),
          client(joined({record(ContentType::kHandshake, key_exchange_message()),
                         change_cipher_spec(), sealed_finished()})),
          server(joined({change_cipher_spec(), sealed_finished()})),
          client(sealed_data(80)),
          server(sealed_data(120)),
          ended(Side::kClient),
          ended(Side::kServer)};
}

}  // namespace rdpwhy::dissect::streams
