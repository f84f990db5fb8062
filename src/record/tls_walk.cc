#include "record/tls_walk.h"

#include "rdpwhy/record/queries.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"
#include "record/inside_course.h"

namespace rdpwhy::record {
namespace {

/// RFC 8446 5.2: an alert of 2 octets, its content type and a tag of 16. No handshake message is
/// that short, so before application data such a record is an alert.
constexpr std::uint32_t kSealedAlert = 2 + 1 + 16;

}  // namespace

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
        server_due_ = false;
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
    server_due_ = side == Side::kClient;
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

TlsWalk::Role TlsWalk::step_protected(const ProtectedRecord& record, Side side) {
  if (tls13_) return step_protected13(record, side);
  const auto type = static_cast<tls::ContentType>(record.type);
  if (type == tls::ContentType::kHandshake && half(side).change_cipher_spec)
    return finished_by(side);
  return Role::kOther;
}

TlsWalk::Role TlsWalk::step_protected13(const ProtectedRecord& record, Side side) {
  if (record.size == kSealedAlert && !passed_) return Role::kAlert;
  if (side == Side::kClient) {
    const bool first = !client_.finished;
    client_.finished = true;
    server_due_ = true;
    return first ? Role::kFinished : passed_ ? Role::kApplication : Role::kOther;
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
  if (side == Side::kClient || whole) server_due_ = side == Side::kClient;
  if (side == Side::kServer && (tls13_ ? client_.finished : opened)) passed_ = true;
}

}  // namespace rdpwhy::record
