#include "record/tls_walk.h"

#include <algorithm>

#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"
#include "record/inside_course.h"

namespace rdpwhy::record {
namespace {

/// RFC 8446 5.2: an alert of 2 octets, its content type and a tag of 16. No handshake message is
/// that short, so before application data such a record is an alert.
constexpr std::uint32_t kSealedAlert = 2 + 1 + 16;

/// A little less than the probe watches for (max(300 ms, 2 round trips)): another's clock measures
/// a capture. What the server has against a Finished it says one round trip later.
constexpr Nanoseconds kSilenceOfAcceptance = 250'000'000;

/// Looks for the server's acceptance where no record of it shows it.
class SilentAcceptance {
 public:
  bool find(const HandshakeRecord& record) {
    const bool proxied = proxy_way(record).present;
    for (const auto& e : record.evidence) {
      note_round_trip(e, proxied);
      const auto role = walk_.step(e);
      if (walk_.passed()) return false;
      if (!finished_) {
        const bool ours = role == TlsWalk::Role::kFinished && e.where.side == Side::kClient;
        if (ours && walk_.tls13()) finished_ = e.at;
      } else if (const auto verdict = left_ ? judge_answer(e, role) : judge_leave(e, role)) {
        return *verdict;
      }
    }
    return false;
  }

 private:
  enum class Leave { kNone, kInOrder, kSealed, kOther };

  static Leave leave_of(const Evidence& e, TlsWalk::Role role) {
    if (const auto* ending = std::get_if<Ending>(&e.fact))
      return ending->how == Ending::How::kClose ? Leave::kInOrder : Leave::kOther;
    if (role == TlsWalk::Role::kAlert) return Leave::kSealed;
    if (const auto* alert = std::get_if<TlsAlert>(&e.fact)) {
      return alert->alert->description == tls::Alert::kCloseNotify ? Leave::kInOrder
                                                                   : Leave::kOther;
    }
    return Leave::kNone;
  }

  /// Between the client's Finished and its leave; a value: it is settled.
  std::optional<bool> judge_leave(const Evidence& e, TlsWalk::Role role) {
    if (hides_something(e)) return false;
    if (e.where.side == Side::kServer && (is_tls(e.fact) || std::holds_alternative<Ending>(e.fact)))
      return false;  // it was not silent
    if (e.where.side != Side::kClient) return {};
    const auto leave = leave_of(e, role);
    if (leave == Leave::kNone) return {};
    if (leave == Leave::kOther) return false;
    left_ = true;
    const auto needed = std::max(kSilenceOfAcceptance, round_trip_.value_or(0) * 3 / 2);
    if (e.at - *finished_ < needed) return false;
    return {};
  }

  std::optional<bool> judge_answer(const Evidence& e, TlsWalk::Role role) {
    if (hides_something(e)) return false;
    if (e.where.side != Side::kServer) return {};
    switch (leave_of(e, role)) {
      case Leave::kInOrder:
        return true;
      case Leave::kOther:
        return false;
      case Leave::kSealed:  // its FIN or reset says which
      case Leave::kNone:
        break;
    }
    return {};
  }

  static bool hides_something(const Evidence& e) {
    return std::holds_alternative<Gap>(e.fact) || holds<Malformed>(e.fact) ||
           holds<Unexpected>(e.fact) || e.where.side == Side::kNetwork;
  }

  /// The shortest answer there was: no later one can be expected sooner. What a proxy's SYN took
  /// says nothing about the server.
  void note_round_trip(const Evidence& e, bool proxied) {
    const bool asked = std::holds_alternative<Connecting>(e.fact) ||
                       holds<rdp::ConnectionRequest>(e.fact) || holds<tls::ClientHello>(e.fact);
    const bool answered = (std::holds_alternative<Connected>(e.fact) && !proxied) ||
                          std::holds_alternative<rdp::ConnectionConfirm>(e.fact) ||
                          holds<tls::ServerHello>(e.fact);
    if (asked) asked_at_ = e.at;
    if (!answered || !asked_at_) return;
    const auto took = e.at - *asked_at_;
    round_trip_ = std::min(round_trip_.value_or(took), took);
    asked_at_.reset();
  }

