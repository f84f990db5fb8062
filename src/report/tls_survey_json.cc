// One survey as one JSON object, "rdpwhy.tls/1". The schema of it stands beside this file
// (tls.schema.json), and every printed object is checked against it in tests.
#include "rdpwhy/base/time.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/report/tls_survey.h"
#include "rdpwhy/tls/registry.h"
#include "report/json_parts.h"

namespace rdpwhy::report {
namespace {

using survey::Finding;
using survey::Known;
using survey::Listing;

void write_source(JsonWriter& w, const Source& source) {
  w.key("source");
  w.begin_object();
  w.member("kind", "live");
  w.member("transport", "tcp");
  w.member("target", source.target);
  if (!source.address.empty()) {
    w.member("address", source.address);
  } else if (source.proxy.empty()) {
    w.member_null("address");
  }
  w.member_number("port", source.port);
  w.end_object();
}

void write_refusal(JsonWriter& w, const survey::Refusal& refusal) {
  w.begin_object();
  if (refusal.phase) w.member("phase", record::name_of(*refusal.phase));
  w.member("by", record::name_of(refusal.by));
  w.member("how", record::name_of(refusal.how));
  if (refusal.alert) {
    w.key("alert");
    write_code(w, *refusal.alert, tls::alert_name(*refusal.alert));
  }
  if (refusal.failure_code) {
    w.key("failure");
    write_code(w, *refusal.failure_code,
               codes::name(codes::Family::kNegotiationFailure, *refusal.failure_code));
  }
  if (refusal.selected_protocol)
    w.member("selected_protocol", rdp::selected_protocol_name(*refusal.selected_protocol));
  w.member("says", survey::in_words(refusal));
  w.end_object();
}

void member_finding(JsonWriter& w, JsonKey key, const Finding& finding) {
  w.key(key);
  w.begin_object();
  w.member("known", survey::name_of(finding.known));
  if (!finding.reason.empty()) w.member("reason", finding.reason);
  w.end_object();
}

void member_weak(JsonWriter& w, std::string_view weakness) {
  if (!weakness.empty()) w.member("weak", weakness);
}

/// How numbers of one registry are written.
struct Naming {
  std::optional<std::string_view> (*name)(std::uint16_t);
  std::string_view (*weakness)(std::uint16_t);
};
constexpr Naming kGroups{tls::group_name, survey::weakness_of_group};
constexpr Naming kAlgorithms{tls::signature_scheme_name, survey::weakness_of_signature_algorithm};

void write_undecided(JsonWriter& w, const Listing& listing,
                     std::optional<std::string_view> (*name)(std::uint16_t)) {
  w.key("undecided");
  w.begin_array();
  for (const auto code : listing.undecided) write_code(w, code, name(code));
  w.end_array();
  if (!listing.reason.empty()) w.member("undecided_because", listing.reason);
  if (listing.refusal) {
    w.key("refused_rest_by");
    write_refusal(w, *listing.refusal);
  }
}

void member_listing(JsonWriter& w, JsonKey key, const Listing& listing, const Naming& naming,
                    const survey::Preference* preference = nullptr) {
  w.key(key);
  if (!listing.asked && listing.reason.empty()) {  // there is no suite that needs one
    w.null();
    return;
  }
  w.begin_object();
  w.key("accepted");
  w.begin_array();
  for (const auto code : listing.accepted) {
    w.begin_object();
    w.member_number("code", code);
    if (const auto name = naming.name(code)) {
      w.member("name", *name);
    } else {
      w.member_null("name");
    }
    member_weak(w, naming.weakness(code));
    w.end_object();
  }
  w.end_array();
  write_undecided(w, listing, naming.name);
  if (preference != nullptr) w.member("preference", survey::name_of(*preference));
  w.end_object();
}

void write_suite(JsonWriter& w, const survey::SuiteFinding& suite) {
  w.begin_object();
  w.member_number("code", suite.suite);
  if (const auto name = tls::cipher_suite_name(suite.suite)) {
    w.member("name", *name);
  } else {
    w.member_null("name");
  }
  if (suite.group) w.member("group", tls::name_or_hex(tls::group_name(*suite.group), *suite.group));
  if (suite.dh_bits) w.member_number("dh_bits", *suite.dh_bits);
  if (const auto algorithm = suite.signature_algorithm)
    w.member("signature_algorithm",
             tls::name_or_hex(tls::signature_scheme_name(*algorithm), *algorithm));
  if (!suite.key_type.empty()) w.member("certificate_key", suite.key_type);
  if (!suite.complete) w.member("flight_incomplete", true);
  member_weak(w, survey::weakness_of_suite(suite.suite));
  w.end_object();
}

void write_version(JsonWriter& w, const survey::VersionFinding& finding) {
  w.begin_object();
  w.member("version", tls::version_name(finding.version));
  w.member("accepted", survey::name_of(finding.accepted.known));
  if (!finding.accepted.reason.empty()) w.member("reason", finding.accepted.reason);
  if (finding.accepted.known == Known::kYes)
    member_weak(w, survey::weakness_of_version(finding.version));
  w.key("suites");
  w.begin_array();
  for (const auto& suite : finding.suites) write_suite(w, suite);
  w.end_array();
  write_undecided(w, finding.listing, tls::cipher_suite_name);
  if (finding.accepted.known == Known::kYes) {
    w.member("preference", survey::name_of(finding.preference));
    w.member("in_server_order", finding.in_server_order());
    member_finding(w, "downgrade_sentinel", finding.downgrade_sentinel);
  }
  w.end_object();
}

/// Asked in a form of its own, which this survey does not speak.
void write_ssl2(JsonWriter& w) {
  w.begin_object();
  w.member("version", "SSLv2");
  w.member("accepted", survey::name_of(Known::kUnknown));
  w.member("reason", "not tested");
  w.key("suites");
  w.begin_array();
  w.end_array();
  w.key("undecided");
  w.begin_array();
  w.end_array();
  w.end_object();
}

void write_calibration(JsonWriter& w, const survey::Calibration& calibration) {
  w.key("calibration");
  w.begin_object();
  w.member("answered", calibration.answered);
  w.member_texts("requested_protocols", rdp::protocol_names({calibration.requested_protocols}));
  w.key("refusals");
  w.begin_array();
  for (const auto& refusal : calibration.refusals) write_refusal(w, refusal);
  w.end_array();
  if (calibration.answered) {
    w.key("refuses_by");
    if (calibration.way) {
      write_refusal(w, *calibration.way);
    } else {
      w.null();
    }
    w.member_number("suites_per_hello", calibration.most_suites);
    w.member("reads_all_suites", calibration.most_suites >= calibration.wanted_suites);
    w.member("reads_long_lists", !calibration.short_lists);
    w.member("reads_extensions", !calibration.no_extensions);
    w.member("tls13_needs_key_share", calibration.keys_first);
  }
  w.end_object();
}

void write_extensions(JsonWriter& w, const survey::Extensions& found) {
  w.key("properties");
  w.begin_object();
  member_finding(w, "extended_master_secret", found.extended_master_secret);
  member_finding(w, "encrypt_then_mac", found.encrypt_then_mac);
  member_finding(w, "secure_renegotiation", found.secure_renegotiation);
  member_finding(w, "session_ticket", found.session_ticket);
  member_finding(w, "session_id", found.session_id);
  member_finding(w, "tls13_ticket", found.tls13_ticket);
  member_finding(w, "ocsp_stapling", found.ocsp_stapling);
  member_finding(w, "heartbeat", found.heartbeat);
  member_finding(w, "compression", found.compression);
  member_finding(w, "record_size_limit", found.record_size_limit);
  member_finding(w, "alpn", found.alpn);
  member_finding(w, "fallback_scsv", found.fallback_scsv);
  member_finding(w, "client_certificate", found.client_certificate);
  member_finding(w, "needs_server_name", found.needs_server_name);
  w.member_texts("alpn_protocols", found.alpn_protocols);
  w.key("client_certificate_types");
  w.begin_array();
  for (const auto type : found.client_certificate_types) w.number(type);
  w.end_array();
  w.end_object();
}

void write_certificates(JsonWriter& w, const std::vector<survey::CertificateFinding>& found) {
  w.key("certificates");
  w.begin_array();
  for (const auto& finding : found) {
    w.begin_object();
    w.member("with_server_name", finding.with_server_name);
    w.member("without_server_name", finding.without_server_name);
    w.key("versions");
    w.begin_array();
    for (const auto version : finding.versions) w.text(tls::version_name(version));
    w.end_array();
    w.key("chain");
    w.begin_array();
    for (const auto& certificate : finding.chain) write_certificate(w, *certificate);
    w.end_array();
    w.end_object();
  }
  w.end_array();
}

void write_dh(JsonWriter& w, const std::vector<std::uint32_t>& sizes) {
  w.key("dh_bits");
  w.begin_array();
  for (const auto bits : sizes) {
    w.begin_object();
    w.member_number("bits", bits);
    member_weak(w, survey::weakness_of_dh_bits(bits));
    w.end_object();
  }
  w.end_array();
}

void write_asked(JsonWriter& w, const std::vector<survey::Asked>& asked) {
  w.member_number("connections", asked.size());
  w.key("asked");
  w.begin_array();
  for (const auto& one : asked) {
    w.begin_object();
    w.member("about", one.about);
    w.member("outcome", one.outcome);
    w.end_object();
  }
  w.end_array();
}

void write_jarm(JsonWriter& w, const JarmFound& jarm) {
  w.key("jarm");
  w.begin_object();
  if (jarm.fingerprint.empty()) {
    w.member_null("fingerprint");
    w.member("reason", jarm.why_none);
  } else {
    w.member("fingerprint", jarm.fingerprint);
    w.member_texts("answers", jarm.answers);
  }
  w.end_object();
}

}  // namespace

void append_json(std::string& out, const TlsSurveySubject& subject) {
  const auto& result = *subject.result;
  JsonWriter w(out);
  w.begin_object();
  w.member("schema", "rdpwhy.tls/1");
  write_source(w, subject.source);
  w.member("started", base::to_rfc3339(subject.started, 6));
  w.key("took_ms");
  w.milliseconds(subject.took);
  w.member("complete", result.is_complete());
  if (!result.stopped.empty()) w.member("stopped", result.stopped);
  w.member("throttled", result.throttled);
  write_calibration(w, result.calibration);
  w.key("versions");
  w.begin_array();
  if (!result.versions.empty()) write_ssl2(w);
  for (const auto& finding : result.versions) write_version(w, finding);
  w.end_array();
  member_listing(w, "groups", result.groups, kGroups, &result.group_preference);
  member_listing(w, "groups_tls13", result.groups_tls13, kGroups, &result.group_preference_tls13);
  member_listing(w, "finite_field_groups", result.finite_field_groups, kGroups);
  write_dh(w, result.dh_bits);
  member_listing(w, "signature_algorithms", result.signature_algorithms, kAlgorithms);
  member_listing(w, "signature_algorithms_tls13", result.signature_algorithms_tls13, kAlgorithms);
  write_extensions(w, result.extensions);
  write_certificates(w, result.certificates);
  if (subject.jarm) write_jarm(w, *subject.jarm);
  w.member_texts("anomalies", result.anomalies);
  write_asked(w, result.asked);
  if (!subject.remarks.empty()) w.member_texts("remarks", subject.remarks);
  w.end_object();
}

}  // namespace rdpwhy::report
