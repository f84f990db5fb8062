// CredSSP (MS-CSSP). What the server says by errorCode is its own word; every other ending leaves
// room for several causes, and which message it answered is what parts them.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/credssp_dialogue.h"
#include "diagnose/reading.h"
#include "diagnose/rules_credssp.h"
#include "diagnose/rules_logon.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

void judge_breach_behind_proof(const Reading& reading, std::string_view breach,
                               Findings& findings) {
  auto says = reading.logon.delegation != nullptr
                  ? fmt::format(
                        "After the delegated credentials, with which CredSSP is over, the "
                        "server sent {}.",
                        breach)
                  : fmt::format(
                        "Where the server's answer to {} was due, a pubKeyAuth or an "
                        "errorCode, it sent {}.",
                        last_said(reading.logon), breach);
  findings.add("protocol-violation", Confidence::kLikely, std::move(says), dialogue_ids(reading))
      .against.push_back("something in between may have changed it");
}

/// Once the credentials are out a PDU of RDP is no breach of CredSSP any more.
bool ended_by_pdu_of_rdp(const Reading& reading) {
  const auto& shown = reading.record.evidence[reading.failure()->evidence - 1];
  return std::holds_alternative<rdp::DisconnectProviderUltimatum>(shown.fact) ||
         std::holds_alternative<rdp::DisconnectRequest>(shown.fact);
}

void judge_silence(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto because = dialogue_ids(reading);
  const auto silence = duration_in_words(reading.failure()->after_ns);
  if (judge_unfinished(reading, findings) || judge_talk_of_tls(reading, findings)) return;
  const auto add_stalled = [&] {
    findings
        .add("stalled", Confidence::kPossible,
             fmt::format("The server had answered before; after {} it was silent for {}.",
                         last_said(logon), silence),
             because)
        .against.push_back("it may only be slow: try a longer --timeout");
  };
  const auto add_intermediary = [&](std::string says) {
    findings
        .add("intermediary-cannot-complete-credssp", Confidence::kPossible, std::move(says),
             because)
        .against.push_back("nothing here shows that something stands in between");
  };
  if (logon.step != LogonStep::kAuthenticated) {
    add_stalled();
    const bool confirmed_its_key = logon.step > LogonStep::kAuthenticated;
    if (confirmed_its_key) return;
    add_intermediary("A proxy that does not understand CredSSP waits here for something else.");
    return;
  }
  add_intermediary(
      fmt::format("CredSSP began and went silent for {} once the proof of the credentials was out: "
                  "a proxy that sits in between cannot answer it.",
                  silence));
  add_stalled();
  findings
      .add("no-logon-servers", Confidence::kPossible,
           "A server that waits for a domain controller out of its reach is as silent, for up to a "
           "minute.",
           because)
      .against.push_back("it would say so in the end: try a longer --timeout");
}

void judge_rdp_pdu(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto because = dialogue_ids(reading, {logon.rdp_pdu});
  if (logon.step == LogonStep::kAuthenticated) {
    findings
        .add(
            "credentials-refused-without-reason", Confidence::kLikely,
            fmt::format("Where the answer to {} was due the server sent a PDU of RDP itself ({}), "
                        "without an errorCode. gnome-remote-desktop refuses a wrong password or an "
                        "unknown user like this.",
                        last_said(logon), record::describe(*logon.rdp_pdu)),
            because)
        .against.push_back("why it refused is not said; its own log has the reason");
    return;
  }
  const bool ultimatum =
      std::holds_alternative<rdp::DisconnectProviderUltimatum>(logon.rdp_pdu->fact);
  findings
      .add(ultimatum ? "session-host-refused" : "protocol-violation", Confidence::kLikely,
           fmt::format("Where CredSSP was due the server sent {}.",
                       record::describe(*logon.rdp_pdu)),
           because)
      .against.push_back("a server that does not follow the selected protocol does so as well");
}

/// After the credentials: the octets of AUTHZ_ACCESS_DENIED (MS-RDPBCGR 2.2.10.2) where none is
/// due.
bool denies_out_of_turn(const Reading& reading) {
  const auto& shown = reading.record.evidence[reading.failure()->evidence - 1];
  const auto* unexpected = record::get_if<record::Unexpected>(&shown.fact);
  return unexpected != nullptr && reading.logon.delegation != nullptr &&
         shown.where.side == Side::kServer && unexpected->first == Bytes{5, 0, 0, 0};
}

void judge_broken(const Reading& reading, Findings& findings) {
  if (judge_own_limit(reading, findings)) return;
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("In CredSSP the {} sent what does not belong there{}.",
                       record::name_of(reading.failure()->by), breach_behind_colon(reading)),
           dialogue_ids(reading))
      .against.push_back("something in between may have changed it");
  if (!denies_out_of_turn(reading)) return;
  findings
      .add("remote-desktop-right-missing", Confidence::kPossible,
           "Taken for an authorization result, it says that this user may not sign in over Remote "
           "Desktop.",
           dialogue_ids(reading))
      .against.push_back("the protocol has no such result here, and a client does not read it");
}

}  // namespace

void judge_credssp(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  if (!findings.empty()) return;
  if (const auto& run = reading.record.run; run && run->own_stop && !logon.began())
    return judge_own_stop(reading, *run->own_stop, findings);
  if (!logon.began()) return;
  if (logon.refusal != nullptr) return judge_error_code(reading, findings);
  if (logon.kerberos_error != nullptr && logon.server_key == nullptr)
    return judge_kerberos_error(reading, findings);
  const auto* failure = reading.failure();
  if (failure != nullptr && failure->phase <= Phase::kTls) return;
  if (logon.rdp_pdu != nullptr) return judge_rdp_pdu(reading, findings);
  if (logon.reject != nullptr && logon.server_key == nullptr)
    return judge_rejected_mechanism(reading, findings);
  const auto* authorization = logon.authorization_fact();
  if (authorization != nullptr && authorization->authorization_result != 0) return;
  if (const auto closed = side_that_stayed_closed(reading))
    return judge_half_of_it(reading, *closed, findings);
  if (authorization != nullptr) return;
  if (const auto& run = reading.record.run) {
    if (run->public_key_confirmed == false) return judge_public_key(reading, findings);
    if (run->own_stop) return judge_own_stop(reading, *run->own_stop, findings);
  }
  if (failure == nullptr) return judge_client_departure(reading, findings);
  if (failure->phase > Phase::kAuthorization || failure->how == EndedHow::kCaptureEnd) return;
  if (failure->how == EndedHow::kMalformed) return judge_broken(reading, findings);
  if (ended_by_pdu_of_rdp(reading)) return;  // of the session host, which speaks next
  if (const auto breach = breach_behind_proof(reading); !breach.empty())
    return judge_breach_behind_proof(reading, breach, findings);
  if (reading.silence() || (failure->by == Side::kClient && reading.missed_deadline))
    return judge_silence(reading, findings);
  if (failure->by == Side::kClient) return judge_client_departure(reading, findings);
  judge_departure(reading, findings);
}

}  // namespace rdpwhy::diagnose
