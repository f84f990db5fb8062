#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "survey/elimination.h"
#include "survey/inquiry.h"

namespace rdpwhy::survey {

using Codes = std::vector<std::uint16_t>;

/// The list of a hello that a question is about, and where the server's choice of it shows.
struct Place {
  Codes HelloOffer::* list;
  std::function<std::optional<std::uint16_t>(const Selection&)> chosen;
};
[[nodiscard]] Place suite_place();
[[nodiscard]] Place group_place();
[[nodiscard]] Place signature_place();

/// Everything in `left` but the keys of groups that are not offered with it.
[[nodiscard]] HelloOffer with_list(HelloOffer offer, const Place& place, Codes list);

/// Elimination over one list, all else of the hello being the same.
class ListHunt final : public Inquiry {
 public:
  ListHunt(std::string about, HelloOffer offer, Place place, Elimination elimination,
           Listing& listing)
      : about_(std::move(about)),
        offer_(std::move(offer)),
        place_(std::move(place)),
        elimination_(std::move(elimination)),
        listing_(listing) {}

  std::optional<Ask> next() override;
  void take(const Verdict& verdict) override;
  void stop(const std::string& reason) override { elimination_.stop(reason, listing_); }

 private:
  std::string about_;
  HelloOffer offer_;
  Place place_;
  Elimination elimination_;
  Listing& listing_;
};

/// The same list in both orders shows who decides. `settle` hears of it once. `list` begins with
/// what the server chose of it; `first_is_known`: when it stood there in that order.
class PreferenceProof final : public Inquiry {
 public:
  PreferenceProof(std::string about, HelloOffer offer, Place place, Codes list, bool first_is_known,
                  std::function<void(Preference)> settle)
      : about_(std::move(about)),
        offer_(std::move(offer)),
        place_(std::move(place)),
        list_(std::move(list)),
        settle_(std::move(settle)),
        over_(list_.size() < 2) {
    if (over_ || !first_is_known) return;
    first_ = list_.front();
    led_ = true;
    std::ranges::reverse(list_);
  }

  std::optional<Ask> next() override;
  void take(const Verdict& verdict) override;
  void stop(const std::string&) override { over_ = true; }

 private:
  std::string about_;
  HelloOffer offer_;
  Place place_;
  Codes list_;
  std::function<void(Preference)> settle_;
  std::optional<std::uint16_t> first_;
  bool led_ = false;  ///< the choice stood first
  bool over_ = false;
};

/// Inquiries of which each is made when those before it are done.
class InTurn final : public Inquiry {
 public:
  using Make = std::function<std::unique_ptr<Inquiry>()>;
  explicit InTurn(std::deque<Make> steps) : steps_(std::move(steps)) {}

  std::optional<Ask> next() override;
  void take(const Verdict& verdict) override { current_->take(verdict); }
  void stop(const std::string& reason) override;

 private:
  std::deque<Make> steps_;
  std::unique_ptr<Inquiry> current_;
};

/// One question, and what its verdict means.
class OneQuestion final : public Inquiry {
 public:
  OneQuestion(Ask ask, std::function<void(const Verdict&)> settle,
              std::function<void(const std::string&)> stop = {})
      : ask_(std::move(ask)), settle_(std::move(settle)), stop_(std::move(stop)) {}

  std::optional<Ask> next() override { return ask_; }
  void take(const Verdict& verdict) override {
    ask_.reset();
    settle_(verdict);
  }
  void stop(const std::string& reason) override {
    if (ask_ && stop_) stop_(reason);
    ask_.reset();
  }

 private:
  std::optional<Ask> ask_;
  std::function<void(const Verdict&)> settle_;
  std::function<void(const std::string&)> stop_;
};

// Groups and algorithms (agreements.cc).
[[nodiscard]] std::unique_ptr<Inquiry> group_inquiry(const Shapes& shapes, Result& result);
[[nodiscard]] std::unique_ptr<Inquiry> finite_field_inquiry(const Shapes& shapes, Result& result);
[[nodiscard]] std::unique_ptr<Inquiry> signature_inquiry(const Shapes& shapes, Result& result);
/// Both of TLS 1.3, and whole handshakes that show its certificates.
[[nodiscard]] std::unique_ptr<Inquiry> tls13_inquiry(const Shapes& shapes, Result& result);

// Single properties (properties.cc).
[[nodiscard]] std::vector<std::unique_ptr<Inquiry>> property_inquiries(const Shapes& shapes,
                                                                       Result& result);

/// The newest accepted version of TLS 1.2 and older with a suite of which that holds.
[[nodiscard]] const VersionFinding* newest_before_tls13(
    const Result& result, const std::function<bool(std::uint16_t)>& holds);
/// Suites of that version of which it holds.
[[nodiscard]] Codes suites_where(const VersionFinding& finding,
                                 const std::function<bool(std::uint16_t)>& holds);

}  // namespace rdpwhy::survey
