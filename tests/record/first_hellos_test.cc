#include <gtest/gtest.h>

#include "rdpwhy/record/fingerprints.h"

namespace rdpwhy::record {
namespace {

class Seen {
 public:
  Seen& add(Side side, Fact fact) {
    record.evidence.push_back({.id = static_cast<EvidenceId>(record.evidence.size() + 1),
                               .phase = Phase::kTls,
                               .where = {.side = side, .layer = Layer::kWire, .size = 9},
                               .at = {},
                               .fact = std::move(fact)});
    return *this;
  }
  Seen& confirm() { return add(Side::kServer, rdp::ConnectionConfirm{}); }
  Seen& client(std::uint16_t suite) {
    tls::ClientHello hello;
    hello.cipher_suites = {suite};
    return add(Side::kClient, std::move(hello));
  }
  Seen& server(std::uint16_t suite, bool retry = false) {
    tls::ServerHello hello;
    hello.cipher_suite = suite;
    hello.hello_retry_request = retry;
    return add(Side::kServer, std::move(hello));
  }
  /// The suites of the hellos that were found; 0: none.
  [[nodiscard]] std::pair<int, int> found() const {
    const auto hellos = first_hellos(record);
    return {hellos.client != nullptr ? hellos.client->cipher_suites.front() : 0,
            hellos.server != nullptr ? hellos.server->cipher_suite : 0};
  }

  HandshakeRecord record;
};

using Pair = std::pair<int, int>;

TEST(FirstHellos, AreThoseBeforeAndAtAHelloRetryRequest) {
  EXPECT_EQ(Seen().confirm().client(1).server(2).found(), Pair(1, 2));
  EXPECT_EQ(Seen().confirm().client(1).server(2, true).client(3).server(4).found(), Pair(1, 2));
  EXPECT_EQ(Seen().client(1).found(), Pair(1, 0));
  EXPECT_EQ(Seen().found(), Pair(0, 0));
}

TEST(FirstHellos, AreNoneWhereEarlierOnesMayBeMissing) {
  const Gap gap{100};
  EXPECT_EQ(Seen().confirm().add(Side::kClient, gap).client(1).server(2).found(), Pair(0, 2));
  EXPECT_EQ(Seen().confirm().client(1).add(Side::kServer, gap).server(2).found(), Pair(1, 0));
  EXPECT_EQ(Seen().add(Side::kNetwork, BeginsLate{}).client(1).server(2).found(), Pair(0, 0));
  EXPECT_EQ(Seen().server(2, true).client(3).server(4).found(), Pair(0, 2));
  // The X.224 answer is where TLS begins: nothing that counts was missed before it.
  EXPECT_EQ(Seen().add(Side::kNetwork, BeginsLate{}).confirm().client(1).server(2).found(),
            Pair(1, 2));
}

}  // namespace
}  // namespace rdpwhy::record
