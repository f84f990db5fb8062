#include "rdpwhy/survey/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "survey/table_server.h"

namespace rdpwhy::survey::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

constexpr std::uint16_t kTls13Aes256 = 0x1302, kEcdheRsaAes128 = 0xC02F, kEcdheRsaAes256 = 0xC030,
                        kRsaAes128 = 0x002F, kRsaRc4 = 0x0005, kDheRsaAes128 = 0x009E,
                        kRsaNull = 0x0002;

Codes suites_of(const Result& result, std::uint16_t version) {
  Codes suites;
  for (const auto& suite : result.version(version)->suites) suites.push_back(suite.suite);
  return suites;
}

Table modern() {
  return {.suites = {{kTls12, {kEcdheRsaAes256, kEcdheRsaAes128, kRsaAes128}},
                     {kTls13, {kTls13Aes256, 0x1301, 0x1303}}}};
}

/// What the table says is what was found: every suite, no other, of every version.
void expect_truth(const Table& table, const Result& result) {
  ASSERT_TRUE(result.calibration.answered);
  for (const auto& finding : result.versions) {
    const auto truth = table.suites.find(finding.version);
    const auto name = tls::version_name(finding.version);
    EXPECT_THAT(finding.listing.undecided, IsEmpty()) << name << ": " << finding.listing.reason;
    if (truth == table.suites.end()) {
      EXPECT_EQ(finding.accepted.known, Known::kNo) << name << ": " << finding.accepted.reason;
      EXPECT_THAT(finding.suites, IsEmpty()) << name;
      EXPECT_NE(finding.accepted.reason, "") << name;
      continue;
    }
    EXPECT_EQ(finding.accepted.known, Known::kYes) << name << ": " << finding.accepted.reason;
    EXPECT_THAT(suites_of(result, finding.version), UnorderedElementsAreArray(truth->second))
        << name;
    if (truth->second.size() > 1) {
      EXPECT_EQ(finding.preference,
                table.server_decides ? Preference::kServer : Preference::kClient)
          << name;
    }
    if (finding.in_server_order()) {
      EXPECT_TRUE(table.server_decides);
      EXPECT_EQ(suites_of(result, finding.version), truth->second) << name;
    }
  }
  EXPECT_TRUE(result.is_complete());
}

Codes those_of(const Codes& ours, const Codes& all) {
  Codes both;
  for (const auto code : ours) {
    if (holds(all, code)) both.push_back(code);
  }
  return both;
}

bool has_suite(const Table& table, std::uint16_t version,
               std::initializer_list<tls::KeyExchange> exchanges) {
  const auto suites = table.suites.find(version);
  return suites != table.suites.end() && std::ranges::any_of(suites->second, [&](auto suite) {
           return std::ranges::find(exchanges, tls::key_exchange_of(suite)) != exchanges.end();
         });
}

void expect_decided(const Listing& listing, const Codes& truth, const char* what) {
  EXPECT_THAT(listing.undecided, IsEmpty()) << what << ": " << listing.reason;
  EXPECT_THAT(listing.accepted, UnorderedElementsAreArray(truth)) << what << listing.reason;
}

/// The same of groups and algorithms.
void expect_agreements(const Table& table, const Result& result) {
  using enum tls::KeyExchange;
  Codes groups;
  for (const auto version : {kTls12, kTls11, kTls10}) {
    if (!has_suite(table, version, {kEcdhe, kEcdheAnonymous, kEcdhePsk})) continue;
    groups = those_of(table.groups, curves());
    if (groups.size() > 1) {
      EXPECT_EQ(result.group_preference,
                table.server_decides ? Preference::kServer : Preference::kClient);
    }
    break;
  }
  expect_decided(result.groups, groups, "groups");
  if (has_suite(table, kTls12, {kEcdhe, kDhe})) {
    expect_decided(result.signature_algorithms, table.signature_algorithms, "algorithms");
  }
  if (!table.suites.contains(survey::kTls13)) return;
  expect_decided(result.groups_tls13, table.groups, "groups of TLS 1.3");
  if (!holds(table.groups, 0x001D) && !holds(table.groups, 0x0017)) return;
  auto algorithms = table.signature_algorithms;
  std::erase_if(algorithms, TableServer::never_in_tls13);
  expect_decided(result.signature_algorithms_tls13, algorithms, "algorithms of TLS 1.3");
}

TEST(Plan, FindsVersionsSuitesAndOrderOfAModernServer) {
  TableServer server(modern());
  const auto result = survey(server);
  expect_truth(modern(), result);
  EXPECT_TRUE(result.version(kTls12)->in_server_order());
  EXPECT_TRUE(result.version(kTls13)->in_server_order());
  EXPECT_EQ(result.calibration.way->alert, 40);
  EXPECT_EQ(result.calibration.most_suites, suites_before_tls13().size());
  EXPECT_LE(server.connections(), 60U);
}

