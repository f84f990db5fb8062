// One handshake as one JSON object: contract.md, "rdpwhy.handshake/1". The schema of it stands
// beside this file (handshake.schema.json) and every printed object is checked against it in tests.
#include <fmt/format.h>

#include <algorithm>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/summary.h"
#include "rdpwhy/report/report.h"
#include "rdpwhy/tls/registry.h"
#include "report/bounds.h"
#include "report/credssp.h"
#include "report/experiments.h"
#include "report/json_parts.h"
#include "report/session.h"
#include "report/udp.h"

namespace rdpwhy::report {
namespace {

template <typename Text>
void member_or_null(JsonWriter& w, JsonKey key, const std::optional<Text>& value) {
  if (value) {
    w.member(key, std::string_view(*value));
  } else {
    w.member_null(key);
  }
}

void member_ms(JsonWriter& w, JsonKey key, Nanoseconds ns) {
  w.key(key);
  w.milliseconds(ns);
}

void write_source(JsonWriter& w, const Source& source) {
  w.key("source");
  w.begin_object();
  w.member("kind", source.live ? "live" : "capture");
  w.member("transport", "tcp");
  if (source.live) {
    w.member("target", source.target);
    if (!source.address.empty()) {
      w.member("address", source.address);
    } else if (source.proxy.empty()) {
      w.member_null("address");
    }
    w.member_number("port", source.port);
    if (!source.redirected_from.empty()) w.member("redirected_from", source.redirected_from);
  } else {
    w.member("file", source.file);
    w.member_number("connection", source.connection);
    w.member("client", source.client);
    w.member("server", source.server);
  }
  w.end_object();
}

void write_progress(JsonWriter& w, const record::Progress& progress) {
  w.key("reached");
  if (progress.reached) {
    w.text(record::name_of(*progress.reached));
  } else {
    w.null();
  }
  write_failed(w, progress.failure);
  w.key("phases");
  w.begin_array();
  for (const auto& phase : progress.phases) {
    w.begin_object();
    w.member("phase", record::name_of(phase.phase));
    w.member("status", record::name_of(phase.state));
    if (phase.duration) member_ms(w, "ms", *phase.duration);
    w.end_object();
  }
  w.end_array();
}

void write_request(JsonWriter& w, const rdp::ConnectionRequest& request) {
  member_or_null(w, "cookie", request.cookie);
  member_or_null(w, "routing_token", request.routing_token);
  if (request.negotiation) {
    w.member_texts("requested_protocols", rdp::protocol_names(request.negotiation->requested));
    w.member_texts("request_flags", rdp::request_flag_names(request.negotiation->flags));
  } else {
    w.member_null("requested_protocols");
    w.member_null("request_flags");
  }
  if (request.correlation) {
    w.member("correlation_id", base::to_hex(request.correlation->correlation_id));
  }
}

void write_confirm(JsonWriter& w, const rdp::ConnectionConfirm& confirm) {
  if (const auto* response = confirm.response()) {
    w.member("selected_protocol", rdp::selected_protocol_name(response->selected_protocol));
    w.member_texts("response_flags", rdp::response_flag_names(response->flags));
  } else {
    w.member_null("selected_protocol");
    w.member_null("response_flags");
  }
  w.key("failure");
  if (const auto* failure = confirm.failure()) {
    write_code(w, failure->failure_code,
               codes::name(codes::Family::kNegotiationFailure, failure->failure_code));
  } else {
    w.null();
  }
}

void write_x224(JsonWriter& w, const HandshakeRecord& record) {
  const auto* request = record::first<rdp::ConnectionRequest>(record);
  const auto* confirm = record::first<rdp::ConnectionConfirm>(record);
  const auto* disconnect = record::first<rdp::DisconnectRequest>(record);
  if (request == nullptr && confirm == nullptr && disconnect == nullptr) return;
  w.key("x224");
  w.begin_object();
  if (request != nullptr) write_request(w, *request);
  if (confirm != nullptr) write_confirm(w, *confirm);
  if (disconnect != nullptr) w.member_number("disconnect_reason", disconnect->reason);
  w.end_object();
}

void write_hello_name(JsonWriter& w, std::optional<std::string_view> name, std::uint16_t code) {
  if (name) {
    w.text(*name);
  } else {
    w.text(fmt::format("0x{:04x}", code));
  }
}

using Namer = std::optional<std::string_view> (*)(std::uint16_t);

void member_names(JsonWriter& w, JsonKey key,
                  const std::optional<std::vector<std::uint16_t>>& codes, Namer namer) {
  if (!codes) {
    w.member_null(key);
    return;
  }
  w.key(key);
  w.begin_array();
  for (const auto code : *codes) write_hello_name(w, namer(code), code);
  w.end_array();
}

void member_unless_empty(JsonWriter& w, JsonKey key, const std::string& text) {
  if (!text.empty()) w.member(key, text);
}

/// The fingerprints are the first hello's, the rest is the last one's: they differ in what a
/// HelloRetryRequest asked for.
void write_offered(JsonWriter& w, const tls::ClientHello& hello,
                   const record::Fingerprints* prints) {
  w.key("offered");
  w.begin_object();
  w.key("versions");
  w.begin_array();
  if (hello.supported_versions) {
    for (const auto version : *hello.supported_versions) w.text(tls::version_name(version));
  } else {
    w.text(tls::version_name(hello.legacy_version));
  }
  w.end_array();
  w.key("ciphers");
  w.begin_array();
  for (const auto suite : hello.cipher_suites) w.number(suite);
  w.end_array();
  member_names(w, "groups", hello.supported_groups, tls::group_name);
  member_names(w, "signature_algorithms", hello.signature_algorithms, tls::signature_scheme_name);
  member_or_null(w, "server_name", hello.server_name);
  if (hello.alpn) w.member_texts("alpn", *hello.alpn);
  if (prints != nullptr) {
    const auto& client = prints->client;
    member_unless_empty(w, "ja3", client.ja3);
    // Half of it would be the text of another fingerprint.
    if (client.ja3_text.size() <= kMostOfText) member_unless_empty(w, "ja3_text", client.ja3_text);
    member_unless_empty(w, "ja4", client.ja4);
  }
  w.end_object();
}

void write_alert(JsonWriter& w, const Evidence& evidence) {
  w.begin_object();
  w.member("by", record::name_of(evidence.where.side));
  if (const auto* fact = std::get_if<record::TlsAlert>(&evidence.fact);
      fact != nullptr && fact->alert) {
    const auto& alert = *fact->alert;
    w.member("level", alert.level == tls::Alert::kWarning ? std::string("warning")
                      : alert.level == tls::Alert::kFatal ? std::string("fatal")
                                                          : fmt::format("0x{:02x}", alert.level));
    w.member_number("code", alert.description);
    if (const auto name = tls::alert_name(alert.description)) {
      w.member("name", *name);
    } else {
      w.member_null("name");
    }
  } else {
    w.member("encrypted", true);
  }
  w.end_object();
}

void write_key(JsonWriter& w, const record::CertificateFacts::Key& key) {
  w.key("key");
  w.begin_object();
  w.member("type", key.type);
  w.key("bits");
  w.integer(key.bits);
  if (!key.curve.empty()) w.member("curve", key.curve);
  w.end_object();
}

/// A Moment ends in 2262; "never" (RFC 5280 4.1.2.5) is in the year 9999.
void member_date(JsonWriter& w, JsonKey key, const std::string& text, Moment moment) {
  if (!text.empty()) {
    w.member(key, text);
  } else if (moment != Moment{}) {
    w.member(key, base::to_rfc3339(moment, 0));
  }  // else it cannot be read
}

/// The first names of a certificate; `total` only where more are left out.
void member_bounded_names(JsonWriter& w, JsonKey key, JsonKey total,
                          const std::vector<std::string>& names) {
  w.key(key);
  w.begin_array();
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i)
    w.text(shortened(names[i], kMostOfText));
  w.end_array();
  if (names.size() > kMostNames) w.member_number(total, names.size());
}

}  // namespace

