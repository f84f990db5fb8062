#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/record/handshake_record.h"

// Pure questions to a record. Everything that a report prints or a cause judges comes from here or
// from the evidence itself; nothing here guesses.
namespace rdpwhy::record {

/// A client that hangs up after this much silence, while an answer of the server was due, gave up
/// waiting (EndedHow::kTimeout); one that hangs up sooner left for reasons of its own (kClose,
/// kReset). Shorter than any deadline that people set, longer than a round trip around the earth.
inline constexpr Nanoseconds kSilenceOfTimeout = 300'000'000;

/// The contract's ending.how.
enum class EndedHow {
  kRefused,
  kUnreachable,
  kTimeout,  ///< an answer was due, silence, then the client hung up (by: client; a SYN: network)
  kClose,
  kReset,
  kAlert,
  kFailurePdu,
  kMalformed,
  kCaptureEnd,  ///< also a gap or a late beginning that hides how it went on
};
[[nodiscard]] std::string_view name_of(EndedHow how);

/// The snake_case name of a protocol message ("connection_request", "client_hello", "finished",
/// "syn"); nothing for evidence that is none (endings, gaps, octets that were not understood).
/// `record` tells what an encrypted record must be, such as the Finished behind a ChangeCipherSpec.
[[nodiscard]] std::optional<std::string> message_name(const HandshakeRecord& record,
                                                      const Evidence& evidence);

/// Where and how the handshake stopped short.
struct Failure {
  Phase phase = Phase::kTcp;
  std::string after;  ///< snake_case name of the last message before it: "client_hello"
  Side by = Side::kNetwork;
  EndedHow how = EndedHow::kClose;
  Nanoseconds after_ns = 0;  ///< from that message to the ending
  EvidenceId evidence = 0;   ///< the evidence that shows the ending (alert, failure PDU, FIN, ...)
  std::vector<EvidenceId> because;  ///< further evidence that belongs to it, in order
};

enum class PhaseState { kPassed, kFailed, kStopped, kSkipped, kEncrypted, kNotReached };
[[nodiscard]] std::string_view name_of(PhaseState state);

struct PhaseProgress {
  Phase phase = Phase::kTcp;
  PhaseState state = PhaseState::kNotReached;
  std::optional<Nanoseconds> duration;
};

/// The error says that packets do not arrive; others only ask to send smaller or fewer ones.
[[nodiscard]] bool says_unreachable(const IcmpError& error);

/// The phase that follows TLS (or X.224, where nothing was selected): CredSSP, RDSTLS or MCS.
[[nodiscard]] Phase phase_behind(std::uint32_t selected_protocol);

/// What was said inside TLS and nobody here could open. An alert of TLS 1.3 looks like it from
/// outside but for its size, and is none.
[[nodiscard]] bool is_closed_data(const Fact& fact);

/// A proxy on the way to the server, as the octets show it: whose refusal was it?
struct ProxyWay {
  bool present = false;               ///< the client asked a proxy
  const Evidence* granted = nullptr;  ///< with it the way to the server is open
};
[[nodiscard]] ProxyWay proxy_way(const HandshakeRecord& record);

/// Octets of a message that the server began and had not finished when the client hung up, or when
/// the connection ended.
[[nodiscard]] std::uint64_t unfinished_octets(const HandshakeRecord& record);

/// What the server said since the handshake last went on, up to the failure. An answer was due
/// and did not come: a server that said something else meanwhile was not silent. From MCS on.
struct ServerTalk {
  struct Kind {
    std::string name;  ///< a message_name
    std::size_t count = 0;
  };
  std::vector<Kind> kinds;     ///< in the order in which they came first
  std::uint64_t messages = 0;  ///< with those that the record had no room for, if it went on and on
  const Evidence* last = nullptr;  ///< null: none that is kept
  Moment since;                    ///< when the handshake last went on

  /// No message that answers a client of RDP comes with so many others before it.
  static constexpr std::uint64_t kFlood = 256;
  [[nodiscard]] bool is_flood() const { return messages >= kFlood; }
};
/// Nothing where the failure is none of these phases, or is not the client's hanging up.
[[nodiscard]] std::optional<ServerTalk> server_talk(const HandshakeRecord& record,
                                                    const Failure& failure);

/// "client_hello" as people say it: "the ClientHello". What has no other name stays as it is.
[[nodiscard]] std::string message_in_words(std::string_view name);

/// RFC 8446 4.6.1: session tickets are the server's to send. One that sends none leaves no record
/// behind the client's Finished; that it accepted it shows in this: longer than an alert takes it
/// said nothing, and when the client then left it closed in order. Weaker than a record of it.
[[nodiscard]] bool accepted_in_silence(const HandshakeRecord& record);

/// How far it got. A phase counts as passed only on evidence: `tls` in TLS 1.3 when a server record
/// after the client's Finished shows that it was accepted (contract.md), or accepted_in_silence.
struct Progress {
  std::optional<Phase> reached;       ///< the last phase that completed
  std::optional<Failure> failure;     ///< absent: as far as asked, or nothing says that it failed
  std::vector<PhaseProgress> phases;  ///< those that apply to this connection, in order
  bool as_asked = false;              ///< a run: it went as far as RunFacts.until asks
};
[[nodiscard]] Progress progress(const HandshakeRecord& record);

/// The first evidence that holds a T, with its fact; null when there is none.
template <typename T>
[[nodiscard]] const T* first(const HandshakeRecord& record, std::optional<Side> side = {}) {
  for (const auto& e : record.evidence) {
    if (side && e.where.side != *side) continue;
    if (const auto* fact = get_if<T>(&e.fact)) return fact;
  }
  return nullptr;
}
template <typename T>
[[nodiscard]] const Evidence* first_evidence(const HandshakeRecord& record,
                                             std::optional<Side> side = {}) {
  for (const auto& e : record.evidence) {
    if (side && e.where.side != *side) continue;
    if (holds<T>(e.fact)) return &e;
  }
  return nullptr;
}

/// What the TLS handshake agreed on, read from the evidence alone (I4).
struct TlsSummary {
  const tls::ClientHello* client_hello = nullptr;  ///< the last one (after a HelloRetryRequest)
  const tls::ServerHello* server_hello = nullptr;  ///< the last one that is no HelloRetryRequest
  std::optional<std::uint16_t> version;
  std::optional<std::uint16_t> cipher;
  std::optional<std::uint16_t> group;
  std::optional<std::uint32_t> dh_bits;
  std::optional<std::uint16_t> signature_algorithm;
  std::optional<bool> resumed;  ///< absent: cannot be told
  bool client_certificate_requested = false;
  bool hello_retry = false;
  const Certificates* certificates = nullptr;  ///< the server's
  Moment certificates_at;
  std::vector<const Evidence*> alerts;
};
[[nodiscard]] std::optional<TlsSummary> tls_summary(
    const HandshakeRecord& record);  ///< nothing: no TLS octet seen

}  // namespace rdpwhy::record
