#include "lab/serve.h"

#include <algorithm>

#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::lab {
namespace {

using Close = Faults::Close;
using State = crypto::TlsSession::State;

constexpr std::size_t kLargestMessage = 64 * 1024;
constexpr std::uint16_t kTls12 = 0x0303;

/// One connection. Each step returns whether the conversation goes on.
class Conversation {
 public:
  Conversation(net::AcceptedConnection& peer, const Faults& faults,
               const crypto::TlsServerSettings& tls)
      : peer_(peer), faults_(faults), tls_(tls) {}

  void run() {
    if (open() && answer_request() && answer_client_hello()) speak_tls();
  }

 private:
  bool open() {
    if (leave(faults_.at_once)) return false;
    if (!faults_.banner.empty()) {
      peer_.write(base::as_bytes(faults_.banner));
      peer_.drain();
      return false;
    }
    if (faults_.silent) {
      peer_.drain();
      return false;
    }
    return read_request();
  }

  bool answer_request() {
    if (leave(faults_.after_request)) return false;
    if (!faults_.answer_on_request.empty()) {
      peer_.write(faults_.answer_on_request);
      leave(Close::kClose);
      return false;
    }
    const auto confirm = encode_confirm();
    if (faults_.one_octet_a_second) {
      write_slowly(confirm);
      return false;
    }
    if (faults_.confirm_truncated) {
      peer_.write(ByteSpan(confirm).first(confirm.size() / 2));
      leave(Close::kClose);
      return false;
    }
    if (!peer_.write(confirm) || leave(faults_.after_confirm)) return false;
    if (selected() == 0 || faults_.failure_code || faults_.confirm_bad_length) {
      peer_.drain();
      return false;
    }
    return true;
  }

  bool answer_client_hello() {
    if (!read_client_hello()) return false;
    if (leave(faults_.after_client_hello)) return false;
    if (faults_.silent_after_client_hello) {
      peer_.drain();
      return false;
    }
    if (faults_.endless_after_client_hello) {
      write_without_end();
      return false;
    }
    const auto answer = clear_answer_to_client_hello();
    if (answer.empty()) return true;
    peer_.write(answer);
    leave(Close::kClose);
    return false;
  }

  void speak_tls() {
    auto session = crypto::TlsSession::server(tls_);
    if (!session) return;  // tried when the server started
    auto octets = std::optional<Bytes>(std::move(unread_));
    while (octets) {
      const auto state = session->feed(*octets);
      if (!peer_.write(session->drain())) return;
      if (state == State::kEstablished && faults_.after_tls != Close::kNo) {
        session->close();
        if (faults_.after_tls == Close::kClose) peer_.write(session->drain());
        leave(faults_.after_tls);
        return;
      }
      if (state == State::kPeerClosed || state == State::kFailed) break;
      octets = peer_.read();
    }
    session->close();
    peer_.write(session->drain());
    leave(Close::kClose);
  }

