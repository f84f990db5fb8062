// The report for people. The first line is the answer; everything below it is for whoever wants to
// know why it says so.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/session_summary.h"
#include "rdpwhy/report/report.h"
#include "rdpwhy/tls/registry.h"
#include "report/bounds.h"
#include "report/credssp.h"
#include "report/experiments.h"
#include "report/session.h"
#include "report/udp.h"

namespace rdpwhy::report {
namespace {

using base::printable;
using diagnose::duration_in_words;
using record::EndedHow;

/// Columns that a UTF-8 text takes: continuation octets take none. Good enough for names.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

enum class Ink { kGood, kBad, kOdd, kFaint, kStrong };

class Page {
 public:
  Page(const TextStyle& style) : style_(style) {}

  [[nodiscard]] std::string inked(Ink ink, std::string_view text) const {
    if (!style_.colour) return std::string(text);
    constexpr std::array kCodes = {"32", "1;31", "33", "2", "1"};
    return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(ink)], text);
  }
  void line(std::string_view text) { out_.append(text).append("\n"); }
  void blank() { out_ += '\n'; }
  void heading(std::string_view text) {
    blank();
    line(inked(Ink::kStrong, text));
  }
  void wrapped(std::string_view lead, std::string_view text) {
    append_wrapped(out_, lead, text, style_.width);
  }
  /// Wrapped first, inked after: escape sequences take no columns.
  void wrapped_in(Ink ink, std::string_view lead, std::string_view text) {
    std::string part;
    append_wrapped(part, lead, text, style_.width);
    if (!style_.colour) {
      out_ += part;
      return;
    }
    part.pop_back();
    line(inked(ink, part));
  }
  [[nodiscard]] std::string take() { return std::move(out_); }
  [[nodiscard]] const TextStyle& style() const { return style_; }

 private:
  TextStyle style_;
  std::string out_;
};

std::string who(const Source& source) {
  if (!source.live) return fmt::format("{} > {}", source.client, source.server);
  auto shown = printable(source.target);
  const auto endpoint = source.address.find(':') != std::string::npos
                            ? fmt::format("[{}]:{}", source.address, source.port)
                            : fmt::format("{}:{}", source.address, source.port);
  const bool says_where = source.address.empty() || shown == endpoint || shown == source.address;
  if (!says_where) shown += fmt::format(" ({})", endpoint);
  return source.redirected_from.empty() ? shown : shown + ", redirected";
}

const Evidence* evidence_of(const record::Failure& failure, const HandshakeRecord& record) {
  const bool known = failure.evidence >= 1 && failure.evidence <= record.evidence.size();
  return known ? &record.evidence[failure.evidence - 1] : nullptr;
}

/// The way to the server was never opened: whatever failed is the proxy's, and it has a name.
bool stopped_at_proxy(const Subject& subject) {
  const auto way = record::proxy_way(*subject.record);
  return way.granted == nullptr && (way.present || !subject.source.proxy.empty());
}

std::string ending_at_proxy_in_words(const record::Failure& failure, const Subject& subject) {
  const std::string by = failure.by == Side::kClient ? "the client" : "it";
  switch (failure.how) {
    case EndedHow::kRefused:
      return "it refused the connection";
    case EndedHow::kUnreachable:
      return failure.phase == Phase::kResolve ? "its name has no address" : "no way to it";
    case EndedHow::kTimeout:
      return failure.by == Side::kNetwork ? "no answer to the SYN"
                                          : "silence, and the client hung up";
    case EndedHow::kFailurePdu: {
      const auto* evidence = evidence_of(failure, *subject.record);
      const auto* opening =
          evidence == nullptr ? nullptr : record::get_if<record::ProxyOpening>(&evidence->fact);
      return opening == nullptr || opening->answer.empty()
                 ? "it said no"
                 : "it said no: " + printable(opening->answer);
    }
    case EndedHow::kMalformed:
      return by + " sent what does not belong there";
    case EndedHow::kClose:
      return by + " closed the connection";
    case EndedHow::kReset:
      return by + " reset the connection";
    case EndedHow::kAlert:
      return by + " sent a TLS alert";
    case EndedHow::kCaptureEnd:
      break;
  }
  return "the capture does not show how it went on";
}

