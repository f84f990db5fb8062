#pragma once

#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 Basic Settings Exchange: MCS Connect Initial out, Connect Response in. No
/// session comes about by it.
class McsSequence : public Sequence {
 public:
  McsSequence(ProbePlan plan, std::uint32_t selected_protocol)
      : path_(std::make_unique<SessionPath>(std::move(plan), selected_protocol)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kMcs; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  SessionPathPtr path_;
  bool initial_sent_ = false;
};

/// Connect Initial as a current mstsc's, but for the name of its own. `extended`: the server reads
/// the blocks that came later (EXTENDED_CLIENT_DATA_SUPPORTED).
[[nodiscard]] Bytes connect_initial(const SessionPlan& plan, std::uint32_t selected_protocol,
                                    bool extended);

}  // namespace rdpwhy::dialogue
