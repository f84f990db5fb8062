#include "rdpwhy/survey/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::survey {
namespace {

using record::EndedHow;
using tls::HandshakeType;

bool is_message(const record::HandshakeMessage* message, HandshakeType type) {
  return message != nullptr && message->type == static_cast<std::uint8_t>(type);
}

void take_hello(const tls::ServerHello& hello, Selection& selection) {
  selection.version = hello.version();
  selection.suite = hello.cipher_suite;
  selection.compression = hello.compression_method;
  selection.hello_retry = hello.hello_retry_request;
  for (const auto& extension : hello.extensions) selection.extensions.push_back(extension.type);
  selection.alpn = hello.alpn;
  selection.downgrade = hello.downgrade;
  const bool is_tls13 = tls::is_tls13(selection.version);
  selection.session_id = !is_tls13 && !hello.session_id.empty();
  if (hello.key_share) selection.group = hello.key_share->group;
  selection.complete = is_tls13;  // what follows cannot be read without keys
}

void take_flight(const Evidence& e, Selection& selection) {
  if (const auto* exchange = std::get_if<tls::ServerKeyExchange>(&e.fact)) {
    if (exchange->group) selection.group = exchange->group;
    selection.dh_bits = exchange->dh_bits;
    if (exchange->signature_algorithm)
      selection.signature_algorithm = exchange->signature_algorithm;
  } else if (const auto* certificates = std::get_if<record::Certificates>(&e.fact)) {
    if (selection.chain.empty()) selection.chain = certificates->chain;
  } else if (const auto* request = record::get_if<tls::CertificateRequest>(&e.fact)) {
    selection.certificate_request = *request;
  } else if (const auto* message = std::get_if<record::HandshakeMessage>(&e.fact)) {
    if (message->signature_algorithm) selection.signature_algorithm = message->signature_algorithm;
    selection.certificate_status |= is_message(message, HandshakeType::kCertificateStatus);
    selection.complete |= is_message(message, HandshakeType::kServerHelloDone);
    selection.ticket |= is_message(message, HandshakeType::kNewSessionTicket);
  }
}

std::optional<Selection> selection_in(const HandshakeRecord& record) {
  std::optional<Selection> selection;
  for (const auto& e : record.evidence) {
    if (e.where.side != Side::kServer) continue;
    if (const auto* hello = record::get_if<tls::ServerHello>(&e.fact)) {
      // Behind a HelloRetryRequest, whole handshakes only, comes the one that counts.
      if (selection && !selection->hello_retry) break;
      take_hello(*hello, selection.emplace());
    } else if (selection) {
      take_flight(e, *selection);
    }
  }
  return selection;
}

std::optional<std::uint8_t> fatal_alert(const HandshakeRecord& record) {
  for (const auto& e : record.evidence) {
    const auto* alert = std::get_if<record::TlsAlert>(&e.fact);
    if (alert == nullptr || e.where.side != Side::kServer || !alert->alert) continue;
    if (alert->alert->level == tls::Alert::kFatal) return alert->alert->description;
  }
  return std::nullopt;
}

Refusal refusal_in(const HandshakeRecord& record) {
  Refusal refusal{.phase = {}, .how = EndedHow::kClose, .by = Side::kNetwork};
  const auto* confirm = record::first<rdp::ConnectionConfirm>(record);
  const auto course = record::progress(record);
  if (const auto& failure = course.failure) {
    refusal.phase = failure->phase;
    refusal.how = failure->how;
    refusal.by = failure->by;
    refusal.after = failure->after_ns;
  }
  if (confirm != nullptr) {
    if (const auto* failure = confirm->failure()) {
      refusal.failure_code = failure->failure_code;
    } else {
      const auto* response = confirm->response();
      const auto selected = response == nullptr ? 0 : response->selected_protocol;
      if (selected == 0) refusal.selected_protocol = selected;
    }
  }
  if (refusal.phase == Phase::kTls) {
    // Some close with a warning of their own; what counts is the fatal one.
    if (const auto alert = fatal_alert(record)) {
      refusal.how = EndedHow::kAlert;
      refusal.by = Side::kServer;
      refusal.alert = alert;
    }
  }
  return refusal;
}

bool lists(const std::vector<std::uint16_t>& list, std::uint16_t value) {
  return std::ranges::find(list, value) != list.end();
}

std::string phase_words(const Refusal& refusal) {
  if (!refusal.phase || refusal.answers_hello()) return {};
  return fmt::format(" in {}", record::row_of(*refusal.phase).title);
}

}  // namespace

bool Selection::has_extension(tls::ExtensionType type) const {
  return lists(extensions, static_cast<std::uint16_t>(type));
}

Answer answer_of(const HandshakeRecord& record) {
  Answer answer{.selection = selection_in(record), .refusal = {}};
  if (!answer.selection) answer.refusal = refusal_in(record);
  return answer;
}

std::string not_offered(const HelloOffer& offer, const Selection& selection) {
  if (!offer.offers_version(selection.version) &&
      !(offer.version >= kTls13 && selection.version <= kTls12)) {  // who knows no TLS 1.3
    return tls::version_name(selection.version);
  }
  if (!lists(offer.suites, selection.suite))
    return tls::name_or_hex(tls::cipher_suite_name(selection.suite), selection.suite);
  if (std::ranges::find(offer.compression, selection.compression) == offer.compression.end())
    return fmt::format("compression method {}", selection.compression);
  if (selection.group && !offer.groups.empty() && !lists(offer.groups, *selection.group))
    return tls::name_or_hex(tls::group_name(*selection.group), *selection.group);
  if (selection.signature_algorithm && !offer.signature_algorithms.empty() &&
      !lists(offer.signature_algorithms, *selection.signature_algorithm)) {
    return tls::name_or_hex(tls::signature_scheme_name(*selection.signature_algorithm),
                            *selection.signature_algorithm);
  }
  return {};
}

std::string in_words(const Refusal& refusal) {
  if (refusal.alert) {
    const auto name = tls::alert_name(*refusal.alert);
    return fmt::format("alert {}", name ? std::string(*name) : std::to_string(*refusal.alert));
  }
  if (refusal.failure_code) {
    const auto name = codes::name(codes::Family::kNegotiationFailure, *refusal.failure_code);
    return fmt::format("negotiation failure {}",
                       name ? std::string(*name) : std::to_string(*refusal.failure_code));
  }
  if (refusal.selected_protocol) return "the server selected Standard RDP Security, without TLS";
  switch (refusal.how) {
    case EndedHow::kClose:
      return "the connection was closed" + phase_words(refusal);
    case EndedHow::kReset:
      return "the connection was reset" + phase_words(refusal);
    case EndedHow::kTimeout:
      return "no answer" + phase_words(refusal);
    case EndedHow::kRefused:
      return "the port refused the connection";
    case EndedHow::kUnreachable:
      return "the host could not be reached";
    case EndedHow::kMalformed:
      return "what came is no TLS" + phase_words(refusal);
    case EndedHow::kAlert:
    case EndedHow::kFailurePdu:
    case EndedHow::kCaptureEnd:
      break;
  }
  return fmt::format("{}{}", record::name_of(refusal.how), phase_words(refusal));
}

}  // namespace rdpwhy::survey
