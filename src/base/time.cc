#include "rdpwhy/base/time.h"

#include <algorithm>

namespace rdpwhy::base {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

struct CivilDate {
  std::int64_t year;
  int month;
  int day;
};

// Both conversions count in eras of 400 years that begin on 1 March, so that the leap day is the
// last of its year and no month needs a special case.
constexpr std::int64_t kDaysPerEra = 146'097;
constexpr std::int64_t kEpochInDaysSinceMarchOfYear0 = 719'468;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

CivilDate civil_from_days(std::int64_t days_since_epoch) {
  const auto days = days_since_epoch + kEpochInDaysSinceMarchOfYear0;
  const auto era = floor_divide(days, kDaysPerEra);
  const auto day_of_era = days - era * kDaysPerEra;
  const auto year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const auto day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const auto march_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int>(day_of_year - (153 * march_month + 2) / 5 + 1);
  const auto month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

constexpr std::size_t kNanoDigits = 9;

/// By hand: one such text stands in every report of a capture, and a format string costs ten times
/// as much. No year of a Moment has more than four digits.
void append_digits(std::string& out, std::int64_t value, std::size_t count) {
  out.resize(out.size() + count);
  for (auto at = out.end(); count > 0; --count, value /= 10) {
    *--at = static_cast<char>('0' + value % 10);
  }
}

}  // namespace

std::string to_rfc3339(Moment moment, int fraction_digits) {
  const auto seconds = floor_divide(moment.ns, kNanosPerSecond);
  // Not by subtracting whole seconds: near the earliest moment their product does not fit.
  const auto nanos = (moment.ns % kNanosPerSecond + kNanosPerSecond) % kNanosPerSecond;
  const auto days = floor_divide(seconds, kSecondsPerDay);
  const auto second_of_day = seconds - days * kSecondsPerDay;
  const auto date = civil_from_days(days);
  std::string text;
  text.reserve(sizeof "YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ");
  append_digits(text, date.year, 4);
  append_digits(text += '-', date.month, 2);
  append_digits(text += '-', date.day, 2);
  append_digits(text += 'T', second_of_day / 3600, 2);
  append_digits(text += ':', second_of_day / 60 % 60, 2);
  append_digits(text += ':', second_of_day % 60, 2);
  if (fraction_digits > 0) {
    append_digits(text += '.', nanos, kNanoDigits);
    // Cut, not rounded: a rounded stamp can lie in the next year.
    text.resize(text.size() - kNanoDigits +
                std::min(static_cast<std::size_t>(fraction_digits), kNanoDigits));
  }
  return text += 'Z';
}

std::int64_t seconds_from_civil(int year, int month, int day, int hour, int minute, int second) {
  const auto month_from_0 = ((month - 1) % 12 + 12) % 12;
  const auto march_month = (month_from_0 + 10) % 12;
  const auto march_year = std::int64_t{year} - (month_from_0 < 2 ? 1 : 0);
  const auto era = floor_divide(march_year, 400);
  const auto year_of_era = march_year - era * 400;
  const auto day_of_year = (153 * march_month + 2) / 5 + std::int64_t{day} - 1;
  const auto day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const auto days = era * kDaysPerEra + day_of_era - kEpochInDaysSinceMarchOfYear0;
  return days * kSecondsPerDay + std::int64_t{hour} * 3600 + std::int64_t{minute} * 60 + second;
}

}  // namespace rdpwhy::base
