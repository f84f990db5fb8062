#include "diagnose/weighing.h"

#include <fmt/format.h>

#include <algorithm>

#include "diagnose/trial.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::diagnose {
namespace {

using enum ExperimentId;
using State = Trial::State;
using Standing = Trial::Standing;

/// So many different changes have to end alike before that is called a rule.
constexpr std::size_t kManyAlike = 4;

std::vector<std::string> names_of(const std::vector<const ExperimentResult*>& results) {
  std::vector<std::string> names;
  for (const auto* result : results) names.push_back(result->name());
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

void append_new(std::vector<std::string>& to, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (std::ranges::find(to, name) == to.end()) to.push_back(name);
  }
}

/// "the server closed the connection", "silence": how an experiment ended, for people.
std::string ending_in_words(const record::Failure& failure) {
  return fmt::format("{} by the {} in {}", record::name_of(failure.how),
                     record::name_of(failure.by), record::row_of(failure.phase).title);
}

class Weighing {
 public:
  Weighing(const Reading& reading, const Trial& trial, Diagnosis& diagnosis)
      : reading_(reading), trial_(trial), diagnosis_(diagnosis), findings_(diagnosis) {}

  void weigh() {
    tell_experiments();
    if (trial_.form() == Form::kNone) return;
    warn_when_lost();
    if (trial_.repeats_unlike() > 0) return call_it_flaky();
    drop_refuted();
    put_shown_first();
    raise_what_is_left();
    other_address();
    if (diagnosis_.causes.empty()) nothing_is_left();
  }

 private:
  [[nodiscard]] std::vector<std::string> repeats(bool alike) const {
    std::vector<std::string> names;
    for (const auto& [result, outcome] : trial_.met()) {
      if (result->experiment.id != kSameAgain || outcome == Outcome::kTellsNothing) continue;
      if ((outcome == Outcome::kSame) == alike) names.push_back(result->name());
    }
    return names;
  }

  // --- the table of what was tried

  void tell_experiments() {
    for (const auto& [result, outcome] : trial_.met()) {
      const auto progress = record::progress(result->record);
      diagnosis_.experiments.push_back({.name = result->name(),
                                        .changed = result->changed(),
                                        .outcome = outcome,
                                        .reached = progress.reached,
                                        .failure = progress.failure,
                                        .proves = proof_of(*result, outcome, progress)});
    }
  }

  [[nodiscard]] std::string proof_of(const ExperimentResult& result, Outcome outcome,
                                     const record::Progress& progress) const {
    if (!result.not_made.empty()) return "not made: " + result.not_made;
    const auto id = result.experiment.id;
    if (id == kSilentConnection) return proof_of_silence(result);
    if (outcome == Outcome::kTellsNothing) {
      return progress.failure ? "nothing: " + ending_in_words(*progress.failure)
                              : "nothing: it ended sooner";
    }
    if (id == kSameAgain) return proof_of_repeat(outcome, progress);
    std::string words;
    if (outcome == Outcome::kOtherwise && progress.failure)
      words = ending_in_words(*progress.failure);
    if (outcome == Outcome::kPassed && !trial_.pass_is_backed())
      return "nothing yet: the unchanged handshake was not seen to fail after it";
    const auto add = [&](std::string_view lead, const std::vector<std::string>& causes) {
      if (causes.empty()) return;
      words += fmt::format("{}{} {}", words.empty() ? "" : "; ", lead, joined(causes));
    };
    add("for", causes_for(result));
    add("against", causes_against(result));
    if (id == kOtherAddress && outcome == Outcome::kPassed)
      return "for name-resolves-to-dead-address";
    return words.empty() ? "no cause of those in question is ruled out" : words;
  }

  static std::string proof_of_silence(const ExperimentResult& result) {
    const auto& run = result.record.run;
    if (!run || !run->silent_connection || !run->silent_connection->connected)
      return "nothing: no connection";
    const auto& seen = *run->silent_connection;
    const auto after = duration_in_words(seen.after);
    if (seen.ended_by_peer)
      return fmt::format("the peer {} it unasked after {}: the request was not needed for that",
                         seen.reset ? "resets" : "closes", after);
    if (seen.bytes > 0) return fmt::format("the peer speaks first: {} octets", seen.bytes);
    return fmt::format("it stayed open for {}: nobody leaves unasked", after);
  }

