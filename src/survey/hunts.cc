#include "survey/hunts.h"

#include <algorithm>

namespace rdpwhy::survey {

Place suite_place() {
  return {&HelloOffer::suites,
          [](const Selection& selection) { return std::optional(selection.suite); }};
}

Place group_place() {
  return {&HelloOffer::groups, [](const Selection& selection) { return selection.group; }};
}

Place signature_place() {
  return {&HelloOffer::signature_algorithms,
          [](const Selection& selection) { return selection.signature_algorithm; }};
}

HelloOffer with_list(HelloOffer offer, const Place& place, Codes list) {
  offer.*place.list = std::move(list);
  std::erase_if(offer.key_shares, [&](auto group) {
    return std::ranges::find(offer.groups, group) == offer.groups.end();
  });
  return offer;
}

std::optional<Ask> ListHunt::next() {
  if (elimination_.is_done()) return std::nullopt;
  return Ask{.about = about_, .offer = with_list(offer_, place_, elimination_.offer())};
}

void ListHunt::take(const Verdict& verdict) {
  listing_.asked = true;
  switch (verdict.kind) {
    case Verdict::Kind::kRefused:
      return elimination_.refused(verdict.refusal, listing_);
    case Verdict::Kind::kUnknown:
      return elimination_.unknown(verdict.reason, listing_);
    case Verdict::Kind::kSelected:
      break;
  }
  const auto chosen = place_.chosen(verdict.selection);
  if (chosen && verdict.selection.version == offer_.version)
    return elimination_.selected(*chosen, listing_);
  elimination_.unknown("the server's answer does not show which it chose", listing_);
}

std::optional<Ask> PreferenceProof::next() {
  if (over_) return std::nullopt;
  return Ask{.about = about_ + (first_ ? " in the opposite order" : " in one order"),
             .offer = with_list(offer_, place_, list_)};
}

void PreferenceProof::take(const Verdict& verdict) {
  const auto chosen =
      verdict.kind == Verdict::Kind::kSelected && verdict.selection.version == offer_.version
          ? place_.chosen(verdict.selection)
          : std::nullopt;
  if (!chosen) {
    over_ = true;
    return;
  }
  const bool leads = *chosen == list_.front();
  if (!first_) {
    first_ = chosen;
    led_ = leads;
    std::ranges::reverse(list_);
    return;
  }
  over_ = true;
  if (*chosen == *first_) return settle_(Preference::kServer);
  settle_(led_ && leads ? Preference::kClient : Preference::kMixed);
}

std::optional<Ask> InTurn::next() {
  for (;;) {
    if (current_) {
      if (auto ask = current_->next()) return ask;
      current_.reset();
    }
    if (steps_.empty()) return std::nullopt;
    auto make = std::move(steps_.front());
    steps_.pop_front();
    current_ = make();
  }
}

void InTurn::stop(const std::string& reason) {
  if (current_) current_->stop(reason);
  current_.reset();
  for (const auto& make : steps_) {
    if (const auto step = make()) step->stop(reason);
  }
  steps_.clear();
}

const VersionFinding* newest_before_tls13(const Result& result,
                                          const std::function<bool(std::uint16_t)>& holds) {
  for (auto finding = result.versions.rbegin(); finding != result.versions.rend(); ++finding) {
    if (finding->version < kTls13 && !suites_where(*finding, holds).empty()) return &*finding;
  }
  return nullptr;
}

Codes suites_where(const VersionFinding& finding, const std::function<bool(std::uint16_t)>& holds) {
  Codes suites;
  for (const auto& suite : finding.suites) {
    if (holds(suite.suite)) suites.push_back(suite.suite);
  }
  return suites;
}

}  // namespace rdpwhy::survey