  /// A whole TPKT, or whatever came when it cannot be one.
  bool read_request() {
    while (true) {
      const auto header = rdp::decode_tpkt_header(unread_);
      if (header && header->version != rdp::TpktHeader::kVersion) break;
      if (header && unread_.size() >= header->length) break;
      if (!read_more()) return false;
    }
    const auto header = rdp::decode_tpkt_header(unread_);
    const auto size = std::min<std::size_t>(unread_.size(), header->length);
    if (header->version == rdp::TpktHeader::kVersion && size >= rdp::TpktHeader::kSize) {
      auto request = rdp::decode_connection_request(
          ByteSpan(unread_).first(size).subspan(rdp::TpktHeader::kSize));
      if (request && request->negotiation) offered_ = request->negotiation->requested;
      unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return true;
  }

  /// A whole TLS record, left in `unread_`.
  bool read_client_hello() {
    for (;;) {
      const auto header = tls::decode_record_header(unread_);
      if (header && unread_.size() >= tls::RecordHeader::kSize + header->length) return true;
      if (!read_more()) return false;
    }
  }

  bool read_more() {
    if (unread_.size() > kLargestMessage) return false;
    const auto octets = peer_.read();
    if (!octets) return false;
    unread_.insert(unread_.end(), octets->begin(), octets->end());
    return true;
  }

  [[nodiscard]] std::uint32_t selected() const {
    if (faults_.no_negotiation) return 0;
    if (faults_.selected) return *faults_.selected;
    for (const auto protocol :
         {rdp::Protocol::kSsl, rdp::Protocol::kHybridEx, rdp::Protocol::kHybrid}) {
      if (offered_.has(protocol)) return static_cast<std::uint32_t>(protocol);
    }
    return 0;
  }

  [[nodiscard]] Bytes encode_confirm() const {
    rdp::ConnectionConfirm confirm;
    confirm.src_ref = 0x1234;
    if (faults_.failure_code) {
      confirm.negotiation = rdp::NegotiationFailure{.failure_code = *faults_.failure_code};
    } else if (!faults_.no_negotiation) {
      constexpr std::uint8_t kExtendedClientDataSupported = 0x01;
      confirm.negotiation = rdp::NegotiationResponse{.flags = kExtendedClientDataSupported,
                                                     .selected_protocol = selected()};
    }
    auto octets = rdp::encode_tpkt(rdp::encode(confirm));
    // The TPDU inside claims more octets than its TPKT holds.
    if (faults_.confirm_bad_length) octets[3] = 8;
    return octets;
  }

  [[nodiscard]] Bytes clear_answer_to_client_hello() const {
    if (faults_.alert_on_client_hello) {
      const tls::Alert alert{.level = tls::Alert::kFatal,
                             .description = *faults_.alert_on_client_hello};
      return tls::encode_record(tls::ContentType::kAlert, kTls12, tls::encode(alert));
    }
    if (faults_.ultimatum_on_client_hello) {
      constexpr std::uint8_t kUserRequested = 3;  // what xrdp says
      return rdp::encode_tpkt(
          rdp::encode_data_tpdu(rdp::encode(rdp::DisconnectProviderUltimatum{kUserRequested})));
    }
    if (faults_.garbage_on_client_hello) {
      Bytes garbage(200);
      for (std::size_t i = 0; i < garbage.size(); ++i) {
        garbage[i] = static_cast<std::uint8_t>(0xA5 + 31 * i);
      }
      return garbage;
    }
    return {};
  }

  void write_slowly(ByteSpan octets) {
    for (std::size_t i = 0; i < octets.size(); ++i) {
      if (!peer_.write(octets.subspan(i, 1)) || !peer_.pause(std::chrono::seconds(1))) break;
    }
    leave(Close::kClose);
  }

  /// Records of a handshake message that claims 16 MiB and goes on after them.
  void write_without_end() {
    constexpr std::size_t kFragment = 1 << 14;
    auto fragment = tls::encode_handshake(tls::HandshakeType::kCertificate, {});
    fragment[1] = fragment[2] = fragment[3] = 0xFF;
    fragment.resize(kFragment, 0x41);
    auto record = tls::encode_record(tls::ContentType::kHandshake, kTls12, fragment);
    while (peer_.write(record)) {
    }
  }

  /// FIN with everything read, or RST.
  bool leave(Close how) {
    if (how == Close::kNo) return false;
    if (how == Close::kReset) {
      peer_.reset();
    } else {
      peer_.finish_sending();
      peer_.drain();
    }
    return true;
  }

  net::AcceptedConnection& peer_;
  const Faults& faults_;
  const crypto::TlsServerSettings& tls_;
  rdp::Protocols offered_;
  Bytes unread_;
};

}  // namespace

void serve(net::AcceptedConnection& peer, const Faults& faults,
           const crypto::TlsServerSettings& tls) {
  Conversation(peer, faults, tls).run();
}

}  // namespace rdpwhy::lab
