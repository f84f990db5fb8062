// RDP over UDP in captures: which transports begin, to which connection they belong, and that
// nothing else is taken for one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "rdpwhy/base/writer.h"
#include "replay/made_capture.h"
#include "replay/shared_captures.h"
#include "replay/udp_transports.h"

namespace rdpwhy::replay {
namespace {

using namespace dissect::streams;  // NOLINT: the vocabulary of these tests
using capture::End;
using capture::Endpoint;
using made::Capture;
using made::endpoint;
using rdp::RdpUdpSyn;
using testing::IsEmpty;
using testing::SizeIs;
namespace flags = rdp::rdpudp_flags;

RdpUdpSyn a_syn(std::uint32_t number, std::uint16_t version = RdpUdpSyn::kVersion2) {
  return {.receive_window = 64,
          .flags = flags::kSyn | flags::kSynEx,
          .initial_sequence_number = number,
          .down_stream_mtu = 1200,
          .syn_ex_flags = RdpUdpSyn::kVersionInfoValid,
          .version = version,
          .padding = 1212};
}

RdpUdpSyn answer_to(const RdpUdpSyn& syn) {
  return {.source_ack = syn.initial_sequence_number,
          .receive_window = 64,
          .flags = flags::kSyn | flags::kAck | flags::kSynEx,
          .initial_sequence_number = 7,
          .syn_ex_flags = RdpUdpSyn::kVersionInfoValid,
          .version = RdpUdpSyn::kVersion1,
          .padding = 1212};
}

/// A captured connection and what goes over UDP beside it, in order of time.
class Made {
 public:
  Capture& tcp() { return capture_; }
  Made& udp(const Endpoint& from, const Endpoint& to, ByteSpan payload) {
    Writer segment;
    segment.u16be(from.port).u16be(to.port);
    segment.u16be(static_cast<std::uint16_t>(8 + payload.size())).u16be(0).bytes(payload);
    const auto datagram = segment.take();
    Writer packet;
    packet.u8(0x45).u8(0).u16be(static_cast<std::uint16_t>(20 + datagram.size())).u32be(0);
    packet.u8(64).u8(17).u16be(0);
    packet.bytes(ByteSpan(from.address.octets).first(4));
    packet.bytes(ByteSpan(to.address.octets).first(4)).bytes(datagram);
    capture_.packet(packet.take(), capture_.tick());
    return *this;
  }
  Made& udp(const Endpoint& from, const Endpoint& to, const RdpUdpSyn& syn) {
    return udp(from, to, rdp::encode(syn));
  }
  ReplaySummary replayed() {
    connections.clear();
    auto summary = replay(capture_.octets(), {}, [&](ReplayedConnection connection) {
      connections.push_back(std::move(connection));
    });
    return summary ? *summary : ReplaySummary{};
  }

  std::vector<ReplayedConnection> connections;

