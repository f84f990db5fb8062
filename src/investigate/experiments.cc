#include "rdpwhy/investigate/experiments.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <utility>

#include "rdpwhy/diagnose/planner.h"
#include "rdpwhy/net/signal_watch.h"
#include "rdpwhy/record/queries.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::investigate {
namespace {

using enum diagnose::ExperimentId;
using diagnose::ExperimentId;
using diagnose::ExperimentResult;
using diagnose::PlannedExperiment;

constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;
/// Fits into what every link of IPv4 carries whole (RFC 791: 576 octets).
constexpr int kSmallSegment = 536;

void offer_protocols(net::ProbeOptions& options, std::uint32_t bits) {
  if (!options.plan.request.negotiation) options.plan.request.negotiation.emplace();
  options.plan.request.negotiation->requested.bits = bits;
}

void offer_version(net::ProbeOptions& options, std::uint16_t version) {
  options.plan.tls.min_version = version;
  options.plan.tls.max_version = version;
  options.plan.tls.skip_unsupported = true;
}

/// Of a list that was offered, those that are also in `wanted`; all of `wanted` where the list was
/// left to OpenSSL or nothing is left of it.
std::vector<std::uint16_t> only(const std::vector<std::uint16_t>& offered,
                                std::vector<std::uint16_t> wanted) {
  std::vector<std::uint16_t> both;
  std::ranges::copy_if(offered, std::back_inserter(both),
                       [&](auto code) { return std::ranges::count(wanted, code) > 0; });
  return both.empty() ? wanted : both;
}

/// As clients of 2010 wrote it: few suites, one group, no status request; the same server name.
void make_classic(crypto::TlsOffer& offer) {
  const bool tls13_alone = offer.min_version == kTls13;
  if (tls13_alone) {
    offer.cipher_suites = only(offer.cipher_suites, {0x1301});
    offer.signature_algorithms = only(offer.signature_algorithms, {0x0804, 0x0403});
  } else {
    offer.max_version = std::min(offer.max_version, kTls12);
    offer.cipher_suites =
        only(offer.cipher_suites, {0xC02F, 0xC02B, 0xC013, 0xC009, 0x009C, 0x0035, 0x002F});
    offer.signature_algorithms = only(offer.signature_algorithms, {0x0401, 0x0403, 0x0201});
  }
  offer.groups = only(offer.groups, {23});
  offer.status_request = false;
  offer.post_handshake_auth = false;
  offer.skip_unsupported = true;
}

/// Those with which a server shows who it is.
std::vector<std::uint16_t> suites_with_certificate() {
  constexpr std::string_view kOthers[] = {"NULL", "anon", "EXPORT", "PSK", "SRP", "KRB5", "GOST"};
  std::vector<std::uint16_t> codes;
  for (const auto& entry : tls::cipher_suites()) {
    if (std::ranges::none_of(kOthers, [&](auto part) { return entry.name.contains(part); }))
      codes.push_back(entry.code);
  }
  return codes;
}

/// Whatever OpenSSL can, those of the failed offer first.
void offer_everything(crypto::TlsOffer& offer) {
  const auto extend = [](std::vector<std::uint16_t>& list, std::vector<std::uint16_t> all) {
    for (const auto code : all) {
      if (!tls::is_grease(code) && std::ranges::count(list, code) == 0) list.push_back(code);
    }
  };
  extend(offer.cipher_suites, suites_with_certificate());
  // mstsc's own, the older curves and finite fields; SHA-224 and what DSA signs have no users left.
  extend(offer.groups, {29, 23, 24, 25, 30, 256, 257, 258});
  extend(offer.signature_algorithms,
         {0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080A, 0x080B, 0x0804, 0x0805, 0x0806,
          0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0303, 0x0301});
  offer.skip_unsupported = true;
}

bool is_of_kind(std::uint16_t suite, bool ecdsa) {
  if (suite >> 8 == 0x13) return true;  // RFC 8446 B.4: of no kind
  const auto name = tls::cipher_suite_name(suite);
  return name && name->contains("ECDSA") == ecdsa;
}

/// Suites and signature algorithms that fit one kind of certificate.
void offer_certificates_of(crypto::TlsOffer& offer, bool ecdsa) {
  std::erase_if(offer.cipher_suites, [ecdsa](auto suite) { return !is_of_kind(suite, ecdsa); });
  if (offer.cipher_suites.empty())
    offer.cipher_suites = ecdsa ? std::vector<std::uint16_t>{0x1301, 0xC02B, 0xC009}
                                : std::vector<std::uint16_t>{0x1301, 0xC02F, 0xC013, 0x002F};
  std::erase_if(offer.signature_algorithms, [ecdsa](auto algorithm) {
    const bool signs_ecdsa = algorithm < 0x0700 && (algorithm & 0xFF) == 3;
    return signs_ecdsa != ecdsa;
  });
  if (offer.signature_algorithms.empty())
    offer.signature_algorithms = ecdsa ? std::vector<std::uint16_t>{0x0403, 0x0503, 0x0203}
                                       : std::vector<std::uint16_t>{0x0804, 0x0401, 0x0201};
  offer.skip_unsupported = true;
}

/// What stays the same for all: nobody logs on, nothing is kept, nothing goes farther than the
/// phase that failed.
net::ProbeOptions without_change(const net::ProbeOptions& failed, Phase phase) {
  auto options = failed;
  options.delay = net::kPace;
  options.watch_silent_connection = false;
  options.capture_sink = {};  // which is kept of the handshake alone
  options.on_secret = {};
  options.on_phase = {};
  options.keep_redirection_password = false;
  options.until_is_a_wish = false;
  options.plan.credssp.credentials.reset();
  options.plan.credssp.restricted_admin = false;
  options.plan.rdstls.reset();
  options.plan.session.request_license = false;
  auto& authentication = options.plan.credssp.authentication;
  // NTLM without credentials ends with the server's challenge: nobody is named.
  if (phase > Phase::kTls && authentication != dialogue::Authentication::kNone) {
    authentication = dialogue::Authentication::kNtlm;
  } else {
    authentication = dialogue::Authentication::kNone;
  }
  options.plan.until = std::min(phase, Phase::kMcs);
  options.plan.until_without_nla.reset();
  return options;
}

bool change(ExperimentId id, net::ProbeOptions& options) {
  auto& request = options.plan.request;
  auto& tls = options.plan.tls;
  const auto bit = [](rdp::Protocol protocol) { return static_cast<std::uint32_t>(protocol); };
  switch (id) {
    case kSameAgain:
    case kOtherAddress:
      return true;
    case kSilentConnection:
      options.oddities.stay_silent = true;
      return true;
    case kProxyHeader:
      options.oddities.proxy_header = true;
      return true;
    case kNoCookie:
      return std::exchange(request.cookie, std::nullopt).has_value();
    case kNoToken:
      return std::exchange(request.routing_token, std::nullopt).has_value();
    case kRdpOnly:
      offer_protocols(options, 0);
      return true;
    case kTlsOnly:
      offer_protocols(options, bit(rdp::Protocol::kSsl));
      return true;
    case kNlaOnly:
      offer_protocols(options, bit(rdp::Protocol::kHybrid));
      return true;
    case kNoHybridEx:
      offer_protocols(options, bit(rdp::Protocol::kSsl) | bit(rdp::Protocol::kHybrid));
      return true;
    case kTlsFirst:
      options.oddities.tls_first = true;
      return true;
    case kSmallClientHello:
      make_classic(tls);
      return true;
    case kEveryCipher:
      offer_everything(tls);
      return true;
    case kTls10Only:
      offer_version(options, 0x0301);
      return true;
    case kTls11Only:
      offer_version(options, 0x0302);
      return true;
    case kTls12Only:
      offer_version(options, kTls12);
      return true;
    case kTls13Only:
      offer_version(options, kTls13);
      return true;
    case kRsaOnly:
      offer_certificates_of(tls, false);
      return true;
    case kEcdsaOnly:
      offer_certificates_of(tls, true);
      return true;
    case kSplitClientHello:
      options.oddities.split_client_hello = true;
      return true;
    case kNoServerName:
      options.server_name = "";
      tls.server_name.clear();
      return true;
    case kClampedSegments:
      options.oddities.segment_size = kSmallSegment;
      return true;
  }
  return false;
}

/// A connection for each address that was tried, and the silent one of the probe itself.
std::size_t connections_of(const HandshakeRecord& record) {
  auto count = static_cast<std::size_t>(std::ranges::count_if(record.evidence, [](const auto& e) {
    return std::holds_alternative<record::Connecting>(e.fact);
  }));
  if (record.run && record.run->silent_connection) ++count;
  return count;
}

/// The loop of one investigation.
class Loop {
 public:
  Loop(const net::Target& target, const net::ProbeOptions& options, net::ProbedConnection& met,
       const diagnose::Circumstances& circumstances, const ExperimentLimits& limits)
      : target_(target),
        options_(options),
        met_(met),
        circumstances_(circumstances),
        limits_(limits) {}

