// I4: a live record's evidence equals that of its own capture. Every scenario of the lab is met
// live with a capture written beside it, and the capture is replayed.
#include <gtest/gtest.h>

#include <algorithm>

#include "investigate/patience.h"
#include "lab/logging_on.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/net/probe.h"
#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/replay/replay.h"

namespace rdpwhy::investigate {
namespace {

std::string listing(const HandshakeRecord& record) {
  std::string text;
  for (const auto& e : record.evidence) {
    text += "  " + std::string(record::name_of(e.where.side)) + ": " + record::describe(e) + "\n";
  }
  return text;
}

struct LiveAndReplayed {
  HandshakeRecord live;
  HandshakeRecord replayed;
  std::size_t connections = 0;
};

LiveAndReplayed meet(const net::Target& target, net::ProbeOptions options = {}) {
  Bytes file;
  options.capture_sink = [&](ByteSpan octets) {
    file.insert(file.end(), octets.begin(), octets.end());
  };
  LiveAndReplayed result;
  auto live = net::probe(target, options);
  EXPECT_TRUE(live) << (live ? "" : live.error().text);
  if (!live) return result;
  result.live = std::move(live->record);
  const auto summary = replay::replay(file, {}, [&](const replay::ReplayedConnection& connection) {
    // The addresses that were tried are flows of their own; live they stand in one record.
    auto& all = result.replayed.evidence;
    all.insert(all.end(), connection.record.evidence.begin(), connection.record.evidence.end());
    ++result.connections;
  });
  EXPECT_TRUE(summary) << (summary ? "" : summary.error().text);
  if (summary) {
    for (const auto& complaint : summary->complaints) ADD_FAILURE() << complaint;
  }
  return result;
}

void expect_equal(const LiveAndReplayed& met) {
  EXPECT_TRUE(record::same_evidence(met.live, met.replayed))
      << record::first_difference(met.live, met.replayed) << "\nlive:\n"
      << listing(met.live) << "replayed:\n"
      << listing(met.replayed);
}

bool sent_something(const HandshakeRecord& record) {
  return std::ranges::any_of(record.evidence, [](const Evidence& e) {
    return e.where.side == Side::kClient && e.where.layer != record::Layer::kTransport;
  });
}

class EveryReplay : public testing::TestWithParam<lab::Scenario> {};

TEST_P(EveryReplay, ReplaysToTheSameEvidence) {
  const auto server =
      lab::Server::start(lab::faults_of(GetParam().name), 0, lab::account_for_tests());
  ASSERT_TRUE(server) << server.error().text;
  auto options = lab::options_for(GetParam().name);
  options.phase_timeout = patience(GetParam().name);
  options.watch_silent_connection = false;
  const auto met = meet({"127.0.0.1", server->port(), "lab"}, options);
  if (!sent_something(met.live)) {
    // The server was gone before we spoke: on this port nothing says that it was to be RDP.
    EXPECT_EQ(met.connections, 0u);
    return;
  }
  EXPECT_EQ(met.connections, 1u);
  EXPECT_GT(met.live.evidence.size(), 2u);
  expect_equal(met);
}

INSTANTIATE_TEST_SUITE_P(Lab, EveryReplay,
                         testing::ValuesIn(lab::scenarios().begin(), lab::scenarios().end()),
                         [](const auto& row) {
                           std::string name(row.param.name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Equivalence, HoldsForTheProtocolOnOffer) {
  const auto server = lab::Server::start({});
  ASSERT_TRUE(server);
  net::ProbeOptions options;
  options.plan.request.cookie.reset();
  options.plan.request.routing_token = "Cookie: msts=3640205228.15629.0000";
  expect_equal(meet({"127.0.0.1", server->port(), "lab"}, options));
}

}  // namespace
}  // namespace rdpwhy::investigate