void write_certificate(JsonWriter& w, const record::CertificateFacts& facts) {
  w.begin_object();
  if (!facts.error.empty()) {
    w.member("error", facts.error);
  } else {
    w.member("subject", shortened(facts.subject, kMostOfText));
    w.member("issuer", shortened(facts.issuer, kMostOfText));
    // RFC 5280 4.1.2.2 allows 20 octets; a serial is compared, so it is never cut in the middle.
    if (facts.serial.size() <= kMostOfText) w.member("serial", facts.serial);
    member_date(w, "not_before", facts.not_before_text, facts.not_before);
    member_date(w, "not_after", facts.not_after_text, facts.not_after);
    w.key("version");
    w.integer(facts.version);
    write_key(w, facts.key);
    w.member("signature_algorithm", shortened(facts.signature_algorithm, kMostOfText));
    w.member("self_signed", facts.self_signed);
    member_bounded_names(w, "dns_names", "dns_names_total", facts.dns_names);
    member_bounded_names(w, "ip_addresses", "ip_addresses_total", facts.ip_addresses);
    if (facts.extended_key_usage) {
      member_bounded_names(w, "extended_key_usage", "extended_key_usage_total",
                           *facts.extended_key_usage);
    } else {
      w.member_null("extended_key_usage");
    }
    if (facts.key_usage) w.member_texts("key_usage", *facts.key_usage);
    if (facts.is_ca) w.member("ca", *facts.is_ca);
  }
  if (!facts.sha1.empty()) w.member("sha1", facts.sha1);
  if (!facts.sha256.empty()) w.member("sha256", facts.sha256);
  w.end_object();
}

