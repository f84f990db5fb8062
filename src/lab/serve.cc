#include "lab/serve.h"

#include <algorithm>
#include <optional>

#include "lab/nla.h"
#include "lab/rdstls.h"
#include "lab/session.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/hello.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::lab {
namespace {

using State = crypto::TlsSession::State;

constexpr std::size_t kLargestMessage = 64 * 1024;
constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;
constexpr auto kTlsHandshake = static_cast<std::uint8_t>(tls::ContentType::kHandshake);

/// One connection. Each step returns whether the conversation goes on.
class Conversation {
 public:
  Conversation(net::AcceptedConnection& peer, const Faults& faults,
               const crypto::TlsServerSettings& tls, NlaHouse& house, std::uint64_t number)
      : peer_(peer),
        faults_(faults),
        dislikes_(faults.dislikes),
        tls_(tls),
        house_(house),
        number_(number) {}

  void run() {
    if (dislikes_.no_tls_first != Reply::kNone) {
      if (read_more() && !objects(dislikes_.no_tls_first, unread_.front() != kTlsHandshake) &&
          read_client_hello())
        speak_tls();
      return;
    }
    if (open() && answer_request() && answer_client_hello()) speak_tls();
  }

 private:
  using Reply = Dislikes::Reply;

  /// True: the connection ended by it.
  bool objects(Reply reply, bool dislikes_it) {
    if (!dislikes_it || reply == Reply::kNone) return false;
    if (reply == Reply::kSilent) {
      peer_.drain();
      return true;
    }
    return leave(reply == Reply::kReset ? Close::kReset : Close::kClose);
  }

  bool open() {
    if (leave(faults_.at_once)) return false;
    if (dislikes_.after != 0 && number_ > dislikes_.after) return !leave(Close::kClose);
    if (dislikes_.no_proxy_header != Reply::kNone && !read_proxy_header()) return false;
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

  /// "PROXY TCP4 ... CRLF", which it takes away.
  bool read_proxy_header() {
    constexpr std::string_view kBegin = "PROXY ";
    constexpr std::string_view kEnd = "\r\n";
    while (unread_.size() < kBegin.size()) {
      if (!read_more()) return false;
    }
    if (objects(dislikes_.no_proxy_header, !base::as_text(unread_).starts_with(kBegin)))
      return false;
    while (!base::as_text(unread_).contains(kEnd)) {
      if (!read_more()) return false;
    }
    const auto size = base::as_text(unread_).find(kEnd) + kEnd.size();
    unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(size));
    return true;
  }

  bool answer_request() {
    if (leave(faults_.after_request)) return false;
    if (objects(dislikes_.cookie, came_with_cookie_ || !understood_)) return false;
    if (objects(dislikes_.tls_offer, offered_.bits != 0 || !understood_)) return false;
    const bool turn = dislikes_.every != 0 && number_ % dislikes_.every == 1 % dislikes_.every;
    if (objects(dislikes_.of_every, turn)) return false;
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
    if (failure_code() || faults_.confirm_bad_length) {
      peer_.drain();
      return false;
    }
    if (selected() == 0) {
      speak_rdp_in_the_clear();
      return false;
    }
    if (is_nla(selected()) && faults_.nla) nla_.emplace(*faults_.nla, house_, selected());
    if (asks_for_rdstls()) rdstls_.emplace(*faults_.session.rdstls_result);
    return true;
  }

