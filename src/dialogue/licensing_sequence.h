#pragma once

#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 Licensing, with auto-detection before it where the server wants it.
///
/// STATUS_VALID_CLIENT ends it. A server that asks for a licence request gets none: it might issue
/// a temporary licence in its user's name (MS-RDPELE 1.3.3), which a look at a server must not do.
class LicensingSequence : public Sequence {
 public:
  explicit LicensingSequence(SessionPathPtr path) : path_(std::move(path)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kLicensing; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  [[nodiscard]] Step go_on();

  SessionPathPtr path_;
};

}  // namespace rdpwhy::dialogue
