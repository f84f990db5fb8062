#pragma once

#include <vector>

#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 Channel Connection: the domain is erected, the user attached, and each
/// channel joined, one answer after the other. Still no session.
class ChannelsSequence : public Sequence {
 public:
  explicit ChannelsSequence(SessionPathPtr path) : path_(std::move(path)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kChannels; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  [[nodiscard]] Step join_next();

  SessionPathPtr path_;
  bool attach_sent_ = false;
  std::vector<std::uint16_t> to_join_;
  std::size_t joined_ = 0;
};

}  // namespace rdpwhy::dialogue
