#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "rdpwhy/auth/message_protection.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/crypto/tls_session.h"
#include "rdpwhy/dialogue/credentials.h"
#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::dialogue {

class Sequence;

struct Send {  ///< write all of it
  Bytes bytes;
  bool is_secret = false;  ///< to be wiped once it is written
};
struct Await {};   ///< feed the peer's next octets, or its ending, through the dissector
struct Linger {};  ///< as Await, but only for a moment: something may still come, nothing is due
struct StartTls {  ///< put TLS on this connection and drive its handshake until it ends or
                   ///< completes
  crypto::TlsOffer offer;
};
/// The next step of a Kerberos security context, which `net` takes over GSSAPI on a worker thread
/// (the KDC may have to be asked). The answer comes by Sequence::kerberos_answered before `next` is
/// called again; what the KDC said stands in the record (record::KdcTalk). The first step has a
/// deadline of its own, so the time that the KDC takes is not taken from the phase that asks. With
/// credentials it gets tickets by their password (OneAttempt says when they are spent); without, it
/// looks for tickets in the user's credential cache.
struct AskKerberos {
  Bytes server_token;  ///< empty for the first step
};
struct Next {  ///< this phase is over
  std::unique_ptr<Sequence> sequence;
};
struct Finish {};  ///< nothing more to say; the record tells how it went
struct GiveUp {    ///< our own surroundings do not allow to go on (no MD4 in this OpenSSL)
  Error error;
};

using Step = std::variant<Send, Await, Linger, StartTls, AskKerberos, Next, Finish, GiveUp>;

/// What a step of a Kerberos security context brought.
struct KerberosAnswer {
  bool failed = false;  ///< no context comes about; nothing below holds but `words`
  Bytes token;          ///< for the server; may be empty once established
  std::shared_ptr<auth::MessageProtection> established;  ///< null: the server has to answer first
  /// With the first token: the credentials that the KDC accepted, for TSCredentials and nothing
  /// else. Nothing when the tickets come from a cache.
  std::optional<Credentials> accepted;
  std::string words;  ///< of a failure that no KDC is to blame for: the library's, printable
};

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
  /// Only for sequences that ask.
  virtual void kerberos_answered(KerberosAnswer) {}
  /// Adds what only this side can know (record::RunFacts says what). Called after every `next`.
  virtual void tell(record::RunFacts&) const {}
};

}  // namespace rdpwhy::dialogue
