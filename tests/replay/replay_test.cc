#include "rdpwhy/replay/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdpwhy/record/octets.h"
#include "rdpwhy/record/queries.h"
#include "replay/made_capture.h"
#include "replay/report_order.h"

namespace rdpwhy::replay {
namespace {

using namespace dissect::streams;  // NOLINT: the vocabulary of these tests
using capture::End;
using made::Capture;
using made::replayed;
using testing::ElementsAre;

std::vector<std::uint16_t> client_ports(const std::vector<ReplayedConnection>& connections) {
  std::vector<std::uint16_t> ports;
  for (const auto& c : connections) ports.push_back(c.client.port);
  return ports;
}

TEST(Replay, GivesTheRecordThatTheDissectorGives) {
  Capture capture;
  capture.play(capture.open(1, 50'000), tls12_connection());
  const auto connections = replayed(capture.octets());
  ASSERT_EQ(connections.size(), 1u);
  const auto read = [](ByteSpan der) {
    return std::make_shared<const record::CertificateFacts>(crypto::read_certificate(der));
  };
  EXPECT_EQ(record::first_difference(
                connections[0].record,
                dissected(tls12_connection(), {.read_certificate = read, .make_opener = {}})),
            "");
  EXPECT_EQ(connections[0].server.text(), "10.0.0.200:3389");
  EXPECT_EQ(connections[0].started, connections[0].record.evidence.front().at);
}

TEST(Replay, ReportsInOrderOfBeginningWhicheverEndsFirst) {
  Capture capture;
  auto& first = capture.open(1, 50'000);
  auto& second = capture.open(1, 50'001);
  auto& third = capture.open(2, 50'002);
  capture.play(third, {client(request()), ended(Side::kServer, record::Ending::How::kReset)});
  capture.play(second, {client(request()), ended(Side::kServer, record::Ending::How::kReset)});
  capture.play(first, {client(request()), ended(Side::kServer, record::Ending::How::kReset)});
  const auto connections = replayed(capture.octets());
  EXPECT_THAT(client_ports(connections), ElementsAre(50'000, 50'001, 50'002));
  for (std::size_t i = 0; i < connections.size(); ++i) EXPECT_EQ(connections[i].number, i);
}

TEST(Replay, RecognisesRdpOnAnyPortAndBehindAProxyOpening) {
  Capture capture;
  capture.play(capture.open(1, 50'000, 13'389), {client(request()), server(confirm(1))});
  capture.play(capture.open(1, 50'001, 1080),
               {client({5, 1, 0}), server({5, 0}), client({5, 1, 0, 1, 10, 0, 0, 9, 0x0D, 0x3D}),
                server({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}), client(request())});
  capture.play(
      capture.open(1, 50'002, 443),
      {client(dissect::streams::record(tls::ContentType::kHandshake, client_hello_message()))});
  capture.play(
      capture.open(1, 50'003, 102),
      {client({3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0, 0xC1, 2, 0, 1, 0xC2, 2, 0, 1, 0xC0, 1, 13})});
  capture.play(capture.open(1, 50'004, 80), {client(text("GET / HTTP/1.1\r\n\r\n"))});
  capture.play(capture.open(1, 50'005, 22),
               {server(text("SSH-2.0-x\r\n")), client(text("SSH-2.0-y\r\n"))});
  EXPECT_THAT(client_ports(replayed(capture.octets())), ElementsAre(50'000, 50'001));
}

TEST(Replay, TellsAttemptsAtPort3389ThatNeverGotSoFar) {
  Capture capture;
  auto& refused = capture.connection(1, 50'000);
  refused.connecting(capture.tick());
  refused.refused(capture.tick());
  capture.connection(2, 50'001).connecting(capture.tick());  // nobody answers
  capture.play(capture.open(3, 50'002),
               {client(text("GET / HTTP/1.1\r\n\r\n")), ended(Side::kServer)});
  capture.play(capture.open(4, 50'003), {ended(Side::kServer)});
  capture.tick(10'000'000'000);
  capture.play(capture.open(5, 50'004), {client(request())});
  const auto connections = replayed(capture.octets());
  ASSERT_THAT(client_ports(connections), ElementsAre(50'000, 50'001, 50'002, 50'003, 50'004));
  const auto how = [&](std::size_t i) {
    return record::name_of(record::progress(connections[i].record).failure->how);
  };
  EXPECT_EQ(how(0), "refused");
  EXPECT_EQ(how(1), "timeout");
  EXPECT_EQ(how(2), "malformed");
  EXPECT_EQ(how(3), "close");
  EXPECT_EQ(how(4), "capture_end");
}

TEST(Replay, LeavesOutAnEmptyFlowThatTheClientClosesBesideARealOne) {
  Capture before;
  before.play(before.open(1, 50'000), {ended(Side::kClient), ended(Side::kServer)});
  before.play(before.open(1, 50'001), {client(request())});
  EXPECT_THAT(client_ports(replayed(before.octets())), ElementsAre(50'001));

  Capture behind;
  behind.play(behind.open(1, 50'000), {client(request())});
  behind.play(behind.open(1, 50'001), {ended(Side::kClient), ended(Side::kServer)});
  EXPECT_THAT(client_ports(replayed(behind.octets())), ElementsAre(50'000));

  Capture of_another_client;
  of_another_client.play(of_another_client.open(1, 50'000),
                         {ended(Side::kClient), ended(Side::kServer)});
  of_another_client.play(of_another_client.open(2, 50'001), {client(request())});
  EXPECT_THAT(client_ports(replayed(of_another_client.octets())), ElementsAre(50'000, 50'001));

  Capture by_the_server;
  by_the_server.play(by_the_server.open(1, 50'000), {ended(Side::kServer), ended(Side::kClient)});
  by_the_server.play(by_the_server.open(1, 50'001), {client(request())});
  EXPECT_THAT(client_ports(replayed(by_the_server.octets())), ElementsAre(50'000, 50'001));
}

TEST(Replay, AnIcmpErrorToTheSynMakesItUnreachable) {
  Capture capture;
  auto& connection = capture.connection(1, 50'000);
  connection.connecting(capture.tick());
  connection.icmp({.v6 = false,
                   .type = 3,
                   .code = 13,
                   .offender = made::endpoint(254, 0).address,
                   .from = made::endpoint(1, 50'000),
                   .to = made::endpoint(200, 3389),
                   .at = capture.tick()});
  const auto connections = replayed(capture.octets());
  ASSERT_EQ(connections.size(), 1u);
  EXPECT_EQ(record::first<record::IcmpError>(connections[0].record)->meaning,
            "communication administratively prohibited");
  EXPECT_EQ(record::progress(connections[0].record).failure->how, record::EndedHow::kUnreachable);
}

TEST(Replay, ACaptureEndIsAnEndingOnlyWhereNobodyEnded) {
  Capture capture;
  capture.play(capture.open(1, 50'000), {client(request()), ended(Side::kClient)});
  capture.play(capture.open(1, 50'001), {client(request())});
  const auto connections = replayed(capture.octets());
  EXPECT_EQ(record::get<record::Ending>(connections[0].record.evidence.back().fact).by,
            Side::kClient);
  EXPECT_EQ(record::get<record::Ending>(connections[1].record.evidence.back().fact).how,
            record::Ending::How::kCaptureEnd);
}

TEST(Replay, SaysWhatIsNoCapture) {
  const auto nothing = [](ReplayedConnection) { FAIL(); };
  EXPECT_FALSE(replay({}, {}, nothing));
  EXPECT_FALSE(replay(base::as_bytes("just some text that is no capture at all\n"), {}, nothing));
}

TEST(Replay, CountsFlowsThatAreNotRdp) {
  Capture capture;
  capture.play(capture.open(1, 50'000, 80), {client(text("GET / HTTP/1.1\r\n\r\n"))});
  const auto summary = replay(capture.octets(), {}, [](ReplayedConnection) { FAIL(); });
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->flows, 1u);
  EXPECT_EQ(summary->connections, 0u);
  EXPECT_GT(summary->packets, 3u);
}

ReplayedConnection with_evidences(std::uint16_t port, std::size_t count) {
  ReplayedConnection connection;
  connection.client.port = port;
  connection.record.evidence.resize(count);
  return connection;
}

TEST(ReportOrder, AConnectionThatStaysOpenHoldsBackABoundedNumberOnly) {
  std::vector<ReplayedConnection> given;
  ReportOrder order([&](std::uint64_t, ReplayedConnection c) { given.push_back(std::move(c)); });
  const auto long_lived = order.open();
  constexpr std::size_t kEach = 1000;
  const auto most = kMostHeld / record::octets_held(with_evidences(1, kEach).record);
  for (std::size_t i = 0; i <= most; ++i) {
    EXPECT_TRUE(given.empty()) << i;
    order.report(order.open(), with_evidences(static_cast<std::uint16_t>(i + 1), kEach));
  }
  ASSERT_EQ(given.size(), most + 1);
  order.report(long_lived, with_evidences(0, 1));
  EXPECT_EQ(given.back().client.port, 0);
  EXPECT_EQ(given.back().number, given.size() - 1);
  EXPECT_EQ(given.front().number, 0u);
}

TEST(ReportOrder, WhatIsDroppedHoldsNobodyBack) {
  std::vector<ReplayedConnection> given;
  ReportOrder order([&](std::uint64_t, ReplayedConnection c) { given.push_back(std::move(c)); });
  const auto first = order.open();
  const auto second = order.open();
  order.report(second, with_evidences(2, 1));
  EXPECT_TRUE(given.empty());
  order.drop(first);
  EXPECT_THAT(client_ports(given), ElementsAre(2));
}

}  // namespace
}  // namespace rdpwhy::replay
