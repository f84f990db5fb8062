#pragma once

#include "dissect/dissect_oracles.h"
#include "rdpwhy/replay/replay.h"

/// What holds of a replay of any octets at all.
namespace rdpwhy::replay::oracle {

using dissect::oracle::hold;

inline std::vector<ReplayedConnection> checked_replay(ByteSpan file, const ReplayOptions& options) {
  std::vector<ReplayedConnection> connections;
  const auto summary = replay(file, options, [&](ReplayedConnection connection) {
    hold(connection.number == connections.size(), "connections are counted as they come");
    dissect::oracle::check_record(connection.record, false);
    // After one side's FIN the other may still speak, so it need not be the last.
    hold(record::first<record::Ending>(connection.record) != nullptr,
         "every connection ends somehow");
    connections.push_back(std::move(connection));
  });
  if (!summary) {
    hold(connections.empty() && !summary.error().text.empty(), "what is no capture is said so");
  } else {
    hold(summary->connections == connections.size() && summary->connections <= summary->flows,
         "what was reported is counted");
  }
  return connections;
}

/// Any file: bounded, described, and the certificate cache changes nothing.
inline void check_replay(ByteSpan file) {
  const auto with = checked_replay(file, {});
  ReplayOptions uncached;
  uncached.certificate_cache = false;
  const auto without = checked_replay(file, uncached);
  hold(with.size() == without.size(), "the certificate cache hides no connection");
  for (std::size_t i = 0; i < with.size(); ++i) {
    hold(record::first_difference(with[i].record, without[i].record).empty(),
         "the certificate cache changes no record");
  }
}

}  // namespace rdpwhy::replay::oracle
