#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/survey/answer.h"
#include "rdpwhy/survey/plan.h"
#include "rdpwhy/survey/result.h"

namespace rdpwhy::survey {

/// What one answer means, once repetition and control have had their say.
struct Verdict {
  enum class Kind { kSelected, kRefused, kUnknown };
  Kind kind = Kind::kUnknown;
  Selection selection;  ///< kSelected
  Refusal refusal;      ///< kRefused; kUnknown: the last one, if any
  std::string reason;   ///< of a refusal or of what stays unknown, in words
};

/// What an inquiry wants to know next.
struct Ask {
  std::string about;
  HelloOffer offer;
  bool whole = false;
};

/// One thing to find out, by one question after the other.
class Inquiry {
 public:
  virtual ~Inquiry() = default;
  /// Nothing: it is done. The question before has its verdict by then.
  [[nodiscard]] virtual std::optional<Ask> next() = 0;
  virtual void take(const Verdict& verdict) = 0;
  /// What is not known stays unknown.
  virtual void stop(const std::string& reason) = 0;
};

/// Hellos in the shape that this server is known to read.
class Shapes {
 public:
  Shapes(const Settings& settings, const Calibration& calibration)
      : settings_(settings), calibration_(calibration) {}

  /// Without suites.
  [[nodiscard]] HelloOffer of(std::uint16_t version) const;
  [[nodiscard]] std::size_t most_suites() const { return calibration_.most_suites; }

 private:
  const Settings& settings_;
  const Calibration& calibration_;
};

/// What is asked first: which versions, and which suites of each.
[[nodiscard]] std::vector<std::unique_ptr<Inquiry>> suite_inquiries(const Shapes& shapes,
                                                                    Result& result);
/// What is asked of what was found then.
[[nodiscard]] std::vector<std::unique_ptr<Inquiry>> further_inquiries(const Shapes& shapes,
                                                                      Result& result);

}  // namespace rdpwhy::survey
