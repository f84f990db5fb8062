#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "rdpwhy/lab/lab.h"
#include "rdpwhy/net/probe.h"

namespace rdpwhy::lab {

/// Not in any table and not in any message: whoever finds it in a report has found a leak.
inline constexpr std::string_view kTestPassword = "Zw\u00f6lf-Boxk\u00e4mpfer-12";

inline Account account_for_tests() { return {.user = "alice", .password = Secret(kTestPassword)}; }

/// As somebody who logs on with this password. Servers without NLA are probed as far as TLS.
inline net::ProbeOptions log_on_with(std::string_view password, std::string user = "alice") {
  net::ProbeOptions options;
  options.plan.until = Phase::kAuthorization;
  options.until_is_a_wish = true;
  options.plan.credssp.authentication = dialogue::Authentication::kNtlm;
  options.plan.credssp.credentials = std::make_shared<dialogue::OneAttempt>(
      dialogue::Credentials{.user = std::move(user), .domain = {}, .password = Secret(password)});
  return options;
}

/// How a scenario is to be met: with a logon where it is about that, to the font map where it is
/// about a session.
inline net::ProbeOptions options_for(std::string_view scenario) {
  const auto faults = faults_of(scenario);
  if (faults.nla) return log_on_with(kTestPassword);
  net::ProbeOptions options;
  if (faults.session != SessionFaults{}) options.plan.until = Phase::kFinalization;
  return options;
}

}  // namespace rdpwhy::lab
