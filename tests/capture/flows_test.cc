#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "capture/event_recorder.h"
#include "capture/packets.h"

namespace rdpwhy::capture {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;
using testing::RecordedFlow;
using testing::RecordingHost;

constexpr std::uint32_t kClientStart = 1000;
constexpr std::uint32_t kServerStart = 5000;

/// A conversation of two ends, told segment by segment. Sequence numbers are offsets in the stream.
class Talk {
 public:
  explicit Talk(Flows::Limits limits = {}, std::uint32_t client_isn = kClientStart,
                std::uint32_t server_isn = kServerStart)
      : flows(host, limits), isn_{client_isn, server_isn} {}

  Segment segment(End from, std::int64_t offset, std::string_view payload) {
    const auto i = static_cast<std::size_t>(from);
    Segment made;
    made.from = from == End::kClient ? client : server;
    made.to = from == End::kClient ? server : client;
    made.sequence = isn_[i] + 1 + static_cast<std::uint32_t>(offset);
    made.ack = true;
    made.acknowledgement = isn_[1 - i] + 1 + static_cast<std::uint32_t>(acked[1 - i]);
    made.psh = !payload.empty();
    made.payload = base::as_bytes(payload);
    made.payload_on_wire = static_cast<std::uint32_t>(payload.size());
    made.at = {++now};
    return made;
  }
  void send(const Segment& made) { flows.segment(made); }
  void data(End from, std::int64_t offset, std::string_view payload) {
    send(segment(from, offset, payload));
  }
  /// A bare acknowledgement by `from` of `offset` octets of the other side.
  void ack(End from, std::int64_t own_offset, std::uint32_t offset) {
    acked[1 - static_cast<std::size_t>(from)] = offset;
    send(segment(from, own_offset, ""));
  }
  void fin(End from, std::int64_t offset, std::string_view payload = "") {
    auto made = segment(from, offset, payload);
    made.fin = true;
    send(made);
  }
  void rst(End from, std::int64_t offset) {
    auto made = segment(from, offset, "");
    made.rst = true;
    send(made);
  }
  void syn() {
    auto made = segment(End::kClient, -1, "");
    made.syn = true;
    made.ack = false;
    made.acknowledgement = 0;
    send(made);
  }
  void syn_ack() {
    auto made = segment(End::kServer, -1, "");
    made.syn = true;
    send(made);
  }
  void handshake() {
    syn();
    syn_ack();
    ack(End::kClient, 0, 0);
  }
  void end() { flows.end({++now}); }

  const RecordedFlow& flow(std::size_t index = 0) { return *host.flows.at(index); }
  std::vector<std::string> whats(std::size_t index = 0) { return flow(index).whats(); }
  std::string octets(End side, std::size_t index = 0) {
    return std::string(base::as_text(flow(index).octets[static_cast<std::size_t>(side)]));
  }

  Endpoint client = testing::end_v4(1, 50'000);
  Endpoint server = testing::end_v4(2, 3389);
  RecordingHost host;
  Flows flows;
  std::uint32_t acked[2] = {0, 0};
  std::int64_t now = 0;

 private:
  std::uint32_t isn_[2];
};

TEST(Flows, TellAWholeConversationInOrder) {
  Talk talk;
  talk.handshake();
  talk.data(End::kClient, 0, "question");
  talk.data(End::kServer, 0, "answer");
  talk.fin(End::kClient, 8);
  talk.fin(End::kServer, 6, "bye");
  talk.ack(End::kClient, 9, 10);
  talk.end();
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 8", "server 6",
                                        "closed client", "server 3", "closed server", "finished"));
  EXPECT_EQ(talk.flow().client, talk.client);
  EXPECT_EQ(talk.flow().events[2].at.ns, 4);
  EXPECT_EQ(talk.host.flows.size(), 1U) << "the last acknowledgement begins nothing new";
  EXPECT_EQ(talk.host.returned, 1U);
}