namespace {

void write_tls(JsonWriter& w, const Subject& subject,
               const std::optional<record::TlsSummary>& summary) {
  if (!summary) return;
  w.key("tls");
  w.begin_object();
  if (summary->version) w.member("version", tls::version_name(*summary->version));
  if (summary->cipher) {
    w.key("cipher");
    write_code(w, *summary->cipher, tls::cipher_suite_name(*summary->cipher));
  }
  if (summary->group) {
    w.key("group");
    write_hello_name(w, tls::group_name(*summary->group), *summary->group);
  }
  if (summary->dh_bits) w.member_number("dh_bits", *summary->dh_bits);
  if (summary->signature_algorithm) {
    const auto code = *summary->signature_algorithm;
    w.key("signature_algorithm");
    write_hello_name(w, tls::signature_scheme_name(code), code);
  }
  if (summary->resumed) w.member("resumed", *summary->resumed);
  if (summary->server_hello != nullptr) w.member("hello_retry", summary->hello_retry);
  if (summary->client_certificate_requested) w.member("client_certificate_requested", true);
  const auto* prints = subject.fingerprints;
  if (summary->client_hello != nullptr) write_offered(w, *summary->client_hello, prints);
  if (prints != nullptr) {
    member_unless_empty(w, "ja3s", prints->server.ja3s);
    member_unless_empty(w, "ja4s", prints->server.ja4s);
  }
  w.key("alerts");
  w.begin_array();
  for (const auto* alert : summary->alerts) write_alert(w, *alert);
  w.end_array();
  if (summary->certificates != nullptr) {
    w.key("certificates");
    w.begin_array();
    for (const auto& certificate : summary->certificates->chain) write_certificate(w, *certificate);
    w.end_array();
    w.member_texts("certificate_problems", subject.certificate_problems);
  }
  w.end_object();
}

void write_run(JsonWriter& w, const std::optional<record::RunFacts>& run) {
  if (!run) return;
  w.key("run");
  w.begin_object();
  if (run->until) w.member("until", record::name_of(*run->until));
  if (!run->local_address.empty()) w.member("local_address", run->local_address);
  if (run->phase_timeout > 0) member_ms(w, "phase_timeout_ms", run->phase_timeout);
  if (run->missed_deadline) w.member("missed_deadline", record::name_of(*run->missed_deadline));
  if (run->rtt_us) member_ms(w, "rtt_ms", static_cast<Nanoseconds>(*run->rtt_us) * 1000);
  if (run->segment_size) w.member_number("segment_size", *run->segment_size);
  if (run->retransmissions) w.member_number("retransmissions", *run->retransmissions);
  if (run->syn_retransmissions) w.member_number("syn_retransmissions", *run->syn_retransmissions);
  if (run->public_key_confirmed) w.member("public_key_confirmed", *run->public_key_confirmed);
  if (const auto& stop = run->own_stop) {
    w.key("own_stop");
    w.begin_object();
    w.member("why", record::name_of(stop->why));
    if (!stop->words.empty()) w.member("words", stop->words);
    w.end_object();
  }
  if (const auto& silent = run->silent_connection) {
    w.key("silent_connection");
    w.begin_object();
    w.member("connected", silent->connected);
    w.member("ended_by_peer", silent->ended_by_peer);
    w.member("reset", silent->reset);
    member_ms(w, "after_ms", silent->after);
    w.member_number("bytes", silent->bytes);
    w.end_object();
  }
  w.end_object();
}

void write_evidence(JsonWriter& w, const Subject& subject) {
  std::string words;
  w.key("evidence");
  w.begin_array();
  for (const auto& evidence : subject.record->evidence) {
    w.begin_object();
    w.member_number("id", evidence.id);
    w.member("phase", record::name_of(evidence.phase));
    w.member("by", record::name_of(evidence.where.side));
    member_ms(w, "at_ms", evidence.at - subject.started);
    words.clear();
    record::append_description(words, evidence);
    w.member("what", words);
    w.member_number("bytes", evidence.where.size);
    w.key("notes");
    w.begin_array();
    for (const auto& note : evidence.notes) {
      w.text(note.field.empty() ? note.text : note.field + ": " + note.text);
    }
    w.end_array();
    if (evidence.live_only) w.member("live_only", true);
    w.end_object();
  }
  w.end_array();
}

void write_because(JsonWriter& w, const std::vector<record::EvidenceId>& because,
                   const std::vector<std::string>& experiments = {}) {
  w.key("because");
  w.begin_array();
  for (const auto id : because) w.number(id);
  for (const auto& name : experiments) w.text(name);
  w.end_array();
}

void write_mstsc(JsonWriter& w, const std::optional<diagnose::MstscCode>& mstsc) {
  w.key("mstsc");
  if (!mstsc) {
    w.null();
    return;
  }
  w.begin_object();
  w.member("code", fmt::format("0x{:x}", mstsc->code));
  if (mstsc->extended) w.member("extended", fmt::format("0x{:x}", *mstsc->extended));
  w.member("confidence", diagnose::name_of(mstsc->confidence));
  w.end_object();
}

std::string_view name_of(diagnose::SawVerdict::Fits fits) {
  switch (fits) {
    case diagnose::SawVerdict::Fits::kYes:
      return "yes";
    case diagnose::SawVerdict::Fits::kNo:
      return "no";
    case diagnose::SawVerdict::Fits::kUnknown:
      break;
  }
  return "unknown";
}

void write_diagnosis(JsonWriter& w, const diagnose::Diagnosis& diagnosis) {
  w.key("diagnosis");
  w.begin_object();
  write_mstsc(w, diagnosis.mstsc);
  w.key("causes");
  w.begin_array();
  for (const auto& cause : diagnosis.causes) {
    w.begin_object();
    w.member("id", cause.id);
    w.member("confidence", diagnose::name_of(cause.confidence));
    w.member("says", cause.says);
    write_because(w, cause.because, cause.experiments);
    w.member_texts("against", cause.against);
    w.member_texts("fix", cause.fix);
    w.end_object();
  }
  w.end_array();
  w.key("warnings");
  w.begin_array();
  for (const auto& warning : diagnosis.warnings) {
    w.begin_object();
    w.member("id", warning.id);
    w.member("says", warning.says);
    write_because(w, warning.because);
    w.end_object();
  }
  w.end_array();
  if (diagnosis.saw) {
    w.key("saw");
    w.begin_object();
    w.member("fits", name_of(diagnosis.saw->fits));
    w.member("says", diagnosis.saw->says);
    w.end_object();
  }
  w.end_object();
}

}  // namespace

