// What is worth saying beside the first cause, and never is one.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/reading.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::diagnose {
namespace {

// Slower than any person finds normal, and far from what the path needs.
constexpr Nanoseconds kSlow = 1'000'000'000;
constexpr Nanoseconds kRoundTripsThatAreSlow = 10;
constexpr std::size_t kMostOddities = 8;

const record::CertificateFacts* leaf_of(const Reading& reading) {
  if (!reading.tls || reading.tls->certificates == nullptr ||
      reading.tls->certificates->chain.empty())
    return nullptr;
  const auto* leaf = reading.tls->certificates->chain.front().get();
  return leaf != nullptr && leaf->error.empty() ? leaf : nullptr;
}

std::string certificate_problem_in_words(std::string_view problem,
                                         const record::CertificateFacts* leaf,
                                         const Circumstances& circumstances) {
  const auto date = [](const std::string& text, Moment m) {
    return text.empty() ? base::to_rfc3339(m, 0) : text;  // a Moment ends in 2262
  };
  if (problem == "expired") {
    return fmt::format(
        "The certificate {}{}. By itself that is only a warning to mstsc, but it means "
        "that the renewal fails.",
        circumstances.live ? "has expired" : "had expired at the time of the capture",
        leaf != nullptr
            ? fmt::format(" (valid until {})", date(leaf->not_after_text, leaf->not_after))
            : "");
  }
  if (problem == "not_yet_valid") {
    return fmt::format(
        "The certificate {}{}: look at the clocks.",
        circumstances.live ? "is not yet valid" : "was not yet valid at the time of the capture",
        leaf != nullptr
            ? fmt::format(" (valid from {})", date(leaf->not_before_text, leaf->not_before))
            : "");
  }
  if (problem == "self_signed")
    return "The certificate is self-signed. That is normal for RDP: Windows makes one by itself.";
  if (problem == "untrusted_issuer")
    return "The certificate's issuer is not among the trusted authorities that were looked at.";
  if (problem == "missing_intermediate")
    return "The server does not send the certificate of its issuer, so a client may be unable to "
           "build the chain.";
  if (problem == "name_mismatch") {
    return fmt::format("The certificate does not name \"{}\"; mstsc asks its user about that.",
                       circumstances.target_host);
  }
  if (problem == "weak_key") {
    return leaf != nullptr ? fmt::format(
                                 "The certificate's key is weak by today's rules ({} {} bits); "
                                 "current clients may refuse it.",
                                 leaf->key.type, leaf->key.bits)
                           : std::string("The certificate's key is weak by today's rules.");
  }
  if (problem == "weak_signature") {
    return leaf != nullptr
               ? fmt::format("The certificate is signed with {}, which is no longer trusted.",
                             leaf->signature_algorithm)
               : std::string("The certificate's signature algorithm is no longer trusted.");
  }
  if (problem == "wrong_usage")
    return "The certificate's extended key usage names neither server authentication nor Remote "
           "Desktop Authentication.";
  if (problem == "not_v3")
    return "The certificate is not X.509 version 3, so it carries no names and usages that clients "
           "check.";
  return fmt::format("The certificate has a problem: {}.", problem);
}

void warn_about_certificate(const Reading& reading, Findings& findings) {
  for (const auto& problem : reading.circumstances.certificate_problems) {
    std::string id = "certificate-" + problem;
    std::replace(id.begin(), id.end(), '_', '-');
    findings.warn(id,
                  certificate_problem_in_words(problem, leaf_of(reading), reading.circumstances),
                  ids({reading.certificate}));
  }
}

void warn_about_negotiation(const Reading& reading, Findings& findings) {
  const auto* confirm = reading.confirm_fact();
  const auto* request = reading.request_fact();
  if (confirm == nullptr || confirm->failure() != nullptr) return;
  const auto because = ids({reading.request, reading.confirm});
  const bool asked = request != nullptr && request->negotiation.has_value();
  if (confirm->response() == nullptr) {
    if (asked) {
      findings.warn(
          "no-negotiation-data",
          "The Connection Confirm carries no negotiation data although the request asked for it: "
          "a very old server, or one set to standard RDP security.",
          because);
    }
    return;
  }
  const auto selected = confirm->response()->selected_protocol;
  const auto offered = asked ? request->negotiation->requested.bits : 0u;
  if (const auto breach = breach_of_offer(reading)) {
    findings.warn("selected-not-offered", fmt::format("The server selected {}.", *breach), because);
  } else if (selected == 0 && offered != 0) {
    findings.warn("standard-security-chosen",
                  "Standard RDP security was chosen although better was offered: weak, and it "
                  "authenticates nobody.",
                  because);
  }
}

void warn_about_tls(const Reading& reading, Findings& findings) {
  if (!reading.tls || !reading.tls->version || reading.server_hello == nullptr) return;
  if (*reading.tls->version < 0x0303) {
    findings.warn("old-tls-version",
                  fmt::format("{} is obsolete (RFC 8996); current clients refuse it by default.",
                              tls::version_name(*reading.tls->version)),
                  ids({reading.server_hello}));
  }
}

void warn_about_time(const Reading& reading, Findings& findings) {
  for (const auto& phase : reading.progress.phases) {
    if (phase.state != record::PhaseState::kPassed || !phase.duration || *phase.duration < kSlow)
      continue;
    const auto round_trip = reading.round_trip.value_or(0);
    if (*phase.duration < round_trip * kRoundTripsThatAreSlow) continue;
    if (phase.phase == Phase::kTcp) continue;  // a lost SYN costs a second: that is no slow server
    findings.warn(
        "slow-server",
        fmt::format(
            "{} took {}{}.", record::row_of(phase.phase).title, duration_in_words(*phase.duration),
            round_trip > 0 ? fmt::format(", with a round trip of {}", duration_in_words(round_trip))
                           : ""),
        {});
  }
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

bool targets_own_rdp_port(const Reading& reading) {
  const auto& c = reading.circumstances;
  if (!c.live || c.target_port != 3389 || reading.proxied) return false;
  if (is_loopback(c.target_host) || is_loopback(c.server_address)) return true;
  if (!reading.record.run || c.server_address.empty()) return false;
  auto local = std::string_view(reading.record.run->local_address);
  if (const auto colon = local.rfind(':'); colon != std::string_view::npos)
    local = local.substr(0, colon);
  if (local.starts_with('[') && local.ends_with(']')) local = local.substr(1, local.size() - 2);
  return local == c.server_address;
}

/// What the note is about, without what else is said of it.
std::string message_of(const Evidence& e) {
  const auto* malformed = record::get_if<record::Malformed>(&e.fact);
  return malformed != nullptr ? "malformed " + malformed->what : record::describe(e);
}

/// Leniencies of the decoders: whoever reads the report should know that something was odd. The
/// same oddity is told once, with how often it came.
void warn_about_oddities(const Reading& reading, Findings& findings) {
  struct Oddity {
    std::string says;
    std::vector<record::EvidenceId> because;
    std::size_t count = 0;
  };
  constexpr std::size_t kMostNamed = 8;
  std::vector<Oddity> oddities;
  for (const auto& e : reading.record.evidence) {
    if (reading.circumstances.live && e.where.side == Side::kClient) continue;  // our own: meant so
    for (const auto& note : e.notes) {
      auto says = fmt::format("In the {}'s {}: {}{}{}", record::name_of(e.where.side),
                              message_of(e), note.field, note.field.empty() ? "" : ": ", note.text);
      auto told = std::ranges::find(oddities, says, &Oddity::says);
      if (told == oddities.end()) {
        if (oddities.size() == kMostOddities) continue;
        told = oddities.insert(oddities.end(), {.says = std::move(says), .because = {}});
      }
      ++told->count;
      const bool named = !told->because.empty() && told->because.back() == e.id;
      if (!named && told->because.size() < kMostNamed) told->because.push_back(e.id);
    }
  }
  for (auto& [says, because, count] : oddities) {
    says += count > 1 ? fmt::format(" ({} times).", count) : ".";
    findings.warn("odd-message", std::move(says), std::move(because));
  }
}

}  // namespace

void gather_warnings(const Reading& reading, Findings& findings) {
  if (targets_own_rdp_port(reading)) {
    findings.warn("loopback-guard",
                  "This is the machine's own port 3389: mstsc itself refuses that with 0x708, "
                  "whatever answers there.",
                  {});
  }
  warn_about_negotiation(reading, findings);
  warn_about_tls(reading, findings);
  warn_about_certificate(reading, findings);
  warn_about_logon(reading, findings);
  warn_about_session(reading, findings);
  warn_about_time(reading, findings);
  warn_about_oddities(reading, findings);
}

}  // namespace rdpwhy::diagnose
