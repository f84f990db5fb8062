#include "rdpwhy/net/probe.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "crypto/tls_pair.h"
#include "rdpwhy/net/listener.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::net {
namespace {

using record::Phase;
using testing::ElementsAre;
using testing::HasSubstr;
using How = record::Ending::How;

/// A peer that serves its connections one after the other, on a thread of its own.
class Peer {
 public:
  using Serve = std::function<void(AcceptedConnection&)>;
  explicit Peer(Serve serve, Listener::Loopback loopback = Listener::Loopback::kV4)
      : listener_(*Listener::open(0, std::chrono::seconds(10), loopback)),
        thread_([this, serve = std::move(serve)] {
          while (auto connection = listener_.accept()) serve(*connection);
        }) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    listener_.stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  Listener listener_;
  std::thread thread_;
};

/// A port that refuses as long as this lives: bound, so that no test beside this one gets it, and
/// without a listener.
class RefusingPort {
 public:
  RefusingPort() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);  // as the socket API demands
    EXPECT_EQ(::bind(socket_, any, size), 0);
    EXPECT_EQ(::getsockname(socket_, any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  RefusingPort(const RefusingPort&) = delete;
  RefusingPort& operator=(const RefusingPort&) = delete;
  ~RefusingPort() { ::close(socket_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

/// For peers that answer or end by themselves: the deadline is there for a broken machine only.
ProbeOptions patient() {
  ProbeOptions options;
  options.phase_timeout = std::chrono::seconds(20);
  options.watch_silent_connection = false;
  return options;
}

/// For peers whose silence is what is tested.
ProbeOptions quick() {
  auto options = patient();
  options.phase_timeout = std::chrono::milliseconds(400);
  return options;
}

ProbedConnection run(const Target& target, const ProbeOptions& options = quick()) {
  auto probed = probe(target, options);
  EXPECT_TRUE(probed) << (probed ? "" : probed.error().text);
  return probed ? *std::move(probed) : ProbedConnection{};
}

std::vector<record::Ending> endings(const HandshakeRecord& record) {
  std::vector<record::Ending> found;
  for (const auto& e : record.evidence) {
    if (const auto* ending = std::get_if<record::Ending>(&e.fact)) found.push_back(*ending);
  }
  return found;
}

/// The last ProxyOpening of a side: SOCKS5 has two rounds.
const record::ProxyOpening* last_opening(const HandshakeRecord& record, Side side) {
  const record::ProxyOpening* last = nullptr;
  for (const auto& e : record.evidence) {
    const auto* opening = record::get_if<record::ProxyOpening>(&e.fact);
    if (opening != nullptr && e.where.side == side) last = opening;
  }
  return last;
}

void read_then_drain(AcceptedConnection& peer) { peer.drain(); }

TEST(Probe, ARefusedPortIsTheServersRefusal) {
  const RefusingPort refusing;
  const auto probed = run({"127.0.0.1", refusing.port(), "t"}, patient());
  EXPECT_EQ(probed.address, "127.0.0.1");
  const auto all = endings(probed.record);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].by, Side::kServer);
  EXPECT_EQ(all[0].how, How::kRefused);
  EXPECT_EQ(record::first<record::Connected>(probed.record), nullptr);
  EXPECT_EQ(record::first<record::IcmpError>(probed.record), nullptr);
  EXPECT_FALSE(probed.record.run->missed_deadline);
}

TEST(Probe, AnAttemptWithoutAPacketIsLiveOnly) {
  // No TCP connection is made to a broadcast address: the kernel says so before any packet.
  auto options = patient();
  Bytes file;
  options.capture_sink = [&](ByteSpan octets) {
    file.insert(file.end(), octets.begin(), octets.end());
  };
  const auto record = run({"127.255.255.255", 3389, "t"}, options).record;
  ASSERT_EQ(record.evidence.size(), 2u);
  for (const auto& e : record.evidence) EXPECT_TRUE(e.live_only) << record::describe(e);
  EXPECT_EQ(endings(record).at(0).how, How::kUnreachable);
  EXPECT_TRUE(record::same_evidence(record, {}));
}

TEST(Probe, AddressesAreNotResolved) {
  const RefusingPort refusing;
  const auto probed = run({"127.0.0.1", refusing.port(), "t"}, patient());
  EXPECT_EQ(record::first<record::Resolved>(probed.record), nullptr);
}

TEST(Probe, ANameIsResolvedAndItsAddressesAreToldLiveOnly) {
  ProbeOptions options = patient();
  options.family = ProbeOptions::Family::kV4;
  const RefusingPort refusing;
  const auto probed = run({"localhost", refusing.port(), "t"}, options);
  const auto* evidence = record::first_evidence<record::Resolved>(probed.record);
  ASSERT_NE(evidence, nullptr);
  EXPECT_TRUE(evidence->live_only);
  const auto& resolved = record::get<record::Resolved>(evidence->fact);
  EXPECT_EQ(resolved.name, "localhost");
  EXPECT_THAT(resolved.addresses, ElementsAre("127.0.0.1"));
  EXPECT_EQ(resolved.error, "");
}

TEST(Probe, ANameWithoutAddressesEndsInTheResolversWords) {
  // RFC 6761 6.4: no resolver may answer this one.
  const auto probed = run({"no-such-host.invalid", 3389, "t"}, patient());
  const auto* resolved = record::first<record::Resolved>(probed.record);
  ASSERT_NE(resolved, nullptr);
  EXPECT_THAT(resolved->addresses, testing::IsEmpty());
  EXPECT_NE(resolved->error, "");
  EXPECT_EQ(probed.address, "");
  EXPECT_EQ(record::first<record::Connecting>(probed.record), nullptr);
}

TEST(Probe, ResolveToConnectsThereAndKeepsTheName) {
  const Peer peer(read_then_drain);
  auto options = quick();
  options.resolve_to = "127.0.0.1";
  const auto probed = run({"host.example", peer.port(), "t"}, options);
  EXPECT_EQ(probed.address, "127.0.0.1");
  EXPECT_NE(record::first<record::Connected>(probed.record), nullptr);
}

TEST(Probe, WhatIsOurMistakeIsAnErrorAndNoEvidence) {
  auto options = quick();
  options.resolve_to = "not an address";
  EXPECT_FALSE(probe({"h", 1, "t"}, options));
  options = quick();
  options.family = ProbeOptions::Family::kV6;
  const auto wrong_family = probe({"127.0.0.1", 1, "t"}, options);
  ASSERT_FALSE(wrong_family);
  EXPECT_THAT(wrong_family.error().text, HasSubstr("family"));
  options = quick();
  options.plan.tls.min_version = 0x0304;
  options.plan.tls.max_version = 0x0303;
  EXPECT_FALSE(probe({"127.0.0.1", 1, "t"}, options));
}

TEST(Probe, Ipv6LiteralsWork) {
  const Peer peer(read_then_drain, Listener::Loopback::kV6);
  const auto probed = run({"::1", peer.port(), "t"});
  EXPECT_EQ(probed.address, "::1");
  EXPECT_NE(record::first<record::Connected>(probed.record), nullptr);
  EXPECT_THAT(probed.record.run->local_address, testing::StartsWith("[::1]:"));
}

TEST(Probe, EndsInOrderAlsoWithASilentPeer) {
  // The peer counts how our connection ends: octets, then an orderly end.
  std::atomic<std::size_t> octets = 0;
  std::atomic<bool> ended = false;
  {
    const Peer peer([&](AcceptedConnection& connection) {
      while (auto more = connection.read()) octets += more->size();
      ended = true;
    });
    const auto probed = run({"127.0.0.1", peer.port(), "t"});
    const auto all = endings(probed.record);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].by, Side::kClient);
    EXPECT_EQ(all[0].how, How::kClose);
    EXPECT_GE(all[0].silence, 300'000'000);
    EXPECT_EQ(all[1].by, Side::kServer);
    EXPECT_EQ(all[1].how, How::kClose);
    EXPECT_EQ(probed.record.run->missed_deadline, Phase::kX224);
  }
  EXPECT_TRUE(ended);
  const auto request = rdp::encode_tpkt(rdp::encode(dialogue::ProbePlan().request));
  EXPECT_EQ(octets, request.size()) << "the Connection Request and nothing else";
}

TEST(Probe, APeerThatNeverStopsIsLeftAfterABoundedAmount) {
  std::atomic<std::size_t> written = 0;
  const Peer peer([&](AcceptedConnection& connection) {
    const Bytes junk(16 * 1024, 0x03);
    while (connection.write(junk)) written += junk.size();
  });
  const auto began = std::chrono::steady_clock::now();
  const auto probed = run({"127.0.0.1", peer.port(), "t"});
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(15));
  EXPECT_LT(written, 64u << 20);
  EXPECT_LT(probed.record.evidence.size(), 600u);
}