TEST(Flows, DeliverOctetsOnceHoweverOftenTheyAreSent) {
  Talk talk;
  talk.handshake();
  talk.data(End::kClient, 0, "abcd");
  talk.data(End::kClient, 0, "abcd");
  talk.data(End::kClient, 2, "XXef");  // overlaps by two: the first octets win
  talk.data(End::kClient, 1, "YYY");
  talk.data(End::kClient, 6, "g");
  EXPECT_EQ(talk.octets(End::kClient), "abcdefg");
}

TEST(Flows, PutOctetsInOrderAtTheTimeOfThePacketThatFillsTheHole) {
  Talk talk;
  talk.handshake();
  talk.data(End::kClient, 3, "def");
  talk.data(End::kClient, 9, "jkl");
  talk.data(End::kClient, 2,
            "zzzzzzz");  // 2..9: "z" at 2, the rest loses to what came first, "z" 6..9
  EXPECT_EQ(talk.flow().events.size(), 2U) << "nothing can be delivered yet";
  talk.data(End::kClient, 0, "ab");
  EXPECT_EQ(talk.octets(End::kClient), "abzdefzzzjkl");
  for (std::size_t i = 2; i < talk.flow().events.size(); ++i) {
    EXPECT_EQ(talk.flow().events[i].at.ns, talk.now);
  }
}

TEST(Flows, FillAHoleWithASegmentThatReachesAcrossWhatWaits) {
  Talk talk;
  talk.handshake();
  talk.data(End::kServer, 2, "CC");
  talk.data(End::kServer, 6, "GG");
  talk.data(End::kServer, 0, "aabbccdddd");
  EXPECT_EQ(talk.octets(End::kServer), "aaCCccGGdd");
  EXPECT_TRUE(talk.flow().gaps[1].empty());
}

TEST(Flows, FollowSequenceNumbersAroundTheirEnd) {
  Talk talk({}, 0xFFFFFFF0, 0xFFFFFFFF);
  talk.handshake();
  talk.data(End::kClient, 0, "0123456789");
  talk.data(End::kClient, 20, "klmnopqrst");
  talk.data(End::kClient, 10, "abcdefghij");
  talk.data(End::kServer, 0, "zero");
  EXPECT_EQ(talk.octets(End::kClient), "0123456789abcdefghijklmnopqrst");
  EXPECT_EQ(talk.octets(End::kServer), "zero");
  EXPECT_TRUE(talk.flow().gaps[0].empty());
}

TEST(Flows, TellAGapOnceTheOtherSideAcknowledgesBeyondIt) {
  Talk talk;
  talk.handshake();
  talk.data(End::kClient, 0, "ab");
  talk.data(End::kClient, 5, "fg");
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 2"));
  talk.acked[0] = 7;
  talk.data(End::kServer, 0, "answer");
  talk.data(End::kServer, 6, "!");
  talk.end();
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 2", "client gap 3",
                                        "client 2", "server 6", "server 1", "finished"));
  EXPECT_EQ(talk.flow().events[3].at.ns, 6) << "the time of the acknowledgement";
}

TEST(Flows, PutASegmentThatWasCapturedBehindItsAnswerInFrontOfIt) {
  Talk talk;
  talk.handshake();
  talk.acked[0] = 12;
  talk.data(End::kServer, 0, "answer");  // acknowledges what follows in the capture
  talk.acked[1] = 6;
  talk.data(End::kClient, 6, "second");
  talk.acked[1] = 0;
  talk.data(End::kClient, 0, "first ");
  talk.data(End::kClient, 12, "third");
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 6", "client 6",
                                        "server 6", "client 5"));
  EXPECT_EQ(talk.octets(End::kClient), "first secondthird");
}

