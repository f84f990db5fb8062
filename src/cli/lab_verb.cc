// rdpwhy lab [SCENARIO]
#include <fmt/format.h>
#include <signal.h>

#include "cli/console.h"
#include "cli/trust.h"
#include "cli/verbs.h"
#include "rdpwhy/investigate/investigate.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::cli {
namespace {

constexpr std::string_view kDemoScenario = "resets-after-client-hello";

int list_scenarios() {
  std::string out;
  for (const auto& scenario : lab::scenarios())
    report::append_wrapped(out, fmt::format("{:28} ", scenario.name), scenario.summary,
                           report_width());
  results().write(out);
  return finish_results(kComplete);
}

/// Ctrl-C and SIGTERM, caught before any thread starts so that only we get them.
class LeaveSignals {
 public:
  LeaveSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  void wait() const {
    int signal = 0;
    while (sigwait(&set_, &signal) != 0) {
    }
  }

 private:
  sigset_t set_{};
};

int serve(const lab::Scenario& scenario, std::uint16_t port) {
  const LeaveSignals signals;
  auto server = lab::Server::start(lab::faults_of(scenario.name), port);
  if (!server) return talk(server.error().text), kCouldNotTry;
  talk(fmt::format("{}: {}; on 127.0.0.1:{} until Ctrl-C", scenario.name, scenario.summary,
                   server->port()));
  results().write(fmt::format("{}\n", server->port()));
  if (const int code = finish_results(kComplete); code != kComplete) return code;
  signals.wait();
  talk(fmt::format("served {} connection{}", server->connections(),
                   server->connections() == 1 ? "" : "s"));
  return kComplete;
}

/// The server and a probe of it in one program: something to explain without any other machine.
int demonstrate(const lab::Scenario& scenario, bool explain) {
  auto server = lab::Server::start(lab::faults_of(scenario.name), 0);
  if (!server) return talk(server.error().text), kCouldNotTry;
  net::Target target{"127.0.0.1", server->port(), fmt::format("127.0.0.1:{}", server->port())};
  net::ProbeOptions options;
  options.plan.tls.server_name = target.host;
  crypto::CertificateJudge judge(crypto::TrustStore::none());
  const auto found = investigate::investigate(target, options, judge, {});
  if (!found) return talk(found.error().text), kCouldNotTry;
  report::Subject subject;
  subject.source.target = target.text;
  subject.source.address = found->handshake.address;
  subject.source.port = found->handshake.port;
  subject.started = found->handshake.started;
  subject.record = &found->handshake.record;
  subject.certificate_problems = found->certificate_problems;
  subject.diagnosis = &found->diagnosis;
  std::string opening;
  report::append_wrapped(opening, "",
                         fmt::format("A server of our own on loopback plays \"{}\": {}.",
                                     scenario.name, scenario.summary),
                         report_width());
  report::append_wrapped(opening, "", scenario.story, report_width());
  results().write(opening + "\n");
  results().write(report::to_text(subject, {colour_wanted("auto"), report_width(), explain}));
  return finish_results(kComplete);
}

}  // namespace

int run_lab(const Arguments& arguments) {
  CLI::App app("An RDP server on loopback that fails in a chosen way.", "rdpwhy lab");
  std::string name;
  std::uint16_t port = 0;
  bool list = false, demo = false, explain = false;
  app.add_option("SCENARIO", name, "which failure; --list names them");
  app.add_flag("--list", list, "the scenarios, one per line");
  app.add_option("--port", port, "listen on this port of 127.0.0.1 (any free one; it is printed)");
  app.add_flag("--demo", demo, "start it, probe it and explain what is found");
  app.add_flag("--explain", explain, "with --demo: add the list of evidence");
  if (const auto leave = parse(app, arguments)) return *leave;
  if (list) return list_scenarios();
  if (name.empty() && demo) name = kDemoScenario;
  if (name.empty()) return usage_error(app, "which scenario? rdpwhy lab --list names them");
  const auto* scenario = lab::find_scenario(name);
  if (scenario == nullptr)
    return usage_error(
        app, fmt::format("no scenario is called \"{}\"; rdpwhy lab --list names them", name));
  return demo ? demonstrate(*scenario, explain) : serve(*scenario, port);
}

}  // namespace rdpwhy::cli
