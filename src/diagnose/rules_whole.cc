// Judgements about a whole connection: complete, cut off, not to be explained.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/reading.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;
using record::Ending;

// A desktop's first screen alone is more than this; a refused logon or licence stays well below.
constexpr std::uint64_t kSessionOctets = 32 * 1024;
// A person who works stays longer; a handshake that fails is over sooner.
constexpr Nanoseconds kSessionTime = 30'000'000'000;

std::string until_in_words(const Reading& reading) {
  return reading.progress.reached ? std::string(record::row_of(*reading.progress.reached).title)
                                  : "nothing";
}

/// The ending that came first: whose it is tells who left, the other side's FIN only answers it.
const Evidence* first_ending(const Reading& reading) {
  return record::first_evidence<Ending>(reading.record);
}

/// The server's FIN or closing alert ahead of the client's: it left by itself.
const Evidence* server_left_first(const Reading& reading) {
  for (const auto& e : reading.record.evidence) {
    const auto* alert = std::get_if<record::TlsAlert>(&e.fact);
    const bool closes = alert != nullptr &&
                        (!alert->alert || alert->alert->description == tls::Alert::kCloseNotify);
    const auto* end = std::get_if<Ending>(&e.fact);
    const bool established =
        end != nullptr && (end->how == Ending::How::kClose || end->how == Ending::How::kReset);
    if (closes || established) return e.where.side == Side::kServer ? &e : nullptr;
  }
  return nullptr;
}

/// The client said something inside TLS that was opened: it went on behind the handshake.
bool client_spoke_inside_tls(const Reading& reading) {
  return std::ranges::any_of(reading.record.evidence, [](const Evidence& e) {
    return e.where.side == Side::kClient && e.phase > Phase::kTls &&
           !std::holds_alternative<Ending>(e.fact) &&
           !std::holds_alternative<record::TlsAlert>(e.fact);
  });
}

/// The client's closing alert, when the client said nothing else behind the handshake, or nothing
/// that could not be read, and left first: so ends a probe, or a client that only wanted to see the
/// certificate.
const Evidence* client_took_its_leave(const Reading& reading) {
  const Evidence* alert = nullptr;
  for (const auto& e : reading.record.evidence) {
    if (std::holds_alternative<record::ApplicationData>(e.fact) && e.where.side == Side::kClient) {
      return nullptr;
    }
    if (const auto* a = std::get_if<record::TlsAlert>(&e.fact)) {
      const bool closes = !a->alert || a->alert->description == tls::Alert::kCloseNotify;
      if (e.where.side != Side::kClient && alert == nullptr) return nullptr;
      if (e.where.side == Side::kClient && closes) alert = &e;
    }
    if (const auto* end = std::get_if<Ending>(&e.fact)) {
      return end->by == Side::kClient && end->how == Ending::How::kClose ? alert : nullptr;
    }
  }
  return nullptr;
}

/// The client tried one address, got nowhere, and another one of the same name answered.
const Evidence* dead_first_address(const Reading& reading) {
  const auto* resolved = record::first<record::Resolved>(reading.record);
  if (resolved == nullptr || resolved->addresses.size() < 2) return nullptr;
  const Evidence* dead = nullptr;
  for (const auto& e : reading.record.evidence) {
    if (std::holds_alternative<record::Connected>(e.fact)) return dead;
    if (std::holds_alternative<Ending>(e.fact) && dead == nullptr) dead = &e;
  }
  return nullptr;
}

Finding& judge_standard_security(const Reading& reading, Findings& findings) {
  const bool silent = reading.confirm_fact()->response() == nullptr;
  const auto requested = reading.request_fact()->negotiation->requested;
  if (!silent && !requested.has(rdp::Protocol::kSsl)) {
    constexpr Lasting kOfferTls =
        "Offer TLS as well (rdpwhy HOST --security tls,nla): if the server then selects it, "
        "nothing is wrong with its certificate, it only has no NLA.";
    auto& finding =
        findings.add("legacy-security-chosen", Confidence::kLikely,
                     fmt::format("The server chose standard RDP security: it does not know what "
                                 "was offered ({}), and plain TLS was not offered.",
                                 fmt::join(rdp::protocol_names(requested), ", ")),
                     ids({reading.request, reading.confirm}));
    finding.fix.insert(finding.fix.begin(), kOfferTls);
    finding.against.push_back("a server without a usable key or certificate answers the same");
    return finding;
  }
  auto& finding = findings.add(
      "legacy-security-chosen", Confidence::kCertain,
      silent ? std::string("TLS was offered; the server confirmed without any negotiation data, as "
                           "servers do that know or want nothing but standard RDP security.")
             : std::string("TLS was offered and the server chose standard RDP security instead: "
                           "its key or certificate cannot be used, or it is set so."),
      ids({reading.request, reading.confirm}));
  if (silent) {
    finding.confidence = Confidence::kLikely;
    finding.against.push_back("a very old server knows nothing else");
  }
  return finding;
}

