// What follows the proof of who the user is: RDSTLS (MS-RDPBCGR 2.2.17), early user authorization
// (2.2.10.2), and a server that leaves between TLS and the first message of a session.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/reading.h"
#include "diagnose/refusals.h"
#include "diagnose/rules_logon.h"
#include "rdpwhy/codes/codes.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

std::string named(codes::Family family, std::uint32_t code) {
  const auto name = codes::name(family, code);
  return name ? fmt::format("{} (0x{:X})", *name, code)
              : fmt::format("the code 0x{:X}, which has no known name", code);
}

std::string_view meaning_of(codes::Family family, std::uint32_t code) {
  const auto* known = codes::find(family, code);
  return known == nullptr ? std::string_view() : known->meaning;
}

void judge_rdstls_result(const Reading& reading, std::uint32_t code, Findings& findings) {
  const auto because =
      ids_with_failure(reading, {reading.logon.rdstls_request, reading.logon.rdstls_answer});
  const auto meaning = meaning_of(codes::Family::kRdstls, code);
  const auto says =
      fmt::format("The server answered the RDSTLS authentication request with {}.{}{}",
                  named(codes::Family::kRdstls, code), meaning.empty() ? "" : " ", meaning);
  constexpr std::uint32_t kAccessDenied = 5;
  if (code == kAccessDenied) {
    findings.add("remote-desktop-right-missing", Confidence::kLikely, says, because)
        .against.push_back("a redirection that is no longer valid can be denied as well");
    return;
  }
  const auto* row = find_win32_refusal(code);
  auto& finding =
      findings.add(row == nullptr ? "unexplained" : row->cause,
                   row == nullptr ? Confidence::kPossible : row->confidence, says, because);
  if (row != nullptr && !row->remark.empty()) finding.against.emplace_back(row->remark);
  // RDSTLS carries what a redirection handed out (MS-RDPBCGR 5.4.5.3), nothing that a user typed.
  // An account that is locked or expired is one all the same.
  finding.says +=
      " What was shown are the credentials that the redirection handed out for this connection, "
      "not what a user typed.";
  if (finding.id != "logon-failure") return;
  finding.title = "The credentials of the redirection were refused";
  finding.fix = {
      "Connect anew to the server or broker that sent the redirection: what it hands out is good "
      "for one connection and for a short time.",
      "If a fresh redirection is refused as well, compare the logs of both at that second: the one "
      "that redirects (broker, or gnome-remote-desktop's system daemon) and the target have to "
      "agree on these credentials.",
      "There is nothing to change in the user's own name and password."};
}

/// An RDP PDU inside TLS that ends the connection before there is a session.
void judge_refusing_pdu(const Reading& reading, Findings& findings) {
  const auto& shown = reading.record.evidence[reading.failure()->evidence - 1];
  const bool ultimatum = std::holds_alternative<rdp::DisconnectProviderUltimatum>(shown.fact);
  if (!ultimatum && !std::holds_alternative<rdp::DisconnectRequest>(shown.fact)) return;
  if (shown.where.side == Side::kClient) {
    findings
        .add("unexplained", Confidence::kPossible,
             fmt::format("The client itself ended the connection with {}, before there was a "
                         "session. The server had not said no.",
                         record::describe(shown)),
             ids_with_failure(reading, {reading.confirm}))
        .against.push_back(
            "why a client leaves is not said; it may have read a refusal in what "
            "could not be read here");
    return;
  }
  findings
      .add("session-host-refused", Confidence::kLikely,
           fmt::format("The server ended the connection with {} before there was a session.",
                       record::describe(shown)),
           ids_with_failure(reading, {reading.confirm}))
      .against.push_back("why it refuses is not said; its own log has the reason");
}

}  // namespace

void judge_rdstls(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  if (!findings.empty()) return;
  if (const auto* answer = logon.rdstls_answer_fact()) {
    if (answer->result_code != 0) judge_rdstls_result(reading, answer->result_code, findings);
    return;
  }
  const auto* failure = reading.failure();
  if (logon.rdstls_request == nullptr || failure == nullptr || failure->phase <= Phase::kTls ||
      failure->by == Side::kClient ||
      (!reading.server_left() && failure->how != EndedHow::kAlert)) {
    return;
  }
  findings
      .add("credentials-refused-without-reason", Confidence::kPossible,
           fmt::format("The server {}, without a result.",
                       departure_in_words(reading, "the RDSTLS authentication request")),
           ids_with_failure(reading, {logon.rdstls_request}))
      .against.push_back("RDSTLS has a result code for every refusal");
}

void judge_authorization(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto* result = logon.authorization_fact();
  if (result == nullptr || result->authorization_result == 0 || !findings.empty()) return;
  const auto code = result->authorization_result;
  constexpr std::uint32_t kAccessDenied = 5;
  const auto because = ids_with_failure(reading, {logon.proof, logon.authorization});
  if (code == kAccessDenied) {
    findings.add("remote-desktop-right-missing", Confidence::kCertain,
                 "The credentials are good; the server's authorization result is "
                 "AUTHZ_ACCESS_DENIED: this user may not sign in over Remote Desktop.",
                 because);
    return;
  }
  findings
      .add("unexplained", Confidence::kPossible,
           fmt::format("The server's authorization result is {}: neither of the two that are "
                       "defined (0 and 5).",
                       named(codes::Family::kAuthorization, code)),
           because)
      .against.push_back("anything but 0 is taken for a refusal");
}

void judge_after_tls(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->phase <= Phase::kTls || !findings.empty()) return;
  const auto because = ids_with_failure(reading, {reading.confirm, reading.server_hello});
  const bool tls = reading.reached(Phase::kTls);
  const bool logon_over =
      reading.logon.delegation != nullptr || reading.logon.rdstls_answer != nullptr;
  if (reading.server_left() && tls && !logon_over) {
    findings
        .add("server-closes-after-tls", Confidence::kLikely,
             fmt::format(
                 "TLS completed; then the server {} {}, before any answer of the next phase.",
                 left_in_words(*failure), after_in_words(*failure, "that")),
             because)
        .against.push_back("why it left is not said; its own log at that second has the reason");
    return;
  }
  if (judge_unfinished(reading, findings)) return;
  if (reading.silence()) {
    findings.add("stalled", Confidence::kPossible,
                 fmt::format("The server had answered before and was then silent for {}.",
                             duration_in_words(failure->after_ns)),
                 because);
    return;
  }
  if (failure->how == EndedHow::kFailurePdu) return judge_refusing_pdu(reading, findings);
  if (failure->how == EndedHow::kMalformed && judge_own_limit(reading, findings)) return;
  if (failure->how == EndedHow::kMalformed) {
    findings
        .add("protocol-violation", Confidence::kLikely,
             fmt::format("Inside TLS the {} sent what does not belong there{}.",
                         record::name_of(failure->by), breach_behind_colon(reading)),
             because)
        .against.push_back("something in between may have changed it");
    return;
  }
  if (failure->how == EndedHow::kAlert) {
    findings.add(
        "unexplained", Confidence::kPossible,
        fmt::format("The server {}.",
                    departure_in_words(reading, after_in_words(*failure, "the handshake"))),
        because);
  }
}

}  // namespace rdpwhy::diagnose
