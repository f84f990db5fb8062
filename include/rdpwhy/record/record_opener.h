#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::record {

/// Opens protected TLS records of one connection; made by `crypto` once the ServerHello is known.
class RecordOpener {
 public:
  struct Opened {
    std::uint8_t content_type = 0;  ///< the inner type (TLS 1.3), else the outer one
    Bytes plaintext;
  };
  enum class Refusal {
    kNoSecrets,    ///< keys may still come: ask again
    kUnsupported,  ///< this suite or version is not opened here: see obstacle()
    kBadRecord,    ///< keys are there and the tag does not match
  };
  virtual ~RecordOpener() = default;
  /// `header_and_fragment` is the whole TLSCiphertext of `side`, in order and without gaps since
  /// the last change of keys. A refusal kNoSecrets consumes nothing; any other outcome counts the
  /// record.
  virtual std::expected<Opened, Refusal> open(Side side, ByteSpan header_and_fragment) = 0;
  /// A handshake message of this side with its header, in the order of the stream, beginning with
  /// the ClientHello and the ServerHello that made this opener: for secrets that depend on the
  /// transcript (RFC 7627) or on what a message carries (RFC 5246 7.4.7.1). Empty: the capture
  /// lacks a part of it.
  virtual void handshake_message(Side, ByteSpan /*message*/) {}
  /// RFC 5246 7.1, TLS 1.2 and older: what this side sends behind it is protected by the keys of
  /// this handshake.
  virtual void change_cipher_spec(Side) {}
  /// A Finished of this side was opened: its next record uses the application traffic keys.
  virtual void finished(Side side) = 0;
  /// RFC 8446 4.6.3: this side updates its keys.
  virtual void key_update(Side side) = 0;
  /// Why open() last said kUnsupported although the secrets are there; empty: no more to say.
  [[nodiscard]] virtual std::string_view obstacle() const { return {}; }
};

}  // namespace rdpwhy::record
