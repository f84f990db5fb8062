#pragma once

#include <span>

#include "diagnose/reading.h"
#include "rdpwhy/diagnose/experiments.h"

namespace rdpwhy::diagnose {

/// Judges anew what the rules found, by what was tried: causes that it refutes go, one that it
/// shows comes first, and one whose rivals are gone is likely. Nothing becomes certain by it: only
/// the server's own word makes that.
void weigh_experiments(const Reading& reading, std::span<const ExperimentResult> made,
                       Diagnosis& diagnosis);

}  // namespace rdpwhy::diagnose