/// What authentication inside TLS says of it.
std::optional<std::string> refusal_of(const record::Failure& failure,
                                      const HandshakeRecord& record) {
  const auto* evidence = evidence_of(failure, record);
  if (evidence == nullptr || failure.phase <= Phase::kTls) return {};
  if (auto words = session_refusal_in_words(*evidence, record)) return words;
  return refusal_in_words(*evidence);
}

/// The client hung up on a server that had not answered what was due.
std::optional<std::string> waiting_in_vain_in_words(const record::Failure& failure,
                                                    const HandshakeRecord& record) {
  const bool missed = record.run && record.run->missed_deadline;
  const auto talk = record::server_talk(record, failure);
  if (talk && talk->is_flood()) return "no end of messages, and the client hung up";
  if (failure.how != EndedHow::kTimeout && !missed) return {};
  if (record::unfinished_octets(record) != 0) return "an unfinished answer, and the client hung up";
  if (talk && talk->last != nullptr) return "not the answer that was due, and the client hung up";
  if (failure.how != EndedHow::kTimeout) return {};
  return "silence, and the client hung up";
}

std::string ending_in_words(const record::Failure& failure, const Subject& subject) {
  const auto& record = *subject.record;
  if (stopped_at_proxy(subject)) return ending_at_proxy_in_words(failure, subject);
  const auto by = fmt::format("the {}", record::name_of(failure.by));
  switch (failure.how) {
    case EndedHow::kRefused:
      return "the connection was refused";
    case EndedHow::kUnreachable: {
      if (failure.phase == Phase::kResolve) return "the name has no address";
      if (failure.phase == Phase::kTcp) return "no way to the host";
      if (const auto words = refusal_of(failure, record)) return *words;
      const auto* evidence = evidence_of(failure, record);
      const bool icmp = evidence != nullptr && record::holds<record::IcmpError>(evidence->fact);
      return "packets no longer reach the host" +
             (icmp ? fmt::format(" ({})", printable(record::describe(*evidence))) : "");
    }
    case EndedHow::kTimeout:
      if (const auto words = refusal_of(failure, record)) return *words;
      if (failure.phase == Phase::kTcp) return "no answer to the SYN";
      return waiting_in_vain_in_words(failure, record).value_or("silence, and the client hung up");
    case EndedHow::kClose:
      if (failure.by == Side::kClient) {
        if (auto words = waiting_in_vain_in_words(failure, record)) return *words;
      }
      return by + " closed the connection";
    case EndedHow::kReset:
      return by + " reset the connection";
    case EndedHow::kAlert: {
      if (const auto* evidence = evidence_of(failure, record)) {
        const auto* fact = std::get_if<record::TlsAlert>(&evidence->fact);
        if (fact != nullptr && fact->alert) {
          const auto name = tls::alert_name(fact->alert->description);
          return fmt::format("{} sent TLS alert {}{}", by, fact->alert->description,
                             name ? fmt::format(" ({})", *name) : "");
        }
      }
      return by + " sent a TLS alert";
    }
    case EndedHow::kFailurePdu: {
      if (const auto words = refusal_of(failure, record)) return *words;
      const auto* confirm = record::first<rdp::ConnectionConfirm>(record);
      if (confirm != nullptr && confirm->failure() != nullptr) {
        const auto code = confirm->failure()->failure_code;
        const auto name = codes::name(codes::Family::kNegotiationFailure, code);
        return fmt::format("{} said no: {}", by,
                           name ? std::string(*name) : fmt::format("failure code 0x{:x}", code));
      }
      return by + " said no";
    }
    case EndedHow::kMalformed:
      return by + " sent what does not belong there";
    case EndedHow::kCaptureEnd:
      return "the capture does not show how it went on";
  }
  return by + " ended it";
}