  Experiments run() {
    const auto spent = connections_of(met_.record);
    const auto most = std::min(limits_.most, kMostConnections - std::min(spent, kMostConnections));
    // Between two of them there is nobody else to hear a signal.
    std::optional<net::SignalWatch> signals;
    if (options_.ends_on_signals) signals.emplace();
    while (!result_.signal) {
      const auto next = diagnose::next_experiments(met_.record, circumstances_, result_.made, most);
      if (next.empty()) break;
      make(next);
      if (signals && !result_.signal) result_.signal = signals->caught();
    }
    return std::move(result_);
  }

 private:
  using Probed = std::expected<net::ProbedConnection, Error>;

  /// More than one: side by side, each a little after the one before it.
  void make(const std::vector<PlannedExperiment>& round) {
    std::vector<std::future<Probed>> running;
    for (std::size_t i = 0; i < round.size(); ++i) {
      if (limits_.on_experiment) limits_.on_experiment(diagnose::row_of(round[i].id).name);
      auto options = options_of(round[i], target_, options_, met_);
      if (options) options->delay *= static_cast<int>(i + 1);
      const auto how = round.size() == 1 ? std::launch::deferred : std::launch::async;
      running.push_back(std::async(how, [this, options = std::move(options)]() -> Probed {
        if (!options) return std::unexpected(Error{"this cannot be changed here"});
        return net::probe(target_, *options);
      }));
    }
    for (std::size_t i = 0; i < round.size(); ++i) keep(round[i], running[i].get());
  }

