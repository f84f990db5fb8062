#pragma once

#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 5.4.2.1, behind CredSSP with PROTOCOL_HYBRID_EX: the server says whether this user
/// may log on here at all.
class AuthorizationSequence : public Sequence {
 public:
  explicit AuthorizationSequence(ProbePlan plan) : plan_(std::move(plan)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kAuthorization; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  ProbePlan plan_;
};

}  // namespace rdpwhy::dialogue