/// It got as far as asked, and yet not every client will.
bool violated(const Subject& subject) {
  return subject.diagnosis != nullptr && !subject.diagnosis->causes.empty() &&
         subject.diagnosis->causes.front().id == "protocol-violation";
}

/// Everything completed, and yet there is a cause: how the session that had just begun ended.
std::optional<std::string> what_followed(const Subject& subject) {
  if (subject.diagnosis == nullptr || subject.diagnosis->causes.empty()) return {};
  const auto summary = record::session_summary(*subject.record);
  if (!summary || summary->font_map_at == nullptr) return {};
  const auto& cause = subject.diagnosis->causes.front();
  if (cause.id == "session-ended-after-handshake") return "the server ended the session";
  const auto* said = summary->error_info_at;
  const bool is_it =
      said != nullptr && std::ranges::find(cause.because, said->id) != cause.because.end();
  if (!is_it || said->id < summary->font_map_at->id) return {};
  return session_refusal_in_words(*said, *subject.record);
}

/// How far, what ended it, by whom, after how long: in one sentence.
void write_lead(Page& page, const Subject& subject, const record::Progress& progress) {
  const auto target = who(subject.source);
  if (const auto& failure = progress.failure) {
    const auto& proxy = subject.source.proxy;
    const auto where = stopped_at_proxy(subject)
                           ? "at the proxy" + (proxy.empty() ? "" : " " + printable(proxy))
                           : fmt::format("in {}", record::row_of(failure->phase).title);
    auto sentence =
        fmt::format("{}: FAILED {}: {}", target, where, ending_in_words(*failure, subject));
    const bool timed = failure->how != EndedHow::kCaptureEnd && failure->phase != Phase::kResolve;
    if (timed)
      sentence += fmt::format(", {} after {}", duration_in_words(failure->after_ns),
                              record::message_in_words(failure->after));
    page.wrapped_in(Ink::kBad, "", sentence + ".");
    return;
  }
  const auto& run = subject.record->run;
  const bool short_of = run && run->until && !progress.as_asked;
  const auto reached = progress.reached ? std::string(record::row_of(*progress.reached).title)
                                        : std::string("nothing");
  if (short_of) {
    page.wrapped_in(Ink::kOdd, "",
                    fmt::format("{}: went through {}, but not on to {}.", target, reached,
                                record::row_of(*run->until).title));
  } else if (const auto then = what_followed(subject)) {
    page.wrapped_in(Ink::kOdd, "",
                    fmt::format("{}: went through {}{}; then {}.", target, reached,
                                run ? ", as far as asked" : "", *then));
  } else if (violated(subject)) {
    page.wrapped_in(
        Ink::kOdd, "",
        fmt::format("{}: went through {}, but the server breaks the protocol.", target, reached));
  } else if (run) {
    const auto* depth = run->own_stop && progress.as_asked && progress.reached < Phase::kCredssp
                            ? " and into CredSSP as far as that goes without credentials"
                            : ", as far as asked";
    page.wrapped_in(Ink::kGood, "", fmt::format("{}: OK through {}{}.", target, reached, depth));
  } else {
    page.wrapped_in(progress.reached ? Ink::kGood : Ink::kOdd, "",
                    progress.reached
                        ? fmt::format("{}: went through {}; no failure is seen.", target, reached)
                        : fmt::format("{}: nothing completed.", target));
  }
}

void write_because(Page& page, const std::vector<record::EvidenceId>& because,
                   const HandshakeRecord& record) {
  constexpr std::size_t kMost = 4;
  std::string text;
  std::size_t told = 0;
  for (const auto id : because) {
    if (id < 1 || id > record.evidence.size()) continue;
    if (told == kMost) {
      text += " ...";
      break;
    }
    text += fmt::format("{}#{} {}", told++ == 0 ? "" : "; ", id,
                        printable(record::describe(record.evidence[id - 1])));
  }
  if (!text.empty()) page.wrapped("  seen:  ", text + ".");
}

