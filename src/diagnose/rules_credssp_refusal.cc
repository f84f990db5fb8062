// CredSSP: the server says no in words of its own (MS-CSSP 2.2.1 errorCode, RFC 4178 negState).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/credssp_dialogue.h"
#include "diagnose/reading.h"
#include "diagnose/refusals.h"
#include "diagnose/rules_credssp.h"
#include "diagnose/rules_logon.h"

namespace rdpwhy::diagnose {
namespace {

/// Causes that speak of an account, so somebody must have been named before.
constexpr std::array<std::string_view, 9> kAboutAnAccount = {
    "logon-failure",        "account-disabled",       "account-locked-out",
    "account-expired",      "account-restriction",    "password-expired",
    "password-must-change", "logon-type-not-granted", "remote-desktop-right-missing"};

bool is_about_an_account(std::string_view cause) {
  return std::ranges::find(kAboutAnAccount, cause) != kAboutAnAccount.end();
}

std::string remark_on(const Reading& reading, std::string_view cause) {
  const auto& logon = reading.logon;
  if (cause == "account-restriction" && logon.over_ntlm())
    return " NTLM was used: members of Protected Users get this answer to NTLM whatever their "
           "password, and get in with Kerberos.";
  if (cause == "clock-skew") {
    if (const auto skew = logon.clock_skew())
      return fmt::format(" By its challenge its clock is {}.", skew_in_words(*skew));
  }
  if (cause == "ntlm-blocked")
    return " Kerberos is the way in: the server's full name instead of an address, and a domain "
           "controller in reach.";
  return {};
}

/// The server's pubKeyAuth came before its errorCode, and nothing of the client in between.
bool refused_after_confirming(const LogonReading& logon) {
  return logon.server_key != nullptr && logon.server_key->id < logon.refusal->id &&
         (logon.delegation == nullptr || logon.delegation->id > logon.refusal->id);
}

/// The message with the errorCode has a pubKeyAuth that is not the client's own sent back, as
/// FreeRDP's server does it.
bool confirms_beside(const LogonReading& logon) {
  const auto& answer = logon.refusal_fact()->pub_key_auth;
  if (!answer || answer->size() < kShortestSeal) return false;
  const auto* proof = logon.proof == nullptr || logon.proof->id > logon.refusal->id
                          ? nullptr
                          : record::get_if<record::CredsspMessage>(&logon.proof->fact);
  return proof != nullptr && proof->pub_key_auth && proof->pub_key_auth != answer;
}

/// MS-CSSP 3.1.5: a server confirms its key to whom it has authenticated. One that then refuses
/// them contradicts itself, and is taken by neither word alone.
void weigh_confirmation(const Reading& reading, Finding& finding) {
  const auto& run = reading.record.run;
  finding.confidence = std::max(finding.confidence, Confidence::kLikely);
  if (!refused_after_confirming(reading.logon)) {
    finding.says +=
        " Beside the code it sent a pubKeyAuth of its own, as a server does once it has taken the "
        "proof of who the user is; whether it is right was not looked at.";
    finding.against.emplace_back("a server that refuses the proof has no pubKeyAuth to send");
    return;
  }
  if (run && run->public_key_confirmed == false) {
    finding.says += " Its pubKeyAuth before that does not match the TLS certificate.";
    finding.against.emplace_back(
        "whoever sent that pubKeyAuth does not hold the key of this certificate, and may have "
        "sent the code as well");
    return;
  }
  finding.says += fmt::format(
      " It had confirmed its public key before that{}, as a server does once it has taken the "
      "proof "
      "of who the user is: what it refuses may be what comes after, and not the password.",
      run && run->public_key_confirmed ? ", rightly" : "");
  finding.against.emplace_back("with its pubKeyAuth it had just accepted the same proof");
}

}  // namespace

void judge_error_code(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto code = *logon.refusal_fact()->error_code;
  const auto* row = find_refusal(code);
  auto cause = row == nullptr ? std::string_view("unexplained") : row->cause;
  auto confidence = row == nullptr ? Confidence::kPossible : row->confidence;
  // "Not supported" means NTLM only where NTLM was tried.
  const bool other_mechanism =
      cause == "ntlm-blocked" && !logon.over_ntlm() && confidence != Confidence::kCertain;
  if (other_mechanism) {
    cause = "unexplained";
    confidence = Confidence::kPossible;
  }
  const bool too_early = is_about_an_account(cause) &&
                         !logon.names_somebody_before(*logon.refusal) &&
                         side_that_stayed_closed(reading) != Side::kClient;
  if (too_early) confidence = Confidence::kPossible;
  const auto because = dialogue_ids(reading, {logon.refusal});
  const auto meaning = status_meaning(code);
  auto& finding =
      findings.add(cause, confidence,
                   fmt::format("The server answered {} with {}.{}{}{}",
                               last_said(logon, logon.refusal), status_in_words(code),
                               meaning.empty() ? "" : " ", meaning, remark_on(reading, cause)),
                   because);
  if (row != nullptr && !row->remark.empty()) finding.against.emplace_back(row->remark);
  if ((refused_after_confirming(logon) || confirms_beside(logon)) && is_about_an_account(cause))
    weigh_confirmation(reading, finding);
  if (too_early) {
    finding.against.emplace_back(
        "nobody had been named yet, so it can hardly be about an account: rather the server "
        "refuses everybody");
  }
  if ((cause == "ntlm-blocked" || cause == "account-restriction") && logon.went_on_without_kdc) {
    findings
        .add("kerberos-unavailable", Confidence::kLikely,
             fmt::format(
                 "Kerberos, which would have been the way in, could not be used from here. {}",
                 kdc_talk_in_words(*logon.kdc_refusal)),
             ids({logon.kdc_refusal}))
        .against.push_back("with NTLM allowed it would not matter");
  }
  if (row != nullptr && !row->rival.empty()) {
    findings.add(row->rival, Confidence::kPossible, std::string(row->rival_says), because)
        .against.emplace_back("the code itself does not say so");
  }
}

void judge_rejected_mechanism(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto because = dialogue_ids(reading, {logon.reject});
  if (logon.over_ntlm() || !logon.kerberos_offered) {
    findings
        .add(
            "ntlm-blocked", Confidence::kLikely,
            "The server rejected the mechanisms that it was offered (SPNEGO negState reject), NTLM "
            "among them.",
            because)
        .against.push_back("it does not say which mechanism it would take");
    return;
  }
  findings
      .add("kerberos-unavailable", Confidence::kPossible,
           "The server rejected the Kerberos token (SPNEGO negState reject) without saying why.",
           because)
      .against.push_back("it gives no KRB-ERROR");
}

}  // namespace rdpwhy::diagnose
