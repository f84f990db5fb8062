// rdpwhy tls TARGET...
#include <fmt/format.h>

#include <algorithm>

#include "cli/survey_options.h"
#include "cli/verbs.h"
#include "rdpwhy/investigate/jarm.h"
#include "rdpwhy/report/tls_survey.h"

namespace rdpwhy::cli {
namespace {

report::JarmFound in_texts(const investigate::Jarm& jarm) {
  report::JarmFound found{
      .fingerprint = jarm.fingerprint, .why_none = jarm.why_none, .answers = {}};
  for (const auto& answer : jarm.answers) found.answers.push_back(tls::text_of(answer));
  return found;
}

void print_report(const Errand& errand, const investigate::TlsSurvey& found,
                  const std::optional<investigate::Jarm>& jarm, const TypedSurvey& typed,
                  bool first) {
  report::TlsSurveySubject subject;
  subject.source.target = errand.target.text;
  subject.source.address = found.address;
  subject.source.port = found.port;
  if (errand.options.proxy) subject.source.proxy = net::text_of(*errand.options.proxy);
  subject.started = found.started;
  subject.took = found.took;
  subject.result = &found.result;
  if (jarm) subject.jarm = in_texts(*jarm);
  subject.remarks = errand.remarks;
  std::string out;
  if (typed.connection.json) {
    report::append_json(out, subject);
    out += '\n';
  } else {
    if (!first) out += '\n';
    out +=
        report::to_text(subject, {colour_wanted(typed.connection.colour), report_width(), false});
  }
  results().write(out);
}

/// One target; its exit code. `over`: the user or the reader of our output has had enough.
int survey_one(const Errand& errand, const TypedSurvey& typed, bool first, bool& over) {
  const auto found = survey_with_progress(errand, typed);
  std::optional<investigate::Jarm> jarm;
  if (found && typed.jarm && !found->signal) {
    ProgressLine progress;
    progress.show(fmt::format("{}: JARM ...", errand.target.text));
    const auto options = survey_options(typed, errand);
    auto made = investigate::jarm(errand.target, options.connection, options.pace);
    if (!made) return talk(made.error().in(errand.target.text).text), kCouldNotTry;
    jarm = *std::move(made);
  }
  if (!found) return talk(found.error().in(errand.target.text).text), kCouldNotTry;
  print_report(errand, *found, jarm, typed, first);
  const bool interrupted = found->signal || (jarm && jarm->signal);
  over = !results().flush() || interrupted;
  if (interrupted) {
    talk(fmt::format("{}: interrupted; the report is of what was seen until then",
                     errand.target.text));
  }
  const bool complete = found->result.is_complete() && !(jarm && jarm->fingerprint.empty());
  return complete ? kComplete : kFailed;
}

}  // namespace

int run_tls(const Arguments& arguments) {
  CLI::App app("What a server accepts in TLS, behind X.224: versions, cipher suites and the rest.",
               "rdpwhy tls");
  TypedSurvey typed;
  declare_survey(app, typed);
  app.add_flag("--jarm", typed.jarm, "ten more connections: the fingerprint JARM of the server");
  app.footer(
      "Hundreds of suites are asked for by elimination: one connection for each that is accepted, "
      "one\n"
      "for all that are not. Nobody logs on, no session begins. Exit code 1: something stayed "
      "unknown.");
  if (const auto leave = parse(app, arguments)) return *leave;
  std::vector<Errand> errands;
  for (const auto& text : typed.connection.targets) {
    auto errand = make_survey_errand(app, typed, text);
    if (!errand) return errand.error();
    errands.push_back(std::move(*errand));
  }
  int exit_code = kComplete;
  bool over = false;
  for (std::size_t i = 0; i < errands.size() && !over; ++i)
    exit_code = std::max(exit_code, survey_one(errands[i], typed, i == 0, over));
  return finish_results(exit_code);
}

}  // namespace rdpwhy::cli