/// The catalogue's advice, made to fit how far it went.
void fit_advice(const Reading& reading, Finding& finding) {
  if (finding.fix.empty()) return;
  if (!reading.reached(Phase::kTls) && !reading.session.is_active()) {
    finding.fix.front() =
        "If users still fail, compare: from their machine, by the name they use, with their "
        "client. What follows the phases above (TLS, credentials, licences, session) was not tried "
        "here.";
  } else if (reading.session.is_active()) {
    finding.fix.front() =
        "If users still fail, compare: from their machine, by the name they use, with their client "
        "and their own credentials. What the session does after the handshake was not looked at.";
  } else if (reading.logon.delegation != nullptr || reading.logon.rdstls_answer != nullptr) {
    finding.fix.front() =
        "If users still fail, compare: from their machine, by the name they use, with their client "
        "and their own credentials. What follows the logon (licences, session) was not looked at.";
  }
}

/// TLS 1.3 without a ticket: the weaker evidence that it stands is said.
void note_silent_acceptance(const Reading& reading, Finding& finding) {
  if (reading.progress.reached != Phase::kTls || !record::accepted_in_silence(reading.record))
    return;
  finding.confidence = std::max(finding.confidence, Confidence::kLikely);
  finding.against.push_back(
      "the server said nothing after the client's Finished; that it accepted it rests on its "
      "silence and on its closing in order when the client left");
}

/// All that a captured client said was read, nobody refused it, and it left in order.
void say_that_client_left(const Reading& reading, const Evidence& leave, Findings& findings) {
  auto& finding = findings.add(
      "handshake-complete", Confidence::kLikely,
      fmt::format("The handshake went through {}; then the client closed the connection in "
                  "order{}. No failure is in this capture.",
                  until_in_words(reading),
                  reading.reached(Phase::kMcs)        ? ""
                  : reading.reached(Phase::kKerberos) ? " and asked for no session"
                                                      : " and did not go on with its logon"),
      ids({reading.confirm, reading.server_hello, reading.logon.delegation,
           reading.logon.authorization, &leave}));
  finding.against.push_back("a client that gave up by itself at this point leaves like this too");
  fit_advice(reading, finding);
}

/// The client sent closed records of TLS 1.3 that are longer than an alert, behind its Finished.
bool spoke_inside(const Reading& reading) {
  constexpr std::uint8_t kApplicationData = 23;
  bool finished = false;
  for (const auto& e : reading.record.evidence) {
    if (e.where.side != Side::kClient) continue;
    const auto* message = std::get_if<record::HandshakeMessage>(&e.fact);
    const auto* closed = std::get_if<record::ProtectedRecord>(&e.fact);
    const bool data = closed != nullptr && closed->type == kApplicationData;
    if (data && finished && record::is_closed_data(e.fact)) return true;
    finished = finished || data || (message != nullptr && message->type == 20);
  }
  return false;
}

/// A capture that ends before the connection does. True: that is all there is to say.
bool judge_open_end(const Reading& reading, const std::vector<record::EvidenceId>& because,
                    Findings& findings) {
  const auto* end =
      reading.last_ending == nullptr ? nullptr : std::get_if<Ending>(&reading.last_ending->fact);
  if (end != nullptr && end->how != Ending::How::kCaptureEnd) return false;
  findings.add("capture-incomplete", Confidence::kLikely,
               fmt::format("The handshake went through {}; the capture ends while the connection "
                           "is open, too early to tell how it went on.",
                           until_in_words(reading)),
               because);
  return true;
}

