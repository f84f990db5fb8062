// The survey for people: the answer in one sentence, then what is accepted, with what is weak
// marked and why.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/report/tls_survey.h"
#include "rdpwhy/tls/registry.h"
#include "report/bounds.h"

namespace rdpwhy::report {
namespace {

using base::printable;
using survey::Finding;
using survey::Known;
using survey::Listing;
using survey::VersionFinding;

std::string suite_name(std::uint16_t suite) {
  return tls::name_or_hex(tls::cipher_suite_name(suite), suite);
}

/// Rows of a name, what goes with it, and what is weak about it.
class Table {
 public:
  explicit Table(const TextStyle& style) : style_(style) {}

  void heading(std::string_view text) { out_ += '\n' + inked("1", text) + '\n'; }
  void row(std::string_view name, std::string_view detail, std::string_view weakness) {
    auto line = fmt::format("  {:{}}", name, detail.empty() ? 0 : kNameColumns);
    if (!detail.empty()) line += fmt::format(" {}", detail);
    const auto weak = weakness.empty() ? std::string() : fmt::format("weak: {}", weakness);
    if (weak.empty()) {
      out_ += line + '\n';
    } else if (line.size() + 2 + weak.size() <= static_cast<std::size_t>(style_.width)) {
      out_ += line + "  " + inked("33", weak) + '\n';
    } else {
      out_ += line + '\n';
      std::string below;
      append_wrapped(below, "      ", weak, style_.width);
      below.pop_back();
      out_ += inked("33", below) + '\n';
    }
  }
  void wrapped(std::string_view lead, std::string_view text) {
    append_wrapped(out_, lead, text, style_.width);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  static constexpr int kNameColumns = 46;

  [[nodiscard]] std::string inked(std::string_view code, std::string_view text) const {
    return style_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }

  TextStyle style_;
  std::string out_;
};

std::string who(const Source& source) {
  const auto shown = printable(source.target);
  if (source.address.empty() || shown.find(source.address) != std::string::npos) return shown;
  return source.address.find(':') != std::string::npos
             ? fmt::format("{} ([{}]:{})", shown, source.address, source.port)
             : fmt::format("{} ({}:{})", shown, source.address, source.port);
}

std::string verdict(const survey::Result& result) {
  if (!result.calibration.answered) {
    if (result.calibration.refusals.empty()) {
      return result.stopped.empty() ? "no hello was answered"
                                    : "nothing is known: " + result.stopped;
    }
    const auto& refusals = result.calibration.refusals;
    auto words = "no TLS could be begun: " + survey::in_words(refusals.back());
    for (std::size_t i = 0; i + 1 < refusals.size(); ++i)
      words += "; before that: " + survey::in_words(refusals[i]);
    return words;
  }
  std::vector<std::string> accepted;
  std::size_t weak = 0;
  std::vector<std::uint16_t> suites;
  for (const auto& finding : result.versions) {
    if (finding.accepted.known == Known::kYes)
      accepted.push_back(tls::version_name(finding.version));
    for (const auto& suite : finding.suites) {
      if (std::ranges::find(suites, suite.suite) != suites.end()) continue;
      suites.push_back(suite.suite);
      if (!survey::weakness_of_suite(suite.suite).empty()) ++weak;
    }
  }
  if (accepted.empty()) return "no version of TLS is known to be accepted";
  return fmt::format("{}; {} cipher suite{}, {} weak", fmt::join(accepted, ", "), suites.size(),
                     suites.size() == 1 ? "" : "s", weak == 0 ? "none" : std::to_string(weak));
}

void write_versions(Table& table, const survey::Result& result) {
  table.heading("Versions");
  table.wrapped("  SSLv2    ", "not tested");
  for (const auto& finding : result.versions) {
    auto detail = std::string(survey::name_of(finding.accepted.known));
    if (!finding.accepted.reason.empty()) detail += ", " + printable(finding.accepted.reason);
    const auto lead = fmt::format("  {:9}", tls::version_name(finding.version));
    if (finding.accepted.known == Known::kYes) {
      const auto weakness = survey::weakness_of_version(finding.version);
      table.wrapped(lead,
                    weakness.empty() ? detail : fmt::format("{}  weak: {}", detail, weakness));
    } else {
      table.wrapped(lead, detail);
    }
  }
}

std::string detail_of(const survey::SuiteFinding& suite) {
  std::string detail;
  if (suite.group) detail = tls::name_or_hex(tls::group_name(*suite.group), *suite.group);
  if (suite.dh_bits) detail = fmt::format("DH {} bits", *suite.dh_bits);
  if (!suite.complete) detail += detail.empty() ? "breaks off" : ", breaks off";
  return detail;
}

std::string_view order_in_words(const VersionFinding& finding) {
  switch (finding.preference) {
    case survey::Preference::kServer:
      return finding.in_server_order() ? ", the server decides, in this order"
                                       : ", the server decides";
    case survey::Preference::kClient:
      return ", the client decides";
    case survey::Preference::kMixed:
      return ", the client's order decides in part";
    case survey::Preference::kUnknown:
      break;
  }
  return {};
}

void write_undecided(Table& table, const Listing& listing, auto name) {
  if (!listing.undecided.empty()) {
    constexpr std::size_t kMostShown = 8;
    std::vector<std::string> names;
    for (const auto code : listing.undecided) {
      if (names.size() == kMostShown) break;
      names.push_back(name(code));
    }
    auto words = fmt::format("{}", fmt::join(names, ", "));
    if (listing.undecided.size() > kMostShown)
      words += fmt::format(" and {} more", listing.undecided.size() - kMostShown);
    table.wrapped("  unknown  ", fmt::format("{}: {}", words, printable(listing.reason)));
  } else if (!listing.reason.empty()) {
    table.wrapped("  unknown  ", printable(listing.reason));
  }
}

void write_suites(Table& table, const VersionFinding& finding) {
  const bool says_something = !finding.suites.empty() || (finding.accepted.known == Known::kYes);
  if (!says_something) return;
  table.heading(fmt::format("Cipher suites of {}{}", tls::version_name(finding.version),
                            order_in_words(finding)));
  for (const auto& suite : finding.suites) {
    auto weakness = std::string(survey::weakness_of_suite(suite.suite));
    if (suite.dh_bits && weakness.empty()) weakness = survey::weakness_of_dh_bits(*suite.dh_bits);
    table.row(suite_name(suite.suite), detail_of(suite), weakness);
  }
  write_undecided(table, finding.listing, suite_name);
}

void write_listing(Table& table, std::string_view title, const Listing& listing, auto name,
                   auto weakness) {
  if (!listing.asked && listing.reason.empty()) return;
  table.heading(title);
  std::vector<std::string> plain;
  for (const auto code : listing.accepted) {
    const auto why = weakness(code);
    plain.push_back(why.empty() ? name(code) : fmt::format("{} (weak: {})", name(code), why));
  }
  table.wrapped("  ", plain.empty() ? "none" : fmt::format("{}", fmt::join(plain, ", ")));
  write_undecided(table, listing, name);
}

std::string_view preference_in_words(survey::Preference preference) {
  switch (preference) {
    case survey::Preference::kServer:
      return ", the server decides";
    case survey::Preference::kClient:
      return ", the client decides";
    case survey::Preference::kMixed:
      return ", the client's order decides in part";
    case survey::Preference::kUnknown:
      break;
  }
  return {};
}

void write_agreements(Table& table, const survey::Result& result) {
  const auto group = [](std::uint16_t code) {
    return tls::name_or_hex(tls::group_name(code), code);
  };
  const auto algorithm = [](std::uint16_t code) {
    return tls::name_or_hex(tls::signature_scheme_name(code), code);
  };
  write_listing(
      table,
      fmt::format("Groups of TLSv1.2 and older{}", preference_in_words(result.group_preference)),
      result.groups, group, survey::weakness_of_group);
  write_listing(
      table, fmt::format("Groups of TLSv1.3{}", preference_in_words(result.group_preference_tls13)),
      result.groups_tls13, group, survey::weakness_of_group);
  if (!result.dh_bits.empty()) {
    table.heading("Finite-field Diffie-Hellman of TLSv1.2 and older");
    for (const auto bits : result.dh_bits)
      table.row(fmt::format("{} bits", bits), {}, survey::weakness_of_dh_bits(bits));
  }
  write_listing(table, "Finite-field groups of TLSv1.2 and older (RFC 7919)",
                result.finite_field_groups, group, survey::weakness_of_group);
  write_listing(table, "Signature algorithms of TLSv1.2", result.signature_algorithms, algorithm,
                survey::weakness_of_signature_algorithm);
  write_listing(table, "Signature algorithms of TLSv1.3", result.signature_algorithms_tls13,
                algorithm, survey::weakness_of_signature_algorithm);
}

void write_properties(Table& table, const survey::Extensions& found) {
  struct Row {
    std::string_view name;
    const Finding& finding;
    std::string_view weak_if_yes, weak_if_no;
  };
  const Row rows[] = {
      {"extended master secret", found.extended_master_secret, "",
       "sessions can be spliced (triple handshake, RFC 7627)"},
      {"encrypt-then-MAC", found.encrypt_then_mac, "", ""},
      {"secure renegotiation", found.secure_renegotiation, "",
       "renegotiation can be injected into"},
      {"session tickets", found.session_ticket, "", ""},
      {"session ids", found.session_id, "", ""},
      {"session tickets of TLSv1.3", found.tls13_ticket, "", ""},
      {"OCSP stapling", found.ocsp_stapling, "", ""},
      {"heartbeat", found.heartbeat, "of use to nobody but Heartbleed", ""},
      {"compression", found.compression, "lets secrets be guessed (CRIME)", ""},
      {"record size limit", found.record_size_limit, "", ""},
      {"ALPN", found.alpn, "", ""},
      {"fallback SCSV", found.fallback_scsv, "", ""},
      {"asks for a client certificate", found.client_certificate, "", ""},
      {"needs a server name", found.needs_server_name, "", ""},
  };
  table.heading("Properties");
  for (const auto& row : rows) {
    auto detail = std::string(survey::name_of(row.finding.known));
    if (!row.finding.reason.empty()) detail += ", " + printable(row.finding.reason);
    const auto weak = row.finding.known == Known::kYes  ? row.weak_if_yes
                      : row.finding.known == Known::kNo ? row.weak_if_no
                                                        : std::string_view{};
    if (!weak.empty()) detail += fmt::format("  weak: {}", weak);
    table.wrapped(fmt::format("  {:30}", row.name), detail);
  }
}

void write_certificates(Table& table, const std::vector<survey::CertificateFinding>& found) {
  for (const auto& finding : found) {
    const auto& leaf = *finding.chain.front();
    table.heading(
        fmt::format("Certificate{}", finding.with_server_name && finding.without_server_name ? ""
                                     : finding.with_server_name ? " shown with a server name"
                                                                : " shown without a server name"));
    if (!leaf.error.empty()) {
      table.wrapped("  ", printable("cannot be read: " + leaf.error));
      continue;
    }
    table.wrapped("  subject    ", printable(shortened(leaf.subject, kTextForPeople)));
    table.wrapped("  issuer     ", printable(shortened(leaf.issuer, kTextForPeople)));
    table.wrapped("  key        ",
                  printable(fmt::format("{} {} bits{}{}", leaf.key.type, leaf.key.bits,
                                        leaf.key.curve.empty() ? "" : ", ", leaf.key.curve)));
    table.wrapped("  signed     ", printable(shortened(leaf.signature_algorithm, kTextForPeople)));
    table.wrapped("  valid      ",
                  printable(fmt::format("{} to {}", leaf.not_before_text, leaf.not_after_text)));
    table.wrapped("  sha1       ", leaf.sha1);
    if (finding.chain.size() > 1)
      table.wrapped("  chain      ", fmt::format("{} certificates sent", finding.chain.size()));
  }
}

void write_calibration(Table& table, const survey::Calibration& calibration) {
  table.heading("How the server answers");
  table.wrapped("  refuses by      ", calibration.way
                                          ? printable(survey::in_words(*calibration.way))
                                          : "no way that can be told from passing trouble");
  table.wrapped(
      "  reads           ",
      calibration.most_suites >= calibration.wanted_suites
          ? fmt::format("hellos of {} suites to the end", calibration.most_suites)
          : fmt::format("hellos of {} suites to the end, not those of {}", calibration.most_suites,
                        std::min(calibration.wanted_suites, calibration.most_suites * 2)));
  if (calibration.short_lists)
    table.wrapped("                  ", "long lists of groups and algorithms are not answered");
  if (calibration.no_extensions)
    table.wrapped("                  ", "hellos with extensions are not answered");
}

}  // namespace

std::string to_text(const TlsSurveySubject& subject, const TextStyle& style) {
  const auto& result = *subject.result;
  Table table(style);
  table.wrapped("", fmt::format("{}: {}.", who(subject.source), printable(verdict(result))));
  if (!result.stopped.empty() && result.calibration.answered)
    table.wrapped("", fmt::format("The survey ended early: {}.", printable(result.stopped)));
  for (const auto& remark : subject.remarks) table.wrapped("note: ", printable(remark));
  if (result.calibration.answered) {
    write_versions(table, result);
    for (auto finding = result.versions.rbegin(); finding != result.versions.rend(); ++finding)
      write_suites(table, *finding);
    write_agreements(table, result);
    write_properties(table, result.extensions);
    write_certificates(table, result.certificates);
    write_calibration(table, result.calibration);
  }
  if (const auto& jarm = subject.jarm) {
    table.heading("JARM");
    table.wrapped(
        "  ", jarm->fingerprint.empty() ? printable("none: " + jarm->why_none) : jarm->fingerprint);
  }
  if (!result.anomalies.empty()) {
    table.heading("Odd");
    for (const auto& anomaly : result.anomalies) table.wrapped("  ", printable(anomaly));
  }
  if (result.throttled)
    table.wrapped("note: ", "the server stopped answering for a while, and was waited for");
  auto out = table.take();
  out += fmt::format("\n{} connections in {:.1f} s\n", result.asked.size(),
                     static_cast<double>(subject.took) / 1e9);
  return out;
}

}  // namespace rdpwhy::report
