// X.224 and the security negotiation (MS-RDPBCGR 1.3.1.1 phase 1).
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "diagnose/late_answer.h"
#include "diagnose/reading.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;
using record::Ending;

// Nobody waits less for an answer that has begun: who leaves sooner has another reason.
constexpr Nanoseconds kPatienceOfClients = 3'000'000'000;

bool carries_cookie_or_token(const Reading& reading) {
  const auto* request = reading.request_fact();
  return request != nullptr && (request->cookie || request->routing_token);
}

std::string offer_in_words(const Reading& reading) {
  const auto* request = reading.request_fact();
  if (request == nullptr) return "nothing that was seen";
  if (!request->negotiation) return "no security protocol (no RDP_NEG_REQ)";
  const auto names = rdp::protocol_names(request->negotiation->requested);
  if (names.empty()) return "standard RDP security only";
  return fmt::format("{}", fmt::join(names, ", "));
}

bool offered_nla(const Reading& reading) {
  const auto* request = reading.request_fact();
  return request != nullptr && request->negotiation &&
         request->negotiation->requested.has(rdp::Protocol::kHybrid);
}

bool offered_ssl(const Reading& reading) {
  const auto* request = reading.request_fact();
  return request != nullptr && request->negotiation &&
         request->negotiation->requested.has(rdp::Protocol::kSsl);
}

/// The server asks for what it was offered, or refuses what it was not: its words cannot be meant
/// for this request. So the cause is a guess, and advice to the client would lead astray.
bool contradicts_offer(const Reading& reading, std::uint32_t code) {
  const auto* request = reading.request_fact();
  if (request == nullptr) return false;
  switch (code) {
    case 1:
      return offered_ssl(reading);
    case 2:
      return !request->negotiation || request->negotiation->requested.bits == 0;
    case 5:
      return offered_nla(reading);
    default:
      return false;
  }
}

void mark_contradiction(std::uint32_t code, Finding& finding) {
  finding.confidence = Confidence::kLikely;
  const bool nla = code == 5;
  finding.title =
      nla ? Lasting("The server says that it requires NLA, which it was offered")
      : code == 1
          ? Lasting("The server says that it requires TLS, which it was offered")
          : Lasting(
                "The server says that it allows standard RDP security only, which is what it "
                "was offered");
  finding.says += " That contradicts the offer, so the client's settings are not the reason.";
  finding.against.push_back(
      nla         ? "the request did offer NLA, so the server contradicts itself"
      : code == 1 ? "the request did offer TLS, so the server contradicts itself; some answer 1 to "
                    "what else was offered or left out beside it (NLA)"
                  : "nothing but that was offered, so the server contradicts itself");
  finding.fix = {
      "Nothing is to be set on this client. Look for what stands in between: a proxy, gateway, "
      "balancer or bastion that speaks to the server with an offer of its own passes the server's "
      "refusal on. Probe the server itself, from behind it.",
      nla ? Lasting("Try other offers, one at a time, and see whether the answer changes: rdpwhy "
                    "HOST --security nla, then tls,nla, then tls.")
          : Lasting("Try other offers, one at a time, and see whether the answer changes: rdpwhy "
                    "HOST --security tls, then tls,nla, then rdp."),
      "On the server see what it is set to (SecurityLayer and UserAuthentication in "
      "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server\\WinStations\\RDP-Tcp; "
      "security_layer= in xrdp.ini) and what its log says of this connection."};
}

