#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/time.h"
#include "rdpwhy/record/facts.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::record {

/// Counts from 1 in the order of arrival.
using EvidenceId = std::uint32_t;

/// Which stream an offset counts in.
enum class Layer : std::uint8_t {
  kTransport,  ///< no stream: SYN, FIN, ICMP, resolver
  kWire,       ///< the TCP stream of that side
  kDecrypted,  ///< the plaintext inside the TLS record that stands at that wire offset
};

/// Where on the wire a fact was read.
struct Where {
  Side side = Side::kClient;
  Layer layer = Layer::kTransport;
  std::uint64_t offset = 0;  ///< octets from the start of that side's TCP stream
  std::uint32_t size = 0;    ///< octets

  friend bool operator==(const Where&, const Where&) = default;
};

/// One thing that happened.
struct Evidence {
  EvidenceId id = 0;
  Phase phase = Phase::kTcp;
  Where where;
  Moment at;
  Fact fact;
  std::vector<Note> notes;  ///< leniencies of the decoder
  bool live_only = false;   ///< a capture of the same connection cannot show it
};

/// What only a live run knows. Not evidence, never compared (I4).
struct RunFacts {
  std::optional<Phase> until;                    ///< how far the run was asked to go
  Nanoseconds phase_timeout = 0;                 ///< the deadline of each phase
  std::optional<Phase> missed_deadline;          ///< the phase whose deadline passed
  std::string local_address;                     ///< "192.0.2.1:50000"
  std::optional<std::uint32_t> rtt_us;           ///< TCP_INFO tcpi_rtt after connecting
  std::optional<std::uint32_t> segment_size;     ///< TCP_INFO tcpi_snd_mss
  std::optional<std::uint32_t> retransmissions;  ///< TCP_INFO tcpi_total_retrans at the end
  std::optional<std::uint32_t> syn_retransmissions;
  /// A second, silent connection: the peer ends it by itself although nothing was sent.
  struct SilentConnection {
    bool connected = false;
    bool ended_by_peer = false;
    bool reset = false;
    Nanoseconds after = 0;    ///< until the ending, or how long it was watched
    std::uint64_t bytes = 0;  ///< octets that came unasked
  };
  std::optional<SilentConnection> silent_connection;
  /// Whether the server's pubKeyAuth opened and is what its TLS certificate demands (MS-CSSP
  /// 3.1.5). No capture shows it: the answer is sealed. False: somebody with another key stands
  /// between, or the server computes something else; no credentials were delegated.
  std::optional<bool> public_key_confirmed;
  /// Why our own side stopped although the server would have gone on.
  struct OwnStop {
    enum class Why : std::uint8_t {
      kNoCredentials,     ///< the server's challenge was all that was wanted
      kCredentialsSpent,  ///< they were tried before in this run
      kKerberosFailed,    ///< no Kerberos context, and no NTLM: not allowed, or password spent
      /// The server chose a mechanism that we did not offer, or its token is missing, cannot be
      /// read or is not the one that was due: see words.
      kMechanismNotOurs,
      kChallengeRefused,       ///< NTLM, but less than Windows insists on: see words
      kMechListMicWrong,       ///< SPNEGO's mechListMIC does not verify or is missing
      kPublicKeyNotConfirmed,  ///< see public_key_confirmed
      kNothingToDelegate,      ///< a ticket of the cache and no password
      kNoRestrictedAdmin,      ///< Restricted Admin was asked for, the server does not support it
      kSecurityNotPossible,    ///< nothing to encrypt a client random to: see words
      kLicenseNotRequested,    ///< the server asks for a licence request, and none was allowed
      kLicensingNotPossible,   ///< no key to send a secret to, or a challenge that does not verify
    };
    Why why = Why::kNoCredentials;
    std::string words;  ///< one lower-case sentence, no secret in it
  };
  std::optional<OwnStop> own_stop;
};
[[nodiscard]] std::string_view name_of(RunFacts::OwnStop::Why why);  // "no_credentials", ...

/// The one ordered list of all that is known about a connection. Built only by `dissect`, never
/// edited after (I3); summaries are the pure queries of queries.h.
struct HandshakeRecord {
  std::vector<Evidence> evidence;
  std::optional<RunFacts> run;
};

/// Equal facts in equal order; times, ids and live-only evidence aside (I4).
[[nodiscard]] bool same_evidence(const HandshakeRecord& a, const HandshakeRecord& b);

/// For a failed comparison: the first difference in words, empty when there is none.
[[nodiscard]] std::string first_difference(const HandshakeRecord& a, const HandshakeRecord& b);

/// "X.224 Connection Request", "TLS ServerHello", "connection reset by server", ...
[[nodiscard]] std::string describe(const Evidence& evidence);

}  // namespace rdpwhy::record

namespace rdpwhy {
using record::Evidence;
using record::HandshakeRecord;
}  // namespace rdpwhy
