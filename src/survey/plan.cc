#include "rdpwhy/survey/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "rdpwhy/tls/registry.h"
#include "survey/calibrator.h"
#include "survey/inquiry.h"

namespace rdpwhy::survey {
namespace {

using std::chrono::milliseconds;

constexpr unsigned kMostRepeats = 2;
constexpr milliseconds kShortPause{1000};
constexpr milliseconds kLongPause{3000};
/// The server is given up when this many controls in a row bring nothing; the pauses between them
/// double, 45 seconds in all.
constexpr unsigned kMostControls = 5;
constexpr std::size_t kMostAnomalies = 32;
constexpr std::size_t kMostChains = 16;
constexpr std::size_t kMostDhSizes = 64;

/// Alerts that say of themselves that the offer is what they refuse. Another one counts as well,
/// but only when the same question gets it twice: servers report passing trouble by alerts, too.
bool says_no(std::uint8_t alert) {
  constexpr std::uint8_t kNo[] = {40, 70, 71, 86, 120};
  return std::ranges::find(kNo, alert) != std::end(kNo);
}

std::string outcome_of(const Answer& answer) {
  if (answer.refusal) return in_words(*answer.refusal);
  if (!answer.selection) return "could not be asked";
  const auto& selection = *answer.selection;
  auto words =
      fmt::format("{} {}", tls::version_name(selection.version),
                  tls::name_or_hex(tls::cipher_suite_name(selection.suite), selection.suite));
  if (selection.group)
    words += " " + tls::name_or_hex(tls::group_name(*selection.group), *selection.group);
  return words;
}

/// A close and a reset are the same step away: which of the two it becomes may hang on a race.
bool ends_alike(const Refusal& a, const Refusal& b) {
  const auto kind = [](record::EndedHow how) {
    return how == record::EndedHow::kReset ? record::EndedHow::kClose : how;
  };
  return a.answers_hello() && b.answers_hello() && kind(a.how) == kind(b.how);
}

}  // namespace

class Plan::Impl {
 public:
  explicit Impl(Settings settings)
      : settings_(std::move(settings)),
        calibrator_(settings_, result_.calibration, result_.anomalies),
        shapes_(settings_, result_.calibration) {}

  std::vector<Question> next(std::size_t most) {
    std::vector<Question> questions;
    while (open_.size() < most && !over_) {
      auto question = one();
      if (!question) break;
      questions.push_back(*std::move(question));
    }
    return questions;
  }

  void take(std::uint32_t id, const Answer& answer) {
    const auto found = std::ranges::find(open_, id, &Open::id);
    if (found == open_.end() || over_) return;
    auto open = std::move(*found);
    open_.erase(found);
    result_.asked.push_back({open.ask.about, outcome_of(answer)});
    if (!answer.selection && !answer.refusal) {
      give(open, {.kind = Verdict::Kind::kUnknown,
                  .selection = {},
                  .refusal = {},
                  .reason = "this machine's TLS library cannot ask it"});
      return settle();
    }
    if (answer.selection) {
      note_certificates(open.ask.offer, *answer.selection);
      note_dh_bits(*answer.selection);
    }
    if (open.role == Role::kCalibration) {
      calibrator_.take(answer);
    } else if (open.role == Role::kControl) {
      take_control(answer);
    } else {
      take_answer(std::move(open), answer);
    }
    settle();
  }

  [[nodiscard]] bool is_done() const { return over_; }

  void stop(std::string reason) {
    if (over_) return;
    for (auto& seat : seats_) seat.inquiry->stop(reason);
    seats_.clear();
    // What was never begun is to say so as well.
    if (stage_ == Stage::kCalibration) begin(suite_inquiries(shapes_, result_), Stage::kSuites);
    if (stage_ == Stage::kSuites) {
      for (auto& seat : seats_) seat.inquiry->stop(reason);
      begin(further_inquiries(shapes_, result_), Stage::kFurther);
    }
    for (auto& seat : seats_) seat.inquiry->stop(reason);
    result_.stopped = std::move(reason);
    finish();
  }

  [[nodiscard]] const Result& result() const { return result_; }

 private:
  enum class Role { kCalibration, kControl, kInquiry };
  enum class Stage { kCalibration, kSuites, kFurther };

