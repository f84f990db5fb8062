// The planner against worlds that are told: for each form of a failure, which experiments it asks
// for, in which order, and what is made of their outcomes.
#include "rdpwhy/diagnose/planner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "diagnose/story.h"

namespace rdpwhy::diagnose {
namespace {

using enum ExperimentId;
using How = record::Ending::How;

/// What a server makes of a connection that differs by one thing.
using World = std::function<Story(ExperimentId, int number)>;

Story asked() { return Story().tcp().request(); }
Story left_at_request() { return asked().end(Side::kServer, How::kReset); }
Story silent_at_request() { return asked().wait_and_hang_up(5000); }
Story greeted() { return asked().confirm(2).client_hello(); }
Story left_at_hello() { return greeted().end(Side::kServer, How::kClose); }
Story silent_at_hello() { return greeted().wait_and_hang_up(5000); }
Story alert_at_hello(std::uint8_t description) {
  return greeted().alert(Side::kServer, description).end(Side::kServer, How::kClose);
}
Story through_tls() {
  return greeted()
      .tls12_to_the_end()
      .end(Side::kClient, How::kClose)
      .end(Side::kServer, How::kClose);
}
Story answered() { return asked().confirm(2).end(Side::kClient, How::kClose); }
Story answered_in_tls() { return Story().tcp().client_hello().server_hello(); }
Story closed_at_once() { return Story().tcp().end(Side::kServer, How::kClose); }

Story watched(bool ends) {
  auto story = Story().tcp();
  story.record.run->silent_connection = {
      .connected = true, .ended_by_peer = ends, .reset = false, .after = 300'000'000, .bytes = 0};
  return ends ? story.end(Side::kServer, How::kClose) : story.end(Side::kClient, How::kClose);
}

/// The same for every change; nothing sent: it stays open.
World always(std::function<Story()> story) {
  return
      [story](ExperimentId id, int) { return id == kSilentConnection ? watched(false) : story(); };
}

/// These pass, everything else ends as before.
World passes_with(std::set<ExperimentId> ids, std::function<Story()> failing,
                  std::function<Story()> passing) {
  return [=](ExperimentId id, int) {
    if (ids.contains(id)) return passing();
    return id == kSilentConnection ? watched(false) : failing();
  };
}

struct Played {
  std::vector<std::string> asked;  ///< names, those of one round joined by "+"
  std::vector<ExperimentResult> made;
  Diagnosis diagnosis;