// Who reads this at three in the morning needs the next steps, not all of them.
constexpr std::size_t kStepsShown = 3;

std::string_view bet_in_words(diagnose::Confidence confidence) {
  switch (confidence) {
    case diagnose::Confidence::kCertain:
      return "Cause";
    case diagnose::Confidence::kLikely:
      return "Likely cause";
    case diagnose::Confidence::kPossible:
      break;
  }
  return "Possible cause, first to check";
}

std::string first_letter_lower(std::string_view text) {
  std::string out(text);
  const bool word =
      out.size() > 1 && out[0] >= 'A' && out[0] <= 'Z' && out[1] >= 'a' && out[1] <= 'z';
  if (word) out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

void write_first_cause(Page& page, const diagnose::Finding& cause, const HandshakeRecord& record) {
  const auto* row = diagnose::find_cause(cause.id);
  const auto title = !cause.title.empty() ? cause.title
                     : row != nullptr     ? row->title
                                          : std::string_view(cause.id);
  page.blank();
  if (cause.id == "handshake-complete" || cause.id == "unexplained" ||
      cause.id == "capture-incomplete") {
    page.wrapped_in(Ink::kStrong, "", fmt::format("{} ({})", title, cause.id));
  } else {
    page.wrapped_in(Ink::kStrong, "",
                    fmt::format("{}: {} ({})", bet_in_words(cause.confidence),
                                first_letter_lower(title), cause.id));
  }
  page.wrapped("  ", printable(cause.says));
  write_because(page, cause.because, record);
  if (!cause.experiments.empty()) {
    page.wrapped("  tried: ", fmt::format("{}.", fmt::join(cause.experiments, ", ")));
  }
  for (const auto& against : cause.against) page.wrapped("  but:   ", printable(against) + ".");
  const auto shown =
      page.style().explain ? cause.fix.size() : std::min(cause.fix.size(), kStepsShown);
  for (std::size_t i = 0; i < shown; ++i) {
    page.wrapped(fmt::format("  {} {}. ", i == 0 ? "next:" : "     ", i + 1),
                 printable(cause.fix[i]));
  }
  if (shown < cause.fix.size()) page.line(fmt::format("         more: rdpwhy causes {}", cause.id));
}

void write_rivals(Page& page, const std::vector<diagnose::Finding>& causes) {
  if (causes.size() < 2) return;
  page.heading("It could also be");
  for (std::size_t i = 1; i < causes.size(); ++i) {
    auto text = fmt::format("{} ({}): {}", causes[i].id, diagnose::name_of(causes[i].confidence),
                            printable(causes[i].says));
    if (page.style().explain && !causes[i].against.empty()) {
      text += fmt::format(" Against it: {}.", printable(causes[i].against.front()));
    }
    page.wrapped("  - ", text);
  }
}

Ink ink_of(diagnose::Outcome outcome) {
  switch (outcome) {
    case diagnose::Outcome::kPassed:
      return Ink::kGood;
    case diagnose::Outcome::kSame:
      return Ink::kBad;
    case diagnose::Outcome::kOtherwise:
      return Ink::kOdd;
    case diagnose::Outcome::kTellsNothing:
      break;
  }
  return Ink::kFaint;
}

/// What was changed, what came of it, what that rules in or out.
void write_experiments(Page& page, const Subject& subject) {
  if (subject.diagnosis == nullptr || subject.diagnosis->experiments.empty()) return;
  const auto& experiments = subject.diagnosis->experiments;
  page.heading("Tried, one change at a time");
  constexpr std::size_t kName = 18;
  constexpr std::size_t kOutcome = 11;
  constexpr std::size_t kLead = 2 + kName + 2 + kOutcome + 2;
  for (const auto& experiment : experiments) {
    // The colour takes no columns, so what follows it is wrapped as behind blanks.
    std::string wrapped;
    append_wrapped(wrapped, std::string(kLead, ' '), printable(experiment.proves),
                   page.style().width);
    wrapped.erase(0, kLead);
    wrapped.pop_back();
    page.line(fmt::format("  {:{}}  {}  {}", experiment.name, kName,
                          page.inked(ink_of(experiment.outcome),
                                     fmt::format("{:{}}", name_of(experiment.outcome), kOutcome)),
                          wrapped));
    if (page.style().explain)
      page.wrapped(std::string(kLead, ' '), "(" + printable(experiment.changed) + ")");
  }
}

void write_codes(Page& page, const diagnose::Diagnosis& diagnosis) {
  if (diagnosis.saw) {
    page.heading("What the user saw");
    page.wrapped("  ", printable(diagnosis.saw->says));
  }
  if (diagnosis.mstsc) {
    const auto& code = *diagnosis.mstsc;
    page.wrapped(
        "  mstsc: ",
        fmt::format("would {}show error code 0x{:x}{}.",
                    code.confidence == diagnose::Confidence::kPossible ? "perhaps " : "", code.code,
                    code.extended ? fmt::format(", extended 0x{:x}", *code.extended) : ""));
  }
}

std::string phase_detail(Phase phase, const Subject& subject) {
  const auto& record = *subject.record;
  if (phase == Phase::kResolve) {
    const auto* resolved = record::first<record::Resolved>(record);
    return resolved == nullptr ? ""
                               : printable(fmt::format("{}", fmt::join(resolved->addresses, " ")));
  }
  if (phase == Phase::kTcp && record.run && record.run->rtt_us) {
    return fmt::format("round trip {}",
                       duration_in_words(static_cast<Nanoseconds>(*record.run->rtt_us) * 1000));
  }
  if (phase != Phase::kX224) return {};
  std::string out;
  if (const auto* request = record::first<rdp::ConnectionRequest>(record)) {
    if (!request->negotiation) {
      out = "no protocol asked for";
    } else {
      const auto names = rdp::protocol_names(request->negotiation->requested);
      out = names.empty() ? "offered RDP only" : fmt::format("offered {}", fmt::join(names, " "));
    }
  }
  if (const auto* confirm = record::first<rdp::ConnectionConfirm>(record)) {
    if (const auto* response = confirm->response()) {
      out += fmt::format("{}selected {}", out.empty() ? "" : ", ",
                         rdp::selected_protocol_name(response->selected_protocol));
    } else if (confirm->failure() == nullptr) {
      out += fmt::format("{}confirmed without negotiation data", out.empty() ? "" : ", ");
    }
  }
  return out;
}

Ink ink_of(record::PhaseState state) {
  switch (state) {
    case record::PhaseState::kPassed:
      return Ink::kGood;
    case record::PhaseState::kFailed:
      return Ink::kBad;
    case record::PhaseState::kEncrypted:
      return Ink::kOdd;
    default:
      return Ink::kFaint;
  }
}

void write_phases(Page& page, const Subject& subject, const record::Progress& progress) {
  page.heading("Phases");
  std::size_t width = 8;
  for (const auto& phase : progress.phases)
    width = std::max(width, record::name_of(phase.phase).size());
  for (const auto& phase : progress.phases) {
    const auto state = record::name_of(phase.state);
    const auto lead = fmt::format("  {:{}} {} {:>9}  ", record::name_of(phase.phase), width,
                                  page.inked(ink_of(phase.state), fmt::format("{:11}", state)),
                                  phase.duration ? duration_in_words(*phase.duration) : "");
    // Details wrap under themselves; the lead's colour takes no columns, so it is measured without.
    const auto columns_of_lead = 2 + width + 1 + 11 + 1 + 9 + 2;
    std::string wrapped;
    append_wrapped(wrapped, std::string(columns_of_lead, ' '), phase_detail(phase.phase, subject),
                   page.style().width);
    wrapped.erase(0, columns_of_lead);
    auto line = lead + wrapped;
    while (line.ends_with('\n') || line.ends_with(' ')) line.pop_back();
    page.line(line);
  }
}

/// The first names of a certificate, DNS before IP, and how many more there are.
std::string names_of(const record::CertificateFacts& leaf) {
  std::string out;
  std::size_t shown = 0;
  for (const auto* names : {&leaf.dns_names, &leaf.ip_addresses}) {
    for (const auto& name : *names) {
      if (shown == kNamesForPeople) break;
      out += (shown++ == 0 ? "" : " ") + shortened(printable(name), kTextForPeople);
    }
  }
  const auto all = leaf.dns_names.size() + leaf.ip_addresses.size();
  return all > shown ? fmt::format("{} and {} more", out, all - shown) : out;
}

std::string short_name(const std::string& name) {
  return shortened(printable(name), kTextForPeople);
}

/// A Moment ends in 2262; "never" (RFC 5280 4.1.2.5) is in the year 9999.
std::string date_of(const std::string& text, Moment moment) {
  if (!text.empty()) return printable(text);
  return moment != Moment{} ? base::to_rfc3339(moment, 0) : "a date that cannot be read";
}

void write_certificate(Page& page, const Subject& subject, const record::CertificateFacts& leaf) {
  if (!leaf.error.empty()) {
    page.wrapped("  certificate  ", printable(fmt::format("cannot be read: {}", leaf.error)));
    return;
  }
  page.wrapped("  certificate  ", fmt::format("{}{}", short_name(leaf.subject),
                                              leaf.self_signed ? ", self-signed" : ""));
  if (!leaf.self_signed) page.wrapped("  issuer       ", short_name(leaf.issuer));
  page.wrapped("  valid        ",
               fmt::format("{} to {}", date_of(leaf.not_before_text, leaf.not_before),
                           date_of(leaf.not_after_text, leaf.not_after)));
  page.wrapped("  key          ",
               fmt::format("{} {} bits{}, signed with {}", leaf.key.type, leaf.key.bits,
                           leaf.key.curve.empty() ? "" : fmt::format(" ({})", leaf.key.curve),
                           short_name(leaf.signature_algorithm)));
  if (const auto names = names_of(leaf); !names.empty()) page.wrapped("  names        ", names);
  page.wrapped("  thumbprint   ", leaf.sha1 + " (SHA-1)");
  if (!subject.certificate_problems.empty()) {
    page.wrapped("  found        ",
                 printable(fmt::format("{}", fmt::join(subject.certificate_problems, ", "))));
  }
}

void write_fingerprints(Page& page, const record::Fingerprints* prints) {
  if (prints == nullptr) return;
  const auto& client = prints->client.ja4;
  const auto& server = prints->server.ja4s;
  if (client.empty() && server.empty()) return;
  const auto* title = server.empty() ? "JA4" : client.empty() ? "JA4S" : "JA4, JA4S";
  const auto* between = server.empty() || client.empty() ? "" : ", ";
  page.wrapped(fmt::format("  {:12} ", title), fmt::format("{}{}{}", client, between, server));
}

void write_tls(Page& page, const Subject& subject, const std::optional<record::TlsSummary>& tls) {
  if (!tls) return;
  page.heading("TLS");
  if (tls->version && tls->server_hello != nullptr) {
    auto text = tls::version_name(*tls->version);
    if (tls->cipher)
      text +=
          fmt::format(", {}", tls::name_or_hex(tls::cipher_suite_name(*tls->cipher), *tls->cipher));
    if (tls->group)
      text += fmt::format(", {}", tls::name_or_hex(tls::group_name(*tls->group), *tls->group));
    if (tls->dh_bits) text += fmt::format(", DH {} bits", *tls->dh_bits);
    if (tls->signature_algorithm) {
      text += fmt::format(", {}",
                          tls::name_or_hex(tls::signature_scheme_name(*tls->signature_algorithm),
                                           *tls->signature_algorithm));
    }
    if (tls->resumed == true) text += ", resumed";
    page.wrapped("  agreed       ", text);
  }
  if (tls->client_hello != nullptr) {
    const auto& hello = *tls->client_hello;
    page.wrapped("  offered      ",
                 fmt::format("up to {}, {} cipher suites{}",
                             tls::version_name(hello.newest_version()), hello.cipher_suites.size(),
                             hello.server_name
                                 ? fmt::format(", server name {}", printable(*hello.server_name))
                                 : ""));
  }
  write_fingerprints(page, subject.fingerprints);
  if (tls->client_certificate_requested) page.line("  the server asked for a client certificate");
  if (tls->certificates != nullptr) {
    const auto& chain = tls->certificates->chain;
    if (chain.empty()) {
      page.line("  certificate  none: the list is empty");
    } else {
      write_certificate(page, subject, *chain.front());
      if (chain.size() > 1)
        page.wrapped("  chain        ", fmt::format("{} certificates sent", chain.size()));
    }
  }
}

void write_nla(Page& page, const Subject& subject) {
  const auto lines = credssp_lines(*subject.record, subject.source.live);
  if (lines.empty()) return;
  page.heading("NLA");
  for (const auto& line : lines)
    page.wrapped(fmt::format("  {:12} ", line.title), printable(line.text));
}

void write_session(Page& page, const Subject& subject) {
  const auto lines = session_lines(*subject.record);
  if (lines.empty()) return;
  page.heading("Session");
  for (const auto& line : lines)
    page.wrapped(fmt::format("  {:12} ", line.title), printable(line.text));
}

void write_encryption(Page& page, const Subject& subject) {
  if (subject.encryption.empty()) return;
  page.heading("Encryption methods, offered one by one");
  for (const auto& experiment : subject.encryption)
    page.wrapped(fmt::format("  {:12} ", method_in_words(experiment.offered)),
                 in_words(experiment));
}

void write_repetitions(Page& page, const Subject& subject) {
  if (subject.repetitions == nullptr) return;
  page.heading(fmt::format("The same {} times", subject.repetitions->made));
  for (const auto& line : lines_of(*subject.repetitions)) page.line("  " + line);
}

void write_udp(Page& page, const Subject& subject) {
  if (subject.udp.empty()) return;
  page.heading("UDP transports");
  const auto shown = std::min(subject.udp.size(), kMostUdpTransports);
  for (std::size_t i = 0; i < shown; ++i)
    page.wrapped("  - ", printable(udp_in_words(subject.udp[i])));
  if (subject.udp.size() > shown)
    page.line(fmt::format("  and {} more", subject.udp.size() - shown));
  if (std::ranges::none_of(subject.udp, [](const auto& udp) { return udp.answered.has_value(); }))
    page.line("  Without an answer the session goes on over TCP alone: no failure.");
}

void write_warnings(Page& page, const Subject& subject) {
  if (!subject.diagnosis->warnings.empty()) {
    page.heading("Also noticed");
    for (const auto& warning : subject.diagnosis->warnings)
      page.wrapped("  - ", printable(warning.says));
  }
  if (!subject.remarks.empty()) {
    page.heading("Remarks");
    for (const auto& remark : subject.remarks) page.wrapped("  - ", printable(remark));
  }
}

void write_evidence(Page& page, const Subject& subject) {
  page.heading("Evidence");
  for (const auto& evidence : subject.record->evidence) {
    const auto at = fmt::format("{:.3f}", static_cast<double>(evidence.at - subject.started) / 1e6);
    const auto size =
        evidence.where.size == 0 ? std::string() : fmt::format(" ({} octets)", evidence.where.size);
    page.wrapped(fmt::format("  #{:<3} {:>10} ms  {:7}  ", evidence.id, at,
                             record::name_of(evidence.where.side)),
                 printable(record::describe(evidence)) + size);
    for (const auto& note : evidence.notes) {
      page.wrapped(std::string(29, ' ') + "odd: ",
                   printable(note.field.empty() ? note.text : note.field + ": " + note.text));
    }
  }
}

}  // namespace

