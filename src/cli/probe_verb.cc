// rdpwhy [probe] TARGET...
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "cli/files.h"
#include "cli/trust.h"
#include "cli/verbs.h"
#include "rdpwhy/crypto/tls_session.h"
#include "rdpwhy/investigate/investigate.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::cli {
namespace {

constexpr std::size_t kMostRdpFile = 1u << 20;
constexpr double kLongestTimeout = 3600;

/// As typed, before anything is judged.
struct Typed {
  std::vector<std::string> targets;
  bool json = false, explain = false, v4 = false, v6 = false, no_experiments = false;
  double timeout = 5;
  std::string saw, proxy, ca, security, tls_min, tls_max, ciphers, resolve, until, write_capture,
      key_log;
  std::optional<std::string> cookie, routing_token, server_name;
  std::string colour = "auto";
};

void declare(CLI::App& app, Typed& typed) {
  app.add_option("TARGET", typed.targets, "host, host:port, [v6]:port or an .rdp file")->required();
  app.add_flag("--json", typed.json, "one JSON object per target and line");
  app.add_flag("--explain", typed.explain, "add the list of evidence");
  app.add_option("--timeout", typed.timeout, "seconds that each phase may take (5)");
  app.add_option("--until", typed.until, "stop after this phase: tcp, x224, tls");
  app.add_option("--saw", typed.saw, "what mstsc showed: CODE[,EXTENDED], as in 0x904,0x7");
  app.add_option("--security", typed.security,
                 "what to offer, of rdp,tls,nla,ext,rdstls (exactly these bits), or none");
  app.add_option("--cookie", typed.cookie, "mstshash= of the request; empty: no cookie");
  app.add_option("--routing-token", typed.routing_token, "the whole line, as in loadbalanceinfo");
  app.add_option("--tls-min", typed.tls_min, "oldest TLS version to offer: 1.0, 1.1, 1.2, 1.3");
  app.add_option("--tls-max", typed.tls_max, "newest TLS version to offer");
  app.add_option("--ciphers", typed.ciphers, "cipher suites to offer, in order, by name or number");
  app.add_option("--server-name", typed.server_name, "server_name of the ClientHello; empty: none");
  app.add_option("--ca", typed.ca, "trusted authorities: a PEM file or a hashed directory");
  app.add_option("--proxy", typed.proxy, "socks5://HOST:PORT or http://HOST:PORT");
  app.add_option("--resolve", typed.resolve, "connect to this address, keep the name");
  auto* v4 = app.add_flag("-4", typed.v4, "IPv4 only");
  app.add_flag("-6", typed.v6, "IPv6 only")->excludes(v4);
  app.add_option("--write-capture", typed.write_capture,
                 "keep the connection in this pcapng file, secrets included");
  app.add_option("--keylog", typed.key_log, "append TLS secrets to this file (NSS key log)");
  app.add_option("--color", typed.colour, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("--no-experiments", typed.no_experiments, "one handshake, no further connections");
}

/// A target with what its .rdp file adds.
struct Errand {
  net::Target target;
  net::ProbeOptions options;
  std::vector<std::string> remarks;
};

bool names_rdp_file(std::string_view text) {
  constexpr std::string_view kSuffix = ".rdp";
  return text.size() > kSuffix.size() &&
         std::ranges::equal(text.substr(text.size() - kSuffix.size()), kSuffix,
                            [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

/// A capture that lies here and was meant for `replay`: no host is called like that.
bool names_capture_here(const std::string& text) {
  static constexpr std::string_view kSuffixes[] = {".pcap", ".pcapng", ".cap", ".ntar"};
  const bool looks_so = text.find('/') != std::string::npos ||
                        std::ranges::any_of(kSuffixes, [&](auto s) { return text.ends_with(s); });
  std::error_code unknown;
  return looks_so && std::filesystem::is_regular_file(text, unknown);
}

std::expected<void, Error> apply_request(const Typed& typed, rdp::ConnectionRequest& request) {
  if (!typed.security.empty()) {
    const auto negotiation = parse_security(typed.security);
    if (!negotiation) return std::unexpected(negotiation.error());
    request.negotiation = *negotiation;
  }
  if (typed.cookie) {
    request.cookie = typed.cookie->empty() ? std::optional<std::string>() : typed.cookie;
  }
  if (typed.routing_token) {
    request.routing_token = *typed.routing_token;
    if (!typed.cookie) request.cookie.reset();  // a request carries one or the other
  }
  for (const auto* text : {&request.cookie, &request.routing_token}) {
    if (*text && (*text)->find_first_of("\r\n") != std::string::npos) {
      return std::unexpected(Error{"a cookie or routing token is one line"});
    }
  }
  constexpr std::size_t kMost = 200;  // the X.224 length indicator is one octet
  if ((request.cookie ? request.cookie->size() : 0) +
          (request.routing_token ? request.routing_token->size() : 0) >
      kMost) {
    return std::unexpected(
        Error{fmt::format("a cookie or routing token has at most {} octets", kMost)});
  }
  return {};
}

std::expected<void, Error> apply_tls(const Typed& typed, crypto::TlsOffer& offer) {
  if (!typed.tls_min.empty()) {
    const auto version = parse_tls_version(typed.tls_min);
    if (!version) return std::unexpected(version.error());
    offer.min_version = *version;
  }
  if (!typed.tls_max.empty()) {
    const auto version = parse_tls_version(typed.tls_max);
    if (!version) return std::unexpected(version.error());
    offer.max_version = *version;
  }
  if (typed.tls_min.empty() && offer.min_version > offer.max_version)
    offer.min_version = offer.max_version;
  if (typed.tls_max.empty() && offer.max_version < offer.min_version)
    offer.max_version = offer.min_version;
  if (offer.min_version > offer.max_version)
    return std::unexpected(Error{"--tls-min is newer than --tls-max"});
  if (!typed.ciphers.empty()) {
    const auto suites = parse_ciphers(typed.ciphers);
    if (!suites) return std::unexpected(suites.error());
    offer.cipher_suites = *suites;
  }
  return {};
}

std::expected<void, Error> apply_depth(const Typed& typed, dialogue::ProbePlan& plan) {
  if (!typed.until.empty()) {
    const auto phase = record::phase_named(typed.until);
    if (!phase)
      return std::unexpected(Error{fmt::format("--until: no phase is called \"{}\"", typed.until)});
    if (*phase != Phase::kTcp && *phase != Phase::kX224 && *phase != Phase::kTls) {
      return std::unexpected(
          Error{fmt::format("--until takes tcp, x224 or tls; {} is not probed", typed.until)});
    }
    plan.until = *phase;
  }
  const auto& negotiation = plan.request.negotiation;
  const bool offers_tls = negotiation && negotiation->requested.bits != 0;
  if (!offers_tls) plan.until = std::min(plan.until, Phase::kX224);
  return {};
}

std::expected<net::ProbeOptions, Error> base_options(const Typed& typed) {
  net::ProbeOptions options;
  if (!std::isfinite(typed.timeout) || typed.timeout <= 0 || typed.timeout > kLongestTimeout) {
    return std::unexpected(Error{
        fmt::format("--timeout takes seconds, more than 0 and at most {:.0f}", kLongestTimeout)});
  }
  options.phase_timeout = std::chrono::nanoseconds(std::llround(typed.timeout * 1e9));
  if (typed.v4) options.family = net::ProbeOptions::Family::kV4;
  if (typed.v6) options.family = net::ProbeOptions::Family::kV6;
  options.resolve_to = typed.resolve;
  options.watch_silent_connection = !typed.no_experiments;
  if (!typed.proxy.empty()) {
    auto proxy = net::parse_proxy(typed.proxy);
    if (!proxy) return std::unexpected(proxy.error().in("--proxy"));
    options.proxy = std::move(*proxy);
  }
  if (const auto done = apply_tls(typed, options.plan.tls); !done)
    return std::unexpected(done.error());
  return options;
}

/// What mstsc would do with this .rdp file, as far as the first phases go.
void apply_rdp_file(const net::RdpFile& file, Errand& errand) {
  auto& request = errand.options.plan.request;
  if (!file.routing_token.empty()) {
    request.routing_token = file.routing_token;
    request.cookie.reset();
  }
  if (!file.enable_credssp && request.negotiation) {
    request.negotiation->requested.bits = static_cast<std::uint32_t>(rdp::Protocol::kSsl);
  }
  errand.remarks = file.remarks;
}

std::expected<Errand, int> make_errand(const CLI::App& app, const Typed& typed,
                                       const std::string& text) {
  Errand errand;
  auto options = base_options(typed);
  if (!options) return std::unexpected(usage_error(app, options.error().text));
  errand.options = std::move(*options);
  if (names_rdp_file(text)) {
    const auto octets = read_small_file(text, kMostRdpFile);
    if (!octets) return talk(octets.error().text), std::unexpected(static_cast<int>(kCouldNotTry));
    auto file = net::parse_rdp_file(*octets);
    if (!file)
      return talk(file.error().in(text).text), std::unexpected(static_cast<int>(kCouldNotTry));
    errand.target = file->target;
    apply_rdp_file(*file, errand);
  } else if (names_capture_here(text)) {
    return std::unexpected(
        usage_error(app, fmt::format("{0} is a file: did you mean rdpwhy replay {0}?", text)));
  } else {
    auto target = net::parse_target(text);
    if (!target) return std::unexpected(usage_error(app, target.error().text));
    errand.target = std::move(*target);
  }
  errand.target.text = text;
  auto& plan = errand.options.plan;
  if (const auto done = apply_request(typed, plan.request); !done)
    return std::unexpected(usage_error(app, done.error().text));
  if (const auto done = apply_depth(typed, plan); !done)
    return std::unexpected(usage_error(app, done.error().text));
  errand.options.server_name = typed.server_name;  // "" leaves the extension out
  plan.tls.server_name = typed.server_name.value_or(errand.target.host);
  if (const auto offer = crypto::TlsSession::client(plan.tls, {}); !offer)
    return std::unexpected(usage_error(app, offer.error().text));
  return errand;
}

/// Where octets and secrets of the connections are kept, if asked for.
struct Keeping {
  std::unique_ptr<Sink> capture;
  std::unique_ptr<Sink> secrets;

  [[nodiscard]] std::expected<void, Error> open(const Typed& typed) {
    if (!typed.write_capture.empty()) {
      auto file = create_private_file(typed.write_capture, Existing::kReplace);
      if (!file) return std::unexpected(file.error());
      capture = std::move(*file);
    }
    if (!typed.key_log.empty()) {
      auto file = create_private_file(typed.key_log, Existing::kAppend);
      if (!file) return std::unexpected(file.error());
      secrets = std::move(*file);
    }
    return {};
  }
  void attach(net::ProbeOptions& options) const {
    if (capture)
      options.capture_sink = [sink = capture.get()](ByteSpan octets) {
        sink->write(base::as_text(octets));
      };
    if (secrets) {
      options.on_secret = [sink = secrets.get()](std::string_view line) {
        sink->write(line);
        if (!line.ends_with('\n')) sink->write("\n");
      };
    }
  }
  /// After each target, so that a later crash loses nothing.
  [[nodiscard]] bool flush() const {
    bool good = true;
    for (const auto* sink : {capture.get(), secrets.get()}) {
      if (sink == nullptr || const_cast<Sink*>(sink)->flush()) continue;
      talk(sink->error());
      good = false;
    }
    return good;
  }
};

void print_report(const Errand& errand, const investigate::Investigation& found, const Typed& typed,
                  bool first) {
  report::Subject subject;
  subject.source.target = errand.target.text;
  subject.source.address = found.handshake.address;
  subject.source.through_proxy = errand.options.proxy.has_value();
  subject.source.port = found.handshake.port != 0 ? found.handshake.port : errand.target.port;
  subject.started = found.handshake.started;
  subject.record = &found.handshake.record;
  subject.certificate_problems = found.certificate_problems;
  subject.diagnosis = &found.diagnosis;
  subject.remarks = errand.remarks;
  std::string out;
  if (typed.json) {
    report::append_json(out, subject);
    out += '\n';
  } else {
    if (!first) out += '\n';
    out += report::to_text(subject, {colour_wanted(typed.colour), report_width(), typed.explain});
  }
  results().write(out);
}

int exit_code_of(const HandshakeRecord& record) {
  const auto progress = record::progress(record);
  if (progress.failure) return kFailed;
  const auto until = record.run ? record.run->until : std::nullopt;
  return until && (!progress.reached || *progress.reached < *until) ? kFailed : kComplete;
}

}  // namespace

int run_probe(const Arguments& arguments) {
  CLI::App app("The handshake against a live server, step by step, and why it fails.",
               "rdpwhy probe");
  Typed typed;
  declare(app, typed);
  if (const auto leave = parse(app, arguments)) return *leave;

  std::optional<diagnose::Saw> saw;
  if (!typed.saw.empty()) {
    const auto parsed = parse_saw(typed.saw);
    if (!parsed) return usage_error(app, parsed.error().text);
    saw = *parsed;
  }
  std::vector<Errand> errands;
  for (const auto& text : typed.targets) {
    auto errand = make_errand(app, typed, text);
    if (!errand) return errand.error();
    errands.push_back(std::move(*errand));
  }
  auto store = open_trust_store(typed.ca);
  if (!store) return talk(store.error().text), kCouldNotTry;
  crypto::CertificateJudge judge(std::move(*store));
  Keeping keeping;
  if (const auto opened = keeping.open(typed); !opened)
    return talk(opened.error().text), kCouldNotTry;

  int exit_code = kComplete;
  ProgressLine progress;
  for (auto& errand : errands) {
    keeping.attach(errand.options);
    errand.options.on_phase = [&](Phase phase) {
      progress.show(fmt::format("{}: {} ...", errand.target.text, record::row_of(phase).title));
    };
    const auto found = investigate::investigate(errand.target, errand.options, judge, saw);
    progress.clear();
    if (!keeping.flush()) exit_code = std::max<int>(exit_code, kCouldNotTry);
    if (!found) {
      talk(found.error().in(errand.target.text).text);
      exit_code = std::max<int>(exit_code, kCouldNotTry);
      continue;
    }
    print_report(errand, *found, typed, &errand == &errands.front());
    if (!results().flush()) break;
    exit_code = std::max(exit_code, exit_code_of(found->handshake.record));
  }
  return finish_results(exit_code);
}

}  // namespace rdpwhy::cli