  static std::string proof_of_repeat(Outcome outcome, const record::Progress& progress) {
    if (outcome == Outcome::kSame) return "it is no matter of chance";
    if (outcome == Outcome::kPassed) return "for flaky-path: it passed without any change";
    return "for flaky-path: " +
           (progress.failure ? ending_in_words(*progress.failure) : std::string("another ending"));
  }

  [[nodiscard]] std::vector<std::string> causes_for(const ExperimentResult& result) const {
    std::vector<std::string> causes;
    for (const auto& standing : trial_.standings()) {
      if (standing.state != State::kShown) continue;
      const bool speaks =
          std::ranges::find(standing.speaks_for, &result) != standing.speaks_for.end() &&
          trial_.offered().expects(*standing.hypothesis, result.experiment.id) == Expects::kPass;
      if (speaks) append_new(causes, {std::string(standing.hypothesis->cause)});
    }
    return causes;
  }

  [[nodiscard]] std::vector<std::string> causes_against(const ExperimentResult& result) const {
    std::vector<std::string> causes;
    for (const auto& standing : trial_.standings()) {
      const auto& cause = standing.hypothesis->cause;
      const bool speaks =
          std::ranges::find(standing.speaks_against, &result) != standing.speaks_against.end();
      if (speaks && !is_shown(cause)) append_new(causes, {std::string(cause)});
    }
    return causes;
  }

  void warn_when_lost() {
    std::size_t lost = 0;
    for (const auto& [result, outcome] : trial_.met()) {
      const auto progress = record::progress(result->record);
      const bool sooner = outcome == Outcome::kTellsNothing && progress.failure &&
                          progress.failure->phase < reading_.failure()->phase;
      if (sooner) ++lost;
    }
    if (lost < 2) return;
    diagnosis_.warnings.push_back(
        {.id = "experiments-disturbed",
         .says = fmt::format(
             "{} of {} further connections ended sooner than the first one did: something limits "
             "or refuses connections that come one after the other, and what those would have "
             "shown is not known.",
             lost, trial_.met().size()),
         .because = {}});
  }

  // --- the causes

  [[nodiscard]] bool is_shown(std::string_view cause) const {
    return std::ranges::any_of(trial_.standings(), [&](const Standing& standing) {
      return standing.hypothesis->cause == cause && standing.state == State::kShown;
    });
  }

  /// By none of the ways in which it can come about.
  [[nodiscard]] bool is_refuted(std::string_view cause) const {
    bool any = false;
    for (const auto& standing : trial_.standings()) {
      if (standing.hypothesis->cause != cause) continue;
      if (standing.state != State::kRefuted && !standing.hypothesis->only_if_shown) return false;
      if (standing.state == State::kShown) return false;
      any = any || standing.state == State::kRefuted;
    }
    return any;
  }

  void call_it_flaky() {
    const auto unlike = trial_.repeats_unlike();
    const auto all = unlike + trial_.repeats_alike() + 1;
    const auto passed = trial_.repeats_passed();
    const auto& failure = *reading_.failure();
    for (auto& finding : diagnosis_.causes) {
      finding.confidence = std::max(finding.confidence, Confidence::kPossible);
      finding.against.push_back("the same handshake did not always end so");
    }
    Finding& finding = add_first(
        "flaky-path", passed > 0 ? Confidence::kLikely : Confidence::kPossible,
        fmt::format(
            "The same handshake, {} times without any change, {}: {} of them ended in {} as the "
            "first one did.",
            all,
            passed > 0
                ? fmt::format("got past that point {} time{}", passed, passed == 1 ? "" : "s")
                : std::string("ended in more than one way"),
            trial_.repeats_alike() + 1, record::row_of(failure.phase).title));
    append_new(finding.experiments, repeats(false));
    append_new(finding.experiments, repeats(true));
    finding.against.push_back(
        "a server that refuses every so-and-so-many connections, or one that is about to recover, "
        "looks the same");
  }

  Finding& add_first(std::string_view id, Confidence confidence, std::string says) {
    findings_.add(id, confidence, std::move(says), ids_with_failure(reading_, {}));
    std::ranges::rotate(diagnosis_.causes, diagnosis_.causes.end() - 1);
    return diagnosis_.causes.front();
  }