 private:
  Capture capture_;
};

const Endpoint kServer = endpoint(200, 3389);

TEST(UdpTransports, StandInTheConnectionBesideWhichTheyBegan) {
  Made made;
  auto& connection = made.tcp().open(1, 50'000);
  made.tcp().play(connection, {client(request()), server(confirm(0))});
  const auto syn = a_syn(42);
  made.udp(endpoint(1, 60'000), kServer, syn).udp(endpoint(1, 60'000), kServer, syn);
  made.udp(kServer, endpoint(1, 60'000), answer_to(syn));
  const auto summary = made.replayed();
  ASSERT_THAT(made.connections, SizeIs(1));
  ASSERT_THAT(made.connections[0].udp, SizeIs(1));
  const auto& transport = made.connections[0].udp[0];
  EXPECT_EQ(transport.client, "10.0.0.1:60000");
  EXPECT_EQ(transport.server, "10.0.0.200:3389");
  EXPECT_EQ(transport.syns, 2u);
  EXPECT_EQ(transport.syn, syn);
  EXPECT_EQ(transport.answer, answer_to(syn));
  ASSERT_TRUE(transport.answered);
  EXPECT_EQ(*transport.answered - transport.began, 2'000'000);
  EXPECT_FALSE(transport.lossy());
  EXPECT_THAT(summary.udp, IsEmpty());
}

TEST(UdpTransports, BelongToTheNewestConnectionOfTheSameHostsAndPort) {
  Made made;
  auto& first = made.tcp().open(1, 50'000);
  made.tcp().play(first, {client(request()), server(confirm(0))});
  auto& second = made.tcp().open(1, 50'001);
  made.tcp().play(second, {client(request()), server(confirm(0))});
  auto& another = made.tcp().open(2, 50'002);
  made.tcp().play(another, {client(request()), server(confirm(0))});
  made.udp(endpoint(1, 60'000), kServer, a_syn(1));
  auto lossy = a_syn(2);
  lossy.flags |= flags::kSynLossy;
  made.udp(endpoint(1, 60'001), kServer, lossy);
  made.udp(endpoint(1, 60'002), endpoint(200, 3390), a_syn(3));
  made.udp(endpoint(3, 60'003), kServer, a_syn(4));
  const auto summary = made.replayed();
  ASSERT_THAT(made.connections, SizeIs(3));
  EXPECT_THAT(made.connections[0].udp, IsEmpty());
  EXPECT_THAT(made.connections[2].udp, IsEmpty());
  ASSERT_THAT(made.connections[1].udp, SizeIs(2));
  EXPECT_EQ(made.connections[1].udp[0].client, "10.0.0.1:60000");
  EXPECT_FALSE(made.connections[1].udp[0].answered);
  EXPECT_TRUE(made.connections[1].udp[1].lossy());
  ASSERT_THAT(summary.udp, SizeIs(2));
  EXPECT_EQ(summary.udp[0].server, "10.0.0.200:3390");
  EXPECT_EQ(summary.udp[1].client, "10.0.0.3:60003");
}

TEST(UdpTransports, WithoutAConnectionAreToldByTheSummaryAlone) {
  Made made;
  made.udp(kServer, endpoint(1, 60'000), answer_to(a_syn(9)));  // whose SYN came too early
  auto cut = rdp::encode(a_syn(10));
  cut.resize(17);
  made.udp(endpoint(1, 60'000), kServer, cut);
  const auto summary = made.replayed();
  EXPECT_EQ(summary.connections, 0u);
  ASSERT_THAT(summary.udp, SizeIs(2));
  EXPECT_EQ(summary.udp[0].client, "10.0.0.1:60000");
  EXPECT_EQ(summary.udp[0].syns, 0u);
  EXPECT_TRUE(summary.udp[0].answered);
  EXPECT_EQ(summary.udp[1].syns, 1u);
  EXPECT_FALSE(summary.udp[1].syn);
  EXPECT_EQ(summary.udp[1].unreadable, "uSynExFlags needs 2 bytes at offset 16, 1 left");
}

TEST(UdpTransports, NothingElseOverUdpIsTakenForOne) {
  Made made;
  const auto at = [&](ByteSpan payload) { made.udp(endpoint(1, 53), kServer, payload); };
  // A question and an answer of DNS, an NTP packet, a QUIC long header, data of RDPEUDP itself.
  at(Writer()
         .u16be(0x1234)
         .u16be(0x0100)
         .u16be(1)
         .u16be(0)
         .u32be(0)
         .u8(3)
         .bytes(Bytes(20, 'a'))
         .take());
  at(Writer()
         .u16be(0xFFFF)
         .u16be(0xFFFF)
         .u16be(1)
         .u16be(1)
         .u32be(0)
         .u8(4)
         .bytes(Bytes(20, 'l'))
         .take());
  at(Writer().u32be(0x240203E8).bytes(Bytes(44, 0)).take());
  at(Writer().u8(0xC3).u32be(1).bytes(Bytes(1195, 8)).take());
  at(Writer()
         .u32be(0x42)
         .u16be(64)
         .u16be(flags::kAck | flags::kData)
         .u32be(1)
         .u16be(1232)
         .u16be(1232)
         .take());
  at(Bytes(1232, 0xFF));
  at(Bytes(15, 0xFF));
  at({});
  auto small = a_syn(1);
  small.up_stream_mtu = 1131;
  at(rdp::encode(small));
  auto acknowledged = a_syn(1);
  acknowledged.source_ack = 1;
  at(rdp::encode(acknowledged));
  EXPECT_THAT(made.replayed().udp, IsEmpty());
}

TEST(UdpTransports, AreBoundedInNumberAndTheRestIsCounted) {
  UdpTransports transports;
  for (std::uint32_t i = 0; i < UdpTransports::kMost + 5; ++i) {
    auto syn = a_syn(i);
    syn.padding = 0;
    const auto octets = rdp::encode(syn);
    transports.add({.from = endpoint(1, 60'000), .to = kServer, .payload = octets, .at = {}}, 0);
  }
  EXPECT_EQ(transports.left_out(), 5u);
  EXPECT_THAT(transports.take(1), IsEmpty());
  EXPECT_THAT(transports.take(0), SizeIs(UdpTransports::kMost));
  EXPECT_THAT(transports.take_rest(), IsEmpty());
}

/// SYN and SYN+ACK datagrams of one capture, by "client > server", as counted by us.
std::map<std::string, std::pair<int, bool>> transports_in(const Bytes& file) {
  std::map<std::string, std::pair<int, bool>> found;
  const auto add = [&](const std::vector<record::UdpTransport>& transports) {
    for (const auto& t : transports) {
      auto& [syns, answered] = found[t.client + " > " + t.server];
      syns += static_cast<int>(t.syns);
      answered = answered || t.answered.has_value();
      EXPECT_EQ(t.unreadable, "");
    }
  };
  const auto summary =
      replay(file, {}, [&](const ReplayedConnection& connection) { add(connection.udp); });
  if (summary) add(summary->udp);
  return found;
}

TEST(UdpTransportsOfSharedCaptures, EqualTheTruth) {
  RDPWHY_SKIP_WITHOUT_SHARED_CAPTURES();
  std::size_t compared = 0;
  const auto truth = shared::truth();
  for (const auto& capture : truth["captures"]) {
    const std::string name = capture["file"];
    SCOPED_TRACE(name);
    std::map<std::string, std::pair<int, bool>> expected;
    for (const auto& flow : capture.value("udp", nlohmann::json::array())) {
      if (flow["kind"] != "rdpeudp") continue;
      const auto bracketed = [](std::string end) {
        const auto colon = end.rfind(':');
        if (end.find(':') == colon) return end;
        return "[" + end.substr(0, colon) + "]" + end.substr(colon);
      };
      const std::string client = flow["syn"][0]["from"];
      const std::string server = flow["a"] == client ? flow["b"] : flow["a"];
      auto& [syns, answered] = expected[bracketed(client) + " > " + bracketed(server)];
      for (const auto& syn : flow["syn"]) {
        if (syn["from"] == client) ++syns;
        if (syn["from"] != client) answered = true;
      }
    }
    EXPECT_EQ(transports_in(shared::file_octets(shared::folder() / "captures" / name)), expected);
    compared += expected.size();
  }
  EXPECT_GE(compared, 3u);
}

}  // namespace
}  // namespace rdpwhy::replay
