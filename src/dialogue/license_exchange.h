#pragma once

#include <optional>

#include "rdpwhy/crypto/licensing_keys.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/rdp/licensing.h"

namespace rdpwhy::dialogue {

/// The client's half of a licensing exchange with RSA keys (MS-RDPELE 1.3.3.1): a request for a new
/// licence and the answer to the platform challenge. No licence is kept or shown again.
class LicenseExchange {
 public:
  explicit LicenseExchange(const ProbePlan& plan) : plan_(&plan) {}

  /// CLIENT_NEW_LICENSE_REQUEST. `certificate`: of the server's security data, used where the
  /// request has none. Nothing: there is no RSA key that the secret could be sent to.
  [[nodiscard]] std::optional<Bytes> request(const rdp::LicenseRequest& asked,
                                             ByteSpan certificate);
  /// CLIENT_PLATFORM_CHALLENGE_RESPONSE. Nothing where the challenge's MAC does not verify
  /// (MS-RDPELE 5.1.5), so that somebody else holds other keys.
  [[nodiscard]] std::optional<Bytes> respond(const rdp::PlatformChallenge& challenge) const;

 private:
  const ProbePlan* plan_;
  std::optional<crypto::LicensingKeys> keys_;
};

}  // namespace rdpwhy::dialogue
