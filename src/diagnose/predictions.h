#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "diagnose/reading.h"
#include "rdpwhy/diagnose/experiments.h"

// The table that experiments rest on: which outcome each cause expects of each of them.
namespace rdpwhy::diagnose {

/// The form of a failure that leaves more than one cause standing. What the server said itself
/// needs no experiment.
enum class Form : std::uint8_t {
  kNone,
  kLeftAtRequest,    ///< ended without one octet in answer to the Connection Request
  kSilentAtRequest,  ///< silence there
  kLeftBeforeHello,  ///< ended between the Confirm and the ClientHello
  kLeftAtHello,      ///< ended at the ClientHello, without an alert
  kSilentAtHello,    ///< silence there, or in the middle of the TLS handshake
  kAlertAtHello,     ///< an alert to the ClientHello that does not say all
  kLater,            ///< anywhere else without a word: only whether it happens again can be asked
};
[[nodiscard]] Form form_of(const Reading& reading, const Diagnosis& diagnosis);
[[nodiscard]] constexpr bool is_silent(Form form) {
  return form == Form::kSilentAtRequest || form == Form::kSilentAtHello;
}

[[nodiscard]] constexpr bool is_at_request(Form form) {
  return form == Form::kLeftAtRequest || form == Form::kSilentAtRequest;
}

enum class Expects : std::uint8_t {
  kAnything,  ///< no prediction
  kSame,      ///< Outcome::kSame
  kNoPass,    ///< anything but Outcome::kPassed: what a server makes of nonsense is its own affair
  kPass,      ///< Outcome::kPassed, of this or another one of those that it expects so of
  kOtherwise  ///< Outcome::kOtherwise
};

/// What a cause predicts where the failure has that form. A cause may have more than one row, each
/// for one way in which it comes about.
struct Hypothesis {
  Form form{};
  std::string_view cause;
  Expects usually = Expects::kSame;  ///< of each experiment that is not named
  std::vector<std::pair<ExperimentId, Expects>> of = {};
  enum class Versions : std::uint8_t {
    kAsUsual,
    kOthersPass,  ///< single TLS versions that were not offered pass
    kOlderPass,   ///< single TLS versions that were, without a newer one beside them, pass
  } versions = Versions::kAsUsual;
  /// No rule speaks of it: it is told only when an experiment speaks for it.
  bool only_if_shown = false;
  bool stays_open = false;  ///< no experiment that fails refutes it
  Confidence at_best = Confidence::kLikely;
  std::string_view shown = {};  ///< what an experiment that passed shows, as a sentence's end
};

[[nodiscard]] std::span<const Hypothesis> hypotheses();

/// What the handshake that failed allows to change.
class Offered {
 public:
  explicit Offered(const Reading& reading);
  /// There is something to change, and the change is one.
  [[nodiscard]] bool applies(ExperimentId id, Form form) const;
  [[nodiscard]] Expects expects(const Hypothesis& hypothesis, ExperimentId id) const;
  /// Of the name, not tried yet.
  [[nodiscard]] const std::vector<std::string>& other_addresses() const { return addresses_; }

 private:
  [[nodiscard]] bool has_version(std::uint16_t version) const;

  const Reading& reading_;
  std::vector<std::uint16_t> versions_;
  std::vector<std::string> addresses_;
};

}  // namespace rdpwhy::diagnose
