// The TLS handshake. One ClientHello cannot prove what a series of different ones could, so what
// rests on a single ending without a reason stays "possible".
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/client_alert.h"
#include "diagnose/late_answer.h"
#include "diagnose/reading.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

// Two segments on most paths: what some inspection cannot follow (RFC 8446 appendix D speaks of
// middleboxes).
constexpr std::uint32_t kLargeClientHello = 1400;

std::uint16_t newest_offered(const Reading& reading) {
  return reading.tls && reading.tls->client_hello != nullptr
             ? reading.tls->client_hello->newest_version()
             : std::uint16_t{0};
}

bool client_sent_certificate_request_answer(const Reading& reading) {
  return reading.certificate_request != nullptr;
}

/// The server said no by alert before it chose anything: that says what kind of thing it misses.
void judge_alert_to_hello(const Reading& reading, const tls::Alert& alert, Findings& findings) {
  const auto because = ids_with_failure(reading, {reading.confirm, reading.client_hello});
  const auto words = alert_in_words(alert);
  switch (alert.description) {
    case 70:
    case 86:
      findings.add("no-common-tls-version", Confidence::kCertain,
                   fmt::format("The server answered the ClientHello with {}: it accepts none of "
                               "the versions offered ({}).",
                               words, offered_versions_in_words(reading)),
                   because);
      return;
    case 40:
    case 71:
      findings
          .add("no-common-cipher", Confidence::kLikely,
               fmt::format("The server answered the ClientHello with {}: none of the suites, "
                           "groups or signature "
                           "algorithms offered suits it and its certificate.",
                           words),
               because)
          .untried.push_back("other offers were not tried");
      findings
          .add("no-common-tls-version", Confidence::kPossible,
               fmt::format("Windows answers with the same alert when it does not speak the version "
                           "({} offered).",
                           offered_versions_in_words(reading)),
               because)
          .against.push_back("most servers have alert 70 for that");
      return;
    case 80:
      findings.add("unexplained", Confidence::kPossible,
                   fmt::format("The server answered the ClientHello with {}: something failed "
                               "inside it, and only its own log says what.",
                               words),
                   because);
      findings
          .add("no-common-tls-version", Confidence::kPossible,
               fmt::format("Servers on OpenSSL answer so when their settings leave no usable "
                           "version or suite ({} offered).",
                           offered_versions_in_words(reading)),
               because)
          .untried.push_back("other versions were not tried");
      findings
          .add("no-common-cipher", Confidence::kPossible,
               "The same alert stands for a list of suites with nothing usable in it.", because)
          .untried.push_back("other suites were not tried");
      findings
          .add("server-private-key-unreadable", Confidence::kPossible,
               "A certificate or key that its TLS library rejects can end so too.", because)
          .against.push_back("that usually ends without an alert");
      return;
    case 10:
    case 47:
    case 50:
    case 109:
    case 110:
    case 120:
      findings
          .add("client-hello-intolerance", Confidence::kPossible,
               fmt::format(
                   "The server could not make sense of the ClientHello: it answered with {}.",
                   words),
               because)
          .untried.push_back("a smaller ClientHello was not tried");
      return;
    default:
      findings.add("unexplained", Confidence::kPossible,
                   fmt::format("The server answered the ClientHello with {}; no known cause of RDP "
                               "failures is behind that one.",
                               words),
                   because);
  }
}

/// After the ServerHello.
void judge_late_alert(const Reading& reading, const tls::Alert& alert, Findings& findings) {
  const auto because =
      ids_with_failure(reading, {reading.server_hello, reading.certificate_request});
  const auto words = alert_in_words(alert);
  if (alert.description == 116) {
    findings.add("client-certificate-required", Confidence::kCertain,
                 fmt::format("The server ended the handshake with {}.", words), because);
    return;
  }
  if (client_sent_certificate_request_answer(reading) &&
      (alert.description == 40 || (alert.description >= 41 && alert.description <= 49))) {
    findings.add(
        "client-certificate-required", Confidence::kLikely,
        fmt::format(
            "The server asked for a client certificate and then ended the handshake with {}.",
            words),
        because);
    return;
  }
  if (alert.description == 20 || alert.description == 51) {
    findings.add("unexplained", Confidence::kPossible,
                 fmt::format("The server could not verify what the client sent ({}): octets were "
                             "changed on the way, or one side computes wrongly.",
                             words),
                 because);
    findings
        .add("middlebox-interference", Confidence::kPossible,
             "A device that changes the handshake on the way has this effect.", because)
        .against.push_back("nothing else here shows such a device");
    return;
  }
  findings.add("unexplained", Confidence::kPossible,
               fmt::format("The server ended the handshake in the middle with {}.", words),
               because);
}

