// A proxy that did not open the way: its faults are none of the RDP server.
#include <fmt/format.h>

#include "diagnose/reading.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

constexpr Lasting kCheckProxy =
    "Check the proxy itself: its name, its port and that it runs; curl --proxy PROXY "
    "https://example.com shows whether it serves anybody.";
constexpr Lasting kAskProxy =
    "Read the proxy's log of that minute: it knows what it met on the way to the server, or which "
    "of its rules forbids this target and port (many HTTP proxies allow CONNECT to 443 only).";
constexpr Lasting kWithoutProxy =
    "Run the same probe without --proxy, or on the proxy's own machine: that shows the server.";

std::string proxy_in_words(const Reading& reading) {
  const auto& named = reading.circumstances.proxy;
  return named.empty() ? std::string("the proxy") : fmt::format("the proxy {}", named);
}

/// What became of the way, as a sentence that begins with the proxy's name.
std::string refusal_in_words(const Reading& reading) {
  const auto& failure = *reading.failure();
  const auto after = duration_in_words(failure.after_ns);
  if (failure.phase == Phase::kResolve) return "has a name without an address";
  if (failure.how == EndedHow::kFailurePdu) {
    const auto& shown = reading.record.evidence[failure.evidence - 1];
    const auto* opening = record::get_if<record::ProxyOpening>(&shown.fact);
    return opening == nullptr || opening->answer.empty()
               ? std::string("did not open the way to the server")
               : fmt::format("did not open the way to the server: {}", opening->answer);
  }
  if (failure.phase == Phase::kTcp) {
    if (failure.how == EndedHow::kRefused)
      return fmt::format("refused the connection after {}", after);
    if (failure.how == EndedHow::kTimeout)
      return fmt::format("did not answer the SYN within {}", after);
    return "could not be reached";
  }
  if (failure.how == EndedHow::kTimeout || (failure.by == Side::kClient && reading.missed_deadline))
    return fmt::format("did not say within {} whether it opens the way to the server", after);
  if (failure.how == EndedHow::kMalformed) return "answered what is no answer of such a proxy";
  if (reading.server_left())
    return fmt::format("{} the connection without opening the way to the server",
                       failure.how == EndedHow::kReset ? "reset" : "closed");
  return "had not opened the way to the server when the connection ended";
}

}  // namespace

void judge_proxy(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->how == EndedHow::kCaptureEnd) return;
  auto& finding = findings.add(
      "unexplained", Confidence::kLikely,
      fmt::format("It stopped at the proxy, before anything was said to the RDP server: {} {}.",
                  proxy_in_words(reading), refusal_in_words(reading)),
      ids_with_failure(reading, {}));
  const bool answered = failure->how == EndedHow::kFailurePdu;
  finding.fix = answered ? std::vector{kAskProxy, kWithoutProxy}
                         : std::vector{kCheckProxy, kAskProxy, kWithoutProxy};
  if (answered) finding.against.push_back("what the proxy met behind it, it alone knows");
}

}  // namespace rdpwhy::diagnose
