#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/record/queries.h"
#include "rdpwhy/survey/hello_offer.h"

namespace rdpwhy::survey {

/// How a connection ended that brought no ServerHello.
struct Refusal {
  std::optional<Phase> phase;  ///< in which it ended; nothing: it never began
  record::EndedHow how = record::EndedHow::kClose;
  Side by = Side::kServer;
  std::optional<std::uint8_t> alert;          ///< TLS alert description
  std::optional<std::uint32_t> failure_code;  ///< RDP_NEG_FAILURE (MS-RDPBCGR 2.2.1.2.2)
  /// The server selected a security protocol without TLS.
  std::optional<std::uint32_t> selected_protocol;
  Nanoseconds after = 0;  ///< the last message

  /// The ClientHello was sent, and this is what came of it.
  [[nodiscard]] bool answers_hello() const { return phase == Phase::kTls; }
  /// Times aside.
  friend bool operator==(const Refusal& a, const Refusal& b) {
    return a.phase == b.phase && a.how == b.how && a.by == b.by && a.alert == b.alert &&
           a.failure_code == b.failure_code && a.selected_protocol == b.selected_protocol;
  }
};

/// What the server settled on, as far as it shows without keys.
struct Selection {
  std::uint16_t version = 0;
  std::uint16_t suite = 0;
  std::optional<std::uint16_t> group;
  std::optional<std::uint32_t> dh_bits;
  std::optional<std::uint16_t> signature_algorithm;
  std::uint8_t compression = 0;
  bool hello_retry = false;               ///< RFC 8446 4.1.4: it asks for a key of `group`
  std::vector<std::uint16_t> extensions;  ///< those of its ServerHello, in order
  std::optional<std::string> alpn;
  tls::ServerHello::Downgrade downgrade = tls::ServerHello::Downgrade::kNone;
  bool session_id = false;  ///< TLS 1.2 and older: the session could be resumed by it
  bool certificate_status = false;
  std::optional<tls::CertificateRequest> certificate_request;
  std::vector<record::CertificateHandle> chain;  ///< leaf first
  bool ticket = false;  ///< a NewSessionTicket came (a whole handshake of TLS 1.3 only)
  /// The server's flight came to its end; else it left in the middle.
  bool complete = false;

  [[nodiscard]] bool has_extension(tls::ExtensionType type) const;
};

/// What one connection brought: a selection, or else how it ended. Neither: the question could not
/// be asked (Question::whole).
struct Answer {
  std::optional<Selection> selection;
  std::optional<Refusal> refusal;
};

/// Reads the record of a connection that sent one hello. Nothing is decoded here.
[[nodiscard]] Answer answer_of(const HandshakeRecord& record);

/// What in the selection was never offered; empty when all of it was.
[[nodiscard]] std::string not_offered(const HelloOffer& offer, const Selection& selection);

/// "alert handshake_failure", "the connection was reset", "no answer for 5 s", ... .
[[nodiscard]] std::string in_words(const Refusal& refusal);

}  // namespace rdpwhy::survey
