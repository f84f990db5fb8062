#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace rdpwhy::record {

/// The phases of a connection in order, after MS-RDPBCGR 1.3.1.1; names are those of the JSON.
enum class Phase : std::uint8_t {
  kResolve,
  kTcp,
  kX224,
  kTls,
  kKerberos,
  kCredssp,
  kRdstls,
  kAuthorization,
  kMcs,
  kChannels,
  kSecurity,
  kClientInfo,
  kAutodetect,
  kLicensing,
  kMultitransport,
  kCapabilities,
  kFinalization,
};

/// Who did something: one of the two ends, or something between them (ICMP, a missing answer).
enum class Side : std::uint8_t { kClient, kServer, kNetwork };

[[nodiscard]] constexpr Side other(Side side) {
  return side == Side::kClient ? Side::kServer : Side::kClient;
}

/// One row of the phase table, which feeds names, expectations, documentation and the progress
/// line.
struct PhaseRow {
  Phase phase;
  std::string_view name;     ///< as in the JSON: "x224"
  std::string_view title;    ///< for people: "X.224 negotiation"
  std::string_view section;  ///< where it is specified
  Side speaks_first;         ///< who opens the phase
};

/// In order, one row per Phase.
[[nodiscard]] std::span<const PhaseRow> phase_table();
[[nodiscard]] const PhaseRow& row_of(Phase phase);
[[nodiscard]] std::string_view name_of(Phase phase);
[[nodiscard]] std::optional<Phase> phase_named(std::string_view name);

[[nodiscard]] std::string_view name_of(Side side);  // "client", "server", "network"

}  // namespace rdpwhy::record

namespace rdpwhy {
using record::Phase;
using record::Side;
}  // namespace rdpwhy
