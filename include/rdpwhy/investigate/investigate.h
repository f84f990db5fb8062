#pragma once

#include <expected>
#include <string>
#include <vector>

#include "rdpwhy/crypto/certificate.h"
#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/investigate/experiments.h"
#include "rdpwhy/net/probe.h"
#include "rdpwhy/record/encryption_experiment.h"
#include "rdpwhy/record/fingerprints.h"
#include "rdpwhy/record/repetitions.h"

namespace rdpwhy::investigate {

struct Investigation {
  net::ProbedConnection handshake;
  std::vector<std::string> certificate_problems;
  record::Fingerprints fingerprints;
  diagnose::Diagnosis diagnosis;  ///< with what the experiments show
  std::vector<diagnose::ExperimentResult> experiments;
  /// Of enumerate_encryption, in the order in which they were made.
  std::vector<record::EncryptionExperiment> encryption;
  std::optional<record::Repetitions> repetitions;  ///< of repeat, the first handshake included
};

/// Probe, diagnose, make the experiment that diagnosis asks for, again, until nothing more can be
/// told apart. A handshake that went as far as asked needs none, nor does one whose end the server
/// itself explains.
[[nodiscard]] std::expected<Investigation, Error> investigate(const net::Target& target,
                                                              const net::ProbeOptions& options,
                                                              crypto::CertificateJudge& judge,
                                                              std::optional<diagnose::Saw> saw,
                                                              const ExperimentLimits& limits = {});

/// One paced connection for each encryption method of Standard RDP Security, and one that offers
/// none: each goes as far as the MCS Connect Response, where no session exists yet, and is ended in
/// order. Nobody logs on by them. `options` are those of the handshake in `found`; false, and
/// nothing done, where that did not settle on Standard RDP Security.
bool enumerate_encryption(const net::Target& target, const net::ProbeOptions& options,
                          Investigation& found);

/// The handshake in `found` again, paced, until it was made `times` times; `options` are its own.
/// Not with credentials, which are tried once, and not where a server makes a session.
void repeat(const net::Target& target, const net::ProbeOptions& options, std::size_t times,
            Investigation& found);

}  // namespace rdpwhy::investigate
