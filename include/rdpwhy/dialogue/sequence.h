#pragma once

#include <memory>
#include <variant>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/crypto/tls_session.h"
#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::dialogue {

class Sequence;

struct Send {  ///< write all of it
  Bytes bytes;
};
struct Await {};   ///< feed the peer's next octets, or its ending, through the dissector
struct Linger {};  ///< as Await, but only for a moment: something may still come, nothing is due
struct StartTls {  ///< put TLS on this connection and drive its handshake until it ends or
                   ///< completes
  crypto::TlsOffer offer;
};
struct Next {  ///< this phase is over
  std::unique_ptr<Sequence> sequence;
};
struct Finish {};  ///< nothing more to say; the record tells how it went

using Step = std::variant<Send, Await, Linger, StartTls, Next, Finish>;

/// The client's half of one phase: evidence in, what to do next out. It never decodes and never
/// waits. Deadlines are the driver's: a phase whose deadline passes is ended there.
class Sequence {
 public:
  virtual ~Sequence() = default;
  /// The phase that this sequence is in, for its deadline.
  [[nodiscard]] virtual Phase phase() const = 0;
  /// `record` holds everything until now, our own octets included. Called once at the start and
  /// after every step was carried out.
  [[nodiscard]] virtual Step next(const HandshakeRecord& record) = 0;
};

}  // namespace rdpwhy::dialogue
