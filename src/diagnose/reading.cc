#include "diagnose/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::diagnose {
namespace {

using record::Ending;

/// SYN to SYN-ACK as the capture saw it; live the kernel knows better.
std::optional<Nanoseconds> measured_round_trip(const HandshakeRecord& record) {
  if (record.run && record.run->rtt_us) return static_cast<Nanoseconds>(*record.run->rtt_us) * 1000;
  const Evidence* asked = nullptr;
  for (const auto& e : record.evidence) {
    if (std::holds_alternative<record::Connecting>(e.fact)) asked = &e;
    if (std::holds_alternative<record::Connected>(e.fact)) {
      if (asked == nullptr) return {};
      const auto took = e.at - asked->at;
      return took >= 0 ? std::optional(took) : std::nullopt;
    }
  }
  return {};
}

}  // namespace

Reading::Reading(const HandshakeRecord& record_in, const record::Summary& summary,
                 const Circumstances& circumstances_in)
    : record(record_in),
      circumstances(circumstances_in),
      progress(summary.progress),
      tls(summary.tls),
      logon(record_in),
      session(record_in) {
  const auto way = record::proxy_way(record);
  proxied = way.present || !circumstances.proxy.empty();
  proxy_grant = way.granted;
  std::uint64_t answered_bytes = 0;
  for (const auto& e : record.evidence) {
    const bool server = e.where.side == Side::kServer;
    if (record::holds<record::ProxyOpening>(e.fact)) {
      auto& passed = server ? answered_bytes : opening_bytes;
      passed = std::max(passed, e.where.offset + e.where.size);
    }
    if (request == nullptr && record::holds<rdp::ConnectionRequest>(e.fact)) request = &e;
    if (confirm == nullptr && std::holds_alternative<rdp::ConnectionConfirm>(e.fact)) confirm = &e;
    if (record::holds<tls::ClientHello>(e.fact)) client_hello = &e;
    if (record::holds<tls::ServerHello>(e.fact)) server_hello = &e;
    if (server && certificate == nullptr && std::holds_alternative<record::Certificates>(e.fact)) {
      certificate = &e;
    }
    if (record::holds<tls::CertificateRequest>(e.fact)) certificate_request = &e;
    if (foreign == nullptr && std::holds_alternative<record::ForeignProtocol>(e.fact)) foreign = &e;
    if (std::holds_alternative<record::BeginsLate>(e.fact)) begins_late = &e;
    if (gap == nullptr && std::holds_alternative<record::Gap>(e.fact)) gap = &e;
    if (e.where.layer == record::Layer::kWire) {
      auto& seen = server ? server_bytes : client_bytes;
      seen = std::max(seen, e.where.offset + e.where.size);
    }
    if (const auto* end = std::get_if<Ending>(&e.fact)) {
      if (ending == nullptr) ending = &e;
      last_ending = &e;
      client_bytes = std::max(client_bytes, end->client_bytes);
      server_bytes = std::max(server_bytes, end->server_bytes);
      if (end->by == Side::kServer && end->mid_message) server_mid_message = true;
    }
  }
  client_bytes -= std::min(client_bytes, opening_bytes);
  server_bytes -= std::min(server_bytes, answered_bytes);
  if (progress.failure && progress.failure->evidence >= 1 &&
      progress.failure->evidence <= record.evidence.size()) {
    const auto& named = record.evidence[progress.failure->evidence - 1];
    if (std::holds_alternative<Ending>(named.fact)) ending = &named;
  }
  round_trip = measured_round_trip(record);
  missed_deadline = record.run && record.run->missed_deadline.has_value();
}

std::optional<Nanoseconds> Reading::shortest_round_trip() const {
  auto shortest = round_trip;
  if (request != nullptr && confirm != nullptr && confirm->at >= request->at) {
    const auto took = confirm->at - request->at;
    shortest = shortest ? std::min(*shortest, took) : took;
  }
  return shortest;
}

bool Reading::offered_tls() const {
  const auto* cr = request_fact();
  return cr != nullptr && cr->negotiation && cr->negotiation->requested.bits != 0;
}

Finding& Findings::add(std::string_view id, Confidence confidence, std::string says,
                       std::vector<record::EvidenceId> because) {
  Finding finding;
  finding.id = id;
  finding.confidence = confidence;
  finding.says = std::move(says);
  finding.because = std::move(because);
  if (const auto* cause = find_cause(id)) finding.fix.assign(cause->fix.begin(), cause->fix.end());
  diagnosis_.causes.push_back(std::move(finding));
  return diagnosis_.causes.back();
}

