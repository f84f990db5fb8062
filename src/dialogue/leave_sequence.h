#pragma once

#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// The polite end. What the server has still to say is heard for a moment; then, in a session, the
/// Shutdown Request (MS-RDPBCGR 1.3.1.4.1) and its answer, and from the channels on MCS' ultimatum.
class LeaveSequence : public Sequence {
 public:
  enum class Why {
    kAsked,    ///< nothing more is wanted
    kRefused,  ///< the server said no, and may say more
    kActive,   ///< out of a session
  };
  LeaveSequence(SessionPathPtr path, Phase phase, Why why)
      : path_(std::move(path)), phase_(phase), why_(why) {}
  [[nodiscard]] Phase phase() const override { return phase_; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  enum class State { kListening, kShutdownDue, kShutdownSent, kUltimatumDue, kOver };

  SessionPathPtr path_;
  Phase phase_;
  Why why_;
  State state_ = State::kListening;
};

/// At once where no user is attached: there is nothing to say then.
[[nodiscard]] Step leave(SessionPathPtr path, Phase phase,
                         LeaveSequence::Why why = LeaveSequence::Why::kAsked);

}  // namespace rdpwhy::dialogue