TEST(Probe, ATricklingPeerIsBoundByTheDeadlineOfThePhase) {
  const Peer peer([](AcceptedConnection& connection) {
    for (int i = 0; i < 1000; ++i) {
      if (!connection.write(Bytes{0x03, 0x00, 0xFF, 0xFF}) ||
          !connection.pause(std::chrono::milliseconds(20))) {
        return;
      }
    }
  });
  const auto began = std::chrono::steady_clock::now();
  const auto probed = run({"127.0.0.1", peer.port(), "t"});
  // Far below the twenty seconds that the trickle would last.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  EXPECT_NE(record::first<record::Connected>(probed.record), nullptr);
}

TEST(Probe, APeerThatNeverPausesDoesNotOutlastTheDeadline) {
  // Whole X.224 Data TPDUs, one after the other: never an answer, and never a pause.
  const Peer peer([](AcceptedConnection& connection) {
    const Bytes data{3, 0, 0, 8, 2, 0xF0, 0x80, 0};
    while (connection.write(data) && connection.pause(std::chrono::milliseconds(1))) {
    }
  });
  auto options = quick();
  const auto began = std::chrono::steady_clock::now();
  const auto probed = run({"127.0.0.1", peer.port(), "t"}, options);
  const auto took = std::chrono::steady_clock::now() - began;
  // The phase's time, a second to leave in order, and room for a busy machine.
  EXPECT_LT(took, options.phase_timeout + std::chrono::milliseconds(2500));
  const auto all = endings(probed.record);
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front().by, Side::kClient);
}

