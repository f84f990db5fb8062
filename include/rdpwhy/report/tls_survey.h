#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/error.h"
#include "rdpwhy/report/report.h"
#include "rdpwhy/survey/compare.h"
#include "rdpwhy/survey/result.h"

namespace rdpwhy::report {

/// tls/jarm.h, where it was asked for.
struct JarmFound {
  std::string fingerprint;  ///< empty: there is none
  std::string why_none;
  std::vector<std::string> answers;  ///< "c02f|0303|h2|ff01-0000": what it was made of
};

/// A survey of what one server accepts in TLS, and where it was made.
struct TlsSurveySubject {
  Source source;
  Moment started;
  Nanoseconds took = 0;
  const survey::Result* result = nullptr;
  std::optional<JarmFound> jarm;
  std::vector<std::string> remarks;  ///< what an .rdp file said, and the like
};

/// The report for people: versions, suites, groups, algorithms, what is weak and why.
[[nodiscard]] std::string to_text(const TlsSurveySubject& subject, const TextStyle& style);

/// One JSON object on one line without a line feed (rdpwhy.tls/1, src/report/tls.schema.json).
void append_json(std::string& out, const TlsSurveySubject& subject);

/// A survey as it was saved, and of what.
struct SavedSurvey {
  std::string target;
  survey::Result result;
};
/// What append_json wrote, as far as a comparison needs it. An Error says what is wrong with it.
[[nodiscard]] std::expected<SavedSurvey, Error> read_saved_survey(std::string_view json);

/// Two configurations side by side.
struct ComparisonSubject {
  std::string first, second;  ///< how they are called
  const survey::Comparison* comparison = nullptr;
};
[[nodiscard]] std::string to_text(const ComparisonSubject& subject, const TextStyle& style);
/// One JSON object on one line without a line feed (rdpwhy.compare/1,
/// src/report/compare.schema.json).
void append_json(std::string& out, const ComparisonSubject& subject);

}  // namespace rdpwhy::report
