// rdpwhy causes [ID]
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/console.h"
#include "cli/verbs.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::cli {
namespace {

nlohmann::ordered_json as_json(const diagnose::Cause& cause) {
  nlohmann::ordered_json out;
  out["id"] = cause.id;
  out["title"] = cause.title;
  out["phase"] = cause.phase ? nlohmann::ordered_json(record::name_of(*cause.phase))
                             : nlohmann::ordered_json(nullptr);
  out["looks_like"] = cause.looks_like;
  out["against"] = cause.against;
  out["fix"] = cause.fix;
  out["sources"] = cause.sources;
  return out;
}

}  // namespace

int run_causes(const Arguments& arguments) {
  CLI::App app("The catalogue of causes: all of it in one line each, or one in full.",
               "rdpwhy causes");
  std::vector<std::string> names;
  bool json = false;
  app.add_option("ID", names, "which one; none: all");
  app.add_flag("--json", json, "one JSON object per cause and line");
  if (const auto leave = parse(app, arguments)) return *leave;

  std::vector<const diagnose::Cause*> chosen;
  for (const auto& name : names) {
    const auto* cause = diagnose::find_cause(name);
    if (cause == nullptr) return usage_error(app, fmt::format("no cause is called \"{}\"", name));
    chosen.push_back(cause);
  }
  if (names.empty()) {
    for (const auto& cause : diagnose::causes()) chosen.push_back(&cause);
  }
  std::string out;
  for (const auto* cause : chosen) {
    if (json) {
      out += as_json(*cause).dump() + "\n";
    } else if (names.empty()) {
      report::append_wrapped(out, fmt::format("{:38} ", cause->id), cause->title, report_width());
    } else {
      if (!out.empty()) out += '\n';
      out += report::cause_to_text(*cause, report_width());
    }
  }
  results().write(out);
  return finish_results(kComplete);
}

}  // namespace rdpwhy::cli
