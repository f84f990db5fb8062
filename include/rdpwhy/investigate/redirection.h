#pragma once

#include <expected>
#include <optional>
#include <string>

#include "rdpwhy/base/error.h"
#include "rdpwhy/net/probe.h"
#include "rdpwhy/net/target.h"

namespace rdpwhy::investigate {

/// Redirections in one chain; whoever sends the client on once more sends it round in circles.
inline constexpr int kMostRedirections = 3;

/// The connection that a redirection asks for.
struct FollowUp {
  net::Target target;
  net::ProbeOptions options;
  std::string says;  ///< one or two sentences: what is followed, and how
};

/// What the redirection in `met` asks for (MS-RDPBCGR 2.2.13.1, 3.2.5.3.1), `followed` of them
/// having been followed before in this chain. `target` and `options` are those of `met`. Nothing:
/// the server sent the client nowhere. An Error says in a sentence why it is not followed: what
/// comes from a server is not taken on trust.
///
/// The connection is without the user's credentials, whatever was left of them: nothing of theirs
/// goes where a server points. What the redirection itself hands out goes into RDSTLS only, which
/// is then offered; ProbeOptions::keep_redirection_password has to be set for that.
[[nodiscard]] std::optional<std::expected<FollowUp, Error>> follow_redirection(
    const net::Target& target, const net::ProbeOptions& options, const net::ProbedConnection& met,
    int followed);

}  // namespace rdpwhy::investigate
