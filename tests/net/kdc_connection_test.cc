#include "net/kdc_connection.h"

#include <gtest/gtest.h>

#include <thread>

#include "rdpwhy/net/listener.h"

namespace rdpwhy::net {
namespace {

using std::chrono::steady_clock;

TEST(KdcConnection, TheTraceTellsWhichKdcAnswered) {
  const auto at = [](const char* line) {
    return answering_kdc(line).value_or(KdcEndpoint{"none", 0});
  };
  EXPECT_EQ(at("[9] 1795822389.900945: Received answer (221 bytes) from stream 192.0.2.1:88\n"),
            (KdcEndpoint{"192.0.2.1", 88}));
  EXPECT_EQ(at("[9] 1.5: Received answer (221 bytes) from dgram 2001:db8::1:1088\n"),
            (KdcEndpoint{"2001:db8::1", 1088}));
  const KdcEndpoint none{"none", 0};
  for (const auto* line :
       {"", "Received answer (221 bytes) from ", "Received answer (221 bytes) from stream :88",
        "Received answer (221 bytes) from stream 192.0.2.1:0",
        "Received answer (221 bytes) from stream 192.0.2.1:88x",
        "Received answer (221 bytes) from stream 192.0.2.1:99999",
        "Received answer (221 bytes) from https proxy.example:443",
        "Sending TCP request to stream 192.0.2.1:88"}) {
    EXPECT_EQ(at(line), none) << line;
  }
}

/// A KDC that reads one message and answers with the octets given.
class OneAnswer {
 public:
  explicit OneAnswer(Bytes answer)
      : listener_(*Listener::open(0)), thread_([this, answer = std::move(answer)] {
          if (auto connection = listener_.accept()) {
            while (read_.size() < 7) {
              const auto more = connection->read();
              if (!more) return;
              read_.insert(read_.end(), more->begin(), more->end());
            }
            connection->write(answer);
            connection->finish_sending();
            connection->drain();
          }
        }) {}
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    listener_.stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::optional<Bytes> ask() {
    const auto deadline = steady_clock::now() + std::chrono::seconds(10);
    auto connection = KdcConnection::open({"127.0.0.1", listener_.port()}, deadline);
    if (!connection) return {};
    return connection->exchange(Bytes{1, 2, 3}, deadline);
  }
  [[nodiscard]] Bytes read() {
    thread_.join();
    return read_;
  }

 private:
  Listener listener_;
  Bytes read_;
  std::thread thread_;
};

TEST(KdcConnection, AMessageGoesAndComesWithItsLengthInFront) {
  OneAnswer kdc(Bytes{0, 0, 0, 2, 7, 8});
  EXPECT_EQ(kdc.ask(), (Bytes{7, 8}));
  EXPECT_EQ(kdc.read(), (Bytes{0, 0, 0, 3, 1, 2, 3}));
}

TEST(KdcConnection, AnAnswerThatIsNoneOrNotWholeIsNothing) {
  for (const auto& answer : {Bytes{}, Bytes{0, 0}, Bytes{0, 0, 0, 0}, Bytes{0, 0, 0, 2, 7},
                             Bytes{0xFF, 0xFF, 0xFF, 0xFF, 7}}) {
    OneAnswer kdc(answer);
    EXPECT_EQ(kdc.ask(), std::nullopt);
  }
}

TEST(KdcConnection, ASilentKdcIsWaitedForUntilTheDeadline) {
  const auto listener = Listener::open(0);  // nobody accepts
  const auto began = steady_clock::now();
  const auto deadline = began + std::chrono::milliseconds(100);
  auto connection = KdcConnection::open({"127.0.0.1", listener->port()}, deadline);
  ASSERT_TRUE(connection);
  EXPECT_EQ(connection->exchange(Bytes{1}, deadline), std::nullopt);
  EXPECT_GE(steady_clock::now(), deadline);
}

TEST(KdcConnection, ARefusedConnectionIsToldInTheSystemsWords) {
  const auto port = Listener::open(0)->port();  // bound and given back
  const auto deadline = steady_clock::now() + std::chrono::seconds(10);
  const auto connection = KdcConnection::open({"127.0.0.1", port}, deadline);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error(), "Connection refused");
}

}  // namespace
}  // namespace rdpwhy::net
