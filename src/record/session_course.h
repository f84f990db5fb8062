#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::record {

/// How far one phase of the session got. Positions are those in the evidence.
struct SessionStage {
  Phase phase = Phase::kMcs;
  std::optional<std::size_t> passed;
  bool skipped = false;    ///< both sides did without it
  bool encrypted = false;  ///< Standard RDP Security without keys: cannot be seen
};

/// How far the phases from MCS to finalization got, read in one pass.
struct SessionCourse {
  bool seen = false;
  /// Those that apply to this connection, in order; empty where nothing was seen.
  std::vector<SessionStage> stages;
  /// Behind the first payload that stays closed: who said something.
  bool client_spoke_closed = false;
  bool server_answered_closed = false;
};

/// `without_tls`: Standard RDP Security may be used.
[[nodiscard]] SessionCourse read_session_course(const HandshakeRecord& record, bool without_tls);

/// Whose turn it is after a PDU of these phases, where it changes that: true when the server has to
/// say something next.
[[nodiscard]] std::optional<bool> server_due_after(const Evidence& evidence);

/// Such a PDU says no. `kForGood`: nothing can follow; `kUnlessMoreComes`: it may go on all the
/// same.
enum class SessionRefusal { kNone, kUnlessMoreComes, kForGood };
[[nodiscard]] SessionRefusal session_refusal(const Evidence& evidence);

}  // namespace rdpwhy::record