void Findings::warn(std::string_view id, std::string says,
                    std::vector<record::EvidenceId> because) {
  diagnosis_.warnings.push_back({std::string(id), std::move(says), std::move(because)});
}

std::vector<record::EvidenceId> ids(std::initializer_list<const Evidence*> evidence) {
  std::vector<record::EvidenceId> out;
  for (const auto* e : evidence) {
    if (e != nullptr && std::find(out.begin(), out.end(), e->id) == out.end()) out.push_back(e->id);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<record::EvidenceId> ids_with_failure(const Reading& reading,
                                                 std::initializer_list<const Evidence*> evidence) {
  auto out = ids(evidence);
  if (const auto* failure = reading.failure()) {
    if (failure->evidence != 0) out.push_back(failure->evidence);
    out.insert(out.end(), failure->because.begin(), failure->because.end());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string breach_in_words(const Reading& reading) {
  const auto& shown = reading.record.evidence[reading.failure()->evidence - 1].fact;
  if (const auto* malformed = record::get_if<record::Malformed>(&shown))
    return fmt::format("{}: {}", malformed->what, malformed->error.message());
  if (const auto* unexpected = record::get_if<record::Unexpected>(&shown))
    return unexpected->expected.empty()
               ? fmt::format("{} has no place there", unexpected->got)
               : fmt::format("got {}, expected {}", unexpected->got, unexpected->expected);
  if (const auto* foreign = std::get_if<record::ForeignProtocol>(&shown))
    return foreign->protocol.empty() ? "unknown octets" : foreign->protocol;
  return {};
}

std::string left_in_words(const record::Failure& failure) {
  return fmt::format("{} the connection {} after",
                     failure.how == record::EndedHow::kReset ? "reset" : "closed",
                     duration_in_words(failure.after_ns));
}

std::string awaited_in_words(const Reading& reading) {
  switch (reading.failure()->phase) {
    case Phase::kMcs:
      return "the MCS Connect-Response";
    case Phase::kChannels:
      return "the answer of MCS";
    case Phase::kClientInfo:
    case Phase::kAutodetect:
    case Phase::kLicensing:
      return "licensing";
    case Phase::kMultitransport:
    case Phase::kCapabilities:
      if (reading.session.demand_active == nullptr) return "the Demand Active";
      return "the end of the handshake";
    default:
      return "the end of the handshake";
  }
}

std::string after_in_words(const record::Failure& failure, std::string_view otherwise) {
  return failure.after.empty() ? std::string(otherwise) : record::message_in_words(failure.after);
}

std::string offered_versions_in_words(const Reading& reading) {
  if (!reading.tls || reading.tls->client_hello == nullptr) return "no version that was seen";
  const auto& hello = *reading.tls->client_hello;
  if (!hello.supported_versions)
    return fmt::format("up to {}", tls::version_name(hello.legacy_version));
  std::string out;
  for (const auto version : *hello.supported_versions) {
    if (tls::is_grease(version)) continue;
    if (!out.empty()) out += ", ";
    out += tls::version_name(version);
  }
  return out;
}

std::string alert_in_words(const tls::Alert& alert) {
  const auto name = tls::alert_name(alert.description);
  return name ? fmt::format("alert {} ({})", alert.description, *name)
              : fmt::format("alert {}", alert.description);
}

const tls::Alert* alert_of_failure(const Reading& reading) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->how != record::EndedHow::kAlert) return nullptr;
  const auto& shown = reading.record.evidence[failure->evidence - 1];
  const auto* fact = std::get_if<record::TlsAlert>(&shown.fact);
  return fact != nullptr && fact->alert ? &*fact->alert : nullptr;
}

std::string duration_in_words(Nanoseconds ns) {
  const double ms = static_cast<double>(ns) / 1e6;
  if (ms < 0) return "0 ms";
  if (ms < 0.1) return fmt::format("{:.2f} ms", ms);
  if (ms < 10) return fmt::format("{:.1f} ms", ms);
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  const double seconds = ms / 1000;
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  constexpr double kHour = 3600, kDay = 24 * kHour, kYear = 365.25 * kDay;
  if (seconds < 2 * kDay) return fmt::format("{:.1f} h", seconds / kHour);
  if (seconds < 2 * kYear) return fmt::format("{:.0f} days", seconds / kDay);
  return fmt::format("{:.1f} years", seconds / kYear);
}

}  // namespace rdpwhy::diagnose
