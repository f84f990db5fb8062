// CredSSP: somebody leaves without a word. Which message it answered is what parts the causes.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/credssp_dialogue.h"
#include "diagnose/reading.h"
#include "diagnose/rules_credssp.h"
#include "diagnose/rules_logon.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

constexpr std::uint8_t kInternalError = 80;

/// Why the server may have had no other way than to leave.
std::string reason_possible_in_words(const LogonReading& logon) {
  const auto version = logon.version();
  if (!version) return {};
  return logon.could_say_why()
             ? fmt::format(
                   "it speaks CredSSP {}, in which Windows would have sent a reason: a server of "
                   "another make, or something in between, is likelier",
                   *version)
             : fmt::format("in CredSSP {} a server has no way to say why", *version);
}

void add_version_refused(const Reading& reading, Confidence confidence, Findings& findings) {
  findings
      .add("credssp-version-refused", confidence,
           fmt::format("The client speaks CredSSP {}, older than the update of 2018; a server set "
                       "to accept updated clients only drops it just so.",
                       *reading.logon.client_version),
           dialogue_ids(reading))
      .against.push_back("wrong credentials can end the same way");
}

void judge_left_unanswered(const Reading& reading, const std::string& left, Findings& findings) {
  const auto& logon = reading.logon;
  const auto because = dialogue_ids(reading, {reading.confirm});
  const bool kerberos_possible = logon.negotiate != nullptr && logon.kerberos_offered;
  const auto add_blocked = [&] {
    findings
        .add("ntlm-blocked", Confidence::kPossible,
             kerberos_possible
                 ? fmt::format("The server {}, while Kerberos stood in the same offer: so does one "
                               "whose policy refuses NTLM.",
                               left)
                 : std::string("A server whose policy refuses NTLM can leave like this."),
             because)
        .against.push_back(kerberos_possible ? "it did not say so"
                                             : "it did not say so, and nothing else was offered");
  };
  if (kerberos_possible) add_blocked();
  auto& closes = findings.add(
      "server-closes-after-tls", kerberos_possible ? Confidence::kPossible : Confidence::kLikely,
      fmt::format("TLS completed and CredSSP began; the server {}, before any answer of its own: "
                  "its NLA does not work, or it has no credentials set up.",
                  left),
      because);
  closes.against.push_back("why it left is not said; its own log at that second has the reason");
  if (!kerberos_possible && logon.negotiate != nullptr) add_blocked();
  if (logon.ticket != nullptr) {
    findings
        .add("credentials-refused-without-reason", Confidence::kPossible,
             "It may have refused the ticket: a key that does not match, or clocks apart.", because)
        .against.push_back("a KRB-ERROR would be the usual answer");
  }
  if (client_is_unpatched(logon)) add_version_refused(reading, Confidence::kPossible, findings);
}

/// The proof was sent and no word came back.
void judge_left_on_proof(const Reading& reading, const std::string& left, Findings& findings) {
  const auto& logon = reading.logon;
  const auto* alert = alert_of_failure(reading);
  const bool internal_error = alert != nullptr && alert->description == kInternalError;
  const auto because = dialogue_ids(reading);
  // Only a server with the update can ask for it.
  const bool version_fits =
      internal_error && client_is_unpatched(logon) && !server_is_unpatched(logon);
  if (version_fits) {
    add_version_refused(
        reading, logon.could_say_why() ? Confidence::kLikely : Confidence::kPossible, findings);
  }
  const bool reset = reading.failure()->how == EndedHow::kReset;
  auto& refused = findings.add(
      "credentials-refused-without-reason",
      internal_error || reset ? Confidence::kPossible : Confidence::kLikely,
      fmt::format("The server {}, without an errorCode. A wrong password or an unknown user is the "
                  "usual reason, and this server does not tell them apart.",
                  left),
      because);
  if (internal_error) {
    refused.says = fmt::format(
        "The server {}, without an errorCode: it disliked the credentials or the message itself; "
        "the alert does not say which. It does not mean an expired password, as some clients show "
        "it.",
        left);
  }
  if (auto words = reason_possible_in_words(logon); !words.empty())
    refused.against.push_back(std::move(words));
  if (!internal_error && alert == nullptr) {
    findings
        .add("intermediary-cannot-complete-credssp", Confidence::kPossible,
             "A proxy or bastion that cannot go on with CredSSP leaves here too.", because)
        .against.push_back("nothing here shows that something stands in between");
  }
  if (alert != nullptr && logon.over_ntlm()) {
    findings
        .add("ntlm-blocked", Confidence::kPossible,
             "A policy against NTLM can end so in servers that send no errorCode.", because)
        .against.push_back("the server did answer NTLM with a challenge");
  }
}

