#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "rdpwhy/base/error.h"
#include "rdpwhy/capture/flows.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/rsa_private_keys.h"
#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/udp_transport.h"

namespace rdpwhy::replay {

/// One RDP connection of a capture, or an attempt at port 3389 that never got so far.
struct ReplayedConnection {
  std::uint64_t number = 0;  ///< from 0, in the order in which the connections began
  capture::Endpoint client;
  capture::Endpoint server;
  Moment started;
  HandshakeRecord record;
  /// Transports over UDP that were begun beside it, as far as they were seen until it was over.
  std::vector<record::UdpTransport> udp;
};

struct ReplayOptions {
  std::string_view key_log;  ///< text of --keylog; secrets blocks of the file are added to it
  const crypto::RsaPrivateKeys* private_keys = nullptr;  ///< of --tls-key
  const crypto::RsaPrivateKeys* rdp_keys = nullptr;      ///< of --rdp-key
  bool certificate_cache = true;  ///< off only to prove that it changes nothing
  capture::Flows::Limits limits;
  /// Where in the file the reading has got to, about every 8 MiB; it may go through it twice.
  std::function<void(std::uint64_t offset)> on_offset;
};

struct ReplaySummary {
  std::uint64_t packets = 0;
  std::uint64_t flows = 0;        ///< TCP flows of any kind
  std::uint64_t connections = 0;  ///< reported
  std::vector<std::string> complaints;
  /// Transports over UDP that belong to none of the connections.
  std::vector<record::UdpTransport> udp;
  std::uint64_t udp_left_out = 0;  ///< datagrams of transports beyond what is kept at a time
};

/// Feeds every flow of the capture (its octets mapped into memory by the caller) to a dissector and
/// gives each RDP connection to `sink` as soon as it and all that began before it are over, in
/// order of beginning. What is held back for that order is bounded (kMostHeld): beyond it,
/// connections that are still open no longer hold back the others and come when they are over.
///
/// RDP is recognised by what is said, on any port. On port 3389 every attempt is told, whatever was
/// or was not said, but for an empty flow that the client itself closed beside a real one of the
/// same two hosts (contract.md): clients open and drop such flows as a matter of course.
[[nodiscard]] std::expected<ReplaySummary, Error> replay(
    ByteSpan file, const ReplayOptions& options,
    const std::function<void(ReplayedConnection)>& sink);

/// Octets of memory of finished connections that wait for one that began before them.
inline constexpr std::size_t kMostHeld = std::size_t{24} << 20;

}  // namespace rdpwhy::replay
