#include "crypto/tls12_opener.h"

#include <utility>

#include "crypto/handshake_secrets.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::crypto {

namespace {

using Opened = record::RecordOpener::Opened;
using Refusal = record::RecordOpener::Refusal;
using tls::HandshakeHeader;
using tls::HandshakeType;
using tls::RecordHeader;

class Tls12Opener final : public record::RecordOpener {
 public:
  Tls12Opener(const OpeningSecrets& secrets, const tls::ClientHello& client_hello,
              const tls::ServerHello& server_hello)
      : secrets_(secrets), handshake_(std::make_shared<HandshakeSecrets>(secrets, client_hello)) {
    handshake_->agree(server_hello);
  }

  std::expected<Opened, Refusal> open(Side side, ByteSpan record) override;
  void handshake_message(Side side, ByteSpan message) override;
  void change_cipher_spec(Side side) override;
  void finished(Side) override {}
  void key_update(Side) override {}
  std::string_view obstacle() const override { return obstacle_; }

 private:
  struct Direction {
    std::shared_ptr<HandshakeSecrets> handshake;  // null: its records are not protected yet
    /// None until a protected record is met; more than one where key logs disagree, until one of
    /// them opens a record.
    std::vector<HandshakeSecrets::Protection> protections;
  };

  Direction& of(Side side) { return side == Side::kServer ? server_ : client_; }
  std::expected<void, Refusal> find_protections(Side side);
  void begin_again(ByteSpan hello);

  OpeningSecrets secrets_;
  /// The latest one; what it agrees on holds from the next ChangeCipherSpec of each side on.
  std::shared_ptr<HandshakeSecrets> handshake_;
  bool first_hellos_ = true;  ///< the ones that this was made of are still to be told
  Direction client_;
  Direction server_;
  std::string_view obstacle_;
};

std::expected<Opened, Refusal> Tls12Opener::open(Side side, ByteSpan record) {
  if (record.size() < RecordHeader::kSize) return std::unexpected(Refusal::kBadRecord);
  Direction& direction = of(side);
  if (direction.handshake == nullptr)
    return Opened{record[0], base::to_bytes(record.subspan(RecordHeader::kSize))};
  if (direction.protections.empty()) {
    if (const auto found = find_protections(side); !found) return std::unexpected(found.error());
  }
  std::optional<Opened> opened;
  const HandshakeSecrets::Protection* right = nullptr;
  for (const auto& rival : direction.protections) {
    auto plaintext = rival.octets->open(record);  // each of them counts the record
    if (!plaintext || opened) continue;
    opened = Opened{record[0], *std::move(plaintext)};
    right = &rival;
  }
  if (!opened) return std::unexpected(Refusal::kBadRecord);
  direction.handshake->prove(right->master);
  if (direction.protections.size() > 1) {
    const auto at = static_cast<std::size_t>(right - direction.protections.data());
    std::swap(direction.protections.front(), direction.protections[at]);
    direction.protections.resize(1);
  }
  return *std::move(opened);
}

std::expected<void, Refusal> Tls12Opener::find_protections(Side side) {
  Direction& direction = of(side);
  auto& handshake = *direction.handshake;
  if (!handshake.find_masters()) return std::unexpected(Refusal::kNoSecrets);
  obstacle_ = handshake.obstacle();
  if (obstacle_.empty()) {
    direction.protections = handshake.protect(side);
    if (direction.protections.empty())
      obstacle_ = "the OpenSSL of this machine does not have the cipher of this suite";
  }
  if (!obstacle_.empty()) return std::unexpected(Refusal::kUnsupported);
  return {};
}

void Tls12Opener::handshake_message(Side side, ByteSpan message) {
  const auto header = tls::decode_handshake_header(message);
  const auto kind = header ? header->kind() : HandshakeType::kHelloRequest;
  if (!first_hellos_ && kind == HandshakeType::kClientHello && side == Side::kClient) {
    begin_again(message.subspan(HandshakeHeader::kSize));
  }
  if (handshake_ == nullptr) return;
  if (!first_hellos_ && kind == HandshakeType::kServerHello && side == Side::kServer &&
      !handshake_->agreed()) {
    const auto hello = tls::decode_server_hello(message.subspan(HandshakeHeader::kSize));
    if (hello) handshake_->agree(*hello);
  }
  handshake_->message(side, message);
  if (kind == HandshakeType::kServerHello) first_hellos_ = false;
}

/// RFC 5246 7.4.1.2: a ClientHello inside of the connection, a renegotiation.
void Tls12Opener::begin_again(ByteSpan hello) {
  const auto decoded = tls::decode_client_hello(hello);
  handshake_ = decoded ? std::make_shared<HandshakeSecrets>(secrets_, *decoded) : nullptr;
}

void Tls12Opener::change_cipher_spec(Side side) {
  Direction& direction = of(side);
  if (handshake_ == nullptr || !handshake_->agreed() || direction.handshake == handshake_) return;
  direction.handshake = handshake_;
  direction.protections.clear();
}

}  // namespace

std::unique_ptr<record::RecordOpener> make_tls12_opener(const OpeningSecrets& secrets,
                                                        const tls::ClientHello& client_hello,
                                                        const tls::ServerHello& server_hello) {
  return std::make_unique<Tls12Opener>(secrets, client_hello, server_hello);
}

}  // namespace rdpwhy::crypto