std::string ntlm_name(const auth::NtlmChallenge& challenge, auth::AvId id) {
  return lower_case(challenge.target_info->text(id).value_or(std::string()));
}

/// Names of the certificate and of the NTLM challenge that are not the target's.
bool answers_under_another_name(const Reading& reading) {
  const auto& host = reading.circumstances.target_host;
  const auto* challenge = reading.logon.challenge_fact();
  if (host.empty() || is_address(host) || challenge == nullptr || !challenge->target_info)
    return false;
  const auto& problems = reading.circumstances.certificate_problems;
  if (std::ranges::find(problems, "name_mismatch") == problems.end()) return false;
  const auto label = lower_case(host.substr(0, host.find('.')));
  const auto computer = ntlm_name(*challenge, auth::AvId::kNbComputerName);
  const auto dns = ntlm_name(*challenge, auth::AvId::kDnsComputerName);
  return !(computer.empty() && dns.empty()) && computer != label && !dns.starts_with(label + ".") &&
         dns != label;
}

/// CredSSP was through, or nearly: the server had accepted who it is.
void judge_left_late(const Reading& reading, const std::string& left, Findings& findings) {
  const auto& logon = reading.logon;
  const auto because = dialogue_ids(reading, {logon.server_key, reading.certificate});
  const bool delegated = logon.step == LogonStep::kDelegated;
  if (delegated && answers_under_another_name(reading)) {
    findings
        .add("intermediary-backend-failed", Confidence::kPossible,
             fmt::format("Certificate and NTLM name are not the target's, CredSSP completed, then "
                         "the server {}: so does a gateway or bastion that cannot go on to the "
                         "host behind it.",
                         left),
             because)
        .against.push_back("a host under another name looks the same");
  }
  findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format(
          "The server accepted the proof of the credentials and then {}. It gives no reason.",
          left),
      because);
  if (!delegated) return;
  findings
      .add("remote-desktop-right-missing", Confidence::kPossible,
           "A server that cannot say so may leave when the user has no right to Remote Desktop.",
           because)
      .against.push_back("no authorization result was sent");
  findings
      .add("credentials-refused-without-reason", Confidence::kPossible,
           "The delegated credentials themselves may not do for a logon.", because)
      .against.push_back("the same credentials had just been accepted");
}

/// What was said last before the server left: at some steps its own message.
std::string_view said_before_departure(const LogonReading& logon) {
  if (logon.step == LogonStep::kChallenged) return "its own answer";
  if (logon.step == LogonStep::kAccepted) return "its own public-key confirmation";
  return last_said(logon);
}

}  // namespace

void judge_departure(const Reading& reading, Findings& findings) {
  const auto left = departure_in_words(reading, said_before_departure(reading.logon));
  if (reading.server_mid_message && reading.failure()->how != EndedHow::kAlert) {
    findings
        .add("protocol-violation", Confidence::kLikely,
             fmt::format("The server {}, in the middle of a message of its own.", left),
             dialogue_ids(reading))
        .against.push_back("a server that dies looks the same");
    return;
  }
  switch (reading.logon.step) {
    case LogonStep::kNothing:
      return;
    case LogonStep::kAsked:
      return judge_left_unanswered(reading, left, findings);
    case LogonStep::kChallenged:
      findings
          .add("unexplained", Confidence::kPossible,
               fmt::format("The server {}, while the client's next message was due.", left),
               dialogue_ids(reading))
          .against.push_back("a server that does not wait long for a client that asks its user");
      return;
    case LogonStep::kAuthenticated:
      return judge_left_on_proof(reading, left, findings);
    case LogonStep::kAccepted:
    case LogonStep::kDelegated:
      return judge_left_late(reading, left, findings);
  }
}