  [[nodiscard]] std::string in_order() const { return fmt::format("{}", fmt::join(asked, " ")); }
};

Played play(const Story& first, const World& world, std::size_t most = 10) {
  Played played;
  auto failed = first.record;
  for (int round = 0; round < 30; ++round) {
    const auto next = next_experiments(failed, first.circumstances, played.made, most);
    if (next.empty()) break;
    std::string names;
    for (const auto& experiment : next) {
      ExperimentResult result{.experiment = experiment, .record = {}, .not_made = {}};
      for (const auto& made : played.made) {
        if (made.experiment.id == experiment.id) ++result.number;
      }
      result.record = world(experiment.id, result.number).record;
      if (experiment.id == kSilentConnection)
        failed.run->silent_connection = result.record.run->silent_connection;
      names += (names.empty() ? "" : "+") + result.name();
      played.made.push_back(std::move(result));
    }
    played.asked.push_back(names);
  }
  EXPECT_LE(played.made.size(), most);
  played.diagnosis = diagnose(failed, first.circumstances, played.made);
  return played;
}

const Finding* find(const Diagnosis& diagnosis, std::string_view id) {
  for (const auto& finding : diagnosis.causes) {
    if (finding.id == id) return &finding;
  }
  return nullptr;
}

struct Row {
  const char* name;
  Story first;
  World world;
  const char* asked;   ///< in order; what is made side by side is joined by "+"
  const char* judged;  ///< found()
};

std::vector<Row> rows() {
  return {
      // Where the server's own word decides, or nothing failed, nothing is tried.
      {"negotiation failure", Story().tcp().request(1).refuse(5), always(left_at_request), "",
       "nla-required certain"},
      {"negotiation failure against the offer", asked().refuse(5), always(left_at_request), "",
       "nla-required likely"},
      {"alert that says all", alert_at_hello(70), always(left_at_hello), "",
       "no-common-tls-version certain"},
      {"complete", through_tls(), always(through_tls), "", "handshake-complete certain"},
      {"closed port",
       Story()
           .add(Phase::kTcp, Side::kClient, record::Connecting{})
           .end(Side::kServer, How::kRefused),
       always(left_at_request), "", "port-closed certain"},

      // At the Connection Request.
      {"forwarder", left_at_request(),
       [](ExperimentId id, int) {
         return id == kSilentConnection ? watched(true) : left_at_request();
       },
       "same-again proxy-header silent-connection", "forwarder-without-backend likely"},
      {"refuses every request", left_at_request(), always(left_at_request),
       "same-again proxy-header silent-connection no-cookie rdp-only tls-first",
       "refused-after-connection-request likely"},
      {"dislikes the cookie", left_at_request(),
       passes_with({kNoCookie}, left_at_request, answered),
       "same-again proxy-header silent-connection no-cookie same-again-2",
       "cookie-or-token-rejected likely"},
      {"wants a PROXY header", left_at_request(),
       passes_with({kProxyHeader}, left_at_request, answered),
       "same-again proxy-header same-again-2", "proxy-header-expected likely"},
      {"dislikes TLS", left_at_request(), passes_with({kRdpOnly}, left_at_request, answered),
       "same-again proxy-header silent-connection no-cookie rdp-only same-again-2",
       "refused-after-connection-request likely"},
      {"speaks TLS", left_at_request(), passes_with({kTlsFirst}, left_at_request, answered_in_tls),
       "same-again proxy-header silent-connection no-cookie rdp-only tls-first same-again-2",
       "not-an-rdp-service likely"},

      // Silence there.
      {"answers nobody", silent_at_request(), always(silent_at_request),
       "proxy-header+no-cookie+tls-first+same-again", "server-not-answering likely"},
      {"answers nobody and leaves on nonsense", silent_at_request(),
       [](ExperimentId id, int) {
         return id == kProxyHeader || id == kTlsFirst ? left_at_request() : silent_at_request();
       },
       "proxy-header+no-cookie+tls-first+same-again", "server-not-answering likely"},
      {"waits for a PROXY header", silent_at_request(),
       passes_with({kProxyHeader}, silent_at_request, answered),
       "proxy-header+no-cookie+tls-first+same-again", "proxy-header-expected likely"},

      // At the ClientHello.
      {"key unreadable", left_at_hello(), always(left_at_hello),
       "same-again split-client-hello small-client-hello tls12-only tls11-only tls10-only "
       "every-cipher no-server-name",
       "server-private-key-unreadable likely, server-tls-disabled possible, "
       "middlebox-interference possible"},
      {"dislikes a large hello", left_at_hello(),
       passes_with({kSmallClientHello}, left_at_hello, through_tls),
       "same-again split-client-hello small-client-hello same-again-2",
       "client-hello-intolerance likely, middlebox-interference possible"},
      {"lacks a suite", left_at_hello(), passes_with({kEveryCipher}, left_at_hello, through_tls),
       "same-again split-client-hello small-client-hello tls12-only tls11-only tls10-only "
       "every-cipher same-again-2",
       "no-common-cipher likely, middlebox-interference possible"},
      {"speaks an old version", left_at_hello(),
       passes_with({kTls10Only}, left_at_hello, through_tls),
       "same-again split-client-hello small-client-hello tls12-only tls11-only tls10-only "
       "same-again-2",
       "no-common-tls-version likely, middlebox-interference possible"},
      {"says which version it lacks", left_at_hello(),
       [](ExperimentId id, int) { return id == kTls10Only ? alert_at_hello(70) : left_at_hello(); },
       "same-again split-client-hello small-client-hello tls12-only tls11-only tls10-only",
       "no-common-tls-version possible, middlebox-interference possible"},

      // Silence there.
      {"hangs", silent_at_hello(), always(silent_at_hello),
       "clamped-mss+small-client-hello+tls12-only+split-client-hello+same-again", "stalled likely"},
      {"loses large packets", silent_at_hello(),
       passes_with({kClampedSegments}, silent_at_hello, through_tls),
       "clamped-mss+small-client-hello+tls12-only+split-client-hello+same-again",
       "path-mtu-black-hole likely"},

      // Alerts that leave it open.
      {"alert 40 to all", alert_at_hello(40), [](ExperimentId, int) { return alert_at_hello(40); },
       "same-again every-cipher tls11-only tls10-only small-client-hello tls12-only",
       "no-common-cipher likely"},
      {"alert 40 but to one", alert_at_hello(40),
       passes_with(
           {kEveryCipher}, [] { return alert_at_hello(40); }, through_tls),
       "same-again every-cipher same-again-2", "no-common-cipher likely"},

      // Chance.
      {"every second time", left_at_hello(),
       [](ExperimentId, int number) { return number == 1 ? through_tls() : left_at_hello(); },
       "same-again same-again-2 same-again-3",
       "flaky-path likely, server-private-key-unreadable possible, server-tls-disabled possible, "
       "client-hello-intolerance possible, no-common-tls-version possible, "
       "middlebox-interference possible"},
  };
}

TEST(Planner, AsksForWhatSeparatesTheCausesAndStops) {
  for (const auto& row : rows()) {
    SCOPED_TRACE(row.name);
    const auto played = play(row.first, row.world);
    EXPECT_EQ(played.in_order(), row.asked);
    EXPECT_EQ(found(played.diagnosis), row.judged);
  }
}

TEST(Planner, NamesWhatAFindingRestsOnAndWhatEachExperimentProves) {
  const auto played =
      play(left_at_hello(), passes_with({kSmallClientHello}, left_at_hello, through_tls));
  const auto& first = played.diagnosis.causes.front();
  EXPECT_EQ(fmt::format("{}", fmt::join(first.experiments, " ")),
            "split-client-hello small-client-hello same-again same-again-2");
  for (const auto& against : first.against) EXPECT_EQ(against.find("not tried"), std::string::npos);
  ASSERT_EQ(played.diagnosis.experiments.size(), 4u);
  const auto& small = played.diagnosis.experiments[2];
  EXPECT_EQ(small.outcome, Outcome::kPassed);
  EXPECT_TRUE(small.proves.starts_with("for client-hello-intolerance")) << small.proves;
  EXPECT_NE(small.proves.find("server-private-key-unreadable"), std::string::npos);
  EXPECT_EQ(played.diagnosis.experiments[0].proves, "it is no matter of chance");
}

// What passes once may have passed by chance.
TEST(Planner, APassThatNoRepetitionBacksShowsNothing) {
  const auto played =
      play(left_at_hello(), passes_with({kSmallClientHello}, left_at_hello, through_tls), 3);
  EXPECT_EQ(played.in_order(), "same-again split-client-hello small-client-hello");
  EXPECT_EQ(found(played.diagnosis), found(left_at_hello().diagnose()));
  EXPECT_NE(played.diagnosis.experiments[2].proves.find("nothing yet"), std::string::npos);
}

TEST(Planner, APassWhoseRepetitionPassesTooIsChance) {
  const auto played = play(left_at_hello(), [](ExperimentId id, int number) {
    const bool passes = id == kSmallClientHello || (id == kSameAgain && number == 2);
    return passes ? through_tls() : left_at_hello();
  });
  EXPECT_EQ(played.in_order(),
            "same-again split-client-hello small-client-hello same-again-2 same-again-3");
  EXPECT_EQ(played.diagnosis.causes.front().id, "flaky-path");
  EXPECT_EQ(find(played.diagnosis, "client-hello-intolerance")->confidence, Confidence::kPossible);
}

TEST(Planner, AServerThatTakesNoFurtherConnectionsRefutesNothing) {
  const auto played = play(left_at_hello(), [](ExperimentId id, int) {
    return id == kSameAgain ? left_at_hello() : closed_at_once();
  });
  EXPECT_EQ(played.made.size(), 4u);
  EXPECT_EQ(played.diagnosis.causes.size(), left_at_hello().diagnose().causes.size());
  EXPECT_EQ(played.diagnosis.causes.front().confidence, Confidence::kPossible);
  ASSERT_FALSE(played.diagnosis.warnings.empty());
  EXPECT_EQ(played.diagnosis.warnings.front().id, "experiments-disturbed");
}

TEST(Planner, AgainstSilenceNoMoreThanSixDeadlinesPass) {
  for (const auto& first : {silent_at_request(), silent_at_hello()}) {
    const auto played = play(first, [&](ExperimentId, int) { return first; }, 23);
    EXPECT_LE(played.made.size(), kMostSilences);
  }
}

TEST(Planner, NothingIsAskedForBeyondTheLimit) {
  for (std::size_t most = 0; most < 6; ++most)
    EXPECT_EQ(play(left_at_hello(), always(left_at_hello), most).made.size(), most);
}

TEST(Planner, WhatTheRequestDidNotCarryIsNotLeftOut) {
  const auto bare = Story().tcp().request(0x0B, false).end(Side::kServer, How::kClose);
  const auto played = play(
      bare, [&](ExperimentId id, int) { return id == kSilentConnection ? watched(false) : bare; });
  for (const auto& name : played.asked) EXPECT_NE(name, "no-cookie");
}

TEST(Planner, AnotherAddressOfTheNameIsTriedLast) {
  auto first = Story();
  first
      .add(Phase::kResolve, Side::kNetwork,
           record::Resolved{"host", {"192.0.2.7", "192.0.2.8"}, ""})
      .live_only();
  first.tcp().request().end(Side::kServer, How::kReset);
  const auto played = play(first, passes_with({kOtherAddress}, left_at_request, answered));
  EXPECT_EQ(played.in_order(),
            "same-again proxy-header silent-connection no-cookie rdp-only tls-first other-address "
            "same-again-2");
  EXPECT_EQ(played.made[6].experiment,
            (PlannedExperiment{.id = kOtherAddress, .address = "192.0.2.8"}));
  EXPECT_EQ(played.diagnosis.causes.front().id, "name-resolves-to-dead-address");
}

TEST(Planner, WhatFollowedCredentialsIsNotTriedAgain) {
  auto story = greeted().tls12_to_the_end().negotiate().challenge().authenticate();
  story.end(Side::kServer, How::kClose);
  EXPECT_TRUE(next_experiments(story.record, story.circumstances, {}, 10).empty());
}

TEST(Experiments, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const auto& row : experiments()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_LE(row.name.size(), 18u) << "fits its column: " << row.name;
    EXPECT_FALSE(row.changed.empty() || row.separates.empty()) << row.name;
    EXPECT_EQ(&row_of(row.id), &row);
  }
}

}  // namespace
}  // namespace rdpwhy::diagnose