/// A capture: what follows TLS is closed to us, so only its size and time speak.
void judge_encrypted_rest(const Reading& reading, Findings& findings) {
  const auto* start = reading.client_hello != nullptr ? reading.client_hello : reading.confirm;
  const auto lasted =
      reading.last_ending != nullptr && start != nullptr ? reading.last_ending->at - start->at : 0;
  const auto because = ids({reading.confirm, reading.server_hello, reading.last_ending});
  const bool tls = reading.reached(Phase::kTls);
  if (const auto* leave = client_took_its_leave(reading); leave != nullptr && tls) {
    if (client_spoke_inside_tls(reading)) return say_that_client_left(reading, *leave, findings);
    auto& finding =
        findings.add("handshake-complete", Confidence::kLikely,
                     "TLS completed; then the client closed the connection in order and had asked "
                     "for nothing. No failure is in this capture.",
                     ids({reading.confirm, reading.server_hello, leave}));
    finding.against.push_back(
        "a client whose user declined the certificate may leave like this too");
    note_silent_acceptance(reading, finding);
    return;
  }
  const bool flowed = reading.server_bytes >= kSessionOctets;
  if (flowed || lasted >= kSessionTime) {
    auto& finding = findings.add(
        "handshake-complete", Confidence::kLikely,
        fmt::format("The handshake went through {}; then {} octets from the server in {} show that "
                    "a session ran.",
                    until_in_words(reading), reading.server_bytes, duration_in_words(lasted)),
        because);
    fit_advice(reading, finding);
    finding.against.push_back(!tls ? "what was said after the negotiation was not read"
                              : reading.reached(Phase::kKerberos)
                                  ? "what was said after the logon was not read"
                                  : "what was said inside TLS was not read");
    return;
  }
  if (judge_open_end(reading, because, findings)) return;
  const auto by = std::get<Ending>(first_ending(reading)->fact).by;
  auto& finding = findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("The handshake went through {}; then only {} octets came from the server "
                  "and the {} ended the connection after {}. That is too little for a "
                  "session, and the reason is in {}.",
                  until_in_words(reading), reading.server_bytes, record::name_of(by),
                  duration_in_words(lasted),
                  !tls                                ? "what was said after the negotiation"
                  : reading.reached(Phase::kKerberos) ? "what was said after the logon"
                                                      : "what was said inside TLS"),
      because);
  finding.against.push_back("a live probe from the client's place would show more");
  const bool closed = std::ranges::any_of(reading.progress.phases, [](const auto& row) {
    return row.state == record::PhaseState::kEncrypted;
  });
  if (closed && tls) {
    finding.fix.insert(
        finding.fix.begin(),
        "What was said inside TLS can be read with the session's secrets: rdpwhy "
        "replay FILE --keylog FILE.keys, or, where the key exchange is RSA, --tls-key "
        "with the server's own key.");
  }
  const bool accepted =  // nobody speaks to a server whose certificate was declined
      record::first<record::ApplicationData>(reading.record, Side::kClient) != nullptr ||
      (closed && reading.server_hello != nullptr && spoke_inside(reading));
  if (reading.record.run == std::nullopt && tls && !accepted && by == Side::kClient &&
      reading.certificate != nullptr) {
    findings
        .add("certificate-refused-by-client", Confidence::kPossible,
             "A client that leaves right after TLS may have asked its user about the certificate.",
             because)
        .against.push_back("it did not say so");
  }
}

/// A capture in which the session's phases can be read, and nothing shows a failure.
void judge_opened_session(const Reading& reading, Findings& findings) {
  const auto& session = reading.session;
  const auto because = ids({session.connect_response, session.summary.font_map_at,
                            session.summary.error_info_at, reading.last_ending});
  if (session.is_active()) {
    std::string end;
    if (session.was_ended_by_user()) {
      end = fmt::format(" It ended by the user's own wish: {}.",
                        error_info_in_words(*session.summary.error_info));
    }
    auto& finding =
        findings.add("handshake-complete", Confidence::kCertain,
                     "Everything completed up to the font map: a session ran." + end, because);
    fit_advice(reading, finding);
    return;
  }
  if (judge_open_end(reading, because, findings)) return;
  const auto by = std::get<Ending>(first_ending(reading)->fact).by;
  if (by == Side::kClient) {
    findings
        .add(
            "handshake-complete", Confidence::kPossible,
            fmt::format("Every phase up to {} completed; then the client left by itself, in order.",
                        until_in_words(reading)),
            because)
        .against.push_back("why a client leaves before there is a session is not said");
    return;
  }
  findings
      .add("unexplained", Confidence::kPossible,
           fmt::format("Every phase up to {} completed; then the server ended the connection.",
                       until_in_words(reading)),
           because)
      .against.push_back("what of it could not be read may say why");
}

