#include "rdpwhy/record/phase.h"

#include <array>

namespace rdpwhy::record {
namespace {

constexpr std::array kPhases{
    PhaseRow{Phase::kResolve, "resolve", "name resolution", "RFC 1035, RFC 8305", Side::kClient},
    PhaseRow{Phase::kTcp, "tcp", "TCP connection", "RFC 9293 3.5", Side::kClient},
    PhaseRow{Phase::kX224, "x224", "X.224 negotiation",
             "MS-RDPBCGR 1.3.1.1 phase 1, 2.2.1.1 and 2.2.1.2", Side::kClient},
    PhaseRow{Phase::kTls, "tls", "TLS handshake", "MS-RDPBCGR 5.4.5.1, RFC 5246, RFC 8446",
             Side::kClient},
    PhaseRow{Phase::kKerberos, "kerberos", "Kerberos ticket", "RFC 4120, MS-KILE", Side::kClient},
    PhaseRow{Phase::kCredssp, "credssp", "CredSSP authentication", "MS-CSSP 3.1.5", Side::kClient},
    PhaseRow{Phase::kRdstls, "rdstls", "RDSTLS authentication", "MS-RDPBCGR 5.4.5.3",
             Side::kServer},
    PhaseRow{Phase::kAuthorization, "authorization", "early user authorization",
             "MS-RDPBCGR 2.2.10.2", Side::kServer},
    PhaseRow{Phase::kMcs, "mcs", "basic settings exchange",
             "MS-RDPBCGR 1.3.1.1 phase 2, T.125, T.124", Side::kClient},
    PhaseRow{Phase::kChannels, "channels", "channel connection", "MS-RDPBCGR 1.3.1.1 phase 3",
             Side::kClient},
    PhaseRow{Phase::kSecurity, "security", "security commencement",
             "MS-RDPBCGR 1.3.1.1 phase 4, 5.3", Side::kClient},
    PhaseRow{Phase::kClientInfo, "client_info", "client settings",
             "MS-RDPBCGR 1.3.1.1 phase 5, 2.2.1.11", Side::kClient},
    PhaseRow{Phase::kAutodetect, "autodetect", "network characteristics detection",
             "MS-RDPBCGR 1.3.1.1 phase 6, 2.2.14", Side::kServer},
    PhaseRow{Phase::kLicensing, "licensing", "licensing", "MS-RDPBCGR 1.3.1.1 phase 7, MS-RDPELE",
             Side::kServer},
    PhaseRow{Phase::kMultitransport, "multitransport", "multitransport bootstrapping",
             "MS-RDPBCGR 1.3.1.1 phase 8, 2.2.15", Side::kServer},
    PhaseRow{Phase::kCapabilities, "capabilities", "capabilities exchange",
             "MS-RDPBCGR 1.3.1.1 phase 9, 2.2.1.13", Side::kServer},
    PhaseRow{Phase::kFinalization, "finalization", "connection finalization",
             "MS-RDPBCGR 1.3.1.1 phase 10, 2.2.1.14", Side::kClient},
};

consteval bool in_order() {
  for (std::size_t i = 0; i < kPhases.size(); ++i) {
    if (static_cast<std::size_t>(kPhases[i].phase) != i) return false;
  }
  return true;
}
static_assert(in_order(), "row_of indexes the table by phase");

}  // namespace

std::span<const PhaseRow> phase_table() { return kPhases; }

const PhaseRow& row_of(Phase phase) { return kPhases.at(static_cast<std::size_t>(phase)); }

std::string_view name_of(Phase phase) { return row_of(phase).name; }

std::optional<Phase> phase_named(std::string_view name) {
  for (const auto& row : kPhases) {
    if (row.name == name) return row.phase;
  }
  return std::nullopt;
}

std::string_view name_of(Side side) {
  switch (side) {
    case Side::kClient:
      return "client";
    case Side::kServer:
      return "server";
    case Side::kNetwork:
      return "network";
  }
  return "network";
}

}  // namespace rdpwhy::record
