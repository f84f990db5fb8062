// CredSSP: we ourselves stopped, at the server's key or at what it answered, and say why.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/credssp_dialogue.h"
#include "diagnose/reading.h"
#include "diagnose/rules_credssp.h"
#include "diagnose/rules_logon.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::diagnose {
namespace {

/// It says nothing, of whatever key: neither which certificate it is about nor who made it.
void judge_unopened_key(const Reading& reading, Findings& findings) {
  const auto because = dialogue_ids(reading, {reading.logon.server_key});
  if (const auto breach = breach_of_order(reading); !breach.empty()) {
    findings
        .add("protocol-violation", Confidence::kLikely,
             fmt::format("The server sent {}. No credentials were sent to it.", breach), because)
        .against.push_back("something in between may have changed it");
    return;
  }
  if (const auto breach = breach_of_seal(reading.logon); !breach.empty()) {
    findings
        .add("protocol-violation", Confidence::kLikely,
             fmt::format("The server's pubKeyAuth {}. No credentials were sent to it.", breach),
             because)
        .against.push_back("something in between may have changed it");
    return;
  }
  findings
      .add("protocol-violation", Confidence::kPossible,
           "The server's pubKeyAuth does not open with the keys of this logon. Whether it accepted "
           "the proof is not known; no credentials were sent to it.",
           because)
      .against.push_back("what somebody seals who does not know the password looks the same");
  findings
      .add("intermediary-cannot-complete-credssp", Confidence::kPossible,
           "Somebody in between who answers in the server's place, without the password, cannot "
           "make it either.",
           because)
      .against.push_back("nothing here shows that something stands in between");
}

void judge_unreadable_key(const Reading& reading, Findings& findings) {
  findings
      .add("unexplained", Confidence::kPossible,
           "The public key in the server's TLS certificate cannot be read here, so no proof for it "
           "could be made: no credentials were sent.",
           dialogue_ids(reading, {reading.certificate}))
      .against.push_back("that is this run's own limit, not a failure of the server");
}

/// More was asked for than a run can have that names nobody.
void judge_want_of_credentials(const Reading& reading, Findings& findings) {
  if (reading.logon.first_answer == nullptr) return;
  const auto until = reading.record.run->until;
  auto& finding = findings.add(
      "unexplained", Confidence::kLikely,
      fmt::format("Nothing failed: the server wants a logon before anything else (NLA), nobody was "
                  "named, and so it ended at the server's answer{}.",
                  until ? fmt::format("; {} was asked for", record::row_of(*until).title) : ""),
      ids({reading.confirm, reading.logon.first_answer}));
  finding.against.emplace_back("that is this run's own limit, not a failure of the server");
  finding.title = "The server wants a logon first, and nobody was named";
  finding.fix = {"Say who logs on: rdpwhy --user DOMAIN\\NAME HOST, with --until as before.",
                 "Or offer no NLA (--security tls): a server that insists on it then says so."};
}

}  // namespace

void judge_public_key(const Reading& reading, Findings& findings) {
  const auto& run = reading.record.run;
  if (!run->public_key_confirmed) return judge_unreadable_key(reading, findings);
  using Why = record::RunFacts::OwnStop::Why;
  const bool opened = !run->own_stop || run->own_stop->why == Why::kPublicKeyNotConfirmed;
  if (!opened && reading.logon.server_key != nullptr) return judge_unopened_key(reading, findings);
  findings
      .add("intermediary-cannot-complete-credssp", Confidence::kLikely,
           "The server's public-key confirmation does not match the certificate of this TLS "
           "connection: TLS ends at another machine than CredSSP. No credentials were sent to it.",
           dialogue_ids(reading, {reading.certificate, reading.logon.server_key}))
      .against.push_back("a faulty computation in the server looks the same");
}

void judge_choice_against_ntlm(const Reading& reading, Findings& findings) {
  const auto because = dialogue_ids(reading, {reading.logon.first_answer});
  findings
      .add("ntlm-blocked", Confidence::kLikely,
           "The server was sent NTLM and chose another mechanism (SPNEGO supportedMech): it wants "
           "Kerberos.",
           because)
      .against.push_back(
          "a server may prefer Kerberos and still take NTLM from a client that "
          "offers both");
}

void judge_own_stop(const Reading& reading, const record::RunFacts::OwnStop& stop,
                    Findings& findings) {
  using Why = record::RunFacts::OwnStop::Why;
  const auto& logon = reading.logon;
  const auto because =
      dialogue_ids(reading, {logon.first_answer, logon.server_key,
                             stop.why == Why::kNoRestrictedAdmin ? reading.confirm : nullptr});
  const auto words =
      stop.words.empty() ? std::string() : fmt::format(": {}", base::printable(stop.words));
  switch (stop.why) {
    case Why::kNoCredentials:
      if (!reading.progress.as_asked) judge_want_of_credentials(reading, findings);
      return;
    case Why::kPublicKeyNotConfirmed:
      return judge_public_key(reading, findings);
    case Why::kKerberosFailed:
      findings
          .add("kerberos-unavailable", Confidence::kPossible,
               fmt::format("No Kerberos context came about, and NTLM was not to be used{}.", words),
               because)
          .against.push_back("what failed was not reported");
      return;
    case Why::kMechanismNotOurs:
    case Why::kChallengeRefused:
    case Why::kMechListMicWrong:
      if (chose_against_ntlm(logon)) return judge_choice_against_ntlm(reading, findings);
      findings
          .add("protocol-violation", Confidence::kLikely,
               fmt::format("What the server answered in CredSSP was not gone on with{}.", words),
               because)
          .against.push_back(
              "a client that is less strict goes on; something in between may have "
              "changed the message");
      return;
    case Why::kNothingToDelegate:
      findings
          .add("handshake-complete", Confidence::kLikely,
               "The server accepted the ticket; without a password there was nothing to delegate, "
               "so it ended there as far as it can go.",
               because)
          .against.push_back("whether the user may sign in was not asked");
      return;
    case Why::kSecurityNotPossible:
    case Why::kLicenseNotRequested:
    case Why::kLicensingNotPossible:
      return;  // of a later phase
    case Why::kCredentialsSpent:
    case Why::kNoRestrictedAdmin: {
      auto& finding = findings.add(
          "unexplained", Confidence::kLikely,
          stop.why == Why::kCredentialsSpent
              ? std::string("The credentials had been tried before in this run, and are never "
                            "tried twice.")
              : std::string("Restricted Admin was asked for, and the server's Confirm does not "
                            "offer it: no credentials were sent."),
          because);
      finding.against.push_back("that is this run's own limit, not a failure of the server");
      if (stop.why == Why::kNoRestrictedAdmin) {
        finding.fix = {
            "On the server allow it: HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa, "
            "DisableRestrictedAdmin=0 (DWORD), for administrators of that machine only.",
            "Or leave it off on the client: mstsc without /restrictedAdmin."};
      }
      return;
    }
  }
}

}  // namespace rdpwhy::diagnose