TEST(Flows, DoNotWaitForeverForASegmentThatIsNotThere) {
  for (const bool by_time : {false, true}) {
    Talk talk;
    talk.handshake();
    talk.acked[0] = 4;
    talk.data(End::kServer, 0, "answer");
    EXPECT_FALSE(talk.flow().heard("client gap 4"));
    if (by_time) talk.now += 2'000'000'000;
    for (int i = 0; i < (by_time ? 1 : 5000); ++i) {  // of another flow
      auto made = talk.segment(End::kClient, 0, "x");
      made.from = testing::end_v4(77, 40'000);
      made.sequence += static_cast<std::uint32_t>(i);
      talk.send(made);
    }
    EXPECT_TRUE(talk.flow().heard("client gap 4"));
    EXPECT_EQ(talk.octets(End::kServer), "answer");
  }
}

TEST(Flows, TellWhatWasAcknowledgedAndNeverCapturedOfASilentSide) {
  Talk talk;
  talk.syn();
  talk.ack(End::kClient, 0, 0);  // the SYN-ACK is not in the capture, but was there
  talk.data(End::kClient, 0, "request");
  talk.ack(End::kClient, 7, 19);
  talk.end();
  EXPECT_THAT(talk.whats(),
              ElementsAre("connecting", "connected", "client 7", "server gap 19", "finished"));
}

TEST(Flows, DoNotBelieveAcknowledgementsBeyondAnyWindow) {
  Talk talk;
  talk.handshake();
  talk.ack(End::kServer, 0, 0x60000000);
  talk.acked[0] = 0;
  talk.data(End::kClient, 0, "still here");
  EXPECT_EQ(talk.octets(End::kClient), "still here");
  EXPECT_TRUE(talk.flow().gaps[0].empty());
}

TEST(Flows, TellAGapWhenTooMuchWaitsBehindAHole) {
  Talk talk({.most_out_of_order = 1000});
  talk.handshake();
  const std::string part(100, 'p');
  for (int i = 1; i <= 7; ++i) talk.data(End::kClient, i * 100, part);
  EXPECT_EQ(talk.flow().gaps[0].size(), 1U);
  EXPECT_EQ(talk.flow().gaps[0].at(0), (std::pair<std::uint64_t, std::uint64_t>{0, 100}));
  EXPECT_EQ(talk.octets(End::kClient).size(), 700U);
}

TEST(Flows, BoundWhatWaitsInAllFlowsTogether) {
  Talk talk({.most_buffered = 10'000});
  const std::string part(900, 'p');
  for (std::uint8_t i = 0; i < 50; ++i) {
    talk.client = testing::end_v4(100, static_cast<std::uint16_t>(40'000 + i));
    talk.handshake();
    talk.data(End::kClient, 10, part);
  }
  std::size_t told = 0;
  for (const auto& flow : talk.host.flows) told += flow->gaps[0].size();
  EXPECT_GE(told, 40U) << "about ten may still wait";
  talk.end();
  for (const auto& flow : talk.host.flows) {
    EXPECT_THAT(flow->whats(),
                ElementsAre("connecting", "connected", "client gap 10", "client 900", "finished"));
  }
}

TEST(Flows, DeliverWhatStandsBehindAGapAtTheEndOfTheFlow) {
  Talk talk;
  talk.handshake();
  talk.data(End::kServer, 4, "late");
  talk.fin(End::kServer, 8);
  talk.end();
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "server gap 4", "server 4",
                                        "closed server", "finished"));
}

TEST(Flows, TellTheOctetsThatTheSnapLengthCutOffAsAGap) {
  Talk talk;
  talk.handshake();
  auto cut = talk.segment(End::kClient, 0, "abc");
  cut.payload_on_wire = 10;
  talk.send(cut);
  talk.data(End::kClient, 10, "klm");
  auto waits = talk.segment(End::kClient, 20, "uv");
  waits.payload_on_wire = 5;
  talk.send(waits);
  talk.data(End::kClient, 13, "nopqrst");
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 3", "client gap 7",
                                        "client 3", "client 7", "client 2", "client gap 3"));
}

TEST(Flows, LeaveKeepAlivesOut) {
  Talk talk;
  talk.handshake();
  talk.data(End::kClient, 0, "abc");
  auto keep_alive = talk.segment(End::kClient, 2, std::string_view("\0", 1));
  keep_alive.psh = false;
  talk.send(keep_alive);
  talk.data(End::kClient, 2, "");
  talk.data(End::kClient, 3, "d");
  EXPECT_EQ(talk.octets(End::kClient), "abcd");
}

TEST(Flows, LetTheOtherSideGoOnAfterAFin) {
  Talk talk;
  talk.handshake();
  talk.fin(End::kClient, 0, "last");
  talk.fin(End::kClient, 0, "last");  // again
  talk.data(End::kServer, 0, "more");
  talk.data(End::kClient, 5, "behind the end");
  talk.fin(End::kServer, 4);
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 4", "closed client",
                                        "server 4", "closed server", "finished"));
}