std::optional<std::string_view> client_alert_meaning(std::uint8_t description) {
  switch (description) {
    case 42:
      return "a bad certificate";
    case 43:
      return "a certificate of a kind that it does not support";
    case 44:
      return "a revoked certificate";
    case 45:
      return "an expired certificate";
    case 46:
      return "a certificate that it cannot accept";
    case 48:
      return "a certificate of an authority that it does not know";
    default:
      return {};
  }
}

bool certificate_was_sent(const Reading& reading) {
  if (reading.certificate != nullptr) return true;
  // TLS 1.3 without keys: the server's flight is there and closed to us.
  return reading.tls && reading.tls->version == 0x0304 && reading.server_hello != nullptr &&
         record::first<record::ProtectedRecord>(reading.record, Side::kServer) != nullptr;
}

/// Readable, or closed and by its place nothing else.
bool client_sent_finished(const Reading& reading) {
  return std::ranges::any_of(reading.record.evidence, [&](const Evidence& e) {
    const bool may_be = std::holds_alternative<record::HandshakeMessage>(e.fact) ||
                        std::holds_alternative<record::ProtectedRecord>(e.fact);
    return may_be && e.where.side == Side::kClient &&
           record::message_name(reading.record, e) == "finished";
  });
}

/// It sent its Finished, so the handshake itself was right in its eyes, and left before the server
/// had shown that it was so in the server's.
void judge_departure_after_finished(const Reading& reading, Findings& findings) {
  const auto because = ids_with_failure(reading, {reading.certificate});
  findings
      .add("unexplained", Confidence::kPossible,
           fmt::format("The client's half of the TLS handshake was done; the server said nothing "
                       "of its own for {} after it and nothing that shows whether it accepted it, "
                       "and then the client left.",
                       duration_in_words(reading.failure()->after_ns)),
           because)
      .against.push_back("most servers send session tickets there; some send nothing");
  if (reading.record.run || reading.certificate == nullptr) return;
  findings
      .add("certificate-refused-by-client", Confidence::kPossible,
           "A client whose user declines the certificate leaves like this too.", because)
      .against.push_back("it completed its half of the handshake first");
}

/// The client is who ended it.
void judge_client_departure(const Reading& reading, const tls::Alert* alert, Findings& findings) {
  const auto because = ids_with_failure(reading, {reading.certificate});
  if (alert != nullptr) {
    if (judge_alert_of_client(reading, *alert, findings)) return;
    if (const auto meaning = client_alert_meaning(alert->description);
        meaning && certificate_was_sent(reading)) {
      findings.add("certificate-refused-by-client", Confidence::kCertain,
                   fmt::format("The client ended it: {}, which stands for {}.",
                               alert_in_words(*alert), *meaning),
                   because);
      return;
    }
    findings.add(
        "unexplained", Confidence::kPossible,
        fmt::format("The client itself ended the handshake with {}.", alert_in_words(*alert)),
        because);
    if (alert->description == 40 || alert->description == 71) {
      findings.add("no-common-tls-version", Confidence::kPossible,
                   "What the server chose may not be what the client allows.", because);
    }
    return;
  }
  if (client_sent_finished(reading)) return judge_departure_after_finished(reading, findings);
  if (certificate_was_sent(reading) && !reading.record.run) {  // we refuse none
    auto& finding = findings.add(
        "certificate-refused-by-client", Confidence::kLikely,
        "The client left once it had seen the server's certificate, without an alert.", because);
    finding.against.push_back(
        "mstsc also leaves while its user is asked about the certificate, and connects again");
    if (reading.certificate == nullptr) finding.confidence = Confidence::kPossible;
    return;
  }
  findings.add("unexplained", Confidence::kPossible,
               "The client ended the connection in the middle of the TLS handshake.", because);
}

