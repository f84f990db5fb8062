#include "rdpwhy/record/queries.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/record/summary.h"
#include "rdpwhy/tls/registry.h"
#include "record/credssp_names.h"
#include "record/session_names.h"
#include "record/tls_walk.h"

namespace rdpwhy::record {
namespace {

/// A TLS record or message by its place in the handshake: what is encrypted has no name of its own.
std::string tls_message_name(const HandshakeRecord& record, const Evidence& evidence) {
  if (const auto* m = std::get_if<HandshakeMessage>(&evidence.fact)) {
    const auto type = static_cast<tls::HandshakeType>(m->type);
    switch (type) {
      case tls::HandshakeType::kServerHelloDone:
        return "server_hello_done";
      case tls::HandshakeType::kClientKeyExchange:
        return "client_key_exchange";
      case tls::HandshakeType::kFinished:
        return "finished";
      case tls::HandshakeType::kNewSessionTicket:
        return "new_session_ticket";
      case tls::HandshakeType::kCertificateVerify:
        return "certificate_verify";
      case tls::HandshakeType::kHelloRequest:
        return "hello_request";
      case tls::HandshakeType::kCertificateStatus:
        return "certificate_status";
      case tls::HandshakeType::kKeyUpdate:
        return "key_update";
      case tls::HandshakeType::kEndOfEarlyData:
        return "end_of_early_data";
      default:
        break;
    }
    const auto name = tls::handshake_type_name(m->type);
    return name ? std::string(*name) : fmt::format("handshake_{}", m->type);
  }
  TlsWalk walk(record);
  for (const auto& e : record.evidence) {
    const auto role = walk.step(e);
    if (&e != &evidence) continue;
    if (role == TlsWalk::Role::kFinished) return "finished";
    if (role == TlsWalk::Role::kAlert) return "alert";
    if (role == TlsWalk::Role::kApplication) return "application_data";
    break;
  }
  return "encrypted_record";
}

}  // namespace

ProxyWay proxy_way(const HandshakeRecord& record) {
  ProxyWay way;
  bool asked = false;
  for (const auto& e : record.evidence) {
    const auto* opening = get_if<ProxyOpening>(&e.fact);
    if (opening == nullptr) continue;
    // A PROXY protocol header has no answer. SOCKS5 greets first: only an answer to a request that
    // names the target opens the way.
    if (e.where.side == Side::kServer) {
      if (asked && opening->granted) way.granted = &e;
    } else if (!opening->protocol.starts_with("PROXY ")) {
      way.present = true;
      asked = asked || !opening->target.empty();
    }
  }
  return way;
}

bool is_closed_data(const Fact& fact) {
  if (const auto* data = std::get_if<ApplicationData>(&fact)) return !data->begins_message;
  const auto* closed = std::get_if<ProtectedRecord>(&fact);
  constexpr std::uint8_t kApplicationData = 23;
  constexpr std::uint32_t kSealedAlert = 2 + 1 + 16;  // TLS 1.3: no message is that short
  return closed != nullptr && closed->type == kApplicationData && closed->size != kSealedAlert;
}

std::uint64_t unfinished_octets(const HandshakeRecord& record) {
  const Ending* first = nullptr;
  for (const auto& e : record.evidence) {
    const auto* ending = std::get_if<Ending>(&e.fact);
    if (ending == nullptr) continue;
    // What completes after the client hung up came too late.
    if (ending->by == Side::kClient) return ending->server_unfinished;
    if (first == nullptr) first = ending;
  }
  return first == nullptr ? 0 : first->server_unfinished;
}

Summary summary(const HandshakeRecord& record) {
  return {.progress = progress(record), .tls = tls_summary(record)};
}

std::string_view name_of(EndedHow how) {
  switch (how) {
    case EndedHow::kRefused:
      return "refused";
    case EndedHow::kUnreachable:
      return "unreachable";
    case EndedHow::kTimeout:
      return "timeout";
    case EndedHow::kClose:
      return "close";
    case EndedHow::kReset:
      return "reset";
    case EndedHow::kAlert:
      return "alert";
    case EndedHow::kFailurePdu:
      return "failure_pdu";
    case EndedHow::kMalformed:
      return "malformed";
    case EndedHow::kCaptureEnd:
      return "capture_end";
  }
  return "close";
}

std::string_view name_of(PhaseState state) {
  switch (state) {
    case PhaseState::kPassed:
      return "passed";
    case PhaseState::kFailed:
      return "failed";
    case PhaseState::kStopped:
      return "stopped";
    case PhaseState::kSkipped:
      return "skipped";
    case PhaseState::kEncrypted:
      return "encrypted";
    case PhaseState::kNotReached:
      return "not_reached";
  }
  return "not_reached";
}

std::optional<std::string> message_name(const HandshakeRecord& record, const Evidence& evidence) {
  const auto& fact = evidence.fact;
  if (std::holds_alternative<Connecting>(fact)) return "syn";
  if (std::holds_alternative<Connected>(fact)) return "syn_ack";
  if (holds<ProxyOpening>(fact)) {
    return evidence.where.side == Side::kClient ? "proxy_request" : "proxy_answer";
  }
  if (holds<rdp::ConnectionRequest>(fact)) return "connection_request";
  if (std::holds_alternative<rdp::ConnectionConfirm>(fact)) return "connection_confirm";
  if (std::holds_alternative<rdp::DisconnectRequest>(fact)) return "disconnect_request";
  if (std::holds_alternative<rdp::DisconnectProviderUltimatum>(fact))
    return "disconnect_provider_ultimatum";
  if (std::holds_alternative<rdp::DataTpdu>(fact)) return "data";
  if (holds<tls::ClientHello>(fact)) return "client_hello";
  if (const auto* hello = get_if<tls::ServerHello>(&fact)) {
    return hello->hello_retry_request ? "hello_retry_request" : "server_hello";
  }
  if (std::holds_alternative<Certificates>(fact)) return "certificate";
  if (std::holds_alternative<tls::ServerKeyExchange>(fact)) return "server_key_exchange";
  if (holds<tls::CertificateRequest>(fact)) return "certificate_request";
  if (std::holds_alternative<EncryptedExtensions>(fact)) return "encrypted_extensions";
  if (std::holds_alternative<ChangeCipherSpec>(fact)) return "change_cipher_spec";
  if (std::holds_alternative<TlsAlert>(fact)) return "alert";
  if (std::holds_alternative<ApplicationData>(fact)) return "application_data";
  if (const auto* credssp = get_if<CredsspMessage>(&fact))
    return std::string(message_name_of(*credssp));
  if (holds<auth::EarlyUserAuthorizationResult>(fact)) return "early_user_authorization_result";
  if (const auto* rdstls = get_if<auth::RdstlsPdu>(&fact))
    return std::string(message_name_of(*rdstls));
  if (std::holds_alternative<HandshakeMessage>(fact) ||
      std::holds_alternative<ProtectedRecord>(fact)) {
    return tls_message_name(record, evidence);
  }
  if (const auto name = session_message_name(fact)) return std::string(*name);
  return std::nullopt;
}

}  // namespace rdpwhy::record