TEST(Flows, TellAResetWithWhatWasStillWaiting) {
  Talk talk;
  talk.handshake();
  talk.data(End::kClient, 0, "ab");
  talk.data(End::kServer, 2, "cd");
  auto rst = talk.segment(End::kClient, 2, "why");  // RFC 9293 3.5.3: text in a reset is no stream
  rst.rst = true;
  talk.send(rst);
  talk.data(End::kServer, 4, "too late");
  talk.end();
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 2", "server gap 2",
                                        "server 2", "reset client", "finished"));
  EXPECT_EQ(talk.host.flows.size(), 1U) << "octets under way are no new connection";
}

TEST(Flows, TellARefusalFromAResetByAStranger) {
  Talk talk;
  talk.syn();
  talk.syn();  // again
  auto stray = talk.segment(End::kServer, 0, "");
  stray.rst = true;
  stray.acknowledgement = 77;
  talk.send(stray);
  EXPECT_THAT(talk.whats(), ElementsAre("connecting"));
  auto refusal = talk.segment(End::kServer, 0, "");
  refusal.rst = true;
  refusal.sequence = 0;
  talk.send(refusal);
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "refused", "finished"));
  talk.syn();  // Windows tries three times with the same number
  talk.send(refusal);
  EXPECT_EQ(talk.host.flows.size(), 1U);
  // And once somebody listens, that is a connection.
  talk.syn();
  const auto tried = talk.now;
  talk.syn_ack();
  talk.data(End::kClient, 0, "x");
  ASSERT_EQ(talk.host.flows.size(), 2U);
  EXPECT_THAT(talk.whats(1), ElementsAre("connecting", "connected", "client 1"));
  EXPECT_EQ(talk.flow(1).events[0].at.ns, tried);
}

TEST(Flows, IgnoreTheChallengeOfAServerThatRemembersAnotherConnection) {
  Talk talk;
  talk.syn();
  auto challenge = talk.segment(End::kServer, 0, "");  // RFC 5961 4.2
  challenge.sequence = 0x12345678;
  challenge.acknowledgement = 0x7654321;
  talk.send(challenge);
  auto answer = talk.segment(End::kClient, 0, "");
  answer.rst = true;
  answer.ack = false;
  answer.sequence = 0x7654321;
  talk.send(answer);
  talk.syn();
  talk.syn_ack();
  talk.data(End::kClient, 0, "x");
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 1"));
}

TEST(Flows, KnowANewConnectionOnTheSamePorts) {
  Talk talk;
  talk.handshake();
  talk.data(End::kClient, 0, "old");
  Talk again({}, 9'000'000, 8'000'000);
  auto syn = again.segment(End::kClient, -1, "");
  syn.syn = true;
  syn.ack = false;
  talk.send(syn);  // in the middle
  auto answer = again.segment(End::kServer, -1, "");
  answer.syn = true;
  talk.send(answer);
  talk.send(again.segment(End::kClient, 0, "new"));
  EXPECT_THAT(talk.whats(0), ElementsAre("connecting", "connected", "client 3", "finished"));
  EXPECT_THAT(talk.whats(1), ElementsAre("connecting", "connected", "client 3"));
  EXPECT_EQ(talk.octets(End::kClient, 1), "new");

  auto rst = again.segment(End::kServer, 0, "");
  rst.rst = true;
  talk.send(rst);
  talk.syn();  // after the end, the first numbers once more
  EXPECT_THAT(talk.whats(1),
              ElementsAre("connecting", "connected", "client 3", "reset server", "finished"));
  EXPECT_THAT(talk.whats(2), ElementsAre("connecting"));
}

