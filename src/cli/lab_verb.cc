// rdpwhy lab [SCENARIO]
#include <fmt/format.h>
#include <signal.h>

#include <memory>
#include <vector>

#include "cli/console.h"
#include "cli/credentials.h"
#include "cli/password.h"
#include "cli/trust.h"
#include "cli/verbs.h"
#include "rdpwhy/codes/codes.h"
#include "rdpwhy/investigate/investigate.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::cli {
namespace {

constexpr std::string_view kDemoScenario = "resets-after-client-hello";

int list_scenarios() {
  std::string out;
  for (const auto& scenario : lab::scenarios()) {
    auto name = std::string(scenario.name);
    if (!scenario.number.empty()) name += fmt::format("[:{}]", scenario.number);
    report::append_wrapped(out, fmt::format("{:32} ", name), scenario.summary, report_width());
  }
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

/// What is played: a scenario, perhaps with a number behind it.
struct Play {
  std::string name;
  const lab::Scenario* scenario = nullptr;
  lab::Account account;
};

/// "credssp-error:STATUS_LOGON_FAILURE" means the number of that name.
std::string with_number(const std::string& name) {
  const auto colon = name.find(':');
  if (colon == std::string::npos) return name;
  for (const auto* code : codes::named(name.substr(colon + 1))) {
    using enum codes::Family;
    if (code->family == kNtStatus || code->family == kSecurityStatus || code->family == kTlsAlert ||
        code->family == kAuthorization || code->family == kErrorInfo ||
        code->family == kLicensing || code->family == kRdstls) {
      return fmt::format("{}:0x{:X}", name.substr(0, colon), code->value);
    }
  }
  return name;
}

std::string in_words(const lab::Logons& logons) {
  return fmt::format("; logons tried: {}, with the right password: {}, credentials received: {}",
                     logons.tried, logons.proved, logons.delegated);
}

int serve(Play play, std::uint16_t port) {
  const LeaveSignals signals;
  const auto faults = lab::faults_of(play.name);
  const bool nla = faults.nla.has_value();
  auto server = lab::Server::start(faults, port, std::move(play.account));
  if (!server) return talk(server.error().text), kCouldNotTry;
  talk(fmt::format("{}: {}; on 127.0.0.1:{} until Ctrl-C", play.name, play.scenario->summary,
                   server->port()));
  results().write(fmt::format("{}\n", server->port()));
  if (const int code = finish_results(kComplete); code != kComplete) return code;
  signals.wait();
  talk(fmt::format("served {} connection{}{}", server->connections(),
                   server->connections() == 1 ? "" : "s",
                   nla ? in_words(server->logons()) : std::string()));
  return kComplete;
}

/// One port each: "PORT SCENARIO" per line.
int serve_all(const lab::Account& account, std::uint16_t first_port) {
  const LeaveSignals signals;
  std::vector<lab::Server> servers;
  auto port = first_port;
  for (const auto& scenario : lab::scenarios()) {
    auto server = lab::Server::start(lab::faults_of(scenario.name), port,
                                     {.user = account.user, .password = account.password.copy()});
    if (!server) return talk(server.error().in(scenario.name).text), kCouldNotTry;
    results().write(fmt::format("{} {}\n", server->port(), scenario.name));
    servers.push_back(std::move(*server));
    if (first_port != 0) ++port;
  }
  if (const int code = finish_results(kComplete); code != kComplete) return code;
  talk(fmt::format("{} servers on 127.0.0.1 until Ctrl-C", servers.size()));
  signals.wait();
  return kComplete;
}

/// A mstsc that logs on as the account of the lab.
void log_on(const lab::Account& account, net::ProbeOptions& options) {
  options.plan.credssp.authentication = dialogue::Authentication::kNtlm;
  options.plan.credssp.credentials = std::make_shared<dialogue::OneAttempt>(dialogue::Credentials{
      .user = account.user, .domain = {}, .password = account.password.copy()});
}

/// The server and a probe of it in one program: something to explain without any other machine.
int demonstrate(Play play, bool explain) {
  net::ProbeOptions options;
  options.plan.until = Phase::kFinalization;  // no session stands behind the lab
  const auto faults = lab::faults_of(play.name);
  if (faults.nla) log_on(play.account, options);
  auto server = lab::Server::start(faults, 0, std::move(play.account));
  if (!server) return talk(server.error().text), kCouldNotTry;
  net::Target target{"127.0.0.1", server->port(), fmt::format("127.0.0.1:{}", server->port())};
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
  subject.fingerprints = &found->fingerprints;
  subject.diagnosis = &found->diagnosis;
  std::string opening;
  report::append_wrapped(opening, "",
                         fmt::format("A server of our own on loopback plays \"{}\": {}.", play.name,
                                     play.scenario->summary),
                         report_width());
  report::append_wrapped(opening, "", play.scenario->story, report_width());
  results().write(opening + "\n");
  results().write(report::to_text(subject, {colour_wanted("auto"), report_width(), explain}));
  return finish_results(kComplete);
}

}  // namespace

int run_lab(const Arguments& arguments) {
  CLI::App app("An RDP server on loopback that fails in a chosen way.", "rdpwhy lab");
  Play play;
  std::string password_file;
  std::uint16_t port = 0;
  bool list = false, demo = false, explain = false, all = false;
  app.add_option("SCENARIO", play.name,
                 "which failure; --list names them. Where a number may follow, it comes behind a "
                 "colon, or its name does: credssp-error:STATUS_ACCOUNT_LOCKED_OUT");
  app.add_flag("--list", list, "the scenarios, one per line");
  app.add_flag("--all", all, "every scenario, one port each (with --port from that one on)")
      ->excludes("--list");
  app.add_option("--port", port, "listen on this port of 127.0.0.1 (any free one; it is printed)");
  app.add_flag("--demo", demo, "start it, probe it and explain what is found");
  app.add_flag("--explain", explain, "with --demo: add the list of evidence");
  app.add_option("--user", play.account.user, "with NLA: who may log on, in any domain (alice)");
  app.add_option("--password-file", password_file,
                 "with NLA: that user's password, one line; - is standard input (the password of "
                 "the lab is open-for-tests)");
  if (const auto leave = parse(app, arguments)) return *leave;
  if (list) return list_scenarios();
  if (all && (demo || !play.name.empty()))
    return usage_error(app, "--all plays every scenario: it takes no name, and has no --demo");
  if (!password_file.empty()) {
    auto password = password_from_file(password_file);
    if (!password) return talk(password.error().text), kCouldNotTry;
    play.account.password = std::move(*password);
  }
  if (all) return serve_all(play.account, port);
  if (play.name.empty() && demo) play.name = kDemoScenario;
  if (play.name.empty()) return usage_error(app, "which scenario? rdpwhy lab --list names them");
  play.name = with_number(play.name);
  play.scenario = lab::find_scenario(play.name);
  if (play.scenario == nullptr) {
    return usage_error(app, fmt::format("no scenario is called \"{}\", or it takes no such number; "
                                        "rdpwhy lab --list names them",
                                        play.name));
  }
  return demo ? demonstrate(std::move(play), explain) : serve(std::move(play), port);
}

}  // namespace rdpwhy::cli