TEST(Plan, ProvesThatTheClientDecides) {
  auto table = modern();
  table.server_decides = false;
  TableServer server(table);
  const auto result = survey(server);
  expect_truth(table, result);
  EXPECT_FALSE(result.version(kTls12)->in_server_order());
}

TEST(Plan, FindsAServerOfSsl3AndBrokenSuitesAlone) {
  const Table table{.suites = {{kSsl3, {kRsaRc4, kRsaNull}}}};
  TableServer server(table);
  expect_truth(table, survey(server));
}

TEST(Plan, FindsAServerThatTakesOneSuiteOfTls12Alone) {
  const Table table{.suites = {{kTls12, {kDheRsaAes128}}}};
  TableServer server(table);
  const auto result = survey(server);
  expect_truth(table, result);
  EXPECT_EQ(result.version(kTls12)->preference, Preference::kUnknown);
  EXPECT_EQ(result.version(kTls12)->suites.front().dh_bits, 2048U);
}

TEST(Plan, FindsTls13AloneWithoutAnyKeyOfOurs) {
  const Table table{.suites = {{kTls13, {kTls13Aes256}}}};
  TableServer server(table);
  expect_truth(table, survey(server));
}

TEST(Plan, OffersKeysToAServerThatAsksForNone) {
  Table table{.suites = {{kTls13, {kTls13Aes256, 0x1301}}}};
  table.hello_retry = false;
  TableServer server(table);
  expect_truth(table, survey(server));
}

TEST(Plan, MeetsALimitOfSuitesPerHello) {
  for (const auto beyond : {Table::Beyond::kRefuses, Table::Beyond::kIgnores}) {
    Table table{.suites = {{kTls12, {kRsaAes128, kRsaRc4, 0xC0AC, 0xCC13}}}};
    table.most_suites = 64;
    table.beyond = beyond;
    TableServer server(table);
    const auto result = survey(server);
    expect_truth(table, result);
    EXPECT_LE(result.calibration.most_suites, 64U);
    EXPECT_GE(result.calibration.most_suites, 32U);
    EXPECT_FALSE(result.version(kTls12)->in_server_order());
  }
}

TEST(Plan, OffersShortListsToAServerThatRefusesLongOnes) {
  auto table = modern();
  table.takes_long_lists = false;
  TableServer server(table);
  const auto result = survey(server);
  expect_truth(table, result);
  EXPECT_TRUE(result.calibration.short_lists);
}

TEST(Plan, AsksForHybridWhereTheServerWantsNla) {
  auto table = modern();
  table.wants_protocol = 2;
  TableServer server(table);
  const auto result = survey(server);
  expect_truth(table, result);
  EXPECT_EQ(result.calibration.requested_protocols, 3U);
}

TEST(Plan, BelievesResetsClosesAndSilenceWhereTheServerRefusesByThem) {
  for (const auto refuses :
       {Table::Refuses::kReset, Table::Refuses::kClose, Table::Refuses::kSilence}) {
    auto table = modern();
    table.refuses = refuses;
    TableServer server(table);
    const auto result = survey(server);
    expect_truth(table, result);
    ASSERT_TRUE(result.calibration.way.has_value());
    EXPECT_FALSE(result.calibration.way->alert.has_value());
  }
}

TEST(Plan, DoesNotTakeAnIsolatedResetForARefusal) {
  for (unsigned connection = 1; connection < 40; ++connection) {
    for (const auto refuses : {Table::Refuses::kAlert, Table::Refuses::kReset}) {
      auto table = modern();
      table.refuses = refuses;
      table.hiccups = {connection};
      TableServer server(table);
      const auto result = survey(server);
      SCOPED_TRACE(testing::Message() << "connection " << connection);
      expect_truth(table, result);
    }
  }
}

TEST(Plan, WaitsForAServerThatHasEnoughOfUs) {
  auto table = modern();
  table.burst = 12;
  TableServer server(table);
  const auto result = survey(server);
  expect_truth(table, result);
}

TEST(Plan, LeavesUnknownWhatAServerThatDiesNeverAnswered) {
  for (unsigned after = 0; after < 30; ++after) {
    auto table = modern();
    table.dies_after = after;
    TableServer server(table);
    const auto result = survey(server);
    for (const auto& finding : result.versions) {
      const bool is_true = table.suites.contains(finding.version);
      if (is_true) {
        EXPECT_NE(finding.accepted.known, Known::kNo);
      } else {
        EXPECT_NE(finding.accepted.known, Known::kYes);
      }
      for (const auto& suite : finding.suites)
        EXPECT_THAT(table.suites.at(finding.version), Contains(suite.suite));
    }
    if (after < 15) {
      EXPECT_FALSE(result.is_complete());
    }
    EXPECT_LE(server.connections(), after + 40);
  }
}