/// The server left, without an alert, after the ClientHello and before a ServerHello.
void judge_departure_on_hello(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {reading.confirm, reading.client_hello});
  const bool old_only = newest_offered(reading) != 0 && newest_offered(reading) < 0x0303;
  if (old_only) {
    findings
        .add("no-common-tls-version", Confidence::kPossible,
             fmt::format("The server {} a ClientHello that offers {} only, without an alert: many "
                         "servers no longer speak that.",
                         left_in_words(failure), offered_versions_in_words(reading)),
             because)
        .untried.push_back("a newer version was not offered here");
  }
  auto& key = findings.add(
      "server-private-key-unreadable", Confidence::kPossible,
      fmt::format("The server agreed to TLS and then {} the ClientHello, without an alert. A "
                  "Windows server whose "
                  "service cannot open the certificate's private key does exactly this.",
                  left_in_words(failure)),
      because);
  key.untried.push_back(
      "only one ClientHello was seen; that every other one ends so too is not shown");
  key.against.push_back(
      "server-tls-disabled looks the same from outside: Schannel event 36870 or 36871 on the "
      "server decides");
  auto& disabled = findings.add(
      "server-tls-disabled", Confidence::kPossible,
      "A Windows server on which every TLS version is switched off ends it in the same way.",
      because);
  disabled.against.push_back(
      "rarer than a key that cannot be read; the server's event log decides (36871)");
  const auto size = reading.client_hello == nullptr ? 0u : reading.client_hello->where.size;
  findings
      .add("client-hello-intolerance", Confidence::kPossible,
           size > kLargeClientHello
               ? fmt::format("This ClientHello is large ({} octets); something may not stand that.",
                             size)
               : std::string("Something may not stand this ClientHello."),
           because)
      .untried.push_back(size > kLargeClientHello ? "a smaller one was not tried" : "it is small");
  if (!old_only) {
    findings
        .add("no-common-tls-version", Confidence::kPossible,
             "Some servers close instead of answering with alert 70 or 40.", because)
        .against.push_back(fmt::format("{} was offered", offered_versions_in_words(reading)));
  }
  findings
      .add("middlebox-interference", Confidence::kPossible,
           "An inspecting device may have cut the connection in the server's name.", because)
      .against.push_back("nothing here shows another sender; captures at both ends would");
}

/// Far faster than a round trip: it was on its way before the ClientHello can have arrived.
bool left_before_hello_arrived(const Reading& reading) {
  const auto& failure = *reading.failure();
  const auto shortest = reading.shortest_round_trip();
  return reading.client_hello == nullptr || failure.evidence < reading.client_hello->id ||
         (shortest && *shortest > 1'000'000 && failure.after_ns * 2 < *shortest);
}

void judge_departure_before_hello(const Reading& reading, Findings& findings) {
  const auto because =
      ids_with_failure(reading, {reading.request, reading.confirm, reading.client_hello});
  findings
      .add("refused-after-connection-request", Confidence::kLikely,
           "The server confirmed the request and left before it can have seen a ClientHello: it "
           "refuses the connection, not the TLS.",
           because)
      .against.push_back("the server does not say why: a limit, a ban or a policy");
  findings
      .add("server-private-key-unreadable", Confidence::kPossible,
           "A server that loads its certificate first may leave so too.", because)
      .against.push_back("it usually leaves on the ClientHello");
}

void judge_departure_later(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(
      reading, {reading.server_hello, reading.certificate, reading.certificate_request});
  if (reading.certificate_request != nullptr) {
    findings
        .add(
            "client-certificate-required", Confidence::kLikely,
            fmt::format(
                "The server asked for a client certificate and {} the client's answer without one.",
                left_in_words(failure)),
            because)
        .against.push_back("it did not say so by alert");
    return;
  }
  findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("The server {} {}, in the middle of the TLS handshake, without an alert.",
                  left_in_words(failure), after_in_words(failure, "its own messages")),
      because);
  findings
      .add("middlebox-interference", Confidence::kPossible,
           "An inspecting device may have cut the connection in the server's name.", because)
      .against.push_back("nothing here shows another sender");
}

void judge_silence(const Reading& reading, Findings& findings) {
  if (judge_late_answer(reading, findings)) return;
  const auto& failure = *reading.failure();
  const auto because =
      ids_with_failure(reading, {reading.confirm, reading.client_hello, reading.server_hello});
  const auto size = reading.client_hello == nullptr ? 0u : reading.client_hello->where.size;
  const auto unfinished = record::unfinished_octets(reading.record);
  const bool part_came = unfinished != 0 || reading.server_hello != nullptr ||
                         reading.server_mid_message || reading.gap != nullptr;
  const auto stalled = [&] {
    findings
        .add("stalled", Confidence::kPossible,
             unfinished != 0
                 ? fmt::format("{} octet{} of an answer to {} came and it was still unfinished {} "
                               "later: it stopped in the middle, or comes far too slowly.",
                               unfinished, unfinished == 1 ? "" : "s",
                               after_in_words(failure, "the last message"),
                               duration_in_words(failure.after_ns))
                 : fmt::format("The server had answered before; after {} it was silent for {}.",
                               after_in_words(failure, "its last message"),
                               duration_in_words(failure.after_ns)),
             because)
        .against.push_back("the next message due was the first large one: see path-mtu-black-hole");
  };
  const auto black_hole = [&](Confidence confidence) {
    findings
        .add("path-mtu-black-hole", confidence,
             size > kLargeClientHello
                 ? fmt::format("Small messages passed; the ClientHello ({} octets) or the server's "
                               "certificate is the first that needs full-sized packets.",
                               size)
                 : std::string("Small messages passed; the server's certificate is the first that "
                               "needs full-sized packets, and it never arrived."),
             because)
        .untried.push_back("a clamped segment size was not tried");
  };
  if (unfinished != 0 && reading.server_hello == nullptr) {  // a dribble; no large message yet
    stalled();
    findings
        .add("slow-server", Confidence::kPossible,
             "A server or path that is far too slow looks so at a deadline.", because)
        .against.push_back("whether the rest would ever have come is not known");
    black_hole(Confidence::kPossible);
    return;
  }
  if (part_came && !reading.reached(Phase::kTls)) {
    black_hole(reading.gap != nullptr ? Confidence::kLikely : Confidence::kPossible);
    stalled();
    return;
  }
  stalled();
  black_hole(Confidence::kPossible);
}

