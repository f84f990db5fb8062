#include "cli/probe_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "cli/arguments.h"
#include "cli/console.h"
#include "cli/files.h"
#include "rdpwhy/crypto/tls_session.h"

namespace rdpwhy::cli {
namespace {

constexpr std::size_t kMostRdpFile = 1u << 20;
constexpr double kLongestTimeout = 3600;
constexpr std::size_t kMostRepetitions = 100;
constexpr std::size_t kMostExperiments = investigate::kMostConnections - 1;

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

std::expected<void, Error> apply_request(const TypedProbe& typed, rdp::ConnectionRequest& request) {
  if (!typed.security.empty()) {
    const auto negotiation = parse_security(typed.security);
    if (!negotiation) return std::unexpected(negotiation.error());
    request.negotiation = *negotiation;
  }
  if (typed.logon.restricted_admin && request.negotiation) {
    request.negotiation->flags |= rdp::NegotiationRequest::kRestrictedAdminModeRequired;
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

std::expected<void, Error> apply_tls(const TypedProbe& typed, crypto::TlsOffer& offer) {
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
  if (!typed.signature_algorithms.empty()) {
    const auto algorithms = parse_signature_algorithms(typed.signature_algorithms);
    if (!algorithms) return std::unexpected(algorithms.error());
    offer.signature_algorithms = *algorithms;
  }
  return {};
}

/// NLA is among what is offered.
bool offers_nla(const rdp::ConnectionRequest& request) {
  constexpr auto kNla = static_cast<std::uint32_t>(rdp::Protocol::kHybrid) |
                        static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  return request.negotiation && (request.negotiation->requested.bits & kNla) != 0;
}

/// Without a word of the user: no session is created, no failed logon left behind. With NLA that is
/// the server's challenge, or what became of the logon that was asked for; without it the MCS
/// Connect Response.
void default_depth(const TypedProbe& typed, bool credssp_begins, dialogue::ProbePlan& plan) {
  const bool delegates_nothing =
      plan.credssp.authentication == dialogue::Authentication::kKerberos &&
      typed.logon.restricted_admin;
  const bool logs_on = credssp_begins && (typed.logon.wanted() || delegates_nothing);
  plan.until = credssp_begins             ? (logs_on ? Phase::kAuthorization : Phase::kCredssp)
               : offers_nla(plan.request) ? Phase::kTls  // --auth none: nothing follows there
                                          : Phase::kMcs;
  if (!logs_on) plan.until_without_nla = Phase::kMcs;
}

/// --until, as far as the words around it do not forbid it.
std::expected<Phase, Error> asked_depth(const TypedProbe& typed, bool credssp_begins,
                                        const dialogue::ProbePlan& plan) {
  const auto phase = record::phase_named(typed.until);
  if (!phase)
    return std::unexpected(Error{fmt::format("--until: no phase is called \"{}\"", typed.until)});
  static constexpr Phase kDepths[] = {
      Phase::kTcp, Phase::kX224,     Phase::kTls,       Phase::kCredssp,      Phase::kAuthorization,
      Phase::kMcs, Phase::kChannels, Phase::kLicensing, Phase::kCapabilities, Phase::kFinalization};
  if (std::ranges::find(kDepths, *phase) == std::end(kDepths)) {
    return std::unexpected(
        Error{fmt::format("--until takes tcp, x224, tls, credssp, authorization, mcs, channels, "
                          "licensing, capabilities or finalization; {} is none to stop after",
                          typed.until)});
  }
  if (*phase > Phase::kChannels && !typed.create_session && !typed.logon.wanted()) {
    return std::unexpected(Error{fmt::format(
        "--until {0}: from there on the server makes a session; with --user it is the user's, "
        "without one say --create-session",
        typed.until)});
  }
  if (*phase >= Phase::kCredssp && *phase < Phase::kMcs && !credssp_begins) {
    return std::unexpected(Error{
        fmt::format("--until {}: NLA is not offered, or not begun (--auth none)", typed.until)});
  }
  const bool from_cache = plan.credssp.authentication == dialogue::Authentication::kKerberos;
  if (*phase == Phase::kAuthorization && !typed.logon.wanted() && !from_cache) {
    return std::unexpected(Error{"--until authorization needs a user who logs on: --user"});
  }
  return *phase;
}

std::expected<void, Error> apply_depth(const TypedProbe& typed, dialogue::ProbePlan& plan) {
  const bool credssp_begins =
      offers_nla(plan.request) && plan.credssp.authentication != dialogue::Authentication::kNone;
  if (typed.logon.wanted() && !credssp_begins) {
    return std::unexpected(
        Error{"a password is sent inside NLA only, and NLA (nla, ext) is not offered"});
  }
  default_depth(typed, credssp_begins, plan);
  if (!typed.until.empty()) {
    const auto phase = asked_depth(typed, credssp_begins, plan);
    if (!phase) return std::unexpected(phase.error());
    plan.until = *phase;
    // A session without a logon is made on an explicit word only.
    plan.until_without_nla.reset();
    if (*phase > Phase::kChannels && !typed.create_session) plan.until_without_nla = Phase::kMcs;
  }
  if (typed.request_license && plan.until < Phase::kLicensing) {
    return std::unexpected(
        Error{"--request-license needs --until licensing, capabilities or finalization"});
  }
  plan.session.request_license = typed.request_license;
  if (typed.repeat > 1 && (typed.logon.wanted() || plan.until > Phase::kChannels)) {
    return std::unexpected(
        Error{"--repeat goes without a password, which is tried once, and makes no sessions"});
  }
  if (typed.follow_redirection && plan.until < Phase::kLicensing) {
    return std::unexpected(
        Error{"--follow-redirection needs --until licensing, capabilities or finalization: servers "
              "redirect who is let in"});
  }
  const auto& negotiation = plan.request.negotiation;
  const bool offers_tls = negotiation && negotiation->requested.bits != 0;
  if (!offers_tls && plan.until < Phase::kMcs) {
    plan.until = std::min(plan.until, Phase::kX224);
    plan.until_without_nla.reset();
  }
  return {};
}

std::expected<net::ProbeOptions, Error> base_options(const TypedProbe& typed) {
  net::ProbeOptions options;
  if (!std::isfinite(typed.timeout) || typed.timeout <= 0 || typed.timeout > kLongestTimeout) {
    return std::unexpected(Error{
        fmt::format("--timeout takes seconds, more than 0 and at most {:.0f}", kLongestTimeout)});
  }
  options.phase_timeout = std::chrono::nanoseconds(std::llround(typed.timeout * 1e9));
  if (typed.v4) options.family = net::ProbeOptions::Family::kV4;
  if (typed.v6) options.family = net::ProbeOptions::Family::kV6;
  options.resolve_to = typed.resolve;
  options.watch_silent_connection = false;  // one of the experiments
  options.capture_secrets = !typed.no_capture_secrets;
  options.until_is_a_wish = typed.until.empty();
  options.keep_redirection_password = typed.follow_redirection;
  apply_logon(typed.logon, options.plan.credssp);
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

}  // namespace

void declare(CLI::App& app, TypedProbe& typed) {
  app.add_option("TARGET", typed.targets, "host, host:port, [v6]:port or an .rdp file")->required();
  app.add_flag("--json", typed.json, "one JSON object per target and line");
  app.add_flag("--explain", typed.explain, "add the list of evidence");
  app.add_option("--timeout", typed.timeout, "seconds that each phase may take (5)");
  app.add_option("--until", typed.until,
                 "stop after this phase: tcp, x224, tls, credssp, authorization, mcs, channels, "
                 "licensing, capabilities, finalization");
  app.add_flag("--create-session", typed.create_session,
               "allow --until to go where a server makes a session, without a logon by NLA");
  app.add_flag("--request-license", typed.request_license,
               "answer a server that asks for a licence request; it may issue a temporary licence");
  app.add_flag("--follow-redirection", typed.follow_redirection,
               "go where a redirection leads, with its routing token and without the password: a "
               "report of its own, at most three in a row");
  declare_saw(app, typed.saw);
  app.add_option("--security", typed.security,
                 "what to offer, of rdp,tls,nla,ext,rdstls (exactly these bits), or none");
  app.add_option("--encryption-methods", typed.encryption_methods,
                 "of Standard RDP Security, what to offer: 40,56,128,fips, or none");
  auto* enumerate = app.add_flag(
      "--enumerate-encryption", typed.enumerate_encryption,
      "where Standard RDP Security is settled on: five more connections, one for each method");
  app.add_option("--cookie", typed.cookie,
                 "mstshash= of the request (rdpwhy, never the user); empty: no cookie");
  app.add_option("--routing-token", typed.routing_token, "the whole line, as in loadbalanceinfo");
  app.add_option("--tls-min", typed.tls_min, "oldest TLS version to offer: 1.0, 1.1, 1.2, 1.3");
  app.add_option("--tls-max", typed.tls_max, "newest TLS version to offer");
  app.add_option("--ciphers", typed.ciphers, "cipher suites to offer, in order, by name or number");
  app.add_option("--signature-algorithms", typed.signature_algorithms,
                 "signature algorithms to offer, likewise: ed25519, rsa_pss_rsae_sha256 ...");
  app.add_option("--server-name", typed.server_name, "server_name of the ClientHello; empty: none");
  app.add_option("--ca", typed.ca, "trusted authorities: a PEM file or a hashed directory");
  app.add_option("--proxy", typed.proxy, "socks5://HOST:PORT or http://HOST:PORT");
  app.add_option("--resolve", typed.resolve, "connect to this address, keep the name");
  auto* v4 = app.add_flag("-4", typed.v4, "IPv4 only");
  app.add_flag("-6", typed.v6, "IPv6 only")->excludes(v4);
  auto* capture = app.add_option("--write-capture", typed.write_capture,
                                 "keep the connection in this pcapng file, secrets included");
  app.add_flag("--no-capture-secrets", typed.no_capture_secrets,
               "leave the TLS secrets out of it: nobody can read then what was said inside TLS")
      ->needs(capture);
  app.add_option("--keylog", typed.key_log, "append TLS secrets to this file (NSS key log)");
  app.add_option("--color", typed.colour, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  auto* none = app.add_flag("--no-experiments", typed.no_experiments,
                            "one handshake, no further connections")
                   ->excludes(enumerate);
  app.add_option("--repeat", typed.repeat,
                 fmt::format("make the same handshake so many times, 1 to {}: how often each "
                             "ending comes, how long each phase takes",
                             kMostRepetitions))
      ->check(CLI::Range(std::size_t{1}, kMostRepetitions))
      ->excludes(none);
  app.add_option("--max-experiments", typed.most_experiments,
                 fmt::format("of a handshake that fails, at most so many further connections that "
                             "change one thing, 0 to {} ({})",
                             kMostExperiments, investigate::ExperimentLimits::kUsual))
      ->check(CLI::Range(std::size_t{0}, kMostExperiments))
      ->excludes(none);
  declare_logon(app, typed.logon);
  app.footer(
      "A password is tried once in all: with several targets the first one gets it, no retry and "
      "no\n"
      "experiment sends it again, and what a KDC refused is not tried with NTLM. Without a "
      "password\n"
      "no logon is attempted that a server would count as failed.");
}

std::expected<Errand, int> make_errand(const CLI::App& app, const TypedProbe& typed,
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
    errand.rdp_file = std::move(*file);
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
  if (!typed.encryption_methods.empty()) {
    const auto methods = parse_encryption_methods(typed.encryption_methods);
    if (!methods) return std::unexpected(usage_error(app, methods.error().text));
    plan.session.encryption_methods = *methods;
  }
  if (const auto done = apply_depth(typed, plan); !done)
    return std::unexpected(usage_error(app, done.error().text));
  errand.options.server_name = typed.server_name;  // "" leaves the extension out
  plan.tls.server_name = typed.server_name.value_or(errand.target.host);
  // What was typed has to be possible; the default offer is looked at by the probe itself.
  if (typed.shapes_tls()) {
    if (const auto offer = crypto::TlsSession::client(plan.tls, {}); !offer)
      return std::unexpected(usage_error(app, offer.error().text));
  }
  return errand;
}

}  // namespace rdpwhy::cli
