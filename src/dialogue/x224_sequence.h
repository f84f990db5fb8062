#pragma once

#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 Connection Initiation: Connection Request out, Connection Confirm in.
class X224Sequence : public Sequence {
 public:
  explicit X224Sequence(ProbePlan plan) : plan_(std::move(plan)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kX224; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  [[nodiscard]] Step after(const rdp::ConnectionConfirm& confirm);

  ProbePlan plan_;
  bool request_sent_ = false;
};

}  // namespace rdpwhy::dialogue
