#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/diagnose/experiments.h"
#include "rdpwhy/net/probe.h"

namespace rdpwhy::investigate {

/// Connections of one investigation in all, whatever is asked for.
inline constexpr std::size_t kMostConnections = 24;

struct ExperimentLimits {
  static constexpr std::size_t kUsual = 10;
  std::size_t most = kUsual;                                      ///< 0: none are made
  std::function<void(std::string_view name)> on_experiment = {};  ///< progress
};

/// The options of one experiment: those of the handshake that failed with one thing changed, no
/// farther than it got, at the address that it was about, and without anybody's credentials.
/// Nothing: that change cannot be made to it.
[[nodiscard]] std::optional<net::ProbeOptions> options_of(
    const diagnose::PlannedExperiment& experiment, const net::Target& target,
    const net::ProbeOptions& failed, const net::ProbedConnection& met);

/// What was made of one handshake, and whether the user ended it early.
struct Experiments {
  std::vector<diagnose::ExperimentResult> made;
  std::optional<int> signal;
};

/// Makes what diagnosis asks for, paced, until it asks for nothing more. The silent connection is
/// also told in the run facts of `met`, where the rules look for it.
[[nodiscard]] Experiments run_experiments(const net::Target& target,
                                          const net::ProbeOptions& options,
                                          net::ProbedConnection& met,
                                          const diagnose::Circumstances& circumstances,
                                          const ExperimentLimits& limits);

}  // namespace rdpwhy::investigate
