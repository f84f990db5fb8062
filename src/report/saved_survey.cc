// Reads back what tls_survey_json.cc writes. A file that somebody hands over is as hostile as a
// server: every value is asked for its type, lists are bounded, unknown keys are passed over.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "rdpwhy/report/tls_survey.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::report {
namespace {

using Json = nlohmann::json;
using survey::Finding;
using survey::Known;
using survey::Listing;
using survey::Preference;

constexpr std::size_t kMostItems = 4096;  ///< of one list; no registry has as many

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text(const Json& object, const char* key) {
  const auto* value = member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool flag(const Json& object, const char* key) {
  const auto* value = member(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

template <typename Number>
std::optional<Number> number(const Json& object, const char* key) {
  const auto* value = member(object, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  const auto read = value->get<std::int64_t>();
  if (read < 0 || read > std::numeric_limits<Number>::max()) return std::nullopt;
  return static_cast<Number>(read);
}

/// Each item of a list, as far as lists go.
template <typename Use>
void each(const Json& object, const char* key, Use use) {
  const auto* list = member(object, key);
  if (list == nullptr || !list->is_array()) return;
  std::size_t count = 0;
  for (const auto& item : *list) {
    if (++count > kMostItems) return;
    use(item);
  }
}

Known known_named(const std::string& name) {
  return name == "yes" ? Known::kYes : name == "no" ? Known::kNo : Known::kUnknown;
}

Preference preference_named(const std::string& name) {
  for (const auto preference : {Preference::kServer, Preference::kClient, Preference::kMixed}) {
    if (survey::name_of(preference) == name) return preference;
  }
  return Preference::kUnknown;
}

Finding finding_in(const Json& object, const char* key) {
  const auto* value = member(object, key);
  if (value == nullptr) return {};
  return {.known = known_named(text(*value, "known")), .reason = text(*value, "reason")};
}

void add_codes(const Json& object, const char* key, std::vector<std::uint16_t>& codes) {
  each(object, key, [&](const Json& item) {
    if (const auto code = number<std::uint16_t>(item, "code")) codes.push_back(*code);
  });
}

Listing listing_in(const Json& object, const char* accepted) {
  Listing listing{.asked = true};
  add_codes(object, accepted, listing.accepted);
  add_codes(object, "undecided", listing.undecided);
  listing.reason = text(object, "undecided_because");
  return listing;
}

/// Absent or null: nothing was asked.
void read_listing(const Json& report, const char* key, Listing& listing,
                  Preference* preference = nullptr) {
  const auto* value = member(report, key);
  if (value == nullptr || !value->is_object()) return;
  listing = listing_in(*value, "accepted");
  // So stands what was not asked for a reason.
  listing.asked =
      !(listing.accepted.empty() && listing.undecided.empty() && !listing.reason.empty());
  if (preference != nullptr) *preference = preference_named(text(*value, "preference"));
}

std::optional<std::uint16_t> version_named(const std::string& name) {
  for (const auto version :
       {survey::kSsl3, survey::kTls10, survey::kTls11, survey::kTls12, survey::kTls13}) {
    if (tls::version_name(version) == name) return version;
  }
  return std::nullopt;
}

void read_version(const Json& item, survey::Result& result) {
  const auto version = version_named(text(item, "version"));
  if (!version || result.version(*version) != nullptr) return;
  survey::VersionFinding finding;
  finding.version = *version;
  finding.accepted = {.known = known_named(text(item, "accepted")), .reason = text(item, "reason")};
  finding.listing = listing_in(item, "suites");
  for (const auto suite : finding.listing.accepted) {
    finding.suites.push_back({});
    finding.suites.back().suite = suite;
  }
  finding.preference = preference_named(text(item, "preference"));
  finding.in_one_hello = flag(item, "in_server_order");
  result.versions.push_back(std::move(finding));
}

void read_certificate(const Json& item, survey::Result& result) {
  auto facts = std::make_shared<record::CertificateFacts>();
  const auto* chain = member(item, "chain");
  if (chain == nullptr || !chain->is_array() || chain->empty()) return;
  const auto& leaf = chain->front();
  facts->subject = text(leaf, "subject");
  facts->issuer = text(leaf, "issuer");
  facts->sha256 = text(leaf, "sha256");
  if (const auto* key = member(leaf, "key")) {
    facts->key.type = text(*key, "type");
    facts->key.bits = number<int>(*key, "bits").value_or(0);
  }
  survey::CertificateFinding finding;
  finding.chain = {std::move(facts)};
  finding.with_server_name = flag(item, "with_server_name");
  finding.without_server_name = flag(item, "without_server_name");
  result.certificates.push_back(std::move(finding));
}

void read_properties(const Json& report, survey::Extensions& found) {
  const auto* value = member(report, "properties");
  if (value == nullptr) return;
  using E = survey::Extensions;
  static constexpr std::pair<const char*, Finding E::*> kPlaces[] = {
      {"extended_master_secret", &E::extended_master_secret},
      {"encrypt_then_mac", &E::encrypt_then_mac},
      {"secure_renegotiation", &E::secure_renegotiation},
      {"session_ticket", &E::session_ticket},
      {"session_id", &E::session_id},
      {"tls13_ticket", &E::tls13_ticket},
      {"ocsp_stapling", &E::ocsp_stapling},
      {"heartbeat", &E::heartbeat},
      {"compression", &E::compression},
      {"record_size_limit", &E::record_size_limit},
      {"alpn", &E::alpn},
      {"fallback_scsv", &E::fallback_scsv},
      {"client_certificate", &E::client_certificate},
      {"needs_server_name", &E::needs_server_name},
  };
  for (const auto& [key, place] : kPlaces) found.*place = finding_in(*value, key);
}

survey::Result result_in(const Json& report) {
  survey::Result result;
  if (const auto* calibration = member(report, "calibration"))
    result.calibration.answered = flag(*calibration, "answered");
  result.stopped = text(report, "stopped");
  each(report, "versions", [&](const Json& item) { read_version(item, result); });
  read_listing(report, "groups", result.groups, &result.group_preference);
  read_listing(report, "groups_tls13", result.groups_tls13, &result.group_preference_tls13);
  read_listing(report, "finite_field_groups", result.finite_field_groups);
  read_listing(report, "signature_algorithms", result.signature_algorithms);
  read_listing(report, "signature_algorithms_tls13", result.signature_algorithms_tls13);
  each(report, "dh_bits", [&](const Json& item) {
    if (const auto bits = number<std::uint32_t>(item, "bits")) result.dh_bits.push_back(*bits);
  });
  std::ranges::sort(result.dh_bits);
  read_properties(report, result.extensions);
  each(report, "certificates", [&](const Json& item) { read_certificate(item, result); });
  return result;
}

/// The parser goes as deep as the octets say: who nests a million brackets gets no stack of ours.
bool nests_too_deep(std::string_view json) {
  constexpr int kDeepest = 32;
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::expected<SavedSurvey, Error> read_saved_survey(std::string_view json) {
  if (nests_too_deep(json)) return std::unexpected(Error{"it is no survey: it nests too deep"});
  const auto report = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (report.is_discarded()) {
    return std::unexpected(
        Error{"it is not one JSON object (rdpwhy tls --json writes one line for each target)"});
  }
  const auto schema = text(report, "schema");
  if (schema != "rdpwhy.tls/1") {
    return std::unexpected(
        Error{schema.empty()
                  ? std::string("it is no report of rdpwhy tls --json")
                  : fmt::format("it is of schema {}, not rdpwhy.tls/1", schema.substr(0, 40))});
  }
  SavedSurvey saved{.target = {}, .result = result_in(report)};
  if (const auto* source = member(report, "source")) saved.target = text(*source, "target");
  return saved;
}

}  // namespace rdpwhy::report
