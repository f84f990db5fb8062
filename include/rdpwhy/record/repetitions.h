#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::record {

/// The same handshake several times: how often each ending came, and how long each phase took.
struct Repetitions {
  struct Ending {
    std::size_t count = 0;
    std::optional<Phase> reached;
    std::optional<Failure> failure;  ///< of the first that ended so; its evidence is of that one
  };
  struct Duration {
    Phase phase = Phase::kTcp;
    std::size_t passed = 0;  ///< how often
    // Of those that passed and whose time is known.
    std::optional<Nanoseconds> shortest;
    std::optional<Nanoseconds> median;
    std::optional<Nanoseconds> longest;
  };
  std::size_t made = 0;
  std::vector<Ending> endings;   ///< the most frequent first
  std::vector<Duration> phases;  ///< in order, those that one of them entered
  [[nodiscard]] bool differ() const { return endings.size() > 1; }
};

/// Two endings are one when phase, side and manner are the same.
[[nodiscard]] Repetitions repetitions(std::span<const HandshakeRecord> records);

}  // namespace rdpwhy::record
