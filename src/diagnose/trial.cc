#include "diagnose/trial.h"

#include <algorithm>

namespace rdpwhy::diagnose {

using enum ExperimentId;

Trial::Trial(const Reading& reading, const Diagnosis& by_rules,
             std::span<const ExperimentResult> made)
    : form_(form_of(reading, by_rules)), offered_(reading) {
  for (const auto& result : made)
    met_.push_back({.result = &result, .outcome = outcome_of(reading.record, result)});
  const auto passed = std::ranges::find_if(met_, [](const Met& met) {
    const auto id = met.result->experiment.id;
    return met.outcome == Outcome::kPassed && id != kSameAgain;
  });
  first_pass_ = static_cast<std::size_t>(passed - met_.begin());
  for (const auto& hypothesis : hypotheses()) {
    if (hypothesis.form != form_) continue;
    const auto& causes = by_rules.causes;
    const auto found = std::ranges::find(causes, hypothesis.cause, &Finding::id);
    if (found == causes.end() && !hypothesis.only_if_shown) continue;
    const auto place = hypothesis.only_if_shown ? causes.end() : found;
    Standing standing{.hypothesis = &hypothesis,
                      .rank = static_cast<std::size_t>(place - causes.begin())};
    weigh(standing);
    standings_.push_back(std::move(standing));
  }
}

std::size_t Trial::made(ExperimentId id) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      met_, [id](const Met& met) { return met.result->experiment.id == id; }));
}

std::size_t Trial::count(Outcome of_repeats) const {
  return static_cast<std::size_t>(std::ranges::count_if(met_, [&](const Met& met) {
    return met.result->experiment.id == kSameAgain && met.outcome == of_repeats;
  }));
}

bool Trial::pass_is_backed() const {
  if (!any_passed() || repeats_unlike() > 0) return false;
  const auto behind = std::span(met_).subspan(first_pass_);
  const bool again = std::ranges::any_of(behind, [](const Met& met) {
    return met.result->experiment.id == kSameAgain && met.outcome == Outcome::kSame;
  });
  // Against silence one repetition costs as much as all the others do elsewhere.
  return again && (is_silent(form_) || repeats_alike() >= 2);
}

void Trial::weigh(Standing& standing) const {
  const auto& hypothesis = *standing.hypothesis;
  bool contradicted = false;
  bool shown = false;
  std::size_t failed_hopes = 0;
  std::size_t told = 0;  // experiments about the very thing, of any outcome
  const bool backed = pass_is_backed();
  for (const auto& [result, outcome] : met_) {
    const auto expected = offered_.expects(hypothesis, result->experiment.id);
    if (outcome == Outcome::kTellsNothing || expected == Expects::kAnything) continue;
    if (outcome == Outcome::kPassed && !backed) continue;
    ++told;
    const auto speaks_for = [&] { standing.speaks_for.push_back(result); };
    const auto speaks_against = [&] { standing.speaks_against.push_back(result); };
    switch (expected) {
      case Expects::kPass:
        if (outcome == Outcome::kPassed) {
          shown = true;
          speaks_for();
        } else if (outcome == Outcome::kSame || is_at_request(form_)) {
          ++failed_hopes;  // there, whatever is no answer is none
          speaks_against();
        }
        break;
      case Expects::kNoPass:
        if (outcome == Outcome::kPassed) contradicted = true;
        outcome == Outcome::kPassed ? speaks_against() : speaks_for();
        break;
      case Expects::kSame:
        if (outcome != Outcome::kSame) contradicted = true;
        outcome == Outcome::kSame ? speaks_for() : speaks_against();
        break;
      case Expects::kOtherwise:
        if (outcome == Outcome::kSame) contradicted = true;
        if (outcome == Outcome::kSame) speaks_against();
        if (outcome == Outcome::kOtherwise) speaks_for();
        break;
      case Expects::kAnything:
        break;
    }
  }
  std::size_t hopes = 0;
  for (const auto& row : experiments()) {
    const bool may =
        offered_.applies(row.id, form_) && offered_.expects(hypothesis, row.id) == Expects::kPass;
    if (may) ++hopes;
  }
  // All that it could have passed by was tried; or there is nothing: then whatever could have shown
  // it stood in the first offer already.
  const bool rests_on_a_pass = hypothesis.versions != Hypothesis::Versions::kAsUsual ||
                               std::ranges::any_of(hypothesis.of, [](const auto& named) {
                                 return named.second == Expects::kPass;
                               });
  const bool hopeless = rests_on_a_pass && !shown && failed_hopes >= hopes && told > 0;
  if (contradicted) {
    standing.state = State::kRefuted;
  } else if (shown) {
    standing.state = State::kShown;
  } else if (hopeless && !hypothesis.stays_open) {
    standing.state = State::kRefuted;
  }
}

}  // namespace rdpwhy::diagnose
