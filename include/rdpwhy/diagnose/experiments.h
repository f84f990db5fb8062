#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/record/handshake_record.h"

// What can be changed about a handshake that failed, one thing at a time, and what became of it.
// Nothing here makes a connection: `investigate` does, in the order that the planner gives.
namespace rdpwhy::diagnose {

enum class ExperimentId : std::uint8_t {
  kSameAgain,
  kSilentConnection,
  kProxyHeader,
  kNoCookie,
  kNoToken,
  kRdpOnly,
  kTlsOnly,
  kNlaOnly,
  kNoHybridEx,
  kTlsFirst,
  kSmallClientHello,
  kEveryCipher,
  kTls12Only,
  kTls13Only,
  kTls11Only,
  kTls10Only,
  kRsaOnly,
  kEcdsaOnly,
  kSplitClientHello,
  kNoServerName,
  kClampedSegments,
  kOtherAddress,
};

/// A row of the catalogue.
struct Experiment {
  ExperimentId id{};
  std::string_view name;       ///< "tls12-only": in JSON, reports and findings
  std::string_view changed;    ///< the one thing, in words
  std::string_view separates;  ///< what its outcome can tell apart
};
[[nodiscard]] std::span<const Experiment> experiments();
[[nodiscard]] const Experiment& row_of(ExperimentId id);

/// One experiment that is to be made.
struct PlannedExperiment {
  ExperimentId id{};
  std::string address = {};  ///< kOtherAddress: which; else the one that failed

  friend bool operator==(const PlannedExperiment&, const PlannedExperiment&) = default;
};

/// One that was made.
struct ExperimentResult {
  PlannedExperiment experiment;
  int number = 1;          ///< how many of that kind were made, this one included
  HandshakeRecord record;  ///< empty when it could not be made
  std::string not_made;    ///< why not; empty: it was

  [[nodiscard]] std::string name() const;     ///< "same-again-2"
  [[nodiscard]] std::string changed() const;  ///< with the address
};

/// Beside the handshake that failed.
enum class Outcome : std::uint8_t {
  kPassed,       ///< it got past the point at which that one failed
  kSame,         ///< it ended at the same point in the same way
  kOtherwise,    ///< at the same point the peer did something else
  kTellsNothing  ///< not made, ended sooner, or unclear
};
[[nodiscard]] std::string_view name_of(Outcome outcome);  // "passed", "same ending", ...

/// `failed` has a failure.
[[nodiscard]] Outcome outcome_of(const HandshakeRecord& failed, const ExperimentResult& result);

}  // namespace rdpwhy::diagnose
