#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "capture/event_recorder.h"
#include "capture/shared_captures.h"
#include "rdpwhy/capture/capture_writer.h"

namespace rdpwhy::capture {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::output_of;
using testing::RecordingHost;

Endpoint v4(std::uint8_t last, std::uint16_t port) {
  Endpoint end;
  end.address.octets = {192, 0, 2, last};
  end.port = port;
  return end;
}

Endpoint v6(std::uint8_t last, std::uint16_t port) {
  Endpoint end;
  end.address.v6 = true;
  end.address.octets = {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last};
  end.port = port;
  return end;
}

Moment after(std::int64_t ns) { return {1'790'000'000'123'456'789 + ns}; }

Bytes octets(std::size_t size, std::uint8_t first) {
  Bytes made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::uint8_t>(first + i * 7);
  return made;
}

/// A pcapng in memory, and a connection written into it.
struct Written {
  explicit Written(Endpoint client = v4(1, 50'000), Endpoint server = v4(2, 3389))
      : writer([this](ByteSpan part) { file.insert(file.end(), part.begin(), part.end()); },
               "rdpwhy test"),
        connection(writer, client, server) {}
  Bytes file;
  CaptureWriter writer;
  ConnectionWriter connection;
};

TEST(ConnectionWriter, GivesTheEventsThatWereWritten) {
  for (const bool is_v6 : {false, true}) {
    Written out(is_v6 ? v6(1, 50'000) : v4(1, 50'000), is_v6 ? v6(2, 3389) : v4(2, 3389));
    out.connection.connecting(after(0));
    out.connection.connected(after(1));
    out.connection.bytes(End::kClient, octets(19, 3), after(2));
    out.connection.bytes(End::kServer, octets(19, 7), after(3));
    out.connection.bytes(End::kClient, octets(200'000, 9), after(4));
    out.connection.closed(End::kClient, after(5));
    out.connection.bytes(End::kServer, octets(5, 1), after(6));
    out.connection.closed(End::kServer, after(7));

    RecordingHost host;
    EXPECT_EQ(testing::read_capture(out.file, host), 3U + 1 + 1 + 4 + 2 + 1 + 2);
    ASSERT_EQ(host.flows.size(), 1U);
    const auto& flow = *host.flows[0];
    EXPECT_THAT(flow.whats(),
                ElementsAre("connecting", "connected", "client 19", "server 19", "client 65000",
                            "client 65000", "client 65000", "client 5000", "closed client",
                            "server 5", "closed server", "finished"));
    const std::int64_t times[] = {0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 7};
    for (std::size_t i = 0; i < flow.events.size(); ++i) {
      EXPECT_EQ(flow.events[i].at, after(times[i])) << flow.events[i].what;
    }
    Bytes client = octets(19, 3);
    const auto more = octets(200'000, 9);
    client.insert(client.end(), more.begin(), more.end());
    EXPECT_TRUE(flow.octets[0] == client);
    EXPECT_EQ(flow.client.text(), is_v6 ? "[2001:db8::1]:50000" : "192.0.2.1:50000");
    EXPECT_EQ(flow.server.text(), is_v6 ? "[2001:db8::2]:3389" : "192.0.2.2:3389");
  }
}

TEST(ConnectionWriter, TellsARefusalFromAResetAndFromSilence) {
  Written refused;
  refused.connection.connecting(after(0));
  refused.connection.refused(after(9));
  refused.connection.bytes(End::kClient, octets(3, 0), after(10));  // cannot have been
  RecordingHost host;
  testing::read_capture(refused.file, host);
  EXPECT_THAT(host.flows.at(0)->whats(), ElementsAre("connecting", "refused", "finished"));

  Written reset;
  reset.connection.connecting(after(0));
  reset.connection.connected(after(1));
  reset.connection.bytes(End::kClient, octets(11, 0), after(2));
  reset.connection.reset(End::kServer, after(3));
  RecordingHost reset_host;
  testing::read_capture(reset.file, reset_host);
  EXPECT_THAT(reset_host.flows.at(0)->whats(),
              ElementsAre("connecting", "connected", "client 11", "reset server", "finished"));

  Written silent;
  silent.connection.connecting(after(0));
  silent.connection.connecting(after(1'000'000'000));
  RecordingHost silent_host;
  testing::read_capture(silent.file, silent_host);
  EXPECT_THAT(silent_host.flows.at(0)->whats(), ElementsAre("connecting", "finished"));

  Written given_up;
  given_up.connection.connecting(after(0));
  given_up.connection.reset(End::kClient, after(5));
  RecordingHost given_up_host;
  testing::read_capture(given_up.file, given_up_host);
  EXPECT_THAT(given_up_host.flows.at(0)->whats(),
              ElementsAre("connecting", "reset client", "finished"));
}

TEST(ConnectionWriter, WritesIcmpErrorsThatAreMatchedToTheirFlow) {
  for (const bool is_v6 : {false, true}) {
    const auto client = is_v6 ? v6(1, 50'000) : v4(1, 50'000);
    const auto server = is_v6 ? v6(2, 3389) : v4(2, 3389);
    Written out(client, server);
    out.connection.connecting(after(0));
    out.connection.icmp({.v6 = is_v6,
                         .type = static_cast<std::uint8_t>(is_v6 ? 1 : 3),
                         .code = 1,
                         .offender = is_v6 ? v6(254, 0).address : v4(254, 0).address,
                         .from = client,
                         .to = server,
                         .at = after(4)});
    RecordingHost host;
    testing::read_capture(out.file, host);
    EXPECT_THAT(
        host.flows.at(0)->whats(),
        ElementsAre("connecting", is_v6 ? "icmp 1/1 of 2001:db8::fe" : "icmp 3/1 of 192.0.2.254",
                    "finished"));
    EXPECT_EQ(host.flows[0]->events[1].at, after(4));
  }
}

TEST(ConnectionWriter, WritesEndsOfBothIpVersionsAsMappedAddresses) {
  Written out(v4(1, 50'000), v6(2, 3389));
  out.connection.connecting(after(0));
  RecordingHost host;
  testing::read_capture(out.file, host);
  ASSERT_EQ(host.flows.size(), 1U);
  EXPECT_EQ(host.flows[0]->client.text(), "[::ffff:192.0.2.1]:50000");
}

TEST(CaptureWriter, KeepsSecretsAndComments) {
  Written out;
  const std::string lines = "CLIENT_RANDOM 00 11\n";
  out.writer.secrets(lines);
  out.connection.connecting(after(0));
  const Bytes packet = {0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  out.writer.packet(packet, after(1), "a comment");
  out.writer.packet(packet, Moment{-5});
  out.writer.secrets("CLIENT_RANDOM 22 33\n");
  auto reader = CaptureReader::open(out.file);
  ASSERT_TRUE(reader) << reader.error().text;
  EXPECT_THAT(reader->tls_key_logs(), ElementsAre(lines, "CLIENT_RANDOM 22 33\n"));
  std::vector<std::int64_t> times;
  while (const auto read = reader->next()) {
    times.push_back(read->at.ns);
    EXPECT_EQ(read->link_type, 101U);
  }
  EXPECT_THAT(times, ElementsAre(0, after(0).ns, after(1).ns));
  EXPECT_THAT(reader->comments(), ElementsAre("a comment"));
}

/// A file that goes away with the test; the system chooses a name that nobody else has.
struct TemporaryFile {
  explicit TemporaryFile(ByteSpan octets)
      : name((std::filesystem::temp_directory_path() / "rdpwhy-XXXXXX").string()) {
    const int file = ::mkstemp(name.data());
    EXPECT_GE(file, 0) << name;
    EXPECT_EQ(::write(file, octets.data(), octets.size()), static_cast<ssize_t>(octets.size()));
    ::close(file);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(name); }
  std::string name;
};

std::string tshark(const TemporaryFile& file, const std::string& arguments) {
  return output_of("tshark -n -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -r " +
                   file.name + " " + arguments)
      .value_or("tshark failed");
}

std::string hex_of(ByteSpan octets) {
  std::string text;
  for (const auto octet : octets) {
    static constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 15U];
  }
  return text;
}

TEST(ConnectionWriter, IsReadByTsharkWithoutAnyComplaint) {
  if (!testing::has_tshark()) GTEST_SKIP() << "skipped: no tshark";
  for (const bool is_v6 : {false, true}) {
    const auto client = is_v6 ? v6(1, 50'000) : v4(1, 50'000);
    const auto server = is_v6 ? v6(2, 4444) : v4(2, 4444);
    Written out(client, server);
    const auto question = octets(333, 200);
    const auto answer = octets(150'001, 77);
    out.writer.secrets("CLIENT_RANDOM 00 11\n");
    out.connection.connecting(after(0));
    out.connection.icmp({.v6 = is_v6,
                         .type = static_cast<std::uint8_t>(is_v6 ? 1 : 3),
                         .code = 0,
                         .offender = is_v6 ? v6(254, 0).address : v4(254, 0).address,
                         .from = client,
                         .to = server,
                         .at = after(10)});
    out.connection.connected(after(20));
    out.connection.bytes(End::kClient, question, after(30));
    out.connection.bytes(End::kServer, answer, after(40));
    out.connection.closed(End::kServer, after(50));
    out.connection.bytes(End::kClient, question, after(60));
    out.connection.closed(End::kClient, after(70));
    const TemporaryFile file(out.file);

    EXPECT_EQ(tshark(file,
                     "-Y 'tcp.analysis.flags || _ws.malformed || tcp.checksum.status == 0 "
                     "|| ip.checksum.status == 0 || icmp.checksum.status == 0 "
                     "|| icmpv6.checksum.status == 0'"),
              "");
    // Checksums were looked at: one good one per TCP packet, the quoted one included.
    const auto good = tshark(file, "-Y 'tcp.checksum.status == 1' -T fields -e frame.number");
    EXPECT_EQ(std::ranges::count(good, '\n'), 3 + 1 + 1 + 3 + 2 + 1 + 2);
    EXPECT_THAT(tshark(file, "-q -z expert,warn"), ::testing::Not(HasSubstr("Warn")));
    EXPECT_EQ(tshark(file, is_v6 ? "-Y icmpv6.type==1 -T fields -e icmpv6.code"
                                 : "-Y icmp.type==3 -T fields -e icmp.code"),
              "0\n");
    std::string streams[2];
    std::istringstream rows(
        tshark(file, "-Y 'tcp.len > 0' -T fields -e tcp.srcport -e tcp.payload"));
    for (std::string port, payload; rows >> port >> payload;) {
      streams[port == "4444" ? 1 : 0] += payload;
    }
    EXPECT_TRUE(streams[0] == hex_of(question) + hex_of(question)) << streams[0].size();
    EXPECT_TRUE(streams[1] == hex_of(answer)) << streams[1].size();
    EXPECT_EQ(tshark(file, "-c 1 -T fields -e frame.time_epoch"), "1790000000.123456789\n");
  }
}

TEST(ConnectionWriter, ItsRefusalsAndResetsAreReadByTsharkWithoutAnyComplaint) {
  if (!testing::has_tshark()) GTEST_SKIP() << "skipped: no tshark";
  for (const int kind : {0, 1, 2}) {
    Written out;
    out.connection.connecting(after(0));
    if (kind == 0) {
      out.connection.refused(after(1));
    } else if (kind == 1) {
      out.connection.connected(after(1));
      out.connection.bytes(End::kClient, octets(11, 0), after(2));
      out.connection.reset(End::kServer, after(3));
    } else {
      out.connection.connected(after(1));
      out.connection.closed(End::kServer, after(2));
      out.connection.reset(End::kClient, after(3));
    }
    const TemporaryFile file(out.file);
    EXPECT_EQ(tshark(file, "-Y 'tcp.analysis.flags || _ws.malformed || tcp.checksum.status == 0'"),
              "");
    EXPECT_EQ(tshark(file, "-Y tcp.flags.reset==1 -T fields -e frame.number"), kind == 0   ? "2\n"
                                                                               : kind == 1 ? "5\n"
                                                                                           : "6\n");
  }
}

}  // namespace
}  // namespace rdpwhy::capture
