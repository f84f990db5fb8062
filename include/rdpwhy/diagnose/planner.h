#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/diagnose/experiments.h"

namespace rdpwhy::diagnose {

/// What one round of `investigate` is to make next, side by side where there is more than one: the
/// experiment that best separates the causes still standing, a repetition where one that passed has
/// to be backed, or nothing, when nothing that can be changed would tell them apart, when the
/// server's own word has decided, or when `most` were made. Pure (I1, I5).
///
/// Several at once come only against silence, where each would cost a deadline. No more than
/// kMostSilences of all that were made end by one.
[[nodiscard]] std::vector<PlannedExperiment> next_experiments(
    const HandshakeRecord& failed, const Circumstances& circumstances,
    std::span<const ExperimentResult> made, std::size_t most);

inline constexpr std::size_t kMostSilences = 6;

}  // namespace rdpwhy::diagnose
