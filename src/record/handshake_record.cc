#include "rdpwhy/record/handshake_record.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/record/summary.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"
#include "record/credssp_names.h"
#include "record/session_names.h"

namespace rdpwhy::record {
namespace {

template <typename... T>
struct Overloaded : T... {
  using T::operator()...;
};

template <typename... Arguments>
void append_formatted(std::string& out, fmt::format_string<Arguments...> form,
                      Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(out), form, std::forward<Arguments>(arguments)...);
}

void append_named(std::string& out, std::string_view what, std::optional<std::string_view> name,
                  unsigned number) {
  out += what;
  out += name ? std::string(*name) : std::to_string(number);
}

void append(std::string& out, const ProxyOpening& opening, Side side) {
  const auto target = opening.target.empty() ? "" : " to " + base::printable(opening.target);
  if (side == Side::kClient) {
    append_formatted(out, "{} opening{}", opening.protocol, target);
  } else {
    append_formatted(out, "{} answer: {}{}", opening.protocol,
                     opening.granted ? "granted" : "refused",
                     opening.answer.empty() ? "" : " (" + base::printable(opening.answer) + ")");
  }
}

void append(std::string& out, const rdp::ConnectionConfirm& confirm) {
  out += "X.224 Connection Confirm";
  if (const auto* failure = confirm.failure()) {
    const auto code = failure->failure_code;  // hex where only a number is left, as elsewhere
    if (code <= 6) {
      append_formatted(out, " with RDP_NEG_FAILURE {}", code);
    } else {
      append_formatted(out, " with RDP_NEG_FAILURE 0x{:x}", code);
    }
  } else if (const auto* response = confirm.response()) {
    append_formatted(out, ", {} selected",
                     rdp::selected_protocol_name(response->selected_protocol));
  } else {
    out += " without negotiation data";
  }
}

void append(std::string& out, const TlsAlert& alert) {
  out += "TLS alert";
  if (!alert.alert) {
    out += ", encrypted";
    return;
  }
  const auto level = alert.alert->level;
  out += level == tls::Alert::kFatal     ? " fatal "
         : level == tls::Alert::kWarning ? " warning "
                                         : " of unknown level ";
  append_named(out, "", tls::alert_name(alert.alert->description), alert.alert->description);
}

std::string_view title_of(tls::HandshakeType type) {
  switch (type) {
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
      return {};
  }
}

void append(std::string& out, const HandshakeMessage& message) {
  const auto title = title_of(static_cast<tls::HandshakeType>(message.type));
  out += title;
  if (!title.empty()) return;
  append_named(out, "TLS handshake message ", tls::handshake_type_name(message.type), message.type);
}

void append(std::string& out, const ProtectedRecord& record) {
  switch (static_cast<tls::ContentType>(record.type)) {
    case tls::ContentType::kHandshake:
      out += "TLS handshake message, encrypted";
      break;
    case tls::ContentType::kApplicationData:
      out += "TLS record, encrypted";
      break;
    default:
      append_formatted(out, "TLS record of type {}, encrypted", record.type);
  }
}

void append(std::string& out, const Gap& gap) {
  if (gap.size == 0) {
    out += "octets that are not in the capture";
  } else {
    append_formatted(out, "{} octet{} that {} not in the capture", gap.size,
                     gap.size == 1 ? "" : "s", gap.size == 1 ? "is" : "are");
  }
}

std::string_view title_of(Ending::How how) {
  switch (how) {
    case Ending::How::kClose:
      return "connection closed by ";
    case Ending::How::kReset:
      return "connection reset by ";
    case Ending::How::kRefused:
      return "connection refused by ";
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

void append(std::string& out, const Ending& ending) {
  const auto title = title_of(ending.how);
  out += title;
  if (title.ends_with(" by ")) out += name_of(ending.by);
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

std::string_view name_of(RunFacts::OwnStop::Why why) {
  using Why = RunFacts::OwnStop::Why;
  switch (why) {
    case Why::kNoCredentials:
      return "no_credentials";
    case Why::kCredentialsSpent:
      return "credentials_spent";
    case Why::kKerberosFailed:
      return "kerberos_failed";
    case Why::kMechanismNotOurs:
      return "mechanism_not_ours";
    case Why::kChallengeRefused:
      return "challenge_refused";
    case Why::kMechListMicWrong:
      return "mech_list_mic_wrong";
    case Why::kPublicKeyNotConfirmed:
      return "public_key_not_confirmed";
    case Why::kNothingToDelegate:
      return "nothing_to_delegate";
    case Why::kNoRestrictedAdmin:
      return "no_restricted_admin";
    case Why::kSecurityNotPossible:
      return "security_not_possible";
    case Why::kLicenseNotRequested:
      return "license_not_requested";
    case Why::kLicensingNotPossible:
      return "licensing_not_possible";
  }
  return "no_credentials";
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
  std::string out;
  append_description(out, evidence);
  return out;
}

void append_description(std::string& out, const Evidence& evidence) {
  std::visit(Overloaded{
                 [&](const Resolved& r) {
                   out += r.addresses.empty() ? "name not resolved" : "name resolved";
                 },
                 [&](const Connecting&) { out += "TCP SYN"; },
                 [&](const Connected&) { out += "TCP SYN-ACK"; },
                 [&](const IcmpError& e) {
                   append_formatted(
                       out, "ICMP{} {}", e.v6 ? "v6" : "",
                       !e.meaning.empty() ? e.meaning
                       : e.type ? fmt::format("type {} code {}", *e.type, e.code.value_or(0))
                                : std::string("error"));
                 },
                 [&](const BeginsLate&) { out += "the capture begins inside the connection"; },
                 [&](const ProxyOpening& p) { append(out, p, evidence.where.side); },
                 [&](const rdp::ConnectionRequest&) { out += "X.224 Connection Request"; },
                 [&](const rdp::ConnectionConfirm& c) { append(out, c); },
                 [&](const rdp::DisconnectRequest& d) {
                   append_formatted(out, "X.224 Disconnect Request, reason {}", d.reason);
                 },
                 [&](const rdp::DisconnectProviderUltimatum& d) {
                   append_formatted(out, "MCS Disconnect Provider Ultimatum, reason {}", d.reason);
                 },
                 [&](const rdp::DataTpdu&) { out += "X.224 Data"; },
                 [&](const tls::ClientHello& h) {
                   out += h.ssl2_format ? "TLS ClientHello in SSLv2 format" : "TLS ClientHello";
                 },
                 [&](const tls::ServerHello& h) {
                   out += h.hello_retry_request ? "TLS HelloRetryRequest" : "TLS ServerHello";
                 },
                 [&](const Certificates& c) {
                   out += c.chain.empty() ? "TLS Certificate, empty" : "TLS Certificate";
                 },
                 [&](const tls::ServerKeyExchange&) { out += "TLS ServerKeyExchange"; },
                 [&](const tls::CertificateRequest&) { out += "TLS CertificateRequest"; },
                 [&](const EncryptedExtensions&) { out += "TLS EncryptedExtensions"; },
                 [&](const HandshakeMessage& m) { append(out, m); },
                 [&](const ChangeCipherSpec&) { out += "TLS ChangeCipherSpec"; },
                 [&](const TlsAlert& a) { append(out, a); },
                 [&](const ProtectedRecord& r) { append(out, r); },
                 [&](const ApplicationData& a) {
                   out += a.begins_message ? "TLS application data, the beginning of a message"
                                           : "TLS application data";
                 },
                 [&](const CredsspMessage& m) { out += described(m); },
                 [&](const auth::EarlyUserAuthorizationResult& r) { out += described(r); },
                 [&](const auth::RdstlsPdu& p) { out += described(p); },
                 [&](const KdcTalk& k) { out += described(k); },
                 [&](const Malformed& m) {
                   append_formatted(out, "malformed {}: {}", m.what, m.error.message());
                 },
                 [&](const Unexpected& u) {
                   append_formatted(out, "unexpected {}", u.got);
                   if (!u.expected.empty()) append_formatted(out, ", {} was due", u.expected);
                 },
                 [&](const ForeignProtocol& f) {
                   out += f.protocol.empty() ? "octets of another protocol" : "another protocol: ";
                   out += f.protocol;
                 },
                 [&](const Gap& g) { append(out, g); },
                 [&](const Ending& e) { append(out, e); },
                 [&](const SessionFact auto&) { append_session_description(out, evidence.fact); },
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
