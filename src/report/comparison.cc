// Two TLS configurations side by side: what differs and in which direction, for people and as
// "rdpwhy.compare/1" (compare.schema.json).
#include <fmt/format.h>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/report/tls_survey.h"
#include "report/json_writer.h"

namespace rdpwhy::report {
namespace {

using base::printable;
using survey::Difference;
using survey::Direction;

std::string verdict(const ComparisonSubject& subject) {
  const auto& found = *subject.comparison;
  std::size_t weaker = 0;
  std::size_t stronger = 0;
  for (const auto& difference : found.differences) {
    weaker += difference.direction == Direction::kWeaker;
    stronger += difference.direction == Direction::kStronger;
  }
  const auto pair = fmt::format("{} and {}", printable(subject.first), printable(subject.second));
  if (found.differences.empty()) {
    return found.unknown.empty() ? fmt::format("{} accept the same.", pair)
                                 : fmt::format("{} differ in nothing that is known of both.", pair);
  }
  return fmt::format("{} differ in {} thing{}; in {} the second is weaker, in {} stronger.", pair,
                     found.differences.size(), found.differences.size() == 1 ? "" : "s", weaker,
                     stronger);
}

void write_difference(std::string& out, const Difference& difference, const TextStyle& style) {
  auto words = difference.what.empty() ? std::string() : printable(difference.what) + ": ";
  words += fmt::format("{} / {}", printable(difference.first), printable(difference.second));
  if (difference.direction != Direction::kDifferent) {
    words += fmt::format("; {}", survey::name_of(difference.direction));
    if (!difference.reason.empty()) words += fmt::format(" ({})", printable(difference.reason));
  }
  append_wrapped(out, "  ", words, style.width);
}

}  // namespace

std::string to_text(const ComparisonSubject& subject, const TextStyle& style) {
  std::string out;
  append_wrapped(out, "", verdict(subject), style.width);
  std::string where;
  for (const auto& difference : subject.comparison->differences) {
    if (difference.where != where) {
      where = difference.where;
      const auto heading = printable(where);
      out += style.colour ? fmt::format("\n\x1b[1m{}\x1b[0m\n", heading) : "\n" + heading + "\n";
    }
    write_difference(out, difference, style);
  }
  if (!subject.comparison->unknown.empty()) {
    out += "\nNot known of both\n";
    for (const auto& unknown : subject.comparison->unknown)
      append_wrapped(out, "  ", printable(unknown), style.width);
  }
  return out;
}

void append_json(std::string& out, const ComparisonSubject& subject) {
  JsonWriter w(out);
  w.begin_object();
  w.member("schema", "rdpwhy.compare/1");
  w.member("first", subject.first);
  w.member("second", subject.second);
  w.key("differences");
  w.begin_array();
  for (const auto& difference : subject.comparison->differences) {
    w.begin_object();
    w.member("where", difference.where);
    if (!difference.what.empty()) w.member("what", difference.what);
    w.member("first", difference.first);
    w.member("second", difference.second);
    w.member("direction", survey::name_of(difference.direction));
    if (!difference.reason.empty()) w.member("reason", difference.reason);
    w.end_object();
  }
  w.end_array();
  w.member_texts("unknown", subject.comparison->unknown);
  w.end_object();
}

}  // namespace rdpwhy::report
