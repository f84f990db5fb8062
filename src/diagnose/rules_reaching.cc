// Until TCP stands: the resolver, routes, firewalls, ports.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/reading.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;
using record::Ending;

/// What an ICMP error about a SYN means: somebody forbids, or there is no way.
enum class IcmpMeaning { kProhibited, kRejected, kNoWay };

IcmpMeaning meaning_of(const record::IcmpError& icmp) {
  if (icmp.v6) {  // RFC 4443 3.1
    if (icmp.code == 1) return IcmpMeaning::kProhibited;
    return icmp.code >= 4 ? IcmpMeaning::kRejected : IcmpMeaning::kNoWay;
  }
  switch (icmp.code) {  // RFC 792, RFC 1812 5.2.7.1
    case 9:
    case 10:
    case 13:
      return IcmpMeaning::kProhibited;
    case 2:
    case 3:
      return IcmpMeaning::kRejected;  // for TCP only a packet filter says so
    default:
      return IcmpMeaning::kNoWay;
  }
}

const Evidence* last_icmp(const Reading& reading) {
  const Evidence* found = nullptr;
  for (const auto& e : reading.record.evidence) {
    if (std::holds_alternative<record::Connected>(e.fact)) return nullptr;
    if (record::holds<record::IcmpError>(e.fact)) found = &e;
  }
  return found;
}

void judge_resolver(const Reading& reading, Findings& findings) {
  const auto* evidence = record::first_evidence<record::Resolved>(reading.record);
  const auto* resolved =
      evidence == nullptr ? nullptr : record::get_if<record::Resolved>(&evidence->fact);
  auto says = fmt::format("The resolver has no address for \"{}\"",
                          resolved == nullptr ? reading.circumstances.target_host : resolved->name);
  if (resolved != nullptr && !resolved->error.empty()) says += fmt::format(": {}", resolved->error);
  auto& finding = findings.add("name-not-found", Confidence::kCertain,
                               says + ". No packet was sent to any server.",
                               ids_with_failure(reading, {evidence}));
  // EAI_AGAIN and its like: nobody answered, which is not the same as "there is no such name".
  if (resolved != nullptr && resolved->error.find("emporary") != std::string::npos) {
    finding.confidence = Confidence::kLikely;
    finding.against.push_back("the resolver itself did not answer: the name may exist");
  }
}

void judge_icmp(const Reading& reading, const Evidence& evidence, Findings& findings) {
  const auto& icmp = record::get<record::IcmpError>(evidence.fact);
  const auto because = ids_with_failure(reading, {&evidence});
  const auto who = icmp.offender.empty() ? std::string("a host on the way") : icmp.offender;
  switch (meaning_of(icmp)) {
    case IcmpMeaning::kProhibited:
      findings.add(
          "port-filtered", Confidence::kCertain,
          fmt::format(
              "{} answered the SYN with ICMP \"{}\": a filter there forbids this connection.", who,
              icmp.meaning),
          because);
      return;
    case IcmpMeaning::kRejected:
      findings.add(
          "port-filtered", Confidence::kLikely,
          fmt::format("{} answered the SYN with ICMP \"{}\": for TCP that is how a packet filter "
                      "rejects; a host without a listener answers with a reset.",
                      who, icmp.meaning),
          because);
      return;
    case IcmpMeaning::kNoWay:
      findings.add(
          "host-unreachable", Confidence::kCertain,
          fmt::format(
              "{} answered the SYN with ICMP \"{}\": from there on there is no way to the host.",
              who, icmp.meaning),
          because);
  }
}

void judge_silence(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {});
  const auto& run = reading.record.run;
  std::string repeats;
  if (run && run->syn_retransmissions.value_or(0) > 0) {
    repeats = fmt::format(", repeated {} time{}", *run->syn_retransmissions,
                          *run->syn_retransmissions == 1 ? "" : "s");
  }
  findings
      .add("port-filtered", Confidence::kLikely,
           fmt::format(
               "The SYN{} got no answer at all within {}: neither an acceptance nor a refusal. A "
               "firewall that drops is the usual reason.",
               repeats, duration_in_words(failure.after_ns)),
           because)
      .against.push_back(
          "a host that is off or asleep, behind a router that says nothing, looks the same");
  findings
      .add("host-unreachable", Confidence::kPossible,
           "A host that is off, asleep or gone from this address is silent too.", because)
      .against.push_back("the last router usually says so by ICMP, and none did");
}

}  // namespace

void judge_reaching(const Reading& reading, Findings& findings) {
  if (reading.failed_in(Phase::kResolve)) return judge_resolver(reading, findings);
  if (!reading.failed_in(Phase::kTcp)) return;
  const auto& failure = *reading.failure();
  const auto* end =
      reading.ending == nullptr ? nullptr : std::get_if<Ending>(&reading.ending->fact);
  const auto because = ids_with_failure(reading, {});
  if (end != nullptr && end->how == Ending::How::kLocal) {
    findings.add("local-policy-blocks", Confidence::kCertain,
                 "This machine itself refused to make the connection (permission denied); no "
                 "packet left it.",
                 because);
    return;
  }
  if (const auto* icmp = last_icmp(reading)) return judge_icmp(reading, *icmp, findings);
  switch (failure.how) {
    case EndedHow::kRefused:
      findings
          .add("port-closed", Confidence::kCertain,
               fmt::format("The SYN was answered by a reset after {}: the host is there and "
                           "refuses this port.",
                           duration_in_words(failure.after_ns)),
               because)
          .against.push_back("a firewall can be set to answer with a reset in the host's name");
      return;
    case EndedHow::kUnreachable:
      findings.add("host-unreachable", Confidence::kLikely,
                   "The system has no way to the host: no route, or nobody answered at its address "
                   "on the local network.",
                   because);
      return;
    case EndedHow::kTimeout:
      return judge_silence(reading, findings);
    case EndedHow::kReset:
    case EndedHow::kClose:
      if (failure.by == Side::kClient) {
        findings.add("port-filtered", Confidence::kPossible,
                     "The client gave up before the SYN was answered.", because);
      } else {
        findings.add("unexplained", Confidence::kPossible,
                     "The connection ended before TCP was established.", because);
      }
      return;
    default:
      return;
  }
}

}  // namespace rdpwhy::diagnose