  /// A question with its history.
  struct Open {
    std::uint32_t id = 0;
    Role role = Role::kInquiry;
    Inquiry* inquiry = nullptr;
    Ask ask;
    std::optional<Refusal> before;  ///< the same question ended like that
    unsigned repeats = 0;
    milliseconds pause{0};
  };
  struct Seat {
    std::unique_ptr<Inquiry> inquiry;
    bool asking = false;
  };

  std::optional<Question> one() {
    if (stage_ == Stage::kCalibration) {
      if (!open_.empty()) return std::nullopt;
      auto trial = calibrator_.next();
      if (!trial) return std::nullopt;
      return ask({.role = Role::kCalibration,
                  .ask = std::move(trial->ask),
                  .pause = trial->pause ? kShortPause : milliseconds{0}});
    }
    // While the server is in doubt nobody else asks it anything.
    if (control_due_) {
      if (!open_.empty()) return std::nullopt;
      return ask(
          {.role = Role::kControl,
           .ask = {.about = "control: what was answered before", .offer = calibrator_.baseline()},
           .pause = controls_failed_ == 0 ? milliseconds{0}
                                          : kLongPause * (1U << (controls_failed_ - 1))});
    }
    if (!again_.empty()) {
      auto open = std::move(again_.front());
      again_.pop_front();
      return ask(std::move(open));
    }
    for (auto& seat : seats_) {
      if (seat.asking) continue;
      auto wanted = seat.inquiry->next();
      if (!wanted) continue;
      seat.asking = true;
      return ask({.inquiry = seat.inquiry.get(), .ask = *std::move(wanted)});
    }
    return std::nullopt;
  }

  std::optional<Question> ask(Open open) {
    if (result_.asked.size() + open_.size() >= settings_.most_connections) {
      stop(fmt::format("the bound of {} connections was reached", settings_.most_connections));
      return std::nullopt;
    }
    open.id = ++last_id_;
    Question question{.id = open.id,
                      .about = open.ask.about,
                      .requested_protocols = result_.calibration.requested_protocols,
                      .offer = open.ask.offer,
                      .whole = open.ask.whole,
                      .pause = open.pause};
    open_.push_back(std::move(open));
    return question;
  }

  void take_answer(Open open, const Answer& answer) {
    if (answer.selection) {
      take_selection(open, *answer.selection);
    } else {
      take_refusal(std::move(open), *answer.refusal);
    }
  }

  void take_selection(const Open& open, const Selection& selection) {
    if (const auto what = not_offered(open.ask.offer, selection); !what.empty()) {
      const auto text = fmt::format("the server selected {}, which was not offered", what);
      if (result_.anomalies.size() < kMostAnomalies &&
          std::ranges::find(result_.anomalies, text) == result_.anomalies.end()) {
        result_.anomalies.push_back(text);
      }
      return give(
          open, {.kind = Verdict::Kind::kUnknown, .selection = {}, .refusal = {}, .reason = text});
    }
    give(open,
         {.kind = Verdict::Kind::kSelected, .selection = selection, .refusal = {}, .reason = {}});
  }

  void take_refusal(Open open, const Refusal& refusal) {
    const auto& way = result_.calibration.way;
    if (refusal.alert) {
      const bool counts =
          says_no(*refusal.alert) || (way && way->alert == refusal.alert) || open.before == refusal;
      if (counts) return refuse(open, refusal);
      return repeat(std::move(open), refusal, kShortPause);
    }
    const bool as_calibrated = way && !way->alert && ends_alike(*way, refusal);
    if (as_calibrated) {
      if (open.before && ends_alike(*open.before, refusal)) return refuse(open, refusal);
      control_due_ = true;
      return repeat(std::move(open), refusal, milliseconds{0});
    }
    if (open.repeats < kMostRepeats) {
      const auto pause = open.repeats == 0 ? kShortPause : kLongPause;
      // Whether the server is still there shows before anything else is asked.
      control_due_ = control_due_ || open.repeats > 0;
      return repeat(std::move(open), refusal, pause);
    }
    give(open, {.kind = Verdict::Kind::kUnknown,
                .selection = {},
                .refusal = refusal,
                .reason = fmt::format("{}, {} times, which is not how this server refuses",
                                      in_words(refusal), open.repeats + 1)});
  }

