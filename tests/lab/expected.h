#pragma once

#include <chrono>
#include <optional>
#include <ostream>
#include <set>
#include <string_view>
#include <vector>

#include "rdpwhy/lab/lab.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::lab {

/// What the wire must show of a scenario.
struct Expected {
  std::string_view scenario;
  std::optional<Phase> reached;
  std::optional<Phase> failed;  ///< nothing: as far as asked
  Side by = Side::kServer;
  std::set<record::EndedHow> how = {};  ///< more than one where the peer's timing decides
  std::chrono::milliseconds timeout = std::chrono::seconds(20);
  Logons logons = {};     ///< with NLA
  bool or_later = false;  ///< whether one phase more is reached is up to the peer's timing
};

inline std::ostream& operator<<(std::ostream& out, const Expected& e) { return out << e.scenario; }

/// For silence; the answers before it have to come within it too.
inline constexpr std::chrono::milliseconds kShort{1000};

/// Of the servers with NLA, when their account logs on.
[[nodiscard]] const std::vector<Expected>& nla_expectations();

/// Of the session hosts, for a client that goes as far as the font map.
[[nodiscard]] const std::vector<Expected>& session_expectations();

}  // namespace rdpwhy::lab
