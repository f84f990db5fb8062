#pragma once

#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 Connection Finalization: to the server's Font Map, and a moment more, since a
/// server that has second thoughts says so right behind it.
class FinalizationSequence : public Sequence {
 public:
  explicit FinalizationSequence(SessionPathPtr path) : path_(std::move(path)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kFinalization; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  [[nodiscard]] Bytes finalization_pdus();

  /// A server may deactivate and demand anew; one that does nothing else is left.
  static constexpr int kMostActivations = 4;

  SessionPathPtr path_;
  bool sent_ = false;
  bool font_map_seen_ = false;
  bool lingered_ = false;
  int activations_ = 1;
};

}  // namespace rdpwhy::dialogue
