#include "rdpwhy/investigate/investigate.h"

#include <fmt/format.h>

#include <chrono>

#include "rdpwhy/base/check.h"
#include "rdpwhy/net/signal_watch.h"

#include "rdpwhy/crypto/fingerprints.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::investigate {
namespace {

Moment now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

std::vector<std::string> certificate_problems(const HandshakeRecord& record,
                                              crypto::CertificateJudge& judge,
                                              const std::string& name, Moment at) {
  std::vector<std::string> names;
  const auto tls = record::tls_summary(record);
  if (!tls || tls->certificates == nullptr || tls->certificates->chain.empty()) return names;
  for (const auto problem : judge.judge(tls->certificates->chain, name, at)) {
    names.emplace_back(crypto::name_of(problem));
  }
  return names;
}

}  // namespace

std::expected<Investigation, Error> investigate(const net::Target& target,
                                                const net::ProbeOptions& options,
                                                crypto::CertificateJudge& judge,
                                                std::optional<diagnose::Saw> saw,
                                                const ExperimentLimits& limits) {
  auto first = options;
  // Where it may be an experiment, it is the planner's.
  if (limits.most > 0) first.watch_silent_connection = false;
  auto handshake = net::probe(target, first);
  if (!handshake) return std::unexpected(handshake.error());
  Investigation result{.handshake = *std::move(handshake)};
  const diagnose::Circumstances circumstances{
      .live = true,
      .now = now(),
      .target_host = target.host,
      .target_port = target.port,
      .server_address = result.handshake.address,
      .proxy = options.proxy ? net::text_of(*options.proxy) : std::string(),
      .certificate_problems =
          certificate_problems(result.handshake.record, judge, target.host, now()),
      .expected_certificate = options.expected_certificate,
      .saw = saw};
  if (limits.most > 0 && !result.handshake.signal) {
    auto experiments = run_experiments(target, options, result.handshake, circumstances, limits);
    result.experiments = std::move(experiments.made);
    if (experiments.signal) result.handshake.signal = experiments.signal;
  }
  result.diagnosis = diagnose::diagnose(result.handshake.record, circumstances, result.experiments);
  result.certificate_problems = circumstances.certificate_problems;
  result.fingerprints = crypto::fingerprints(result.handshake.record);
  return result;
}

bool enumerate_encryption(const net::Target& target, const net::ProbeOptions& options,
                          Investigation& found) {
  const auto& first = found.handshake;
  if (!record::settles_standard_security(first.record)) return false;
  auto further = options;
  further.delay = net::kPace;
  further.watch_silent_connection = false;
  further.capture_sink = {};  // which is kept of the handshake alone
  further.plan.until = Phase::kMcs;
  further.plan.until_without_nla.reset();
  further.plan.credssp.credentials.reset();
  further.plan.credssp.authentication = dialogue::Authentication::kNone;
  // A name is asked for once: all of this is about one machine.
  if (!options.proxy && options.resolve_to.empty() && first.address != target.host &&
      !target.host.contains(':')) {
    further.resolve_to = first.address;
  }
  constexpr std::uint32_t kOneByOne[] = {0x01, 0x08, 0x02, 0x10, 0x00};  // 40, 56, 128, FIPS, none
  for (const auto method : kOneByOne) {
    further.plan.session.encryption_methods = method;
    const auto probed = net::probe(target, further);
    if (!probed) break;  // no descriptors: what is missing in the list is not known
    if (probed->signal) {
      found.handshake.signal = probed->signal;
      break;
    }
    found.encryption.push_back(record::encryption_experiment(method, probed->record));
  }
  return true;
}

void repeat(const net::Target& target, const net::ProbeOptions& options, std::size_t times,
            Investigation& found) {
  RDPWHY_CHECK(options.plan.credssp.credentials == nullptr);
  std::vector<HandshakeRecord> records{found.handshake.record};
  auto again = options;
  again.delay = net::kPace;
  again.watch_silent_connection = false;
  again.capture_sink = {};                  // which is kept of the first one alone
  std::optional<net::SignalWatch> signals;  // between two of them nobody else hears
  if (options.ends_on_signals) signals.emplace();
  while (records.size() < times && !found.handshake.signal) {
    auto probed = net::probe(target, again);
    if (!probed) break;  // no descriptors: those that were made count
    found.handshake.signal = probed->signal;
    if (!probed->signal) records.push_back(std::move(probed->record));
    if (signals && !found.handshake.signal) found.handshake.signal = signals->caught();
  }
  found.repetitions = record::repetitions(records);
  if (!found.repetitions->differ()) return;
  found.diagnosis.warnings.push_back(
      {.id = "flaky-path",
       .says = fmt::format("Of {} handshakes that were all alike some ended otherwise than others: "
                           "the path loses packets, or several servers answer at this address.",
                           found.repetitions->made),
       .because = {}});
}

}  // namespace rdpwhy::investigate