void judge_half_of_it(const Reading& reading, Side closed, Findings& findings) {
  auto& finding = findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("What the {} said inside TLS could be read; what the {} said stayed closed. "
                  "Nothing is concluded from messages that nobody could see here.",
                  record::name_of(record::other(closed)), record::name_of(closed)),
      ids({reading.logon.first_request, reading.logon.first_answer, reading.ending}));
  finding.against.push_back("a key log that is still being written lacks its last lines");
  finding.fix.insert(finding.fix.begin(),
                     closed == Side::kClient
                         ? Lasting("Replay it with the whole key log: the client's traffic secret "
                                   "is not in this one, or is cut.")
                         : Lasting("Replay it with the whole key log: the server's traffic secret "
                                   "is not in this one, or is cut."));
}

void judge_client_departure(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto* end =
      reading.ending == nullptr ? nullptr : std::get_if<record::Ending>(&reading.ending->fact);
  if (end == nullptr || end->by != Side::kClient || logon.delegation != nullptr) return;
  const auto because =
      dialogue_ids(reading, {logon.first_answer, logon.server_key, reading.ending});
  if (server_is_unpatched(logon) && !client_is_unpatched(logon)) {
    findings
        .add("credssp-version-refused", Confidence::kLikely,
             fmt::format("The server speaks CredSSP {}, without the update of 2018, and the client "
                         "left before it sent credentials: a client with that update does so.",
                         *logon.server_version),
             because)
        .against.push_back("a user who cancels looks the same");
    return;
  }
  if (reading.record.run) return;  // our own departures are judged by what we asked for
  if (const auto breach = breach_of_order(reading); !breach.empty()) {
    findings
        .add("protocol-violation", Confidence::kLikely,
             fmt::format("The client left, and kept its credentials, after the server had sent {}.",
                         breach),
             because)
        .against.push_back("something in between may have changed it");
    return;
  }
  switch (logon.step) {
    case LogonStep::kChallenged:
      if (chose_against_ntlm(logon)) return judge_choice_against_ntlm(reading, findings);
      if (const auto breach = breach_in_first_answer(logon); !breach.words.empty()) {
        findings
            .add("protocol-violation",
                 breach.stops_everybody ? Confidence::kLikely : Confidence::kPossible,
                 fmt::format("The client left after the server's answer in CredSSP: {}.",
                             breach.words),
                 because)
            .against.push_back(
                breach.stops_everybody
                    ? "something in between may have changed the message"
                    : "a probe without credentials leaves here as well, whatever the challenge");
        return;
      }
      findings
          .add("handshake-complete", Confidence::kLikely,
               "CredSSP went as far as the server's answer; then the client left by itself and "
               "named nobody, as a probe without credentials does. No failure is in this capture.",
               because)
          .against.push_back("a client whose user cancels may leave like this too");
      return;
    case LogonStep::kAccepted:
      if (const auto breach = breach_of_seal(logon); !breach.empty()) {
        findings
            .add("protocol-violation", Confidence::kLikely,
                 fmt::format("The client left, with its credentials, once it had the server's "
                             "pubKeyAuth, which {}.",
                             breach),
                 because)
            .against.push_back("something in between may have changed it");
        return;
      }
      findings
          .add("intermediary-cannot-complete-credssp", Confidence::kPossible,
               "The client left once it had the server's public-key confirmation and kept its "
               "credentials: so it does when that key is not the one of the TLS certificate.",
               because)
          .against.push_back("whether the two match was not computed here");
      findings.add("unexplained", Confidence::kPossible,
                   "The client may have left for reasons of its own.", because);
      return;
    default:
      findings.add(
          "unexplained", Confidence::kPossible,
          fmt::format("The client itself ended the connection after {}, while the server's "
                      "answer was due.",
                      last_said(logon)),
          because);
  }
}

}  // namespace rdpwhy::diagnose