/// A TLS 1.2 server that renegotiates once the client has begun with MCS, and says its next word (a
/// disconnect ultimatum) when that is done.
void renegotiate(AcceptedConnection& connection) {
  if (!connection.read()) return;
  connection.write(Bytes{3, 0, 0, 19, 14, 0xD0, 0, 0, 0, 0, 0, 2, 0, 8, 0, 1, 0, 0, 0});
  auto settings = crypto::settings_for_tests();
  settings.max_version = 0x0303;
  auto tls = crypto::TlsSession::server(settings).value();
  const auto read_and_answer = [&] {
    const auto octets = connection.read();
    if (!octets) return false;
    tls.feed(*octets);
    return connection.write(tls.drain());
  };
  while (tls.plaintext().empty()) {
    if (!read_and_answer()) return;
  }
  tls.renegotiate();
  tls.write(Bytes{3, 0, 0, 9, 2, 0xF0, 0x80, 0x21, 0x80});
  connection.write(tls.drain());
  while (read_and_answer()) {
  }
}

TEST(Probe, WhatTlsItselfHasToAnswerGoesOutWithoutWaitingForTheNextWord) {
  const Peer peer(renegotiate);
  auto options = patient();
  options.plan.until = Phase::kMcs;
  const auto probed = run({"127.0.0.1", peer.port(), "t"}, options);
  EXPECT_FALSE(probed.record.run->missed_deadline);
  EXPECT_NE(record::first<rdp::DisconnectProviderUltimatum>(probed.record), nullptr);
}

/// Answers a SOCKS5 client; `reply` is the code of RFC 1928 6. Says what name was asked for.
Peer::Serve socks_proxy(std::uint8_t reply, std::string& asked) {
  return [reply, &asked](AcceptedConnection& connection) {
    if (!connection.read() || !connection.write(Bytes{5, 0})) return;
    const auto request = connection.read();
    if (!request || request->size() < 7) return;
    asked.assign(request->begin() + 5, request->end() - 2);
    connection.write(Bytes{5, reply, 0, 1, 0, 0, 0, 0, 0, 0});
    if (reply == 0) {
      while (auto more = connection.read()) {
        if (!more->empty() && more->front() == 0x03) {  // RDP_NEG_FAILURE 5 from behind the proxy
          connection.write(Bytes{3, 0, 0, 19, 14, 0xD0, 0, 0, 0, 0, 0, 3, 0, 8, 0, 5, 0, 0, 0});
        }
      }
      return;
    }
    connection.finish_sending();
    connection.drain();
  };
}

