#pragma once

#include <optional>
#include <string>

#include "dialogue/license_exchange.h"
#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 Licensing, with auto-detection before it where the server wants it.
///
/// STATUS_VALID_CLIENT ends it. A server that asks for a licence request gets none unless the plan
/// allows it: it might issue a temporary licence in its user's name (MS-RDPELE 1.3.3), which a look
/// at a server must not do.
class LicensingSequence : public Sequence {
 public:
  explicit LicensingSequence(SessionPathPtr path)
      : path_(std::move(path)), exchange_(path_->plan()) {}
  [[nodiscard]] Phase phase() const override { return Phase::kLicensing; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;
  void tell(record::RunFacts& facts) const override;

 private:
  using Why = record::RunFacts::OwnStop::Why;

  [[nodiscard]] std::optional<Step> step_after(const rdp::LicensingPdu& pdu);
  [[nodiscard]] Step request(const rdp::LicenseRequest& asked);
  [[nodiscard]] Step respond(const rdp::PlatformChallenge& challenge);
  [[nodiscard]] Step go_on();
  [[nodiscard]] Step stop(Why why, std::string words);

  SessionPathPtr path_;
  LicenseExchange exchange_;
  std::optional<record::RunFacts::OwnStop> own_stop_;
};

}  // namespace rdpwhy::dialogue