/// PROTOCOL_RDP, by name or by saying nothing.
bool selected_rdp(const Reading& reading) {
  const auto* confirm = reading.confirm_fact();
  return confirm != nullptr && confirm->failure() == nullptr &&
         (confirm->response() == nullptr || confirm->response()->selected_protocol == 0);
}

/// A run without credentials was to go no further.
bool went_as_far_as_without_credentials(const Reading& reading) {
  const auto& stop = reading.record.run->own_stop;
  return stop && stop->why == record::RunFacts::OwnStop::Why::kNoCredentials &&
         reading.logon.first_answer != nullptr;
}

/// A logon was asked for, and on the way that the server selected there is none.
bool selected_a_way_without_logon(const Reading& reading) {
  const auto* response =
      reading.confirm_fact() == nullptr ? nullptr : reading.confirm_fact()->response();
  const auto until = reading.record.run->until;
  return response != nullptr && until && *until > Phase::kTls && *until < Phase::kMcs &&
         reading.reached(Phase::kTls) && !reading.logon.began() && !reading.missed_deadline &&
         record::phase_behind(response->selected_protocol) == Phase::kMcs;
}

void say_that_no_logon_follows(const Reading& reading, Findings& findings) {
  auto& finding = findings.add(
      "unexplained", Confidence::kLikely,
      fmt::format(
          "Nothing failed: TLS completed, but the server selected {}, so no logon follows "
          "before the session, and what was asked for is not to be had there.",
          rdp::selected_protocol_name(reading.confirm_fact()->response()->selected_protocol)),
      ids({reading.confirm, reading.server_hello}));
  finding.title = "The server selected a way on which there is no logon";
  finding.against.push_back("another offer may be answered with NLA");
  finding.fix = {
      "If NLA should be on, on the server: HKLM\\SYSTEM\\CurrentControlSet\\Control\\Terminal "
      "Server\\WinStations\\RDP-Tcp, UserAuthentication=1, or the policy 'Require user "
      "authentication for remote connections by using Network Level Authentication'.",
      "xrdp and many servers on Linux have no NLA: there the user is asked inside the session. "
      "Probe "
      "with --until tls."};
}

/// MS-RDPBCGR 5.4.2.1: a server that selected HYBRID has no authorization result to give.
bool selected_a_way_without_result(const Reading& reading) {
  const auto* response =
      reading.confirm_fact() == nullptr ? nullptr : reading.confirm_fact()->response();
  return response != nullptr && reading.record.run->until == Phase::kAuthorization &&
         reading.progress.reached == Phase::kCredssp &&
         !rdp::Protocols{response->selected_protocol}.has(rdp::Protocol::kHybridEx);
}

void say_that_no_result_follows(const Reading& reading, Findings& findings) {
  auto& finding = findings.add(
      "unexplained", Confidence::kLikely,
      "Nothing failed: the logon completed, but the server selected HYBRID, which has no "
      "authorization result: whether this user may sign in over Remote Desktop is not said before "
      "the session.",
      ids({reading.confirm, reading.logon.server_key, reading.logon.delegation}));
  finding.title = "The server has no authorization result to give";
  finding.against.push_back("a server that leaves as soon as it has the credentials refuses them");
  finding.fix = {
      "Probe with --until credssp: that much can be had there.",
      "Whether the user may sign in shows in the session itself: --until finalization begins one."};
}

}  // namespace