namespace {

/// "0.2 ms" stays on one line: a number without its unit says nothing.
bool is_quantity(std::string_view number, std::string_view rest) {
  if (number.empty() || number.find_first_not_of("0123456789.") != std::string_view::npos)
    return false;
  const auto unit = rest.substr(0, rest.find_first_of(" ,.;:)"));
  return unit == "ms" || unit == "s" || unit == "min" || unit == "h" || unit == "days" ||
         unit == "years" || unit == "octets";
}

}  // namespace

void append_wrapped(std::string& out, std::string_view lead, std::string_view text, int width) {
  const auto indent = columns(lead);
  const auto room =
      std::max<std::size_t>(static_cast<std::size_t>(std::max(width, 0)), indent + 20);
  out.append(lead);
  std::size_t at = indent;
  bool first = true;
  while (!text.empty()) {
    auto end = std::min(text.find(' '), text.size());
    if (end < text.size() && is_quantity(text.substr(0, end), text.substr(end + 1))) {
      end = std::min(text.find(' ', end + 1), text.size());
    }
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const auto wide = columns(word);
    if (!first && at + 1 + wide > room) {
      out.append("\n").append(indent, ' ');
      at = indent;
    } else if (!first) {
      out += ' ';
      ++at;
    }
    out.append(word);
    at += wide;
    first = false;
  }
  out += '\n';
}