/// RDP_NEG_FAILURE: the server says what it wants, so nothing is left to guess.
void judge_failure_code(const Reading& reading, std::uint32_t code, Findings& findings) {
  struct Row {
    std::uint32_t code;
    std::string_view id;
    std::string_view says;
  };
  static constexpr Row kRows[] = {
      {1, "tls-required", "The server requires TLS or NLA"},
      {2, "legacy-security-only", "The server allows standard RDP security only"},
      {3, "server-has-no-certificate", "The server says that it has no certificate for TLS"},
      {4, "inconsistent-flags", "The server finds the flags of the request contradictory"},
      {5, "nla-required", "The server requires NLA"},
      {6, "client-certificate-required", "The server requires TLS with a client certificate"}};
  const auto because = ids_with_failure(reading, {reading.request, reading.confirm});
  const auto name = codes::name(codes::Family::kNegotiationFailure, code);
  for (const auto& row : kRows) {
    if (row.code != code) continue;
    auto& finding =
        findings.add(row.id, Confidence::kCertain,
                     fmt::format("{}: it answered {}{}{} to an offer of {}.", row.says, code,
                                 name ? ", " : "", name.value_or(""), offer_in_words(reading)),
                     because);
    if (contradicts_offer(reading, code)) mark_contradiction(code, finding);
    if (code == 5 && !offered_nla(reading) && !reading.record.run) {
      // FreeRDP and others: what failed first was NLA itself.
      finding.against.push_back(
          "a client whose NLA had just failed may try again like this: then the connection before "
          "this one has the cause");
    }
    return;
  }
  findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("The server refused with a failure code that no specification knows: 0x{:x}.",
                  code),
      because);
  findings
      .add("protocol-violation", Confidence::kPossible,
           "A broken server or proxy could make such a code up.", because)
      .against.push_back("it may be newer than this program");
}

void judge_refusing_message(const Reading& reading, Findings& findings) {
  const auto* confirm = reading.confirm_fact();
  if (confirm != nullptr && confirm->failure() != nullptr) {
    return judge_failure_code(reading, confirm->failure()->failure_code, findings);
  }
  const auto because = ids_with_failure(reading, {reading.request});
  if (const auto* dr = record::first<rdp::DisconnectRequest>(reading.record)) {
    findings
        .add("refused-after-connection-request", Confidence::kLikely,
             fmt::format("The server answered the Connection Request with an X.224 Disconnect "
                         "Request (reason {}): "
                         "a gateway, balancer or old server says no this way.",
                         dr->reason),
             because)
        .against.push_back("the reason code does not say which rule refused it");
    if (carries_cookie_or_token(reading)) {
      findings.add(
          "cookie-or-token-rejected", Confidence::kPossible,
          "The request carried a cookie or routing token, which such a device may have disliked.",
          because);
    }
    return;
  }
  if (record::first<rdp::DisconnectProviderUltimatum>(reading.record) != nullptr) {
    findings.add("refused-after-connection-request", Confidence::kLikely,
                 "The server answered the Connection Request with a disconnect ultimatum.",
                 because);
    return;
  }
}

void judge_foreign(const Reading& reading, Findings& findings) {
  const auto& foreign = std::get<record::ForeignProtocol>(reading.foreign->fact);
  const auto because = ids_with_failure(reading, {reading.foreign});
  if (reading.foreign->where.side == Side::kClient) {
    findings.add(
        "unexplained", Confidence::kPossible,
        fmt::format(
            "It is the client that does not speak RDP here (its first octets: {}); what the server "
            "would say to a real request is not shown.",
            base::to_hex(
                ByteSpan(foreign.first).first(std::min<std::size_t>(foreign.first.size(), 8)))),
        because);
    return;
  }
  if (foreign.protocol.empty() && !foreign.first.empty() && foreign.first.front() == 3) {
    findings
        .add("protocol-violation", Confidence::kLikely,
             "The server's answer begins like a TPKT and is none: its length or version cannot be "
             "right.",
             because)
        .against.push_back("another protocol could begin with the same octet");
    return;
  }
  if (foreign.protocol.empty()) {
    findings
        .add("not-an-rdp-service", Confidence::kLikely,
             fmt::format(
                 "The server's first octets are no TPKT ({}{}): whatever listens there does not "
                 "speak RDP.",
                 base::to_hex(
                     ByteSpan(foreign.first).first(std::min<std::size_t>(foreign.first.size(), 8))),
                 foreign.first.size() > 8 ? "..." : ""),
             because)
        .against.push_back("a broken RDP server could send garbage as well");
    return;
  }
  const bool tls = foreign.protocol == "TLS";
  auto& finding = findings.add("not-an-rdp-service", Confidence::kCertain,
                               fmt::format("The server answers in {}: {}", foreign.protocol,
                                           tls ? "it expects TLS from the first octet (an HTTPS "
                                                 "service or RD Gateway, or RDP wrapped in TLS)."
                                               : "another service owns this port."),
                               because);
  if (tls) {
    finding.confidence = Confidence::kLikely;
    finding.against.push_back("RDP wrapped in TLS from the start exists (MS-RDPBCGR 5.4.2.2)");
  }
}