void judge_broken(const Reading& reading, Findings& findings) {
  const auto& failure = *reading.failure();
  const auto because = ids_with_failure(reading, {reading.client_hello});
  const auto breach = breach_in_words(reading);
  const bool foreign = reading.foreign != nullptr && reading.foreign->id == failure.evidence;
  const auto detail = foreign ? breach + " where TLS is due" : breach;
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("In the TLS handshake the {} sent what is no TLS{}{}.",
                       record::name_of(failure.by), detail.empty() ? "" : ": ", detail),
           because)
      .against.push_back("something in between may have put it there");
  findings
      .add("middlebox-interference", Confidence::kPossible,
           "A device in between may have answered in the server's place.", because)
      .against.push_back("nothing here shows another sender");
}

/// xrdp: it says no in clear-text MCS where a ServerHello is due.
void judge_ultimatum(const Reading& reading, Findings& findings) {
  const auto because = ids_with_failure(reading, {reading.confirm, reading.client_hello});
  auto& key = findings.add(
      "server-private-key-unreadable", Confidence::kLikely,
      "The server answered the ClientHello in clear text with a disconnect ultimatum. That is what "
      "xrdp does when its TLS library "
      "rejects its certificate or key: unreadable, not matching each other, or too weak.",
      because);
  key.against.push_back(
      "its log (/var/log/xrdp.log) has the reason; from outside the three cannot be told apart");
  auto front = key.fix.begin();
  for (auto step = front; step != key.fix.end(); ++step) {
    if (step->starts_with("On xrdp")) std::rotate(front++, step, step + 1);
  }
  findings
      .add("server-tls-disabled", Confidence::kPossible,
           "Settings that leave no usable TLS version could end so too.", because)
      .against.push_back("xrdp answers those with a TLS alert");
}

}  // namespace

void judge_tls(const Reading& reading, Findings& findings) {
  if (!reading.failed_in(Phase::kTls)) return;
  const auto& failure = *reading.failure();
  const auto* alert = alert_of_failure(reading);
  const bool hello_answered = reading.server_hello != nullptr;
  switch (failure.how) {
    case EndedHow::kFailurePdu:
      return judge_ultimatum(reading, findings);
    case EndedHow::kMalformed:
      return judge_broken(reading, findings);
    case EndedHow::kTimeout:
      return judge_silence(reading, findings);
    case EndedHow::kAlert:
      if (failure.by == Side::kClient) return judge_client_departure(reading, alert, findings);
      if (alert == nullptr) {
        findings.add(
            "unexplained", Confidence::kPossible,
            "The server ended the handshake with an encrypted alert; a key log would show which.",
            ids_with_failure(reading, {}));
        if (reading.certificate_request != nullptr) {
          findings.add("client-certificate-required", Confidence::kPossible,
                       "The server had asked for a client certificate.",
                       ids_with_failure(reading, {reading.certificate_request}));
        }
        return;
      }
      return hello_answered ? judge_late_alert(reading, *alert, findings)
                            : judge_alert_to_hello(reading, *alert, findings);
    case EndedHow::kClose:
    case EndedHow::kReset:
      if (failure.by == Side::kClient) {
        if (reading.missed_deadline) return judge_silence(reading, findings);
        return judge_client_departure(reading, nullptr, findings);
      }
      if (hello_answered) return judge_departure_later(reading, findings);
      return left_before_hello_arrived(reading) ? judge_departure_before_hello(reading, findings)
                                                : judge_departure_on_hello(reading, findings);
    default:
      return;
  }
}

}  // namespace rdpwhy::diagnose