TEST(Flows, IgnoreAResetOfTheConnectionBefore) {
  Talk talk;
  talk.handshake();
  talk.rst(End::kServer, -50'000);
  talk.data(End::kServer, 0, "alive");
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "server 5"));
}

TEST(Flows, FollowASimultaneousOpen) {
  Talk talk;
  talk.syn();
  auto other = talk.segment(End::kServer, -1, "");
  other.syn = true;
  other.ack = false;
  talk.send(other);
  talk.syn_ack();
  auto ours = talk.segment(End::kClient, -1, "");
  ours.syn = true;
  talk.send(ours);
  talk.data(End::kServer, 0, "hi");
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "server 2"));
  EXPECT_EQ(talk.flow().client, talk.client);
}

TEST(Flows, DeliverOctetsOfASynOnceTheConnectionStands) {
  Talk talk;
  auto syn = talk.segment(End::kClient, -1, "early");
  syn.syn = true;
  syn.ack = false;
  talk.send(syn);
  EXPECT_THAT(talk.whats(), ElementsAre("connecting"));
  talk.acked[0] = 5;
  talk.syn_ack();
  talk.data(End::kClient, 5, " bird");
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "connected", "client 5", "client 5"));
  EXPECT_EQ(talk.octets(End::kClient), "early bird");

  // A server that did not take them gets them again.
  Talk not_taken;
  not_taken.send(syn);
  not_taken.syn_ack();
  not_taken.data(End::kClient, 0, "early");
  EXPECT_EQ(not_taken.octets(End::kClient), "early");
}

TEST(Flows, SayThatOneBeganBeforeTheCapture) {
  Talk talk;
  talk.ack(End::kClient, 700, 300);
  EXPECT_TRUE(talk.host.flows.empty()) << "an acknowledgement alone tells nothing";
  talk.acked[0] = 700;
  talk.data(End::kServer, 300, "answer");
  talk.acked[1] = 306;
  talk.data(End::kClient, 700, "question");
  EXPECT_THAT(talk.whats(), ElementsAre("begins late", "server 6", "client 8"));
  EXPECT_EQ(talk.flow().server, talk.server) << "port 3389 is the server's, whoever speaks first";

  Talk unknown;
  unknown.server.port = 40'000;
  unknown.data(End::kServer, 0, "first");
  EXPECT_EQ(unknown.flow().client, unknown.server) << "who speaks first";
  Talk privileged;
  privileged.server.port = 443;
  privileged.data(End::kServer, 0, "first");
  EXPECT_EQ(privileged.flow().server, privileged.server);
}

TEST(Flows, TakeAnAnswerWithoutItsSynAsABeginning) {
  Talk talk;
  talk.syn_ack();
  talk.data(End::kClient, 0, "hello");
  EXPECT_THAT(talk.whats(), ElementsAre("connected", "client 5"));
  EXPECT_EQ(talk.flow().client, talk.client);
}

TEST(Flows, CountOctetsThatNobodyWants) {
  Talk talk;
  talk.host.wants = false;
  talk.handshake();
  talk.data(End::kClient, 0, "abc");
  talk.data(End::kClient, 5, "fg");
  talk.data(End::kClient, 3, "de");
  talk.fin(End::kClient, 7);
  EXPECT_EQ(talk.flow().skipped[0], 7U);
  EXPECT_TRUE(talk.flow().octets[0].empty());
  EXPECT_TRUE(talk.flow().gaps[0].empty());
  EXPECT_TRUE(talk.flow().heard("closed client"));
}