void judge_chosen_security(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->phase < Phase::kMcs || !selected_rdp(reading) ||
      !reading.offered_tls() || findings.empty() || findings.has("legacy-security-chosen")) {
    return;
  }
  auto& finding = judge_standard_security(reading, findings);
  finding.confidence = Confidence::kPossible;
  finding.against.push_back("what failed came later, and may have nothing to do with it");
}

void judge_complete(const Reading& reading, Findings& findings) {
  if (reading.failure() != nullptr || !findings.empty() || !reading.progress.reached) return;
  const bool tls = reading.reached(Phase::kTls);
  const auto& run = reading.record.run;
  const bool asked_more = run && run->until && !reading.progress.as_asked;
  if (selected_rdp(reading) && reading.offered_tls() && !tls &&
      (asked_more || reading.server_bytes < kSessionOctets)) {
    judge_standard_security(reading, findings);
    return;
  }
  // A session that ran shows that this client can live with it: then it is a warning only.
  if (const auto breach = breach_of_offer(reading);
      breach && reading.reached(Phase::kX224) && reading.server_bytes < kSessionOctets) {
    findings
        .add("protocol-violation", Confidence::kLikely,
             fmt::format("The server selected {}. This client went on, and {} completed; one that "
                         "checks stops there.",
                         *breach, until_in_words(reading)),
             ids({reading.request, reading.confirm}))
        .against.push_back("lenient clients go on as well");
    return;
  }
  if (!run && reading.session.began) return judge_opened_session(reading, findings);
  if (!run && reading.reached(Phase::kX224)) return judge_encrypted_rest(reading, findings);
  if (run && went_as_far_as_without_credentials(reading)) {
    findings.add(
        "handshake-complete", Confidence::kCertain,
        "Every phase up to the TLS handshake completed, and CredSSP as far as it goes "
        "without credentials: the server's answer. Nobody was named, so no failed logon is "
        "left behind.",
        ids({reading.confirm, reading.server_hello, reading.logon.first_answer}));
    return;
  }
  if (run && asked_more && selected_a_way_without_logon(reading))
    return say_that_no_logon_follows(reading, findings);
  if (run && asked_more && selected_a_way_without_result(reading))
    return say_that_no_result_follows(reading, findings);
  if (!run || asked_more)
    return;  // a capture that got no further than TCP, or a run that stopped early
  if (const auto* dead = dead_first_address(reading)) {
    const auto* resolved = record::first<record::Resolved>(reading.record);
    findings
        .add("name-resolves-to-dead-address", Confidence::kLikely,
             fmt::format("The name has {} addresses; {}, which a client tries first, did not "
                         "answer, another one did.",
                         resolved->addresses.size(), resolved->addresses.front()),
             ids({record::first_evidence<record::Resolved>(reading.record), dead}))
        .against.push_back("a client that tries the next address gets through, only later");
  }
  auto& finding = findings.add(
      "handshake-complete", Confidence::kCertain,
      fmt::format("Every phase up to {} completed, as far as was asked.", until_in_words(reading)),
      ids({reading.confirm, reading.server_hello}));
  fit_advice(reading, finding);
  note_silent_acceptance(reading, finding);
  if (const auto* left = server_left_first(reading);
      left != nullptr && tls && !reading.session.began) {
    finding.against.push_back("the server ended the connection by itself right after TLS");
    findings
        .add("server-closes-after-tls", Confidence::kPossible,
             "The server left by itself once TLS stood, before it was told anything.", ids({left}))
        .against.push_back("some servers do not wait for a client that says nothing");
  }
}

void judge_capture(const Reading& reading, Findings& findings) {
  if (reading.circumstances.live && reading.record.run) return;
  const auto* failure = reading.failure();
  const bool cut = failure != nullptr && failure->how == EndedHow::kCaptureEnd;
  if (!cut && !(findings.empty() && (reading.begins_late != nullptr || reading.gap != nullptr)))
    return;
  std::string why = reading.gap != nullptr ? "octets are missing in it"
                    : reading.begins_late != nullptr
                        ? "it begins when the connection was already under way"
                        : "it ends while an answer is still due";
  findings.add("capture-incomplete", Confidence::kLikely,
               fmt::format("The capture does not hold enough of this connection: {}.", why),
               ids_with_failure(reading, {reading.begins_late, reading.gap, reading.last_ending}));
}

}  // namespace rdpwhy::diagnose
