#include "rdpwhy/survey/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "survey/table_server.h"

namespace rdpwhy::survey::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

Table ordinary() {
  return {.suites = {{kTls12, {0xC030, 0xC02F, 0x009E}}, {kTls13, {0x1302, 0x1301}}}};
}

Result surveyed(const Table& table) {
  TableServer server(table);
  return survey(server);
}

Comparison compared(const Table& a, const Table& b) { return compare(surveyed(a), surveyed(b)); }

TEST(Compare, FindsNothingBetweenEqualServers) {
  const auto found = compared(ordinary(), ordinary());
  EXPECT_THAT(found.differences, IsEmpty());
  EXPECT_THAT(found.unknown, IsEmpty());
}

TEST(Compare, NamesTheOneSuiteAndItsDirection) {
  auto weaker = ordinary();
  weaker.suites[kTls12].push_back(0x0005);
  auto found = compared(ordinary(), weaker);
  ASSERT_THAT(found.differences, SizeIs(1));
  EXPECT_EQ(found.differences[0], (Difference{.where = "TLSv1.2 cipher suites",
                                              .what = "TLS_RSA_WITH_RC4_128_SHA",
                                              .first = "not accepted",
                                              .second = "accepted",
                                              .direction = Direction::kWeaker,
                                              .reason = "RC4 is broken (RFC 7465)"}));
  found = compared(weaker, ordinary());
  ASSERT_THAT(found.differences, SizeIs(1));
  EXPECT_EQ(found.differences[0].direction, Direction::kStronger);
}

TEST(Compare, NamesTheOneGroup) {
  auto other = ordinary();
  other.groups = {0x001D, 0x0017, 0x0018};
  const auto found = compared(ordinary(), other);
  ASSERT_THAT(found.differences, SizeIs(2));  // it is one of TLS 1.2 and of TLS 1.3
  for (const auto& difference : found.differences) {
    EXPECT_EQ(difference.what, "secp384r1");
    EXPECT_EQ(difference.direction, Direction::kDifferent);
  }
}

TEST(Compare, NamesWhoDecides) {
  auto other = ordinary();
  other.server_decides = false;
  const auto found = compared(ordinary(), other);
  ASSERT_FALSE(found.differences.empty());
  for (const auto& difference : found.differences) {
    EXPECT_EQ(difference.what, "who decides") << difference.where;
    EXPECT_EQ(difference.first, "the server decides");
    EXPECT_EQ(difference.second, "the client decides");
  }
}

TEST(Compare, NamesTheOrderWhereTheServerDecides) {
  auto other = ordinary();
  std::ranges::reverse(other.suites[kTls12]);
  const auto found = compared(ordinary(), other);
  ASSERT_THAT(found.differences, SizeIs(1));
  EXPECT_EQ(found.differences[0].what, "order");
  EXPECT_EQ(found.differences[0].first, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 first");
}

TEST(Compare, NamesTheVersionAndNotEachOfItsSuites) {
  auto other = ordinary();
  other.suites[kTls11] = {0x002F, 0x0035};
  const auto found = compared(ordinary(), other);
  ASSERT_THAT(found.differences, SizeIs(1));
  EXPECT_EQ(found.differences[0].what, "TLSv1.1");
  EXPECT_EQ(found.differences[0].direction, Direction::kWeaker);
}

TEST(Compare, NamesPropertiesAndPrimes) {
  auto other = ordinary();
  other.extended_master_secret = false;
  other.dh_bits = 1024;
  const auto found = compared(ordinary(), other);
  ASSERT_THAT(found.differences, SizeIs(2));
  EXPECT_EQ(found.differences[0].second, "1024 bits");
  EXPECT_EQ(found.differences[0].direction, Direction::kWeaker);
  EXPECT_EQ(found.differences[1].what, "extended master secret");
  EXPECT_EQ(found.differences[1].direction, Direction::kWeaker);
}

TEST(Compare, NamesTheOneCertificate) {
  auto a = surveyed(ordinary());
  auto b = a;
  auto leaf = std::make_shared<record::CertificateFacts>(*a.certificates.front().chain.front());
  leaf->sha256 = "0011223344556677";
  leaf->key.bits = 1024;
  b.certificates.front().chain = {leaf};
  const auto found = compare(a, b);
  ASSERT_THAT(found.differences, SizeIs(1));
  EXPECT_EQ(found.differences[0].where, "certificates");
}

TEST(Compare, CallsNothingDifferentThatOneSideDoesNotKnow) {
  auto table = ordinary();
  table.dies_after = 8;
  const auto found = compare(surveyed(ordinary()), surveyed(table));
  EXPECT_FALSE(found.unknown.empty());
  for (const auto& difference : found.differences)
    ADD_FAILURE() << difference.where << ": " << difference.what;
}

}  // namespace
}  // namespace rdpwhy::survey::test