  TlsWalk walk_;
  std::optional<Moment> asked_at_;
  std::optional<Nanoseconds> round_trip_;
  std::optional<Moment> finished_;  ///< the client's
  bool left_ = false;               ///< the client
};

}  // namespace

bool accepted_in_silence(const HandshakeRecord& record) { return SilentAcceptance().find(record); }

TlsWalk::Role TlsWalk::step(const Evidence& evidence) {
  const auto side = evidence.where.side;
  const auto& fact = evidence.fact;
  if (is_inside_tls(evidence)) {
    data_by(side, true, true);
    return Role::kInside;
  }
  if (!is_tls(fact)) return Role::kNone;
  if (const auto* message = std::get_if<HandshakeMessage>(&fact))
    return step_message(*message, side);
  if (const auto* record = std::get_if<ProtectedRecord>(&fact))
    return step_protected(*record, side);
  if (const auto* data = std::get_if<ApplicationData>(&fact)) {
    data_by(side, !data->begins_message, data->begins_message);
    return Role::kApplication;
  }
  if (const auto* alert = std::get_if<TlsAlert>(&fact)) {
    return alert->alert ? Role::kOther : Role::kAlert;
  }
  if (holds<tls::ClientHello>(fact)) {
    server_due_ = true;
  } else if (const auto* hello = get_if<tls::ServerHello>(&fact)) {
    tls13_ = tls::is_tls13(hello->version());
    server_due_ = !hello->hello_retry_request;
  } else if (std::holds_alternative<ChangeCipherSpec>(fact)) {
    half(side).change_cipher_spec = true;
  } else if (std::holds_alternative<EncryptedExtensions>(fact)) {
    opened_ = true;
  } else if (std::holds_alternative<Certificates>(fact) && side == Side::kServer) {
    full_ = true;
  }
  return Role::kOther;
}

TlsWalk::Role TlsWalk::step_message(const HandshakeMessage& message, Side side) {
  switch (static_cast<tls::HandshakeType>(message.type)) {
    case tls::HandshakeType::kServerHelloDone:
      full_ = true;
      server_due_ = false;
      return Role::kOther;
    case tls::HandshakeType::kClientKeyExchange:
      full_ = true;
      return Role::kOther;
    case tls::HandshakeType::kFinished:
      return finished_by(side);
    case tls::HandshakeType::kNewSessionTicket:
      // RFC 8446 4.6.1: only a server that accepted our Finished sends one after it. Before TLS 1.3
      // the ticket comes ahead of the server's own Finished and proves nothing.
      if (tls13_ && side == Side::kServer && client_.finished) {
        passed_ = true;
        server_due_ = asked_;  // a ticket answers the Finished, not what was asked behind it
      }
      return Role::kOther;
    default:
      return Role::kOther;
  }
}

TlsWalk::Role TlsWalk::finished_by(Side side) {
  const bool first = !half(side).finished;
  half(side).finished = true;
  if (tls13_) {
    opened_ = true;
    finish13(side);
    return Role::kFinished;
  }
  if (!first) return Role::kOther;
  // RFC 5246 7.3: in a full handshake the client's Finished comes first, in a resumed one the
  // server's.
  if (side == Side::kClient) {
    server_due_ = !server_.finished;
    if (server_.finished && !full_) passed_ = true;
  } else {
    server_due_ = false;
    if (client_.finished) passed_ = true;
  }
  return Role::kFinished;
}

void TlsWalk::finish13(Side side) {
  server_due_ = side == Side::kClient && !silent_;
  if (side == Side::kClient && silent_) passed_ = true;
}

TlsWalk::Role TlsWalk::step_protected(const ProtectedRecord& record, Side side) {
  if (tls13_) return step_protected13(record, side);
  const auto type = static_cast<tls::ContentType>(record.type);
  if (type == tls::ContentType::kHandshake && half(side).change_cipher_spec)
    return finished_by(side);
  return Role::kOther;
}

TlsWalk::Role TlsWalk::step_protected13(const ProtectedRecord& record, Side side) {
  if (record.size == kSealedAlert && (!passed_ || silent_)) return Role::kAlert;
  if (side == Side::kClient) {
    const bool first = !client_.finished;
    client_.finished = true;
    if (first) {
      finish13(side);
      return Role::kFinished;
    }
    server_due_ = true;
    return passed_ ? Role::kApplication : Role::kOther;
  }
  server_due_ = false;
  if (!client_.finished) return Role::kOther;
  const bool was_passed = passed_;
  passed_ = true;
  return was_passed ? Role::kApplication : Role::kOther;
}

/// RFC 5246 7.4.9: nobody sends data before the other side's Finished was found to be right. In TLS
/// 1.3 the server may (RFC 8446 4.4.4), but not in answer to ours.
void TlsWalk::data_by(Side side, bool whole, bool opened) {
  if (side == Side::kClient || whole) server_due_ = asked_ = side == Side::kClient;
  if (side == Side::kServer && (tls13_ ? client_.finished : opened)) passed_ = true;
}

}  // namespace rdpwhy::record