  void drop_refuted() {
    std::erase_if(diagnosis_.causes,
                  [this](const Finding& finding) { return is_refuted(finding.id); });
    for (auto& finding : diagnosis_.causes) {
      for (const auto& standing : trial_.standings()) {
        const bool about =
            standing.hypothesis->cause == finding.id && !standing.hypothesis->only_if_shown;
        if (!about || (standing.speaks_for.empty() && standing.speaks_against.empty())) continue;
        finding.untried.clear();
        append_new(finding.experiments, names_of(standing.speaks_for));
      }
    }
  }

  void put_shown_first() {
    std::vector<const Standing*> shown;
    for (const auto& standing : trial_.standings()) {
      if (standing.state == State::kShown) shown.push_back(&standing);
    }
    // In the order of what speaks for them; equals stay as they stand.
    std::ranges::sort(shown, std::less{},
                      [](const Standing* s) { return std::pair(passes(*s), s); });
    for (const auto* standing : shown) show(*standing, shown);
  }

  static std::size_t passes(const Standing& standing) { return standing.speaks_for.size(); }

  void show(const Standing& standing, const std::vector<const Standing*>& shown) {
    const auto& hypothesis = *standing.hypothesis;
    auto found = std::ranges::find(diagnosis_.causes, hypothesis.cause, &Finding::id);
    if (found == diagnosis_.causes.end()) {
      add_first(hypothesis.cause, hypothesis.at_best, "");
    } else {
      std::rotate(diagnosis_.causes.begin(), found, found + 1);
    }
    auto& finding = diagnosis_.causes.front();
    const bool alone = std::ranges::all_of(
        shown, [&](const Standing* s) { return s->hypothesis->cause == hypothesis.cause; });
    finding.confidence = alone ? hypothesis.at_best : Confidence::kPossible;
    const auto by = passing(standing);
    auto shows = std::string(hypothesis.shown);
    if (!shows.empty() && shows[0] >= 'a' && shows[0] <= 'z')
      shows[0] = static_cast<char>(shows[0] - 'a' + 'A');
    finding.says = fmt::format("{} ({}). Without any change it ended as before each time.", shows,
                               joined(by) + agreed_by(standing));
    finding.untried.clear();
    append_new(finding.experiments, names_of(standing.speaks_for));
    append_new(finding.experiments, repeats(true));
    if (!alone) finding.against.push_back("another change helps as well: see the others");
  }

  [[nodiscard]] std::vector<std::string> passing(const Standing& standing) const {
    std::vector<std::string> names;
    for (const auto* result : standing.speaks_for) {
      if (trial_.offered().expects(*standing.hypothesis, result->experiment.id) == Expects::kPass)
        names.push_back(result->name());
    }
    return names;
  }

  /// What TLS agreed on in the first one that passed.
  [[nodiscard]] std::string agreed_by(const Standing& standing) const {
    for (const auto* result : standing.speaks_for) {
      if (trial_.offered().expects(*standing.hypothesis, result->experiment.id) != Expects::kPass)
        continue;
      const auto tls = record::tls_summary(result->record);
      if (!tls || !tls->version || !tls->cipher || tls->server_hello == nullptr) continue;
      auto words =
          fmt::format(": {} with {}", tls::version_name(*tls->version),
                      tls::name_or_hex(tls::cipher_suite_name(*tls->cipher), *tls->cipher));
      if (tls->signature_algorithm) {
        words += fmt::format(", {}",
                             tls::name_or_hex(tls::signature_scheme_name(*tls->signature_algorithm),
                                              *tls->signature_algorithm));
      }
      return words;
    }
    return {};
  }

  /// One known cause fits, and what could be told apart from it is refuted.
  void raise_what_is_left() {
    if (diagnosis_.causes.empty()) return;
    auto& first = diagnosis_.causes.front();
    if (is_shown(first.id)) return;
    const auto standing = std::ranges::find_if(trial_.standings(), [&](const Standing& s) {
      return s.hypothesis->cause == first.id && !s.hypothesis->only_if_shown;
    });
    if (standing == trial_.standings().end()) return;
    if (standing->speaks_for.empty()) return say_what_did_not_help(*standing, first);
    const auto alike = ended_alike(*standing);
    const bool tried_enough = alike >= kManyAlike && trial_.repeats_alike() > 0;
    if (tried_enough && no_rival_is_left(first.id))
      first.confidence = std::min(first.confidence, Confidence::kLikely);
    if (alike < 2) return;
    first.says +=
        fmt::format(" {} further connections, each with one thing changed, {}.", alike,
                    trial_.form() == Form::kLeftAtRequest ? "bear that out" : "ended the same way");
    append_new(first.experiments, repeats(true));
  }

