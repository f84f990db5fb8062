#include "diagnose/rules_logon.h"

#include <fmt/format.h>

#include <algorithm>

namespace rdpwhy::diagnose {

std::string departure_in_words(const Reading& reading, std::string_view after) {
  const auto& failure = *reading.failure();
  std::string what =
      failure.how == record::EndedHow::kReset ? "reset the connection" : "closed the connection";
  if (failure.how == record::EndedHow::kAlert) {
    const auto* alert = alert_of_failure(reading);
    what = alert == nullptr ? std::string("ended it by an encrypted alert")
                            : fmt::format("ended it by TLS {}", alert_in_words(*alert));
  }
  return fmt::format("{} {} after {}", what, duration_in_words(failure.after_ns), after);
}

std::string breach_behind_colon(const Reading& reading) {
  auto words = breach_in_words(reading);
  const auto& shown = reading.record.evidence[reading.failure()->evidence - 1];
  if (const auto* message = record::get_if<record::CredsspMessage>(&shown.fact)) {
    for (const auto& token : message->tokens) {
      if (token.error && words.empty()) words = "its token: " + token.error->message();
    }
  }
  return words.empty() ? words : ": " + words;
}

bool judge_own_limit(const Reading& reading, Findings& findings) {
  const auto& shown = reading.record.evidence[reading.failure()->evidence - 1];
  const auto* malformed = record::get_if<record::Malformed>(&shown.fact);
  if (malformed == nullptr || !malformed->own_limit) return false;
  findings
      .add("unexplained", Confidence::kPossible,
           fmt::format("The {} announced a message that is longer than is read here, and the rest "
                       "was not looked at: {}.",
                       record::name_of(reading.failure()->by), breach_in_words(reading)),
           ids_with_failure(reading, {}))
      .against.push_back("the protocol sets no limit: another client may read it");
  return true;
}

std::string skew_in_words(Nanoseconds skew) {
  const auto size = skew == INT64_MIN ? INT64_MAX : skew < 0 ? -skew : skew;
  return fmt::format("{} {} ours", duration_in_words(size), skew < 0 ? "behind" : "ahead of");
}

bool is_address(std::string_view host) {
  if (host.find(':') != std::string_view::npos) return true;
  return !host.empty() &&
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace rdpwhy::diagnose
