#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "rdpwhy/base/error.h"
#include "rdpwhy/capture/flows.h"
#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::replay {

/// One RDP connection of a capture, or an attempt at port 3389 that never got so far.
struct ReplayedConnection {
  std::uint64_t number = 0;   ///< from 0, in the order in which the connections began
  capture::Endpoint client;
  capture::Endpoint server;
  Moment started;
  HandshakeRecord record;
};

struct ReplayOptions {
  std::string_view key_log;               ///< text of --keylog; secrets blocks of the file are added to it
  bool certificate_cache = true;          ///< off only to prove that it changes nothing
  capture::Flows::Limits limits;
};

struct ReplaySummary {
  std::uint64_t packets = 0;
  std::uint64_t flows = 0;        ///< TCP flows of any kind
  std::uint64_t connections = 0;  ///< reported
  std::vector<std::string> complaints;
};

/// Feeds every flow of the capture (its octets mapped into memory by the caller) to a dissector and gives
/// each RDP connection to `sink` as soon as it and all that began before it are over, in order. An empty
/// flow to port 3389 that the client itself closed beside a real one is left out (contract.md).
[[nodiscard]] std::expected<ReplaySummary, Error> replay(
    ByteSpan file, const ReplayOptions& options, const std::function<void(ReplayedConnection)>& sink);

}  // namespace rdpwhy::replay