/// The server ended it without one octet. What separates the causes is whether it needed the
/// request.
void judge_silent_departure(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {reading.request});
  const auto* end =
      reading.ending == nullptr ? nullptr : std::get_if<Ending>(&reading.ending->fact);
  const auto& run = reading.record.run;
  const auto* silent = run && run->silent_connection && run->silent_connection->connected
                           ? &*run->silent_connection
                           : nullptr;
  const bool before_request = end != nullptr && end->client_bytes <= reading.opening_bytes;

  if (before_request || (silent != nullptr && silent->ended_by_peer)) {
    auto says = before_request ? fmt::format(
                                     "The connection was accepted and ended by the other end {} "
                                     "later, before it was sent one octet.",
                                     duration_in_words(failure.after_ns))
                               : fmt::format(
                                     "The connection was accepted and ended without one octet; a "
                                     "second connection on which "
                                     "nothing was sent ended by itself as well, after {}. So "
                                     "nobody wanted the request.",
                                     duration_in_words(silent->after));
    findings
        .add("forwarder-without-backend", Confidence::kLikely,
             says + " A forwarder whose backend is away does this.", because)
        .against.push_back(
            "a ban of this client's address, or a full connection table, looks the same");
    findings
        .add("proxy-header-expected", Confidence::kPossible,
             "A listener that insists on a PROXY protocol header may drop everybody else.", because)
        .against.push_back("such listeners usually wait for the header first");
    findings
        .add("refused-after-connection-request", Confidence::kPossible,
             "A limit or ban may close connections at once.", because)
        .against.push_back("nothing of the request was needed for it");
    return;
  }
  const bool told = silent != nullptr;
  const auto forwarder = [&] {
    findings
        .add("forwarder-without-backend", Confidence::kPossible,
             "A forwarder whose backend is away also ends connections without an answer.", because)
        .against.push_back("the ending came only after the request was on its way");
  };
  // Faster than a round trip: that is no answer to the request.
  const bool at_once = !told && reading.round_trip && failure.after_ns < *reading.round_trip;
  if (at_once) forwarder();
  auto& finding = findings.add(
      "refused-after-connection-request", told ? Confidence::kLikely : Confidence::kPossible,
      fmt::format("The server {} the Connection Request, without an answer{}.",
                  left_in_words(failure),
                  told ? fmt::format("; a second connection on which nothing was sent stayed open "
                                     "for {}, so it was the request that it left for",
                                     duration_in_words(silent->after))
                       : std::string()),
      because);
  finding.against.push_back(
      "the server does not say why: a limit, a ban, a cookie, a missing certificate file all look "
      "like this");
  if (!told) {
    finding.untried.push_back("whether it would have left a silent connection too is not known");
    if (!at_once) forwarder();
  }
  if (carries_cookie_or_token(reading)) {
    findings
        .add("cookie-or-token-rejected", Confidence::kPossible,
             "The request carried a cookie or routing token; something on the way may refuse "
             "exactly that.",
             because)
        .untried.push_back("the same request without it was not tried");
  }
  findings
      .add("proxy-header-expected", Confidence::kPossible,
           "A listener that expects a PROXY protocol header takes the request for a bad one and "
           "closes.",
           because)
      .untried.push_back("a request behind such a header was not tried");
}

/// A capture in which a client left in the middle of an answer: octets came until then, so there
/// was no silence, and that it gave up waiting is not said.
void judge_answer_that_dribbled(const Reading& reading, Findings& findings) {
  findings
      .add("slow-server", Confidence::kPossible,
           fmt::format("{} octet{} of an answer had come when the client left, {} after its "
                       "request.",
                       reading.server_bytes, reading.server_bytes == 1 ? "" : "s",
                       duration_in_words(reading.failure()->after_ns)),
           ids_with_failure(reading, {reading.request}))
      .against.push_back("the client may have left for reasons of its own");
}

