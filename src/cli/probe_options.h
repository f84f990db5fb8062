#pragma once

#include <CLI/CLI.hpp>

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "cli/credentials.h"
#include "rdpwhy/investigate/experiments.h"
#include "rdpwhy/net/probe.h"

// What is typed after `rdpwhy probe`, and what it asks for.
namespace rdpwhy::cli {

/// As typed, before anything is judged.
struct TypedProbe {
  std::vector<std::string> targets;
  bool json = false, explain = false, v4 = false, v6 = false, no_experiments = false,
       no_capture_secrets = false, create_session = false, request_license = false,
       enumerate_encryption = false, follow_redirection = false;
  double timeout = 5;
  std::size_t repeat = 1;
  std::size_t most_experiments = investigate::ExperimentLimits::kUsual;
  std::string saw, proxy, ca, security, tls_min, tls_max, ciphers, signature_algorithms, resolve,
      until, write_capture, key_log, encryption_methods;
  std::optional<std::string> cookie, routing_token, server_name;
  std::string colour = "auto";
  TypedLogon logon;

  /// Something else than the default is offered in TLS.
  [[nodiscard]] bool shapes_tls() const {
    return !tls_min.empty() || !tls_max.empty() || !ciphers.empty() ||
           !signature_algorithms.empty() || server_name;
  }
};

void declare(CLI::App& app, TypedProbe& typed);

/// A target with what its .rdp file adds.
struct Errand {
  net::Target target;
  net::ProbeOptions options;
  std::vector<std::string> remarks;
  std::string redirected_from;  ///< the target that sent the client here; empty: none
  std::optional<net::RdpFile> rdp_file;
};

/// An exit code when it cannot be; what is wrong is told already.
[[nodiscard]] std::expected<Errand, int> make_errand(const CLI::App& app, const TypedProbe& typed,
                                                     const std::string& text);

}  // namespace rdpwhy::cli