TEST(Flows, LeaveAFlowAloneForGoodWhenNobodyListens) {
  Talk talk;
  talk.host.leave_alone = true;
  talk.handshake();
  for (int i = 0; i < 10; ++i) talk.data(End::kClient, i, "x");
  talk.rst(End::kClient, 10);
  talk.data(End::kServer, 0, "under way");
  EXPECT_EQ(talk.host.asked, 1U);
  Talk next({}, 1, 2);
  auto syn = next.segment(End::kClient, -1, "");
  syn.syn = true;
  syn.ack = false;
  talk.send(syn);
  EXPECT_EQ(talk.host.asked, 2U) << "another connection on the same ports";
  talk.end();
  EXPECT_EQ(talk.host.returned, 0U);
}

TEST(Flows, GiveUpTheOneThatIsIdleForLongestWhenThereAreTooMany) {
  Talk talk({.most_flows = 3});
  const auto begin = [&](std::uint16_t port) {
    talk.client.port = port;
    talk.syn();
  };
  begin(1001);
  begin(1002);
  begin(1003);
  for (int i = 0; i < 3000; ++i) {  // the first is not idle
    talk.client.port = 1001;
    talk.data(End::kClient, i, "x");
  }
  begin(1004);
  EXPECT_TRUE(talk.flow(1).finished);
  EXPECT_FALSE(talk.flow(0).finished);
  EXPECT_FALSE(talk.flow(2).finished);
  talk.end();
  EXPECT_EQ(talk.host.returned, 4U);
  for (const auto& flow : talk.host.flows) EXPECT_TRUE(flow->finished);
}

TEST(Flows, GiveUpTheOneThatIsIdleForLongestWhenListenersHoldTooMuch) {
  Talk talk({.most_held = 100'000});
  const std::string much(30'000, 'x');
  for (std::uint16_t port = 1001; port < 1005; ++port) {
    talk.client.port = port;
    talk.syn();
    talk.data(End::kClient, 0, much);
  }
  EXPECT_TRUE(talk.flow(0).finished);
  EXPECT_TRUE(talk.flow(0).octets[0] == Bytes(much.begin(), much.end())) << "heard it all before";
  for (std::size_t i = 1; i < 4; ++i) EXPECT_FALSE(talk.flow(i).finished) << i;
  talk.client.port = 1001;
  talk.data(End::kClient, 30'000, "still there");
  EXPECT_EQ(talk.host.asked, 4U) << "what still comes of it begins nothing";
  talk.end();
  EXPECT_EQ(talk.host.returned, 4U);
}

TEST(Flows, CountWhatAFlowHeldNoMoreOnceItIsOver) {
  Talk talk({.most_held = 100'000});
  const std::string much(30'000, 'x');
  for (std::uint16_t port = 1001; port < 1040; ++port) {
    talk.client.port = port;
    talk.syn();
    talk.data(End::kClient, 0, much);
    talk.rst(End::kClient, 30'000);
    EXPECT_TRUE(talk.flow(port - 1001U).heard("reset client")) << "none was given up before";
  }
}

TEST(Flows, TellIcmpErrorsToTheFlowTheyQuote) {
  Talk talk;
  talk.syn();
  IcmpQuote quote{.type = 3,
                  .code = 13,
                  .offender = testing::end_v4(9, 0).address,
                  .from = talk.client,
                  .to = talk.server,
                  .at = {50}};
  talk.flows.icmp(quote);
  quote.from.port = 1;
  talk.flows.icmp(quote);  // of nobody
  talk.end();
  EXPECT_THAT(talk.whats(), ElementsAre("connecting", "icmp 3/13 of 192.0.2.9", "finished"));
}

TEST(Flows, EndInTheOrderInWhichTheyBegan) {
  Talk talk;
  for (std::uint16_t port = 1; port <= 20; ++port) {
    talk.client.port = port;
    talk.syn();
  }
  talk.client.port = 3;
  for (int i = 0; i < 2000; ++i) talk.data(End::kClient, i, "x");
  talk.end();
  ASSERT_EQ(talk.host.finished_order.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(talk.host.finished_order[i], i);
}

}  // namespace
}  // namespace rdpwhy::capture