TEST(Plan, CountsNoSelectionOfWhatWasNotOffered) {
  auto table = modern();
  table.stubborn_suite = kRsaNull;
  TableServer server(table);
  const auto result = survey(server);
  for (const auto& finding : result.versions) {
    EXPECT_LE(finding.suites.size(), 1U) << tls::version_name(finding.version);
    for (const auto& suite : finding.suites) EXPECT_EQ(suite.suite, kRsaNull);
  }
  EXPECT_THAT(result.anomalies, Contains(HasSubstr("not offered")));
  EXPECT_LE(server.connections(), 100U);
}

TEST(Plan, EndsAtTheBoundOfConnections) {
  Table table;
  for (const auto version : {kSsl3, kTls10, kTls11, kTls12})
    table.suites[version] = suites_before_tls13();
  TableServer server(table);
  const auto result = survey(server, {.server_name = "host.lab", .most_connections = 50});
  EXPECT_EQ(server.connections(), 50U);
  EXPECT_FALSE(result.is_complete());
  EXPECT_THAT(result.stopped, HasSubstr("50 connections"));
  EXPECT_FALSE(result.version(kTls12)->listing.undecided.empty());
  EXPECT_THAT(result.version(kTls12)->listing.reason, HasSubstr("50 connections"));
}

TEST(Plan, TellsNothingOfAServerThatAnswersNoHello) {
  Table table{.suites = {{kTls12, {}}}};
  TableServer server(table);
  const auto result = survey(server);
  EXPECT_FALSE(result.calibration.answered);
  EXPECT_FALSE(result.is_complete());
  ASSERT_FALSE(result.calibration.refusals.empty());
  EXPECT_EQ(result.calibration.refusals.front().alert, 40);
}

class RandomTruth {
 public:
  explicit RandomTruth(unsigned seed) : random_(seed) {}

  Table table() {
    Table table;
    for (const auto version : {kSsl3, kTls10, kTls11, kTls12, kTls13}) {
      if (chance(2)) continue;
      const auto& all = version == kTls13 ? suites_of_tls13() : suites_before_tls13();
      table.suites[version] = some(all, version == kTls13 ? 4 : 12);
    }
    if (table.suites.empty()) table.suites[kTls12] = some(suites_before_tls13(), 5);
    if (table.suites.contains(kSsl3)) drop_elliptic(table.suites[kSsl3]);
    table.server_decides = chance(2);
    table.groups = some(curves(), 5);
    table.groups.push_back(chance(2) ? 0x001D : 0x0017);
    std::ranges::sort(table.groups);
    const auto again = std::ranges::unique(table.groups);
    table.groups.erase(again.begin(), again.end());
    table.signature_algorithms = {0x0401, 0x0804};
    for (const auto algorithm : some(signature_algorithms(), 4)) {
      if (!holds(table.signature_algorithms, algorithm))
        table.signature_algorithms.push_back(algorithm);
    }
    table.refuses = static_cast<Table::Refuses>(random_() % 4);
    if (chance(4)) table.most_suites = 40 + random_() % 300;
    table.beyond = chance(2) ? Table::Beyond::kRefuses : Table::Beyond::kIgnores;
    table.names_versions = chance(2);
    if (chance(3)) table.suite_alert = 71;
    if (chance(3)) table.version_alert = 40;
    if (chance(4)) table.suite_alert = 80;
    return table;
  }

 private:
  bool chance(unsigned one_in) { return random_() % one_in == 0; }

  Codes some(Codes from, std::size_t most) {
    std::ranges::shuffle(from, random_);
    from.resize(std::min(from.size(), 1 + random_() % most));
    return from;
  }

  /// Without extensions nobody names a curve.
  static void drop_elliptic(Codes& suites) {
    std::erase_if(suites, [](auto suite) {
      using enum tls::KeyExchange;
      const auto exchange = tls::key_exchange_of(suite);
      return exchange == kEcdhe || exchange == kEcdheAnonymous || exchange == kEcdhePsk;
    });
    if (suites.empty()) suites = {kRsaRc4};
  }

  std::mt19937 random_;
};

TEST(Plan, FindsTheTruthOfManyServers) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const auto table = RandomTruth(seed).table();
    TableServer server(table);
    // A server of exotic suites alone and a limit of its own is met by no first hello of ours.
    const auto result = survey(server, {.server_name = "host.lab"}, 1 + seed % 3);
    if (!result.calibration.answered) {
      EXPECT_LT(table.most_suites, 400U);
      continue;
    }
    expect_truth(table, result);
    expect_agreements(table, result);
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace rdpwhy::survey::test
