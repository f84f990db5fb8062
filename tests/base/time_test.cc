#include "rdpwhy/base/time.h"

#include <gtest/gtest.h>

namespace rdpwhy::base {
namespace {

TEST(Time, IsWrittenAsRfc3339) {
  EXPECT_EQ(to_rfc3339({0}, 0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339({1'700'000'000'123'456'789}, 0), "2023-11-14T22:13:20Z");
  EXPECT_EQ(to_rfc3339({1'700'000'000'123'456'789}, 3), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(to_rfc3339({1'700'000'000'123'456'789}, 6), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(to_rfc3339({1'700'000'000'123'456'789}, 9), "2023-11-14T22:13:20.123456789Z");
}

TEST(Time, FractionsAreCutAndNeverRoundedIntoTheNextSecond) {
  EXPECT_EQ(to_rfc3339({999'999'999}, 3), "1970-01-01T00:00:00.999Z");
}

TEST(Time, BeforeTheEpochCountsBackwards) {
  EXPECT_EQ(to_rfc3339({-1}, 9), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(to_rfc3339({-1'000'000'000}, 0), "1969-12-31T23:59:59Z");
}

TEST(Time, HoldsAtBothEndsOfTheRange) {
  EXPECT_EQ(to_rfc3339({INT64_MAX}, 9), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(to_rfc3339({INT64_MIN}, 9), "1677-09-21T00:12:43.145224192Z");
}

TEST(Time, KnowsLeapDays) {
  EXPECT_EQ(to_rfc3339(from_seconds(seconds_from_civil(2024, 2, 29, 12, 0, 0)), 0),
            "2024-02-29T12:00:00Z");
  EXPECT_EQ(to_rfc3339(from_seconds(seconds_from_civil(2000, 2, 29, 0, 0, 0) + 86'400), 0),
            "2000-03-01T00:00:00Z");
  // 1900 and 2100 are none.
  EXPECT_EQ(seconds_from_civil(1900, 3, 1, 0, 0, 0) - seconds_from_civil(1900, 2, 28, 0, 0, 0),
            86'400);
  EXPECT_EQ(seconds_from_civil(2100, 3, 1, 0, 0, 0) - seconds_from_civil(2100, 2, 28, 0, 0, 0),
            86'400);
}

TEST(Time, CivilTimesBecomeSeconds) {
  EXPECT_EQ(seconds_from_civil(1970, 1, 1, 0, 0, 0), 0);
  EXPECT_EQ(seconds_from_civil(2023, 11, 14, 22, 13, 20), 1'700'000'000);
  EXPECT_EQ(seconds_from_civil(1969, 12, 31, 23, 59, 59), -1);
  EXPECT_EQ(seconds_from_civil(9999, 12, 31, 23, 59, 59), 253'402'300'799);  // X.509's "never"
  EXPECT_EQ(seconds_from_civil(0, 1, 1, 0, 0, 0), -62'167'219'200);
  EXPECT_EQ(seconds_from_civil(2023, 0, 1, 0, 0, 0), seconds_from_civil(2023, 12, 1, 0, 0, 0));
  EXPECT_EQ(seconds_from_civil(2023, 13, 1, 0, 0, 0), seconds_from_civil(2023, 1, 1, 0, 0, 0));
}

TEST(Time, EveryDayOfFourCenturiesComesBack) {
  for (std::int64_t day = -106'000; day < 106'000; day += 1) {
    const auto text = to_rfc3339(from_seconds(day * 86'400), 0);
    const int year = std::stoi(text.substr(0, 4));
    const int month = std::stoi(text.substr(5, 2));
    const int date = std::stoi(text.substr(8, 2));
    ASSERT_EQ(seconds_from_civil(year, month, date, 0, 0, 0), day * 86'400) << text;
  }
}

TEST(Time, AbsurdSecondsSaturateAndAbsurdDifferencesWrap) {
  EXPECT_EQ(from_seconds(INT64_MAX).ns, INT64_MAX);
  EXPECT_EQ(from_seconds(INT64_MIN).ns, INT64_MIN);
  EXPECT_EQ(Moment{INT64_MIN} - Moment{1}, INT64_MAX);
  EXPECT_EQ(Moment{5'000'000} - Moment{2'000'000}, 3'000'000);
  EXPECT_DOUBLE_EQ(to_milliseconds(1'500'000), 1.5);
}

}  // namespace
}  // namespace rdpwhy::base
