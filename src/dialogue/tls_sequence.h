#pragma once

#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// RFC 8446, RFC 5246: the handshake, up to what shows that the server accepted our end of it.
class TlsSequence : public Sequence {
 public:
  explicit TlsSequence(crypto::TlsOffer offer) : offer_(std::move(offer)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kTls; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  enum class State { kStartDue, kHandshaken, kLingered };

  crypto::TlsOffer offer_;
  State state_ = State::kStartDue;
};

}  // namespace rdpwhy::dialogue
