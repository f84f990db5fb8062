#pragma once

#include <optional>
#include <string>
#include <vector>

#include "survey/inquiry.h"

namespace rdpwhy::survey {

/// The first few connections, one after the other: a hello that is answered, how one is refused
/// that nobody can accept, and how many suites of one hello are read. Sees every answer as it came,
/// since nothing is known yet that could judge it.
class Calibrator {
 public:
  Calibrator(const Settings& settings, Calibration& calibration,
             std::vector<std::string>& anomalies);

  struct Trial {
    Ask ask;
    bool pause = false;
  };
  /// Nothing: it is done; `calibration` says how.
  [[nodiscard]] std::optional<Trial> next() const;
  void take(const Answer& answer);

  /// A hello that is known to be answered; holds once calibration.answered.
  [[nodiscard]] const HelloOffer& baseline() const { return baseline_; }
  /// What the server selected then.
  [[nodiscard]] const Selection& selected() const { return selected_; }

 private:
  enum class State { kBaseline, kImpossible, kControl, kImpossibleAgain, kSize, kOver };

  void take_baseline(const Answer& answer);
  void take_impossible(const Answer& answer);
  void take_impossible_again(const Answer& answer);
  void take_size(const Answer& answer);
  void note_refusal(const Refusal& refusal);
  void begin_size();
  [[nodiscard]] HelloOffer impossible_offer() const;
  [[nodiscard]] HelloOffer sized_offer() const;

  const Settings& settings_;
  Calibration& calibration_;
  std::vector<std::string>& anomalies_;
  std::vector<HelloOffer> candidates_;
  std::size_t candidate_ = 0;
  State state_ = State::kBaseline;
  bool again_ = false;  ///< the same once more, after a pause
  HelloOffer baseline_;
  Selection selected_;
  std::size_t size_ = 0;
};

}  // namespace rdpwhy::survey