TEST(Probe, ThroughSocksTheNameIsTheProxysToResolve) {
  std::string asked;
  const Peer proxy(socks_proxy(0, asked));
  auto options = patient();
  options.proxy = Proxy{Proxy::Kind::kSocks5, {"127.0.0.1", proxy.port(), "p"}};
  const auto record = run({"host.example", 3389, "t"}, options).record;
  EXPECT_EQ(asked, "host.example");
  const auto* opening = last_opening(record, Side::kClient);
  ASSERT_NE(opening, nullptr);
  EXPECT_EQ(opening->protocol, "SOCKS5");
  EXPECT_EQ(opening->target, "host.example:3389");
  const auto* confirm = record::first<rdp::ConnectionConfirm>(record);
  ASSERT_NE(confirm, nullptr);
  ASSERT_NE(confirm->failure(), nullptr);
  EXPECT_EQ(confirm->failure()->failure_code, 5u);
}

TEST(Probe, ARefusalOfTheProxyIsEvidenceOfTheTcpPhase) {
  std::string asked;
  const Peer proxy(socks_proxy(5, asked));
  auto options = patient();
  options.proxy = Proxy{Proxy::Kind::kSocks5, {"127.0.0.1", proxy.port(), "p"}};
  const auto record = run({"192.0.2.7", 3389, "t"}, options).record;
  const auto* answer = last_opening(record, Side::kServer);
  ASSERT_NE(answer, nullptr);
  EXPECT_FALSE(answer->granted);
  EXPECT_EQ(record::first<rdp::ConnectionRequest>(record), nullptr);
  EXPECT_FALSE(record.run->missed_deadline);
}

Peer::Serve http_proxy(std::string answer, std::string& asked) {
  return [answer = std::move(answer), &asked](AcceptedConnection& connection) {
    const auto request = connection.read();
    if (!request) return;
    asked.assign(request->begin(), request->end());
    connection.write(base::as_bytes(answer));
    (void)connection.read();  // what goes through, or the end
    connection.finish_sending();
    connection.drain();
  };
}

TEST(Probe, HttpConnectIsGrantedByAnySuccess) {
  std::string asked;
  const Peer proxy(http_proxy("HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", asked));
  auto options = patient();
  options.proxy = Proxy{Proxy::Kind::kHttpConnect, {"127.0.0.1", proxy.port(), "p"}};
  const auto record = run({"2001:db8::1", 3390, "t"}, options).record;
  EXPECT_THAT(asked, testing::StartsWith("CONNECT [2001:db8::1]:3390 HTTP/1.1\r\n"));
  EXPECT_NE(record::first<rdp::ConnectionRequest>(record), nullptr);
}

TEST(Probe, HttpConnectRefusedEndsBeforeRdp) {
  std::string asked;
  const Peer proxy(http_proxy("HTTP/1.1 403 Filtered\r\nContent-Length: 2\r\n\r\nno", asked));
  auto options = patient();
  options.proxy = Proxy{Proxy::Kind::kHttpConnect, {"127.0.0.1", proxy.port(), "p"}};
  const auto record = run({"host.example", 3389, "t"}, options).record;
  const auto* answer = last_opening(record, Side::kServer);
  ASSERT_NE(answer, nullptr);
  EXPECT_FALSE(answer->granted);
  EXPECT_THAT(answer->answer, HasSubstr("403"));
  EXPECT_EQ(record::first<rdp::ConnectionRequest>(record), nullptr);
}

TEST(Probe, ASilentProxyMissesTheDeadlineOfTheTcpPhase) {
  const Peer proxy(read_then_drain);
  auto options = quick();
  options.proxy = Proxy{Proxy::Kind::kSocks5, {"127.0.0.1", proxy.port(), "p"}};
  const auto record = run({"host.example", 3389, "t"}, options).record;
  EXPECT_EQ(record.run->missed_deadline, Phase::kTcp);
  const auto progress = record::progress(record);
  ASSERT_TRUE(progress.failure);
  EXPECT_EQ(progress.failure->by, Side::kClient);
  EXPECT_EQ(progress.failure->how, record::EndedHow::kTimeout);
}

}  // namespace
}  // namespace rdpwhy::net
