#pragma once

#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 5.4.2.1, behind CredSSP with PROTOCOL_HYBRID_EX: the server says whether this user
/// may log on here at all.
class AuthorizationSequence : public Sequence {
 public:
  [[nodiscard]] Phase phase() const override { return Phase::kAuthorization; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;
};

}  // namespace rdpwhy::dialogue
