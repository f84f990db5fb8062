#pragma once

#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 5.4.5.3, behind TLS: the server's capabilities in, what the redirection handed out
/// back to it, its result in. The server takes them once, and they are sent once.
class RdstlsSequence : public Sequence {
 public:
  /// The plan has what it says here: ProbePlan::rdstls.
  explicit RdstlsSequence(ProbePlan plan) : plan_(std::move(plan)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kRdstls; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  [[nodiscard]] Step request();

  ProbePlan plan_;
  bool request_sent_ = false;
};

}  // namespace rdpwhy::dialogue