std::string cause_to_text(const diagnose::Cause& cause, int width) {
  std::string out;
  append_wrapped(out, "", fmt::format("{}: {}", cause.id, cause.title), width);
  if (cause.phase) append_wrapped(out, "  phase       ", record::row_of(*cause.phase).title, width);
  append_wrapped(out, "  looks like  ", cause.looks_like, width);
  append_wrapped(out, "  refuted by  ", cause.against, width);
  int step = 0;
  for (const auto fix : cause.fix) {
    ++step;
    append_wrapped(out, fmt::format("  {} {}. ", step == 1 ? "what to do" : "          ", step),
                   fix, width);
  }
  append_wrapped(out, "  sources     ", cause.sources, width);
  return out;
}

std::string to_text(const Subject& subject, const TextStyle& style) {
  Page page(style);
  std::optional<record::Summary> asked;
  const auto& summary =
      subject.summary ? *subject.summary : asked.emplace(record::summary(*subject.record));
  const auto& progress = summary.progress;
  write_lead(page, subject, progress);
  if (!subject.source.live) {
    page.wrapped_in(Ink::kFaint, "",
                    fmt::format("{} connection {}, {}", printable(subject.source.file),
                                subject.source.connection, base::to_rfc3339(subject.started, 3)));
  }
  if (subject.diagnosis != nullptr && !subject.diagnosis->causes.empty()) {
    write_first_cause(page, subject.diagnosis->causes.front(), *subject.record);
    write_codes(page, *subject.diagnosis);
    write_rivals(page, subject.diagnosis->causes);
    write_experiments(page, subject);
  }
  write_phases(page, subject, progress);
  write_tls(page, subject, summary.tls);
  write_nla(page, subject);
  write_session(page, subject);
  write_encryption(page, subject);
  write_repetitions(page, subject);
  write_udp(page, subject);
  if (subject.diagnosis != nullptr) write_warnings(page, subject);
  if (style.explain) write_evidence(page, subject);
  return page.take();
}

}  // namespace rdpwhy::report