  bool answer_client_hello() {
    if (!read_client_hello()) return false;
    if (dislikes_hello()) return false;
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

  bool dislikes_hello() {
    const auto size = tls::RecordHeader::kSize + tls::decode_record_header(unread_)->length;
    const auto message = ByteSpan(unread_).first(size).subspan(tls::RecordHeader::kSize);
    if (objects(dislikes_.large_hello, size > Dislikes::kLargeHello)) return true;
    if (objects(dislikes_.whole_hello, pieces_ < 2)) return true;
    constexpr std::size_t kHandshakeHeader = 4;
    if (message.size() < kHandshakeHeader) return false;
    const auto hello = tls::decode_client_hello(message.subspan(kHandshakeHeader));
    if (!hello) return false;
    const bool ecdsa = std::ranges::any_of(hello->cipher_suites, [](auto suite) {
      const auto name = tls::cipher_suite_name(suite);
      return name && name->contains("ECDSA");
    });
    return objects(dislikes_.tls13, hello->newest_version() == kTls13) ||
           objects(dislikes_.ecdsa, ecdsa) ||
           objects(dislikes_.server_name, hello->server_name.has_value());
  }

  void speak_tls() {
    auto session = crypto::TlsSession::server(tls_);
    if (!session) return;  // tried when the server started
    auto octets = std::optional<Bytes>(std::move(unread_));
    while (octets) {
      const auto state = session->feed(*octets);
      const auto flight = session->drain();
      if (state == State::kFailed && objects(dislikes_.no_common, true)) return;
      const auto largest = std::min<std::size_t>(
          flight.size(), static_cast<std::size_t>(std::max(peer_.segment_size(), 0)));
      if (dislikes_.large_segments && largest > Dislikes::kSegment) {
        peer_.drain();
        return;
      }
      if (!peer_.write(flight)) return;
      if (state == State::kEstablished && faults_.after_tls != Close::kNo) {
        session->close();
        if (faults_.after_tls == Close::kClose) peer_.write(session->drain());
        leave(faults_.after_tls);
        return;
      }
      const auto plaintext = session->plaintext();
      inside_.insert(inside_.end(), plaintext.begin(), plaintext.end());
      if (nla_ && !speak_credssp(*session)) return;
      if (rdstls_ && state == State::kEstablished && !speak_rdstls(*session)) return;
      const bool asks_first = nla_ || rdstls_;
      if ((!asks_first || granted_) && !speak_rdp(*session)) return;
      if (state == State::kPeerClosed || state == State::kFailed) break;
      octets = peer_.read();
    }
    session->close();
    peer_.write(session->drain());
    leave(Close::kClose);
  }

  /// All whole messages that have come; false when the conversation is over.
  bool speak_credssp(crypto::TlsSession& session) {
    while (!inside_.empty() && !granted_) {
      const auto size = auth::ts_request_size(inside_);
      const bool may_be_one = size && (!*size || **size <= kLargestMessage);
      if (may_be_one && (!*size || **size > inside_.size())) return true;
      const auto taken = may_be_one ? static_cast<std::size_t>(**size) : inside_.size();
      const auto answer = nla_->answer(ByteSpan(inside_).first(taken));
      inside_.erase(inside_.begin(), inside_.begin() + static_cast<std::ptrdiff_t>(taken));
      if (!say(session, answer)) return false;
    }
    return true;
  }

  bool speak_rdstls(crypto::TlsSession& session) {
    if (!std::exchange(greeted_, true)) {
      session.write(RdstlsDialogue::greeting());
      if (!peer_.write(session.drain())) return false;
    }
    if (inside_.empty() || granted_) return true;
    const auto size = auth::rdstls_pdu_size(inside_);
    if (size && (!*size || **size > inside_.size())) return inside_.size() <= kLargestMessage;
    const auto taken = size ? static_cast<std::size_t>(**size) : inside_.size();
    const auto answer = rdstls_->answer(ByteSpan(inside_).first(taken));
    inside_.erase(inside_.begin(), inside_.begin() + static_cast<std::ptrdiff_t>(taken));
    session.write(answer.octets);
    granted_ = answer.granted;
    if (!granted_) session.close();
    if (!peer_.write(session.drain())) return false;
    if (!granted_) leave(Close::kClose);
    return granted_;
  }

  /// The same for what follows, from MCS on.
  bool speak_rdp(crypto::TlsSession& session) {
    return answer_rdp(inside_, [&](ByteSpan octets, bool leaves) {
      session.write(octets);
      if (leaves) session.close();
      return peer_.write(session.drain());
    });
  }

  /// Standard RDP Security.
  void speak_rdp_in_the_clear() {
    while (answer_rdp(unread_, [&](ByteSpan octets, bool) { return peer_.write(octets); })) {
      if (!read_more()) return;
    }
  }

  /// All whole messages in `octets`, which it takes away; false when the conversation is over.
  /// `say` writes an answer, and is told when it is the last.
  template <typename Say>
  bool answer_rdp(Bytes& octets, Say say) {
    using Then = SessionDialogue::Then;
    if (!rdp_)
      rdp_.emplace(came_back_ ? SessionFaults{} : faults_.session, offered_.bits, selected() != 0);
    while (const auto size = SessionDialogue::message_size(octets)) {
      const auto answer = rdp_->answer(ByteSpan(octets).first(*size));
      octets.erase(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(*size));
      if (!say(answer.octets, answer.then == Then::kLeave)) return false;
      if (answer.then == Then::kLeave) return !leave(Close::kClose);
      if (answer.then == Then::kReset) return !leave(Close::kReset);
      if (answer.then == Then::kSilent) {
        peer_.drain();
        return false;
      }
    }
    return octets.size() <= kLargestMessage;
  }

  /// What comes of a message, in one write: who resets or closes does it with the answer.
  bool say(crypto::TlsSession& session, const NlaDialogue::Answer& answer) {
    using Then = NlaDialogue::Then;
    session.write(answer.octets);
    if (answer.then == Then::kLeave) session.close();
    if (answer.then == Then::kAlert) session.refuse(answer.alert);
    if (answer.then == Then::kFlood) write_without_end(session);
    if (!peer_.write(session.drain())) return false;
    switch (answer.then) {
      case Then::kGoOn:
        return true;
      case Then::kGranted:
        granted_ = true;
        return true;
      case Then::kLeave:
      case Then::kAlert:
      case Then::kFlood:
        leave(Close::kClose);
        return false;
      case Then::kReset:
        leave(Close::kReset);
        return false;
      case Then::kSilent:
        peer_.drain();
        return false;
    }
    return false;
  }

  /// As much as the message before it claimed.
  void write_without_end(crypto::TlsSession& session) {
    constexpr std::size_t kPiece = 1 << 16;
    constexpr std::size_t kClaimed = 100'000'000;
    const Bytes piece(kPiece, 0x41);
    for (std::size_t sent = 0; sent < kClaimed; sent += kPiece) {
      session.write(piece);
      if (!peer_.write(session.drain())) return;
    }
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
      understood_ = request.has_value();
      came_with_cookie_ = request && request->cookie.has_value();
      came_back_ = request && faults_.session.redirected &&
                   request->routing_token == SessionDialogue::kRoutingToken;
      unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return true;
  }

  /// A whole TLS record, left in `unread_`.
  bool read_client_hello() {
    pieces_ = unread_.empty() ? 0 : 1;
    for (;;) {
      const auto header = tls::decode_record_header(unread_);
      if (header && unread_.size() >= tls::RecordHeader::kSize + header->length) return true;
      if (!read_more()) return false;
      ++pieces_;
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
    if (faults_.nla) return selected_for_nla();
    if (asks_for_rdstls()) return static_cast<std::uint32_t>(rdp::Protocol::kRdstls);
    for (const auto protocol :
         {rdp::Protocol::kSsl, rdp::Protocol::kHybridEx, rdp::Protocol::kHybrid}) {
      if (offered_.has(protocol)) return static_cast<std::uint32_t>(protocol);
    }
    return 0;
  }

  [[nodiscard]] bool asks_for_rdstls() const {
    return came_back_ && faults_.session.rdstls_result && offered_.has(rdp::Protocol::kRdstls);
  }

  static bool is_nla(std::uint32_t protocol) {
    return protocol == static_cast<std::uint32_t>(rdp::Protocol::kHybrid) ||
           protocol == static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  }

  /// 0: neither is offered.
  [[nodiscard]] std::uint32_t selected_for_nla() const {
    using rdp::Protocol;
    if (faults_.nla->hybrid_ex && offered_.has(Protocol::kHybridEx))
      return static_cast<std::uint32_t>(Protocol::kHybridEx);
    return offered_.bits & static_cast<std::uint32_t>(Protocol::kHybrid);
  }

  [[nodiscard]] std::optional<std::uint32_t> failure_code() const {
    constexpr std::uint32_t kHybridRequired = 5;
    if (faults_.failure_code || !faults_.nla || faults_.selected) return faults_.failure_code;
    if (selected_for_nla() == 0) return kHybridRequired;
    return {};
  }

  [[nodiscard]] std::uint8_t response_flags() const {
    using Response = rdp::NegotiationResponse;
    if (!faults_.nla) return Response::kExtendedClientDataSupported;
    return Response::kExtendedClientDataSupported | Response::kDynvcGfxProtocolSupported |
           Response::kRedirectedAuthenticationModeSupported |
           (faults_.nla->restricted_admin ? Response::kRestrictedAdminModeSupported : 0);
  }

  [[nodiscard]] Bytes encode_confirm() const {
    rdp::ConnectionConfirm confirm;
    confirm.src_ref = 0x1234;
    if (const auto code = failure_code()) {
      confirm.negotiation = rdp::NegotiationFailure{.failure_code = *code};
    } else if (!faults_.no_negotiation) {
      confirm.negotiation =
          rdp::NegotiationResponse{.flags = response_flags(), .selected_protocol = selected()};
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
  const Dislikes& dislikes_;
  const crypto::TlsServerSettings& tls_;
  NlaHouse& house_;
  std::uint64_t number_;
  rdp::Protocols offered_;
  bool understood_ = false;  ///< the Connection Request is one
  bool came_with_cookie_ = false;
  std::size_t pieces_ = 0;  ///< in which the ClientHello came
  Bytes unread_;
  std::optional<SessionDialogue> rdp_;
  std::optional<NlaDialogue> nla_;
  std::optional<RdstlsDialogue> rdstls_;
  bool came_back_ = false;  ///< with the token of a redirection
  bool greeted_ = false;
  Bytes inside_;  ///< TLS: not yet a whole message
  bool granted_ = false;
};

}  // namespace

void serve(net::AcceptedConnection& peer, const Faults& faults,
           const crypto::TlsServerSettings& tls, NlaHouse& house, std::uint64_t number) {
  Conversation(peer, faults, tls, house, number).run();
}

}  // namespace rdpwhy::lab