  void keep(const PlannedExperiment& experiment, Probed probed) {
    if (probed && probed->signal) {  // cut short: it shows nothing
      result_.signal = probed->signal;
      return;
    }
    ExperimentResult result{.experiment = experiment, .record = {}, .not_made = {}};
    for (const auto& made : result_.made) {
      if (made.experiment.id == experiment.id) ++result.number;
    }
    if (!probed) {
      result.not_made = probed.error().text;
    } else {
      result.record = std::move(probed->record);
      if (experiment.id == kSilentConnection && met_.record.run)
        met_.record.run->silent_connection = result.record.run->silent_connection;
    }
    result_.made.push_back(std::move(result));
  }

  const net::Target& target_;
  const net::ProbeOptions& options_;
  net::ProbedConnection& met_;
  const diagnose::Circumstances& circumstances_;
  const ExperimentLimits& limits_;
  Experiments result_;
};

}  // namespace

std::optional<net::ProbeOptions> options_of(const PlannedExperiment& experiment,
                                            const net::Target& target,
                                            const net::ProbeOptions& failed,
                                            const net::ProbedConnection& met) {
  const auto failure = record::progress(met.record).failure;
  if (!failure) return std::nullopt;
  auto options = without_change(failed, failure->phase);
  if (!change(experiment.id, options)) return std::nullopt;
  // A name is asked for once: all of this is about one machine.
  const bool is_name = met.address != target.host && !target.host.contains(':');
  if (!failed.proxy && failed.resolve_to.empty() && is_name) options.resolve_to = met.address;
  if (!experiment.address.empty()) options.resolve_to = experiment.address;
  return options;
}

Experiments run_experiments(const net::Target& target, const net::ProbeOptions& options,
                            net::ProbedConnection& met,
                            const diagnose::Circumstances& circumstances,
                            const ExperimentLimits& limits) {
  return Loop(target, options, met, circumstances, limits).run();
}

}  // namespace rdpwhy::investigate