void judge_no_answer(const Reading& reading, Findings& findings) {
  if (judge_late_answer(reading, findings)) return;
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {reading.request});
  if (reading.server_bytes == 0) {
    findings
        .add("server-not-answering", Confidence::kLikely,
             fmt::format("TCP was established and the Connection Request sent, but in {} not one "
                         "octet came back.",
                         duration_in_words(failure.after_ns)),
             because)
        .against.push_back(
            "a forwarder can accept in a server's place: then it is the backend that is silent");
    findings
        .add("proxy-header-expected", Confidence::kPossible,
             "A listener that waits for a PROXY protocol header is silent too.", because)
        .untried.push_back("a request behind such a header was not tried");
    return;
  }
  findings
      .add("slow-server", Confidence::kLikely,
           fmt::format(
               "{} octet{} of an answer came, far too slowly: after {} it was still incomplete.",
               reading.server_bytes, reading.server_bytes == 1 ? "" : "s",
               duration_in_words(failure.after_ns)),
           because)
      .against.push_back("whether the rest would ever have come is not known");
  findings.add("stalled", Confidence::kPossible, "The answer began and may have stopped for good.",
               because);
}

void judge_broken_answer(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {reading.request, reading.confirm});
  // Octets behind a message that could not be read are that message's, not another protocol's.
  if (reading.foreign != nullptr && reading.foreign->id <= failure.evidence) {
    return judge_foreign(reading, findings);
  }
  if (const auto* confirm = reading.confirm_fact();
      confirm != nullptr && confirm->response() != nullptr) {
    findings.add(
        "protocol-violation", Confidence::kLikely,
        fmt::format("The server selected {} (offered: {}).",
                    breach_of_offer(reading).value_or("what it may not"), offer_in_words(reading)),
        because);
    return;
  }
  const auto detail = breach_in_words(reading);
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("What the {} sent breaks the protocol{}{}.", record::name_of(failure.by),
                       detail.empty() ? "" : ": ", detail),
           because)
      .against.push_back("something in between may have changed it");
}

}  // namespace

std::optional<std::string> breach_of_offer(const Reading& reading) {
  const auto* request = reading.request_fact();
  const auto* response =
      reading.confirm_fact() == nullptr ? nullptr : reading.confirm_fact()->response();
  if (request == nullptr || response == nullptr) return {};
  const auto offered = request->negotiation ? request->negotiation->requested.bits : 0u;
  const auto selected = response->selected_protocol;
  const auto name = rdp::selected_protocol_name(selected);
  if ((selected & ~offered) != 0) return name + ", which was not offered";
  if (std::popcount(selected) > 1) {
    return fmt::format("{} at once ({}), where an answer names one protocol",
                       fmt::join(rdp::protocol_names({selected}), " and "), name);
  }
  return {};
}

void judge_negotiation(const Reading& reading, Findings& findings) {
  if (!reading.failed_in(Phase::kX224)) return;
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {reading.request});
  const bool we_gave_up = failure.by == Side::kClient && reading.missed_deadline;
  if (failure.how == EndedHow::kFailurePdu) return judge_refusing_message(reading, findings);
  if (failure.how == EndedHow::kMalformed || reading.foreign != nullptr)
    return judge_broken_answer(reading, findings);
  if (failure.how == EndedHow::kTimeout || we_gave_up) return judge_no_answer(reading, findings);
  if (reading.server_left()) {
    if (reading.server_bytes == 0) return judge_silent_departure(reading, findings);
    findings
        .add("protocol-violation", Confidence::kLikely,
             fmt::format("The server {} {} octet{} of an answer that it did not finish.",
                         failure.how == EndedHow::kReset ? "reset the connection after"
                                                         : "closed the connection after",
                         reading.server_bytes, reading.server_bytes == 1 ? "" : "s"),
             because)
        .against.push_back("a server or forwarder that dies in the middle looks the same");
    return;
  }
  if (failure.by == Side::kClient &&
      (failure.how == EndedHow::kClose || failure.how == EndedHow::kReset)) {
    if (reading.server_bytes > 0 && failure.after_ns >= kPatienceOfClients)
      return judge_answer_that_dribbled(reading, findings);
    findings.add("unexplained", Confidence::kPossible,
                 reading.client_bytes == 0
                     ? "The client ended the connection without saying anything: a port check, or "
                       "a spare connection."
                     : "The client ended the connection before the server had answered.",
                 because);
  }
}

}  // namespace rdpwhy::diagnose
