// rdpwhy tls TARGET...
#include <fmt/format.h>

#include <algorithm>

#include "cli/probe_options.h"
#include "cli/verbs.h"
#include "rdpwhy/investigate/jarm.h"
#include "rdpwhy/investigate/tls_survey.h"
#include "rdpwhy/rdp/negotiation.h"
#include "rdpwhy/report/tls_survey.h"

namespace rdpwhy::cli {
namespace {

struct TypedSurvey {
  TypedProbe connection;  ///< the part of it that is about reaching the server
  unsigned parallel = 1;
  unsigned pace = static_cast<unsigned>(net::kPace.count());
  bool jarm = false;
  unsigned most_connections = static_cast<unsigned>(survey::Settings{}.most_connections);
};

void declare(CLI::App& app, TypedSurvey& typed) {
  auto& to = typed.connection;
  app.add_option("TARGET", to.targets, "host, host:port, [v6]:port or an .rdp file")->required();
  app.add_flag("--json", to.json, "one JSON object per target and line");
  app.add_option("--timeout", to.timeout, "seconds that each phase of a connection may take (5)");
  app.add_option("--security", to.security,
                 "what to offer in X.224, of tls,nla,ext,rdstls (tls; nla beside it where the "
                 "server wants it)");
  app.add_option("--cookie", to.cookie, "mstshash= of the request (rdpwhy); empty: no cookie");
  app.add_option("--routing-token", to.routing_token, "the whole line, as in loadbalanceinfo");
  app.add_option("--server-name", to.server_name, "server_name of the hellos; empty: none");
  app.add_option("--proxy", to.proxy, "socks5://HOST:PORT or http://HOST:PORT");
  app.add_option("--resolve", to.resolve, "connect to this address, keep the name");
  auto* v4 = app.add_flag("-4", to.v4, "IPv4 only");
  app.add_flag("-6", to.v6, "IPv6 only")->excludes(v4);
  app.add_option("--parallel", typed.parallel, "connections at the same time (1)")
      ->check(CLI::Range(std::size_t{1}, investigate::kMostSideBySide));
  app.add_option("--pace", typed.pace,
                 fmt::format("milliseconds between the beginnings of two connections ({})",
                             net::kPace.count()))
      ->check(CLI::Range(0, 60000));
  app.add_flag("--jarm", typed.jarm, "ten more connections: the fingerprint JARM of the server");
  app.add_option("--max-connections", typed.most_connections,
                 "how many are made at most; what is not known by then stays unknown")
      ->check(CLI::Range(1, 100000));
  app.add_option("--color", to.colour, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.footer(
      "Hundreds of suites are asked for by elimination: one connection for each that is accepted, "
      "one\n"
      "for all that are not. Nobody logs on, no session begins. Exit code 1: something stayed "
      "unknown.");
}

investigate::TlsSurveyOptions survey_options(const TypedSurvey& typed, const Errand& errand) {
  investigate::TlsSurveyOptions options;
  options.connection = errand.options;
  options.connection.ends_on_signals = true;
  const auto& negotiation = errand.options.plan.request.negotiation;
  options.plan.requested_protocols = negotiation ? negotiation->requested.bits : 0;
  options.plan.server_name = typed.connection.server_name.value_or(errand.target.host);
  options.plan.most_connections = typed.most_connections;
  options.side_by_side = typed.parallel;
  options.pace = std::chrono::milliseconds(typed.pace);
  return options;
}

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
  ProgressLine progress;
  auto options = survey_options(typed, errand);
  options.on_question = [&](const survey::Question& question, std::size_t asked) {
    progress.show(fmt::format("{}: {}, {} ...", errand.target.text, asked, question.about));
  };
  const auto found = investigate::survey_tls(errand.target, options);
  std::optional<investigate::Jarm> jarm;
  if (found && typed.jarm && !found->signal) {
    progress.show(fmt::format("{}: JARM ...", errand.target.text));
    auto made = investigate::jarm(errand.target, options.connection, options.pace);
    if (!made) return talk(made.error().in(errand.target.text).text), kCouldNotTry;
    jarm = *std::move(made);
  }
  progress.clear();
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
  declare(app, typed);
  if (const auto leave = parse(app, arguments)) return *leave;
  if (typed.connection.security.empty()) typed.connection.security = "tls";

  std::vector<Errand> errands;
  for (const auto& text : typed.connection.targets) {
    auto errand = make_errand(app, typed.connection, text);
    if (!errand) return errand.error();
    const auto& negotiation = errand->options.plan.request.negotiation;
    if (!negotiation || negotiation->requested.bits == 0)
      return usage_error(app, "--security: without tls, nla, ext or rdstls there is no TLS");
    errands.push_back(std::move(*errand));
  }
  int exit_code = kComplete;
  bool over = false;
  for (std::size_t i = 0; i < errands.size() && !over; ++i)
    exit_code = std::max(exit_code, survey_one(errands[i], typed, i == 0, over));
  return finish_results(exit_code);
}

}  // namespace rdpwhy::cli
