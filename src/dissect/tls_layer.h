#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "dissect/evidence_log.h"
#include "dissect/plaintext_layer.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::dissect {

/// TLS records and handshake messages of both sides (RFC 5246, RFC 8446), SSL 3.0 to TLS 1.3. What
/// is protected is opened where secrets allow it, else kept by type and size.
class TlsLayer {
 public:
  static constexpr unsigned kMostData = 16;  ///< protected records of one side that become evidence
  /// Of both sides together. A message can hold a hundred thousand, each of which costs two digests
  /// and a thousand octets; no chain has a tenth of this.
  static constexpr unsigned kMostCertificates = 64;

  TlsLayer(const Dissector::Options& options, EvidenceLog& log, PlaintextLayer& inside)
      : options_(options), log_(log), inside_(inside) {}

  enum class Outcome { kRead, kWaitsForSecrets };
  /// A whole record with a plausible header. `secrets_are_final`: what cannot be opened now never
  /// can.
  [[nodiscard]] Outcome read(const Unit& record, bool secrets_are_final);
  void read_ssl2_hello(const Unit& unit);

  /// The phase of what application data carries.
  void set_phase_behind(Phase phase) { phase_behind_ = phase; }
  [[nodiscard]] bool spoke(Side side) const { return half(side).spoke; }
  /// A handshake message of this side is incomplete.
  /// Of a message that is not whole yet.
  [[nodiscard]] std::size_t octets_begun(Side side) const { return half(side).partial.size(); }
  [[nodiscard]] bool is_exhausted(Side side) const { return half(side).data >= kMostData; }
  /// Memory behind it; the contexts of the library that opens records are guessed.
  [[nodiscard]] std::size_t octets_held() const {
    constexpr std::size_t kOpener = 8192;
    return client_.partial.capacity() + server_.partial.capacity() + (opener_ ? kOpener : 0);
  }

 private:
  struct Half {
    bool spoke = false;
    bool encrypted = false;  ///< ChangeCipherSpec was sent (before TLS 1.3)
    bool finished = false;
    bool lost = false;    ///< message boundaries cannot be told any more
    bool sealed = false;  ///< its records cannot be opened any more
    bool told_obstacle = false;
    unsigned data = 0;
    Bytes partial;  ///< of a handshake message
    bool partial_has_hole = false;
    record::Where where;  ///< of the records that hold the partial message
  };

  struct Message {
    std::uint8_t type;
    ByteSpan whole;  ///< with its header
    ByteSpan body;
    record::Where where;
    Moment at;
    bool has_hole;
  };

  void read_clear(const Unit& unit);
  void read_handshake(const Unit& unit, ByteSpan fragment, record::Layer layer);
  ByteSpan joined(Half& half, ByteSpan fragment, const record::Where& where);
  void read_alert(const Unit& unit, ByteSpan fragment, record::Layer layer,
                  std::vector<Note> notes = {});
  void read_change_cipher_spec(const Unit& unit, ByteSpan fragment, record::Layer layer,
                               std::vector<Note> notes = {});
  void read_application_data(const Unit& unit, std::uint32_t size, std::vector<Note> notes = {});
  /// Application data that was opened: what is said inside belongs to the phases behind TLS.
  void read_plaintext(const Unit& unit, ByteSpan plaintext);
  Outcome read_sealed(const Unit& unit, bool secrets_are_final);
  void read_opened(const Unit& unit, const record::RecordOpener::Opened& opened);
  /// A protected record that is not opened: what its type and size say.
  void keep_closed(const Unit& unit, std::vector<Note> notes = {});
  void add_protected(const Unit& unit, std::uint8_t type, std::vector<Note> notes = {});

  void read_message(const Message& message);
  void read_client_hello(const Message& message);
  void read_server_hello(const Message& message);
  void read_certificate(const Message& message);
  void read_certificate_verify(const Message& message);
  void read_finished(const Message& message);
  void make_opener(const tls::ServerHello& hello);
  /// What the secrets may depend on.
  void tell_opener(const Message& message);
  template <typename T>
  void add_decoded(const Message& message, const char* what, std::expected<T, DecodeError> decoded,
                   Notes notes);
  void add_plain(const Message& message, std::vector<Note> notes = {});
  void add_oversized(const Message& message, const tls::HandshakeHeader& header);
  void add_malformed(const Message& message, const char* what, DecodeError error, Notes notes);
  /// Evidence of the TLS phase, whatever phase is running already.
  void add(record::Where where, Moment at, record::Fact&& fact, std::vector<Note>&& notes = {});
  void note_finished(Side side);

  Half& half(Side side) { return side == Side::kServer ? server_ : client_; }
  const Half& half(Side side) const { return side == Side::kServer ? server_ : client_; }

  const Dissector::Options& options_;
  EvidenceLog& log_;
  PlaintextLayer& inside_;
  Half client_, server_;
  std::optional<std::uint16_t> version_;  ///< of the ServerHello or HelloRetryRequest
  std::uint16_t cipher_suite_ = 0;
  bool tls13_ = false;
  unsigned certificates_read_ = 0;
  std::optional<std::size_t> client_hello_;  ///< position in the record
  Bytes client_hello_octets_;                ///< for the opener, until there is one
  std::unique_ptr<record::RecordOpener> opener_;
  Phase phase_behind_ = Phase::kTls;
};

}  // namespace rdpwhy::dissect
