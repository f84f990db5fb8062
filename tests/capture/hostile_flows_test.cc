#include <gtest/gtest.h>

#include <string>

#include "capture/event_recorder.h"
#include "capture/packets.h"

// Captures made to cost a reader more than they cost their maker.
namespace rdpwhy::capture {
namespace {

using testing::RecordingHost;

/// A client's octet at every other place, so that each stands behind a hole of one.
class Sieve {
 public:
  explicit Sieve(Flows::Limits limits) : flows(host, limits) {
    Segment syn;
    syn.from = testing::end_v4(1, 40'000);
    syn.to = testing::end_v4(2, 3389);
    syn.syn = true;
    flows.segment(syn);
  }
  void octet(std::uint32_t offset) {
    Segment made;
    made.from = testing::end_v4(1, 40'000);
    made.to = testing::end_v4(2, 3389);
    made.sequence = 1 + offset;
    made.psh = true;
    made.payload = base::as_bytes("x");
    made.payload_on_wire = 1;
    made.at = {++now};
    flows.segment(made);
  }

  RecordingHost host;
  Flows flows;
  Nanoseconds now = 0;
};

TEST(HostileFlows, AStreamOfHolesKeepsEveryOctetAndEveryGap) {
  constexpr std::uint32_t kOctets = 20'000;
  Sieve sieve({.most_out_of_order = 64 * 1024});
  for (std::uint32_t i = 0; i < kOctets; ++i) sieve.octet(2 * i + 1);
  const auto& flow = *sieve.host.flows.at(0);
  EXPECT_LT(flow.octets[0].size(), kOctets) << "some still wait";
  EXPECT_GT(flow.octets[0].size(), kOctets - 1100) << "no more than the limit waits";
  sieve.flows.end({sieve.now});
  EXPECT_EQ(flow.octets[0], Bytes(kOctets, 'x'));
  ASSERT_EQ(flow.gaps[0].size(), kOctets);
  for (std::uint32_t i = 0; i < kOctets; ++i) {
    ASSERT_EQ(flow.gaps[0][i], (std::pair<std::uint64_t, std::uint64_t>{2 * i, 1}));
  }
}

TEST(HostileFlows, WhatIsOverTheLimitIsGivenUpInOneGo) {
  Sieve sieve({.most_out_of_order = 64 * 1024});
  const auto& flow = *sieve.host.flows.at(0);
  std::size_t deliveries = 0;
  std::size_t delivered = 0;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    sieve.octet(2 * i + 1);
    if (flow.octets[0].size() != delivered) ++deliveries;
    delivered = flow.octets[0].size();
  }
  // One piece given up for each that comes would move all others each time: 19,000 deliveries.
  EXPECT_GT(deliveries, 0U);
  EXPECT_LT(deliveries, 200U);
}

}  // namespace
}  // namespace rdpwhy::capture
