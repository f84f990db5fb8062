#include "rdpwhy/diagnose/planner.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "diagnose/trial.h"

namespace rdpwhy::diagnose {
namespace {

using enum ExperimentId;

/// "The same again three times."
constexpr std::size_t kMostRepeats = 3;
/// So many at once against silence.
constexpr std::size_t kMostAtOnce = 5;
/// Further addresses of the name that are tried.
constexpr std::size_t kMostAddresses = 2;
/// So many in a row that tell nothing: the server no longer takes part.
constexpr std::size_t kMostUnclear = 3;

/// What it is worth to know more about a cause: the one to bet on is worth most.
unsigned weight_of(const Trial::Standing& standing, std::size_t findings) {
  if (standing.rank >= findings) return 1;
  return standing.rank == 0 ? 3 : 2;
}

class Plan {
 public:
  Plan(const Trial& trial, const Diagnosis& by_rules, std::size_t room)
      : trial_(trial), findings_(by_rules.causes.size()), room_(room) {}

  std::vector<PlannedExperiment> next() {
    if (trial_.repeats_unlike() > 0) return repeat();
    if (has_lost_the_server()) return {};
    const bool silent = is_silent(trial_.form());
    if (!silent && trial_.made(kSameAgain) == 0) return repeat();
    if (trial_.any_passed() && !trial_.pass_is_backed()) return repeat();
    if (silent && trial_.met().empty()) return all_at_once();
    if (const auto best = best_first(1); !best.empty()) return best;
    return other_address();
  }

 private:
  static PlannedExperiment planned(ExperimentId id) { return {.id = id, .address = {}}; }

  [[nodiscard]] std::vector<PlannedExperiment> repeat() const {
    if (trial_.made(kSameAgain) >= kMostRepeats) return {};
    return {planned(kSameAgain)};
  }

  [[nodiscard]] bool has_lost_the_server() const {
    const auto met = trial_.met();
    if (met.size() < kMostUnclear) return false;
    return std::ranges::all_of(met.last(kMostUnclear), [](const Trial::Met& m) {
      return m.outcome == Outcome::kTellsNothing;
    });
  }

  /// Pairs of causes that it tells apart, by their weight.
  [[nodiscard]] unsigned score(ExperimentId id) const {
    unsigned same = 0, pass = 0, otherwise = 0;
    for (const auto& standing : trial_.standings()) {
      if (standing.state == Trial::State::kRefuted) continue;
      const auto weight = weight_of(standing, findings_);
      switch (trial_.offered().expects(*standing.hypothesis, id)) {
        case Expects::kSame:
        case Expects::kNoPass:
          same += weight;
          break;
        case Expects::kPass:
          pass += weight;
          break;
        case Expects::kOtherwise:
          otherwise += weight;
          break;
        case Expects::kAnything:
          break;
      }
    }
    return same * pass + same * otherwise + pass * otherwise;
  }

  /// The best ones of those that can still tell something, at most `most`.
  [[nodiscard]] std::vector<PlannedExperiment> best_first(std::size_t most) const {
    std::vector<std::pair<unsigned, ExperimentId>> worth;
    for (const auto& row : experiments()) {
      const bool open = row.id != kSameAgain && row.id != kOtherAddress && trial_.made(row.id) == 0;
      if (!open || !trial_.offered().applies(row.id, trial_.form())) continue;
      if (const auto points = score(row.id); points > 0) worth.emplace_back(points, row.id);
    }
    // Of equals the one that the catalogue names first.
    std::ranges::sort(worth, [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::vector<PlannedExperiment> best;
    for (const auto& [points, id] : worth) {
      if (best.size() == std::min(most, room_)) break;
      best.push_back(planned(id));
    }
    return best;
  }

  /// The repetition goes last: a server that serves one after the other hangs on it again.
  [[nodiscard]] std::vector<PlannedExperiment> all_at_once() const {
    auto all = best_first(kMostAtOnce - 1);
    if (all.size() < room_) all.push_back(planned(kSameAgain));
    return all;
  }

  [[nodiscard]] std::vector<PlannedExperiment> other_address() const {
    const auto& others = trial_.offered().other_addresses();
    const auto tried = trial_.made(kOtherAddress);
    if (tried >= std::min(others.size(), kMostAddresses)) return {};
    return {{.id = kOtherAddress, .address = others[tried]}};
  }

  const Trial& trial_;
  std::size_t findings_;
  std::size_t room_;
};

std::size_t silences(std::span<const ExperimentResult> made) {
  return static_cast<std::size_t>(std::ranges::count_if(made, [](const ExperimentResult& result) {
    const auto progress = record::progress(result.record);
    return progress.failure && progress.failure->how == record::EndedHow::kTimeout;
  }));
}

}  // namespace

std::vector<PlannedExperiment> next_experiments(const HandshakeRecord& failed,
                                                const Circumstances& circumstances,
                                                std::span<const ExperimentResult> made,
                                                std::size_t most) {
  const auto silent = silences(made);
  if (made.size() >= most || silent >= kMostSilences) return {};
  const auto summary = record::summary(failed);
  const auto by_rules = diagnose(failed, summary, circumstances);
  const Reading reading(failed, summary, circumstances);
  const Trial trial(reading, by_rules, made);
  if (trial.form() == Form::kNone) return {};
  auto room = most - made.size();
  if (is_silent(trial.form())) room = std::min(room, kMostSilences - silent);
  return Plan(trial, by_rules, room).next();
}

}  // namespace rdpwhy::diagnose
