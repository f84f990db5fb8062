#pragma once

#include <optional>

#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"
#include "rdpwhy/rdp/share_control.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 Capabilities Exchange, with the multitransport requests before it: Demand
/// Active in, Confirm Active out.
class CapabilitiesSequence : public Sequence {
 public:
  explicit CapabilitiesSequence(SessionPathPtr path,
                                std::optional<rdp::DemandActive> demand = std::nullopt)
      : path_(std::move(path)), demand_(std::move(demand)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kCapabilities; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  [[nodiscard]] Step confirm();

  SessionPathPtr path_;
  std::optional<rdp::DemandActive> demand_;
  bool confirmed_ = false;
};

/// What a client without drawing says to a server's demand.
[[nodiscard]] rdp::ConfirmActive confirm_active(const rdp::DemandActive& demand,
                                                const SessionPlan& plan);

}  // namespace rdpwhy::dialogue
