#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::crypto {

/// Reads both sides of a connection as a dissector does and keeps what its opener gives: so that
/// the opener is tested without a dissector, and on connections of any length.
class TlsWitness {
 public:
  using Factory = std::function<std::unique_ptr<record::RecordOpener>(const tls::ClientHello&,
                                                                      const tls::ServerHello&)>;
  explicit TlsWitness(const OpeningSecrets& secrets) : secrets_(secrets) {}

  struct Half {
    std::string text;                        ///< application data
    std::size_t data_records = 0;            ///< of application data, empty ones too
    std::vector<Bytes> alerts;               ///< opened ones
    std::vector<std::uint8_t> opened_types;  ///< of opened handshake messages
    std::vector<record::RecordOpener::Refusal> refusals;

   private:
    friend TlsWitness;
    Bytes stream, messages;
    bool encrypted = false;
  };
  Half client, server;

  void read(Side side, ByteSpan octets) {
    auto& half = this->half(side);
    half.stream.insert(half.stream.end(), octets.begin(), octets.end());
    ByteSpan rest = half.stream;
    while (const auto header = tls::decode_record_header(rest)) {
      const auto size = tls::RecordHeader::kSize + std::size_t{header->length};
      if (rest.size() < size) break;
      read_record(side, rest.first(size));
      rest = rest.subspan(size);
    }
    half.stream = base::to_bytes(rest);
  }

  [[nodiscard]] std::size_t refusals() const {
    return client.refusals.size() + server.refusals.size();
  }
  [[nodiscard]] const record::RecordOpener* opener() const { return opener_.get(); }

 private:
  Half& half(Side side) { return side == Side::kServer ? server : client; }

  void read_record(Side side, ByteSpan record) {
    auto& half = this->half(side);
    const auto fragment = record.subspan(tls::RecordHeader::kSize);
    const bool sealed = tls13_ ? record[0] == 23 : half.encrypted;
    if (!sealed) return read_content(side, record[0], fragment, false);
    if (opener_ == nullptr) return;
    const auto opened = opener_->open(side, record);
    if (!opened) return half.refusals.push_back(opened.error());
    read_content(side, opened->content_type, opened->plaintext, true);
  }

  void read_content(Side side, std::uint8_t type, ByteSpan content, bool opened) {
    auto& half = this->half(side);
    switch (static_cast<tls::ContentType>(type)) {
      case tls::ContentType::kChangeCipherSpec:
        if (tls13_) break;
        half.encrypted = true;
        if (opener_) opener_->change_cipher_spec(side);
        break;
      case tls::ContentType::kAlert:
        if (opened) half.alerts.push_back(base::to_bytes(content));
        break;
      case tls::ContentType::kApplicationData:
        if (!opened) break;
        ++half.data_records;
        half.text += base::as_text(content);
        break;
      case tls::ContentType::kHandshake:
        read_messages(side, content, opened);
        break;
      default:
        break;
    }
  }

  void read_messages(Side side, ByteSpan content, bool opened) {
    auto& half = this->half(side);
    half.messages.insert(half.messages.end(), content.begin(), content.end());
    ByteSpan rest = half.messages;
    while (const auto header = tls::decode_handshake_header(rest)) {
      const auto size = tls::HandshakeHeader::kSize + std::size_t{header->length};
      if (rest.size() < size) break;
      read_message(side, header->kind(), rest.first(size), opened);
      rest = rest.subspan(size);
    }
    half.messages = base::to_bytes(rest);
  }

  void read_message(Side side, tls::HandshakeType type, ByteSpan whole, bool opened) {
    const auto body = whole.subspan(tls::HandshakeHeader::kSize);
    if (opened) half(side).opened_types.push_back(static_cast<std::uint8_t>(type));
    if (type == tls::HandshakeType::kClientHello && !opened) {
      client_hello_octets_ = base::to_bytes(whole);
      client_hello_ = tls::decode_client_hello(body).value_or(tls::ClientHello{});
    }
    if (type == tls::HandshakeType::kServerHello && !opened) {
      if (const auto hello = tls::decode_server_hello(body)) {
        tls13_ = hello->hello_retry_request || tls::is_tls13(hello->version());
        if (!hello->hello_retry_request) {
          opener_ = make_record_opener(secrets_, client_hello_, *hello);
          if (opener_) opener_->handshake_message(Side::kClient, client_hello_octets_);
        }
      }
    }
    if (opener_ == nullptr) return;
    opener_->handshake_message(side, whole);
    if (type == tls::HandshakeType::kFinished) opener_->finished(side);
    if (type == tls::HandshakeType::kKeyUpdate) opener_->key_update(side);
  }

  OpeningSecrets secrets_;
  std::unique_ptr<record::RecordOpener> opener_;
  tls::ClientHello client_hello_;
  Bytes client_hello_octets_;
  bool tls13_ = false;
};

}  // namespace rdpwhy::crypto
