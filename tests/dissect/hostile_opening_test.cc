#include <gtest/gtest.h>

#include <chrono>

#include "dissect/streams.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::dissect {
namespace {

using namespace streams;  // NOLINT: the vocabulary of these tests

HandshakeRecord octet_by_octet(const Bytes& octets) {
  Dissector dissector{Dissector::Options{}};
  for (const auto octet : octets) dissector.bytes(Side::kClient, Bytes{octet}, {1});
  dissector.ended(Side::kClient, record::Ending::How::kClose, {2});
  return dissector.take();
}

TEST(HostileOpening, AHeadFullOfLineEndsIsReadOnce) {
  auto head = text("CONNECT a:1 HTTP/1.1\r\n");
  head.resize(16'000, '\r');
  const auto end = text("\r\n\r\n");
  head.insert(head.end(), end.begin(), end.end());
  const auto asked = request();
  head.insert(head.end(), asked.begin(), asked.end());

  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) {
    const auto record = octet_by_octet(head);
    const auto* opening = record::first<record::ProxyOpening>(record);
    ASSERT_NE(opening, nullptr);
    EXPECT_EQ(opening->target, "a:1");
    EXPECT_NE(record::first<rdp::ConnectionRequest>(record), nullptr);
  }
  // Searched from its beginning for each octet it is 1,280 million steps.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

TEST(HostileOpening, AnEndInTwoPiecesIsFound) {
  const auto head = text("CONNECT a:1 HTTP/1.1\r\nX: y\r\n\r\n");
  for (std::size_t cut = 1; cut < head.size(); ++cut) {
    Dissector dissector{Dissector::Options{}};
    dissector.bytes(Side::kClient, ByteSpan(head).first(cut), {1});
    dissector.bytes(Side::kClient, ByteSpan(head).subspan(cut), {2});
    EXPECT_NE(record::first<record::ProxyOpening>(dissector.record()), nullptr) << cut;
  }
}

}  // namespace
}  // namespace rdpwhy::dissect
