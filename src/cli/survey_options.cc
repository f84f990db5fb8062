#include "cli/survey_options.h"

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/console.h"
#include "rdpwhy/rdp/negotiation.h"

namespace rdpwhy::cli {

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

void declare_survey(CLI::App& app, TypedSurvey& typed) {
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
  app.add_option("--max-connections", typed.most_connections,
                 "how many are made at most; what is not known by then stays unknown")
      ->check(CLI::Range(1, 100000));
  app.add_option("--color", to.colour, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

std::expected<Errand, int> make_survey_errand(const CLI::App& app, const TypedSurvey& typed,
                                              const std::string& text) {
  auto connection = typed.connection;
  if (connection.security.empty()) connection.security = "tls";
  auto errand = make_errand(app, connection, text);
  if (!errand) return errand;
  const auto& negotiation = errand->options.plan.request.negotiation;
  if (!negotiation || negotiation->requested.bits == 0) {
    return std::unexpected(
        usage_error(app, "--security: without tls, nla, ext or rdstls there is no TLS"));
  }
  return errand;
}

std::expected<investigate::TlsSurvey, Error> survey_with_progress(const Errand& errand,
                                                                  const TypedSurvey& typed) {
  ProgressLine progress;
  auto options = survey_options(typed, errand);
  options.on_question = [&](const survey::Question& question, std::size_t asked) {
    progress.show(fmt::format("{}: {}, {} ...", errand.target.text, asked, question.about));
  };
  auto found = investigate::survey_tls(errand.target, options);
  progress.clear();
  return found;
}

}  // namespace rdpwhy::cli
