#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "rdpwhy/base/error.h"
#include "rdpwhy/net/probe.h"
#include "rdpwhy/net/target.h"
#include "rdpwhy/survey/plan.h"

namespace rdpwhy::investigate {

/// Connections that are open at the same time, at most.
inline constexpr std::size_t kMostSideBySide = 8;

struct TlsSurveyOptions {
  /// How each connection is made: request, name, proxy, deadlines. What it would say in TLS and
  /// behind it is not used.
  net::ProbeOptions connection;
  survey::Settings plan;
  std::size_t side_by_side = 1;
  /// Between the beginnings of two connections.
  std::chrono::milliseconds pace = net::kPace;
  std::function<void(const survey::Question&, std::size_t asked)> on_question;  ///< progress
};

struct TlsSurvey {
  std::string address;  ///< the server's; empty when none was found, or only a proxy knows it
  std::uint16_t port = 0;
  Moment started;
  Nanoseconds took = 0;
  survey::Result result;
  std::optional<int> signal;  ///< by which the user ended it early
};

/// Carries out a survey::Plan over the network. SIGINT and SIGTERM end it in order, with what was
/// seen until then. An Error is about us (no descriptors).
[[nodiscard]] std::expected<TlsSurvey, Error> survey_tls(const net::Target& target,
                                                         const TlsSurveyOptions& options);

}  // namespace rdpwhy::investigate
