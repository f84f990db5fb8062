#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/error.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/capture/segment.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/net/target.h"
#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::net {

/// Connections to one host are not opened in a burst.
inline constexpr auto kPace = std::chrono::milliseconds(200);

struct ProbeOptions {
  dialogue::ProbePlan plan;
  /// plan.until is how far to go where the server selects it: without HYBRID_EX there is no
  /// authorization result to wait for.
  bool until_is_a_wish = false;
  /// What plan.tls.server_name becomes when it is empty: not given: the target's host, as mstsc
  /// does; empty: no server_name extension at all.
  std::optional<std::string> server_name;
  std::chrono::nanoseconds phase_timeout = std::chrono::seconds(5);
  /// Waited for before anything else, by whoever probes a host again.
  std::chrono::nanoseconds delay{0};
  enum class Family { kAny, kV4, kV6 };
  Family family = Family::kAny;
  std::string resolve_to;  ///< --resolve ADDRESS: connect there, keep the name
  std::optional<Proxy> proxy;
  bool watch_silent_connection =
      true;  ///< one more connection that stays silent, when an early ending needs it
  std::function<void(std::string_view line)> on_secret;  ///< --keylog: NSS lines as they arise
  std::function<void(ByteSpan)> capture_sink;            ///< --write-capture: pcapng octets
  bool capture_secrets = true;                           ///< false: its TLS secrets stay out of it
  std::function<void(Phase)> on_phase;                   ///< progress
  /// Keep the password that a redirection hands out, for who follows it; no record has it.
  bool keep_redirection_password = false;
  /// The certificate (DER) that a redirection says its target has; empty: none was named. It is not
  /// insisted on, only told.
  Bytes expected_certificate;
  /// What one experiment changes about the connection itself (investigate/experiments.h).
  struct Oddities {
    /// PROXY protocol version 1 (HAProxy, proxy-protocol.txt 2.1) ahead of everything else, as from
    /// this end to that one. It is our own, so it stays out of the record.
    bool proxy_header = false;
    std::optional<int> segment_size;  ///< TCP_MAXSEG: of segments that either side sends
    /// TLS's first flight goes out in small pieces, one after the other.
    bool split_client_hello = false;
    /// TLS from the first octet, without X.224 before it (MS-RDPBCGR 5.4.2.2); goes no further.
    bool tls_first = false;
    /// Nothing is sent at all: RunFacts::silent_connection says what the peer did meanwhile.
    bool stay_silent = false;
  };
  Oddities oddities;
  /// SIGINT and SIGTERM end the run in order, with what was seen until then; without it they end
  /// the program.
  bool ends_on_signals = false;
};

/// One connection to one address, from the resolver to the ordered end.
struct ProbedConnection {
  /// The server's: "192.0.2.7"; empty when none was found, or only a proxy knows it.
  std::string address;
  std::uint16_t port = 0;
  Moment started;
  HandshakeRecord record;
  std::shared_ptr<const Secret> redirection_password;  ///< null: none, or not to be kept
  std::optional<int> signal;                           ///< by which the user ended it early
};

/// Resolves, tries the addresses in the order in which a client would until one answers (each
/// attempt is in the record), goes through the plan and ends the connection in order: stops
/// sending, drains to the peer's end or a bounded deadline, then closes. An Error is about us (no
/// descriptors, no such proxy syntax); all that the peer, the network or the resolver does is
/// evidence.
[[nodiscard]] std::expected<ProbedConnection, Error> probe(const Target& target,
                                                           const ProbeOptions& options);

}  // namespace rdpwhy::net