  void repeat(Open open, const Refusal& refusal, milliseconds pause) {
    if (open.repeats >= kMostRepeats + 1) {  // alerts that change each time
      return give(open, {.kind = Verdict::Kind::kUnknown,
                         .selection = {},
                         .refusal = refusal,
                         .reason = in_words(refusal) + ", and another ending each time"});
    }
    open.before = refusal;
    ++open.repeats;
    open.pause = pause;
    again_.push_back(std::move(open));
  }

  void refuse(const Open& open, const Refusal& refusal) {
    give(open, {.kind = Verdict::Kind::kRefused,
                .selection = {},
                .refusal = refusal,
                .reason = in_words(refusal)});
  }

  void give(const Open& open, const Verdict& verdict) {
    open.inquiry->take(verdict);
    for (auto& seat : seats_) {
      if (seat.inquiry.get() == open.inquiry) seat.asking = false;
    }
  }

  void take_control(const Answer& answer) {
    if (answer.selection) {
      if (controls_failed_ > 0) {
        // What ended meanwhile may have ended for that reason.
        result_.throttled = true;
        for (auto& open : again_) {
          open.before.reset();
          open.repeats = 0;
        }
      }
      control_due_ = false;
      controls_failed_ = 0;
      return;
    }
    if (++controls_failed_ < kMostControls) return;
    stop(fmt::format("the server answers no more, not even what it answered before: {}",
                     in_words(*answer.refusal)));
  }

  void begin(std::vector<std::unique_ptr<Inquiry>> inquiries, Stage stage) {
    stage_ = stage;
    seats_.clear();
    for (auto& inquiry : inquiries) seats_.push_back({.inquiry = std::move(inquiry)});
  }

  /// The next stage begins when the one before is through.
  void settle() {
    while (!over_ && open_.empty() && again_.empty() && !control_due_) {
      if (stage_ == Stage::kCalibration) {
        if (calibrator_.next()) return;
        if (!result_.calibration.answered) return finish();
        begin(suite_inquiries(shapes_, result_), Stage::kSuites);
      }
      const bool more =
          std::ranges::any_of(seats_, [](Seat& seat) { return seat.inquiry->next().has_value(); });
      if (more) return;
      if (stage_ == Stage::kFurther) return finish();
      begin(further_inquiries(shapes_, result_), Stage::kFurther);
    }
  }

  void finish() {
    over_ = true;
    open_.clear();
    again_.clear();
    seats_.clear();
  }

  void note_dh_bits(const Selection& selection) {
    if (!selection.dh_bits) return;
    auto& sizes = result_.dh_bits;
    const auto place = std::ranges::lower_bound(sizes, *selection.dh_bits);
    if (place != sizes.end() && *place == *selection.dh_bits) return;
    if (sizes.size() < kMostDhSizes) sizes.insert(place, *selection.dh_bits);
  }

  void note_certificates(const HelloOffer& offer, const Selection& selection) {
    if (selection.chain.empty()) return;
    auto& known = result_.certificates;
    auto found = std::ranges::find_if(known, [&](const CertificateFinding& finding) {
      return finding.chain.front()->der == selection.chain.front()->der;
    });
    if (found == known.end()) {
      if (known.size() == kMostChains) return;
      known.push_back({.chain = selection.chain});
      found = known.end() - 1;
    }
    const bool named = offer.extensions && offer.server_name;
    (named ? found->with_server_name : found->without_server_name) = true;
    if (std::ranges::find(found->versions, selection.version) == found->versions.end())
      found->versions.push_back(selection.version);
  }

  Settings settings_;
  Result result_;
  Calibrator calibrator_;
  Shapes shapes_;
  Stage stage_ = Stage::kCalibration;
  std::vector<Seat> seats_;
  std::vector<Open> open_;
  std::deque<Open> again_;  ///< to be asked once more
  bool control_due_ = false;
  unsigned controls_failed_ = 0;
  std::uint32_t last_id_ = 0;
  bool over_ = false;
};

Plan::Plan(Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Plan::~Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;

std::vector<Question> Plan::next(std::size_t most) { return impl_->next(most); }
void Plan::take(std::uint32_t id, const Answer& answer) { impl_->take(id, answer); }
bool Plan::is_done() const { return impl_->is_done(); }
void Plan::stop(std::string reason) { impl_->stop(std::move(reason)); }
const Result& Plan::result() const { return impl_->result(); }

}  // namespace rdpwhy::survey