  /// Of those that speak for it: at the request it may speak for a cause that nobody leaves
  /// unasked.
  [[nodiscard]] std::size_t ended_alike(const Standing& standing) const {
    return static_cast<std::size_t>(std::ranges::count_if(trial_.met(), [&](const auto& met) {
      const bool speaks = std::ranges::count(standing.speaks_for, met.result) > 0;
      return speaks &&
             (met.outcome == Outcome::kSame || met.result->experiment.id == kSilentConnection);
    }));
  }

  /// What could have shown it did not, and does not refute it either.
  void say_what_did_not_help(const Standing& standing, Finding& first) const {
    const auto names = names_of(standing.speaks_against);
    if (names.empty()) return;
    first.against.push_back(fmt::format(
        "none of the other offers that were tried is answered either ({})", joined(names)));
  }

  /// Those that no outside probe can tell from it stay: it expects what they expect.
  [[nodiscard]] bool no_rival_is_left(const std::string& id) const {
    const auto of = [&](std::string_view cause) {
      return std::ranges::find_if(trial_.standings(), [&](const Standing& s) {
        return s.hypothesis->cause == cause && !s.hypothesis->only_if_shown;
      });
    };
    const auto own = of(id);
    for (const auto& standing : trial_.standings()) {
      if (standing.hypothesis->cause == id || standing.state == State::kRefuted) continue;
      if (standing.hypothesis->stays_open) continue;
      const bool can_be_told = std::ranges::any_of(experiments(), [&](const Experiment& row) {
        if (!trial_.offered().applies(row.id, trial_.form())) return false;
        const auto plain = [](Expects expects) {
          return expects == Expects::kNoPass ? Expects::kSame : expects;
        };
        const auto mine = plain(trial_.offered().expects(*own->hypothesis, row.id));
        const auto its = plain(trial_.offered().expects(*standing.hypothesis, row.id));
        return mine != Expects::kAnything && its != Expects::kAnything && mine != its;
      });
      if (can_be_told) return false;
    }
    return true;
  }

  void other_address() {
    for (const auto& [result, outcome] : trial_.met()) {
      if (result->experiment.id != kOtherAddress || outcome != Outcome::kPassed) continue;
      const bool at_request = is_at_request(trial_.form());
      const auto says = fmt::format(
          "{}, another address of the same name, goes further than {}, which a client tries first: "
          "the name leads to more than one machine.",
          result->experiment.address, reading_.circumstances.server_address);
      findings_.add(
          "name-resolves-to-dead-address", at_request ? Confidence::kLikely : Confidence::kPossible,
          says,
          ids_with_failure(reading_, {record::first_evidence<record::Resolved>(reading_.record)}));
      diagnosis_.causes.back().experiments.push_back(result->name());
      if (at_request) std::ranges::rotate(diagnosis_.causes, diagnosis_.causes.end() - 1);
      return;
    }
  }

  void nothing_is_left() {
    std::vector<std::string> tried;
    for (const auto& met : trial_.met()) append_new(tried, {met.result->name()});
    findings_.add("unexplained", Confidence::kPossible,
                  fmt::format("It stopped in {}, and what was tried refutes every cause that is "
                              "known for that ({}).",
                              record::row_of(reading_.failure()->phase).title, joined(tried)),
                  ids_with_failure(reading_, {}));
    diagnosis_.causes.back().experiments = std::move(tried);
  }

  const Reading& reading_;
  const Trial& trial_;
  Diagnosis& diagnosis_;
  Findings findings_;
};

}  // namespace

void weigh_experiments(const Reading& reading, std::span<const ExperimentResult> made,
                       Diagnosis& diagnosis) {
  const Trial trial(reading, diagnosis, made);
  Weighing(reading, trial, diagnosis).weigh();
}

}  // namespace rdpwhy::diagnose
