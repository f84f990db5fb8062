#include "rdpwhy/record/handshake_record.h"

#include <fmt/format.h>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"
#include "record/credssp_names.h"

namespace rdpwhy::record {
namespace {

template <typename... T>
struct Overloaded : T... {
  using T::operator()...;
};

std::string described(const ProxyOpening& opening, Side side) {
  const auto target = opening.target.empty() ? "" : " to " + base::printable(opening.target);
  if (side == Side::kClient) return fmt::format("{} opening{}", opening.protocol, target);
  return fmt::format("{} answer: {}{}", opening.protocol, opening.granted ? "granted" : "refused",
                     opening.answer.empty() ? "" : " (" + base::printable(opening.answer) + ")");
}

std::string described(const rdp::ConnectionConfirm& confirm) {
  if (const auto* failure = confirm.failure()) {
    return fmt::format("X.224 Connection Confirm with RDP_NEG_FAILURE {}", failure->failure_code);
  }
  if (const auto* response = confirm.response()) {
    return fmt::format("X.224 Connection Confirm, {} selected",
                       rdp::selected_protocol_name(response->selected_protocol));
  }
  return "X.224 Connection Confirm without negotiation data";
}

std::string described(const TlsAlert& alert) {
  if (!alert.alert) return "TLS alert, encrypted";
  const auto name = tls::alert_name(alert.alert->description);
  return fmt::format("TLS alert {} {}",
                     alert.alert->level == tls::Alert::kFatal     ? "fatal"
                     : alert.alert->level == tls::Alert::kWarning ? "warning"
                                                                  : "of unknown level",
                     name ? std::string(*name) : std::to_string(alert.alert->description));
}

std::string described(const HandshakeMessage& message) {
  switch (static_cast<tls::HandshakeType>(message.type)) {
    case tls::HandshakeType::kHelloRequest:
      return "TLS HelloRequest";
    case tls::HandshakeType::kNewSessionTicket:
      return "TLS NewSessionTicket";
    case tls::HandshakeType::kEndOfEarlyData:
      return "TLS EndOfEarlyData";
    case tls::HandshakeType::kServerHelloDone:
      return "TLS ServerHelloDone";
    case tls::HandshakeType::kCertificateVerify:
      return "TLS CertificateVerify";
    case tls::HandshakeType::kClientKeyExchange:
      return "TLS ClientKeyExchange";
    case tls::HandshakeType::kFinished:
      return "TLS Finished";
    case tls::HandshakeType::kCertificateStatus:
      return "TLS CertificateStatus";
    case tls::HandshakeType::kKeyUpdate:
      return "TLS KeyUpdate";
    default:
      break;
  }
  const auto name = tls::handshake_type_name(message.type);
  return fmt::format("TLS handshake message {}",
                     name ? std::string(*name) : std::to_string(message.type));
}

std::string described(const ProtectedRecord& record) {
  switch (static_cast<tls::ContentType>(record.type)) {
    case tls::ContentType::kHandshake:
      return "TLS handshake message, encrypted";
    case tls::ContentType::kApplicationData:
      return "TLS record, encrypted";
    default:
      return fmt::format("TLS record of type {}, encrypted", record.type);
  }
}

std::string described(const Gap& gap) {
  if (gap.size == 0) return "octets that are not in the capture";
  return fmt::format("{} octet{} that {} not in the capture", gap.size, gap.size == 1 ? "" : "s",
                     gap.size == 1 ? "is" : "are");
}

std::string described(const Ending& ending) {
  const auto by = name_of(ending.by);
  switch (ending.how) {
    case Ending::How::kClose:
      return fmt::format("connection closed by {}", by);
    case Ending::How::kReset:
      return fmt::format("connection reset by {}", by);
    case Ending::How::kRefused:
      return fmt::format("connection refused by {}", by);
    case Ending::How::kUnreachable:
      return "host or network unreachable";
    case Ending::How::kUnanswered:
      return "connection request unanswered";
    case Ending::How::kLocal:
      return "refused by our own machine";
    case Ending::How::kCaptureEnd:
      return "end of capture";
  }
  return "ending";
}

/// What two evidences say, without number and time.
bool same(const Evidence& a, const Evidence& b) {
  return a.phase == b.phase && a.where == b.where && a.fact == b.fact && a.notes == b.notes;
}

/// The next position at or after `i` that a capture can show as well.
std::size_t shown(const std::vector<Evidence>& evidence, std::size_t i) {
  while (i < evidence.size() && evidence[i].live_only) ++i;
  return i;
}

std::string placed(const Evidence& e) {
  return fmt::format("{} ({}, by {}, offset {}, {} octets)", describe(e), name_of(e.phase),
                     name_of(e.where.side), e.where.offset, e.where.size);
}

std::string difference(const Evidence& a, const Evidence& b) {
  if (placed(a) != placed(b)) return fmt::format("{} against {}", placed(a), placed(b));
  if (a.where.layer != b.where.layer) return placed(a) + ": another layer";
  if (a.fact != b.fact) {
    const auto* left = std::get_if<Ending>(&a.fact);
    const auto* right = std::get_if<Ending>(&b.fact);
    if (left != nullptr && right != nullptr) {
      return fmt::format("{}: after {} and {} octets{} against {} and {}{}", placed(a),
                         left->client_bytes, left->server_bytes,
                         left->mid_message ? ", inside a message" : "", right->client_bytes,
                         right->server_bytes, right->mid_message ? ", inside a message" : "");
    }
    return placed(a) + ": the facts differ";
  }
  return fmt::format("{}: {} notes against {}, or other ones", placed(a), a.notes.size(),
                     b.notes.size());
}

}  // namespace

std::string_view name_of(Ending::How how) {
  switch (how) {
    case Ending::How::kClose:
      return "close";
    case Ending::How::kReset:
      return "reset";
    case Ending::How::kRefused:
      return "refused";
    case Ending::How::kUnreachable:
      return "unreachable";
    case Ending::How::kUnanswered:
      return "unanswered";
    case Ending::How::kLocal:
      return "local";
    case Ending::How::kCaptureEnd:
      return "capture_end";
  }
  return "close";
}

std::string_view name_of(KdcTalk::Outcome outcome) {
  switch (outcome) {
    case KdcTalk::Outcome::kGranted:
      return "granted";
    case KdcTalk::Outcome::kRefused:
      return "refused";
    case KdcTalk::Outcome::kUnreachable:
      return "unreachable";
    case KdcTalk::Outcome::kTimeout:
      return "timeout";
    case KdcTalk::Outcome::kUnavailable:
      return "unavailable";
  }
  return "unavailable";
}

std::string describe(const Evidence& evidence) {
  return std::visit(
      Overloaded{
          [](const Resolved& r) {
            return r.addresses.empty() ? "name not resolved" : std::string("name resolved");
          },
          [](const Connecting&) { return std::string("TCP SYN"); },
          [](const Connected&) { return std::string("TCP SYN-ACK"); },
          [](const IcmpError& e) {
            return fmt::format(
                "ICMP{} {}", e.v6 ? "v6" : "",
                e.meaning.empty() ? fmt::format("type {} code {}", e.type, e.code) : e.meaning);
          },
          [](const BeginsLate&) { return std::string("the capture begins inside the connection"); },
          [&](const ProxyOpening& p) { return described(p, evidence.where.side); },
          [](const rdp::ConnectionRequest&) { return std::string("X.224 Connection Request"); },
          [](const rdp::ConnectionConfirm& c) { return described(c); },
          [](const rdp::DisconnectRequest& d) {
            return fmt::format("X.224 Disconnect Request, reason {}", d.reason);
          },
          [](const rdp::DisconnectProviderUltimatum& d) {
            return fmt::format("MCS Disconnect Provider Ultimatum, reason {}", d.reason);
          },
          [](const rdp::DataTpdu&) { return std::string("X.224 Data"); },
          [](const tls::ClientHello& h) {
            return std::string(h.ssl2_format ? "TLS ClientHello in SSLv2 format"
                                             : "TLS ClientHello");
          },
          [](const tls::ServerHello& h) {
            return std::string(h.hello_retry_request ? "TLS HelloRetryRequest" : "TLS ServerHello");
          },
          [](const Certificates& c) {
            return c.chain.empty() ? "TLS Certificate, empty" : std::string("TLS Certificate");
          },
          [](const tls::ServerKeyExchange&) { return std::string("TLS ServerKeyExchange"); },
          [](const tls::CertificateRequest&) { return std::string("TLS CertificateRequest"); },
          [](const EncryptedExtensions&) { return std::string("TLS EncryptedExtensions"); },
          [](const HandshakeMessage& m) { return described(m); },
          [](const ChangeCipherSpec&) { return std::string("TLS ChangeCipherSpec"); },
          [](const TlsAlert& a) { return described(a); },
          [](const ProtectedRecord& r) { return described(r); },
          [](const ApplicationData& a) {
            return std::string(a.begins_message ? "TLS application data, the beginning of a message"
                                                : "TLS application data");
          },
          [](const CredsspMessage& m) { return described(m); },
          [](const auth::EarlyUserAuthorizationResult& r) { return described(r); },
          [](const auth::RdstlsPdu& p) { return described(p); },
          [](const KdcTalk& k) { return described(k); },
          [](const Malformed& m) {
            return fmt::format("malformed {}: {}", m.what, m.error.message());
          },
          [](const Unexpected& u) {
            return u.expected.empty() ? fmt::format("unexpected {}", u.got)
                                      : fmt::format("unexpected {}, {} was due", u.got, u.expected);
          },
          [](const ForeignProtocol& f) {
            return f.protocol.empty() ? "octets of another protocol"
                                      : fmt::format("another protocol: {}", f.protocol);
          },
          [](const Gap& g) { return described(g); },
          [](const Ending& e) { return described(e); },
      },
      evidence.fact);
}

bool same_evidence(const HandshakeRecord& a, const HandshakeRecord& b) {
  auto i = shown(a.evidence, 0);
  auto j = shown(b.evidence, 0);
  while (i < a.evidence.size() && j < b.evidence.size()) {
    if (!same(a.evidence[i], b.evidence[j])) return false;
    i = shown(a.evidence, i + 1);
    j = shown(b.evidence, j + 1);
  }
  return i == a.evidence.size() && j == b.evidence.size();
}

std::string first_difference(const HandshakeRecord& a, const HandshakeRecord& b) {
  auto i = shown(a.evidence, 0);
  auto j = shown(b.evidence, 0);
  for (std::size_t n = 1;; ++n) {
    const bool left = i < a.evidence.size();
    const bool right = j < b.evidence.size();
    if (!left && !right) return {};
    if (!right) return fmt::format("evidence {}: only the first has {}", n, placed(a.evidence[i]));
    if (!left) return fmt::format("evidence {}: only the second has {}", n, placed(b.evidence[j]));
    if (!same(a.evidence[i], b.evidence[j])) {
      return fmt::format("evidence {}: {}", n, difference(a.evidence[i], b.evidence[j]));
    }
    i = shown(a.evidence, i + 1);
    j = shown(b.evidence, j + 1);
  }
}

}  // namespace rdpwhy::record
