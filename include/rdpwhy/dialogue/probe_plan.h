#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rdpwhy/crypto/tls_session.h"
#include "rdpwhy/dialogue/sequence.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::dialogue {

/// What one connection is to say. The defaults are a current mstsc's.
struct ProbePlan {
  rdp::ConnectionRequest request = mstsc_request("rdpwhy");
  crypto::TlsOffer tls = crypto::TlsOffer::mstsc();
  Phase until = Phase::kTls;  ///< the last phase to go through

  /// Cookie "mstshash=USER", RDP_NEG_REQ with SSL, HYBRID and HYBRID_EX, as a current mstsc sends
  /// it.
  [[nodiscard]] static rdp::ConnectionRequest mstsc_request(std::string user);
};

/// The first sequence of the plan (X.224); it hands over to TLS by itself where the server selects
/// it.
[[nodiscard]] std::unique_ptr<Sequence> start(const ProbePlan& plan);

}  // namespace rdpwhy::dialogue
