#pragma once

#include <expected>
#include <string>
#include <vector>

#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/net/probe.h"

namespace rdpwhy::investigate {

struct Investigation {
  net::ProbedConnection handshake;
  std::vector<std::string> certificate_problems;
  diagnose::Diagnosis diagnosis;
};

/// Probe and diagnose; experiments that diagnosis asks for will be run from here.
[[nodiscard]] std::expected<Investigation, Error> investigate(const net::Target& target,
                                                              const net::ProbeOptions& options,
                                                              crypto::CertificateJudge& judge,
                                                              std::optional<diagnose::Saw> saw);

}  // namespace rdpwhy::investigate
