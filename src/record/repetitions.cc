#include "rdpwhy/record/repetitions.h"

#include <algorithm>
#include <map>

namespace rdpwhy::record {
namespace {

bool same_ending(const Repetitions::Ending& ending, const Progress& progress) {
  if (ending.reached != progress.reached) return false;
  if (ending.failure.has_value() != progress.failure.has_value()) return false;
  if (!ending.failure) return true;
  return ending.failure->phase == progress.failure->phase &&
         ending.failure->by == progress.failure->by && ending.failure->how == progress.failure->how;
}

Repetitions::Duration duration_of(Phase phase, std::size_t passed, std::vector<Nanoseconds> times) {
  Repetitions::Duration duration{
      .phase = phase, .passed = passed, .shortest = {}, .median = {}, .longest = {}};
  if (times.empty()) return duration;
  std::ranges::sort(times);
  duration.shortest = times.front();
  duration.median = times[times.size() / 2];
  duration.longest = times.back();
  return duration;
}

/// The most frequent first, equals as they came. There are few: each is put into its place.
void sort_by_count(std::vector<Repetitions::Ending>& endings) {
  for (auto at = endings.begin(); at != endings.end(); ++at) {
    const auto place =
        std::upper_bound(endings.begin(), at, at->count,
                         [](auto count, auto& ending) { return count > ending.count; });
    std::rotate(place, at, at + 1);
  }
}

}  // namespace

Repetitions repetitions(std::span<const HandshakeRecord> records) {
  Repetitions result{.made = records.size(), .endings = {}, .phases = {}};
  std::map<Phase, std::pair<std::size_t, std::vector<Nanoseconds>>> phases;
  for (const auto& record : records) {
    const auto progress = record::progress(record);
    auto known = std::ranges::find_if(
        result.endings, [&](const auto& ending) { return same_ending(ending, progress); });
    if (known == result.endings.end()) {
      result.endings.push_back({.reached = progress.reached, .failure = progress.failure});
      known = result.endings.end() - 1;
    }
    ++known->count;
    for (const auto& row : progress.phases) {
      const bool entered = row.state == PhaseState::kPassed || row.state == PhaseState::kFailed;
      if (!entered) continue;
      auto& [passed, times] = phases[row.phase];
      if (row.state != PhaseState::kPassed) continue;
      ++passed;
      if (row.duration) times.push_back(*row.duration);
    }
  }
  sort_by_count(result.endings);
  for (auto& [phase, met] : phases)
    result.phases.push_back(duration_of(phase, met.first, std::move(met.second)));
  return result;
}

}  // namespace rdpwhy::record
