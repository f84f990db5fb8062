#pragma once

#include <array>
#include <chrono>
#include <expected>
#include <optional>
#include <string>

#include "rdpwhy/base/error.h"
#include "rdpwhy/net/probe.h"
#include "rdpwhy/net/target.h"
#include "rdpwhy/tls/jarm.h"

namespace rdpwhy::investigate {

/// What one hello of JARM brought. Neither an answer nor a reason: it was refused.
struct JarmTrial {
  std::optional<tls::JarmAnswer> answer;
  std::string unknown_because;  ///< nothing says whether the server would answer it
};

/// Reads the record of a connection that sent one hello. An alert, an ending or anything else than
/// a ServerHello behind the hello is a refusal; silence is none, nor is what happens before it.
[[nodiscard]] JarmTrial jarm_trial(const HandshakeRecord& record);

struct Jarm {
  std::string fingerprint;  ///< empty: not all hellos were answered or refused
  std::string why_none;
  /// Of the hellos that were sent; where all were, these make the fingerprint.
  std::array<std::optional<tls::JarmAnswer>, tls::kJarmHellos> answers;
  std::optional<int> signal;  ///< by which the user ended it early
};

/// Ten connections one after the other, `pace` apart, each with a Connection Request that offers
/// SSL and HYBRID, so that whatever has TLS behind X.224 begins it. What stays unknown is tried a
/// second time. `connection` says how to reach the server. An Error is about us (no descriptors).
[[nodiscard]] std::expected<Jarm, Error> jarm(const net::Target& target,
                                              net::ProbeOptions connection,
                                              std::chrono::milliseconds pace = net::kPace);

}  // namespace rdpwhy::investigate
