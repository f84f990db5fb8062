#pragma once

#include <optional>

#include "dialogue/session_path.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// MS-RDPBCGR 1.3.1.1 RDP Security Commencement and Secure Settings Exchange: the client random
/// where Standard RDP Security is used, then Client Info. With it a server begins to make a
/// session.
///
/// No password is in it: who logs on has done so by NLA, and outside of NLA nothing binds the key
/// that the server shows to the server.
class LogonSequence : public Sequence {
 public:
  explicit LogonSequence(SessionPathPtr path) : path_(std::move(path)) {}
  [[nodiscard]] Phase phase() const override {
    return info_due_ ? Phase::kClientInfo : Phase::kSecurity;
  }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;
  void tell(record::RunFacts& facts) const override;

 private:
  SessionPathPtr path_;
  bool info_due_ = false;
  bool info_sent_ = false;
  std::optional<record::RunFacts::OwnStop> own_stop_;
};

}  // namespace rdpwhy::dialogue
