#include "rdpwhy/investigate/investigate.h"

#include <chrono>

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
                                                std::optional<diagnose::Saw> saw) {
  auto handshake = net::probe(target, options);
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
      .saw = saw};
  result.diagnosis = diagnose::diagnose(result.handshake.record, circumstances);
  result.certificate_problems = circumstances.certificate_problems;
  return result;
}

}  // namespace rdpwhy::investigate
