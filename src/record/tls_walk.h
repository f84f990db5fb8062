#pragma once

#include <cstdint>
#include <optional>

#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::record {

/// True for facts that only TLS leaves.
[[nodiscard]] bool is_tls(const Fact& fact);

/// Follows the TLS handshake of one connection through its evidence: whose turn it is, what an
/// encrypted record must be, and when the handshake is complete (contract.md, `reached`).
class TlsWalk {
 public:
  /// What the evidence is in the course of the handshake.
  enum class Role {
    kNone,
    kFinished,     ///< readable or by its place
    kAlert,        ///< encrypted, and by its size or type an alert
    kApplication,  ///< data of a later phase, closed to us
    kInside,       ///< a message of a later phase that was read
    kOther,
  };

  TlsWalk() = default;
  /// With the whole record before it, which may show that the server accepted in silence.
  explicit TlsWalk(const HandshakeRecord& record) : silent_(accepted_in_silence(record)) {}
  Role step(const Evidence& evidence);

  [[nodiscard]] bool passed() const { return passed_; }
  /// The server has to speak next, as far as can be told.
  [[nodiscard]] bool server_due() const { return server_due_; }
  [[nodiscard]] bool tls13() const { return tls13_; }
  /// Decrypted messages of TLS 1.3 were seen.
  [[nodiscard]] bool opened() const { return opened_; }

 private:
  struct Half {
    bool change_cipher_spec = false;
    bool finished = false;
  };

  Role step_message(const HandshakeMessage& message, Side side);
  Role step_protected(const ProtectedRecord& record, Side side);
  Role step_protected13(const ProtectedRecord& record, Side side);
  Role finished_by(Side side);
  void data_by(Side side, bool whole, bool opened);
  Half& half(Side side) { return side == Side::kServer ? server_ : client_; }

  void finish13(Side side);

  bool silent_ = false;  ///< accepted_in_silence
  bool tls13_ = false;
  bool full_ = false;  ///< a message of a full handshake was seen (before TLS 1.3)
  bool passed_ = false;
  bool server_due_ = false;
  bool asked_ = false;  ///< the client sent data, and no data of the server followed
  bool opened_ = false;
  Half client_, server_;
};

}  // namespace rdpwhy::record
