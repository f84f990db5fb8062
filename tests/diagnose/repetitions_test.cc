// record::repetitions, here for the stories that records are told by.
#include "rdpwhy/record/repetitions.h"

#include <gtest/gtest.h>

#include "diagnose/story.h"

namespace rdpwhy::diagnose {
namespace {

using How = record::Ending::How;

HandshakeRecord answered_after(double ms) {
  return Story()
      .tcp()
      .request()
      .confirm(2, ms)
      .client_hello()
      .end(Side::kServer, How::kReset)
      .record;
}
HandshakeRecord left_at_request(How how) {
  return Story().tcp().request().end(Side::kServer, how).record;
}

TEST(Repetitions, CountEndingsAndTellTheMostFrequentFirst) {
  const HandshakeRecord records[] = {left_at_request(How::kClose), answered_after(1),
                                     answered_after(9), answered_after(3),
                                     left_at_request(How::kReset)};
  const auto met = record::repetitions(records);
  EXPECT_EQ(met.made, 5u);
  EXPECT_TRUE(met.differ());
  ASSERT_EQ(met.endings.size(), 3u);
  EXPECT_EQ(met.endings[0].count, 3u);
  EXPECT_EQ(met.endings[0].reached, Phase::kX224);
  ASSERT_TRUE(met.endings[0].failure);
  EXPECT_EQ(met.endings[0].failure->phase, Phase::kTls);
  EXPECT_EQ(met.endings[1].failure->how, record::EndedHow::kClose);
}

TEST(Repetitions, TellHowLongAPhaseTook) {
  const HandshakeRecord records[] = {answered_after(1), answered_after(9), answered_after(3)};
  const auto met = record::repetitions(records);
  EXPECT_FALSE(met.differ());
  for (const auto& phase : met.phases) {
    if (phase.phase == Phase::kTls) {
      EXPECT_EQ(phase.passed, 0u);
      EXPECT_FALSE(phase.median);
    }
    if (phase.phase != Phase::kX224) continue;
    EXPECT_EQ(phase.passed, 3u);
    ASSERT_TRUE(phase.shortest && phase.median && phase.longest);
    EXPECT_LT(*phase.shortest, *phase.median);
    EXPECT_LT(*phase.median, *phase.longest);
  }
  EXPECT_GE(met.phases.size(), 3u);
}

TEST(Repetitions, OfNothingAreNone) {
  const auto met = record::repetitions({});
  EXPECT_EQ(met.made, 0u);
  EXPECT_TRUE(met.endings.empty() && met.phases.empty());
}

}  // namespace
}  // namespace rdpwhy::diagnose
