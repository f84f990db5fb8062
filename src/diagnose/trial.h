#pragma once

#include <span>
#include <vector>

#include "diagnose/predictions.h"

namespace rdpwhy::diagnose {

/// The causes of one failure before the experiments that were made of it: which still stand.
class Trial {
 public:
  struct Met {
    const ExperimentResult* result = nullptr;
    Outcome outcome = Outcome::kTellsNothing;
  };
  enum class State : std::uint8_t { kOpen, kRefuted, kShown };
  struct Standing {
    const Hypothesis* hypothesis = nullptr;
    State state = State::kOpen;
    /// Of its cause among the findings; behind them all when no rule speaks of it.
    std::size_t rank = 0;
    std::vector<const ExperimentResult*> speaks_for;
    std::vector<const ExperimentResult*> speaks_against;
  };

  /// `by_rules`: what the handshake that failed says by itself.
  Trial(const Reading& reading, const Diagnosis& by_rules, std::span<const ExperimentResult> made);

  [[nodiscard]] Form form() const { return form_; }
  [[nodiscard]] const Offered& offered() const { return offered_; }
  [[nodiscard]] std::span<const Met> met() const { return met_; }
  [[nodiscard]] std::span<const Standing> standings() const { return standings_; }

  [[nodiscard]] std::size_t made(ExperimentId id) const;
  [[nodiscard]] std::size_t repeats_alike() const { return count(Outcome::kSame); }
  /// The same handshake ended in another way: then nothing that passed is to be laid to a change.
  [[nodiscard]] std::size_t repeats_unlike() const {
    return count(Outcome::kPassed) + count(Outcome::kOtherwise);
  }
  [[nodiscard]] std::size_t repeats_passed() const { return count(Outcome::kPassed); }
  /// Something other than a repetition passed.
  [[nodiscard]] bool any_passed() const { return first_pass_ < met_.size(); }
  /// ... and the unchanged handshake failed after it as before it.
  [[nodiscard]] bool pass_is_backed() const;

 private:
  [[nodiscard]] std::size_t count(Outcome of_repeats) const;
  void weigh(Standing& standing) const;

  Form form_;
  Offered offered_;
  std::vector<Met> met_;
  std::vector<Standing> standings_;
  std::size_t first_pass_ = 0;
};

}  // namespace rdpwhy::diagnose
