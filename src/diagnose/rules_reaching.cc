// Until TCP stands: the resolver, routes, firewalls, ports.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/reading.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;
using record::Ending;

/// What an ICMP error means: somebody forbids, or there is no way.
enum class IcmpMeaning { kProhibited, kRejected, kNoWay, kUntold };

IcmpMeaning meaning_of(const record::IcmpError& icmp) {
  if (!icmp.type) return IcmpMeaning::kUntold;
  const bool unreachable = *icmp.type == (icmp.v6 ? 1 : 3);
  if (!unreachable) return IcmpMeaning::kNoWay;   // time exceeded: a route in circles
  if (!icmp.code) return IcmpMeaning::kRejected;  // told as "prohibited", by whatever rule
  if (icmp.v6) {                                  // RFC 4443 3.1
    if (icmp.code == 1) return IcmpMeaning::kProhibited;
    return *icmp.code >= 4 ? IcmpMeaning::kRejected : IcmpMeaning::kNoWay;
  }
  switch (*icmp.code) {  // RFC 792, RFC 1812 5.2.7.1
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

/// Live, on an open connection: several ICMP errors are told as the same one.
void judge_untold_icmp(const record::IcmpError& icmp,
                       const std::vector<record::EvidenceId>& because, Findings& findings) {
  findings
      .add("host-unreachable", Confidence::kPossible,
           fmt::format("TCP was established; then the kernel told of an ICMP error, \"{}\", and "
                       "nothing came from the server any more.",
                       icmp.meaning),
           because)
      .against.push_back(
          "the kernel tells a prohibition by a firewall in the same words; a capture on this "
          "machine shows which it was, and who sent it");
  findings
      .add("port-filtered", Confidence::kPossible,
           "A firewall that rejects by \"administratively prohibited\" is told so too.", because)
      .against.push_back("it had let the connection begin");
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
      return;
    case IcmpMeaning::kUntold:
      return judge_untold_icmp(icmp, because, findings);
  }
}

/// TCP was established, and then an ICMP error was the last that was heard.
void judge_lost_connection(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {reading.request, reading.client_hello});
  const auto& shown = reading.record.evidence[failure.evidence - 1];
  const auto* icmp = record::get_if<record::IcmpError>(&shown.fact);
  if (icmp == nullptr) {
    findings.add("host-unreachable", Confidence::kLikely,
                 "TCP was established; then the system found no way to the host any more.",
                 because);
    return;
  }
  const auto meaning = meaning_of(*icmp);
  if (meaning == IcmpMeaning::kUntold) return judge_untold_icmp(*icmp, because, findings);
  const auto who = icmp->offender.empty() ? std::string("a host on the way") : icmp->offender;
  if (meaning == IcmpMeaning::kNoWay) {
    findings
        .add("host-unreachable", Confidence::kLikely,
             fmt::format("TCP was established; then {} said by ICMP \"{}\", and nothing came from "
                         "the server any more: the way to it broke.",
                         who, icmp->meaning),
             because)
        .against.push_back("a filter can be set to say the same");
    return;
  }
  findings
      .add(
          "port-filtered", Confidence::kLikely,
          fmt::format("TCP was established; then {} said by ICMP \"{}\", and nothing came from the "
                      "server any more: a filter that lets the connection begin rejects what "
                      "follows.",
                      who, icmp->meaning),
          because)
      .against.push_back("a filter that was changed in this very second looks the same");
  findings.add("middlebox-interference", Confidence::kPossible,
               "A filter that acts only once octets flow reads them: an intrusion prevention or "
               "application firewall.",
               because);
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
  const auto* stopped = reading.failure();
  const bool of_this_connection = stopped != nullptr && stopped->phase != Phase::kKerberos;
  if (of_this_connection && stopped->phase > Phase::kTcp &&
      stopped->how == EndedHow::kUnreachable) {
    return judge_lost_connection(reading, findings);
  }
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
