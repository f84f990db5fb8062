#pragma once

#include <string>

#include "rdpwhy/report/report.h"
#include "rdpwhy/survey/result.h"

namespace rdpwhy::report {

/// A survey of what one server accepts in TLS, and where it was made.
struct TlsSurveySubject {
  Source source;
  Moment started;
  Nanoseconds took = 0;
  const survey::Result* result = nullptr;
  std::vector<std::string> remarks;  ///< what an .rdp file said, and the like
};

/// The report for people: versions, suites, groups, algorithms, what is weak and why.
[[nodiscard]] std::string to_text(const TlsSurveySubject& subject, const TextStyle& style);

/// One JSON object on one line without a line feed (rdpwhy.tls/1, src/report/tls.schema.json).
void append_json(std::string& out, const TlsSurveySubject& subject);

}  // namespace rdpwhy::report