void append_json(std::string& out, const Subject& subject) {
  JsonWriter w(out);
  w.begin_object();
  w.member("schema", "rdpwhy.handshake/1");
  write_source(w, subject.source);
  w.member("started", base::to_rfc3339(subject.started, 6));
  if (subject.record != nullptr) {
    std::optional<record::Summary> asked;
    const auto& summary =
        subject.summary ? *subject.summary : asked.emplace(record::summary(*subject.record));
    write_progress(w, summary.progress);
    write_x224(w, *subject.record);
    write_tls(w, subject, summary.tls);
    write_credssp(w, *subject.record);
    write_session(w, *subject.record);
    write_udp(w, subject.udp, subject.started);
    write_run(w, subject.record->run);
    write_evidence(w, subject);
  }
  w.key("experiments");
  w.begin_array();
  if (subject.diagnosis != nullptr) {
    for (const auto& experiment : subject.diagnosis->experiments) write_experiment(w, experiment);
  }
  for (const auto& experiment : subject.encryption) write_experiment(w, experiment);
  w.end_array();
  if (subject.repetitions != nullptr) write_repetitions(w, *subject.repetitions);
  if (subject.diagnosis != nullptr) write_diagnosis(w, *subject.diagnosis);
  if (!subject.remarks.empty()) w.member_texts("remarks", subject.remarks);
  w.end_object();
}

}  // namespace rdpwhy::report
