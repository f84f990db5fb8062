#pragma once

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/dialogue/sequence.h"

namespace rdpwhy::dialogue {

/// A ClientHello of somebody's choice, as raw octets, and the server's answer to it: as far as the
/// ServerHelloDone of TLS 1.2 and older, the ServerHello or HelloRetryRequest of TLS 1.3, or how it
/// ends instead. No key is agreed on; who had an answer leaves by an alert in the clear.
class HelloSequence : public Sequence {
 public:
  explicit HelloSequence(Bytes client_hello) : client_hello_(std::move(client_hello)) {}
  [[nodiscard]] Phase phase() const override { return Phase::kTls; }
  [[nodiscard]] Step next(const HandshakeRecord& record) override;

 private:
  enum class State { kHelloDue, kAwaited, kLeft };

  Bytes client_hello_;
  State state_ = State::kHelloDue;
};

}  // namespace rdpwhy::dialogue
