#pragma once

#include <span>

#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// RFC 8446, RFC 5246: the handshake, up to what shows that the server accepted our end of it.
/// Hands over to CredSSP or RDSTLS where the server selected that, else to MCS.
class TlsSequence : public Sequence {
 public:
  explicit TlsSequence(ProbePlan plan) : plan_(std::move(plan)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kTls; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  enum class State { kStartDue, kHandshaken, kLingered };

  [[nodiscard]] Step go_behind(std::span<const Evidence> evidence);

  ProbePlan plan_;
  State state_ = State::kStartDue;
};

}  // namespace rdpwhy::dialogue
