// CredSSP (MS-CSSP). What the server says by errorCode is its own word; every other ending leaves
// room for several causes, and which message it answered is what parts them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/reading.h"
#include "diagnose/refusals.h"
#include "diagnose/rules_logon.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;

// MS-CSSP 2.2.1: from this version on the server's key is bound to a nonce (CVE-2018-0886).
constexpr std::uint32_t kPatchedVersion = 5;
constexpr std::uint8_t kInternalError = 80;
/// The least that a seal has of its own: NTLM's signature (MS-NLMP 2.2.2.9.1) and the header of
/// Kerberos (RFC 4121 4.2.6.2).
constexpr std::size_t kShortestSeal = 16;

/// Causes that speak of an account, so somebody must have been named before.
constexpr std::array<std::string_view, 9> kAboutAnAccount = {
    "logon-failure",        "account-disabled",       "account-locked-out",
    "account-expired",      "account-restriction",    "password-expired",
    "password-must-change", "logon-type-not-granted", "remote-desktop-right-missing"};

bool is_about_an_account(std::string_view cause) {
  return std::ranges::find(kAboutAnAccount, cause) != kAboutAnAccount.end();
}

/// What the client said last (before `answer`, where one is given), as the object of a sentence.
std::string_view last_said(const LogonReading& logon, const Evidence* answer = nullptr) {
  const auto said = [&](const Evidence* e) {
    return e != nullptr && (answer == nullptr || e->id < answer->id);
  };
  if (said(logon.delegation)) return "the delegated credentials";
  if (said(logon.authenticate)) return "the NTLM AUTHENTICATE";
  if (said(logon.proof)) return "the client's proof";
  if (said(logon.ticket)) return "the Kerberos ticket";
  if (said(logon.negotiate)) return "the NTLM NEGOTIATE";
  return logon.first_request != nullptr ? "the first TSRequest" : "what the client said";
}

std::vector<record::EvidenceId> dialogue_ids(const Reading& reading,
                                             std::initializer_list<const Evidence*> more = {}) {
  const auto& logon = reading.logon;
  auto out =
      ids_with_failure(reading, {logon.negotiate != nullptr ? logon.negotiate : logon.first_request,
                                 logon.ticket, logon.challenge, logon.proof, logon.delegation});
  for (const auto id : ids(more)) out.push_back(id);
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

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

bool client_is_unpatched(const LogonReading& logon) {
  return logon.client_version && *logon.client_version < kPatchedVersion;
}

bool server_is_unpatched(const LogonReading& logon) {
  return logon.server_version && *logon.server_version < kPatchedVersion;
}

// --- the server's own word
// ------------------------------------------------------------------------

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

/// What a record holds that nobody here could open.
bool is_closed_data(const record::Fact& fact) {
  constexpr std::uint8_t kApplicationData = 23;
  if (const auto* data = std::get_if<record::ApplicationData>(&fact)) return !data->begins_message;
  const auto* closed = std::get_if<record::ProtectedRecord>(&fact);
  return closed != nullptr && closed->type == kApplicationData;
}

/// The side of which no message could be read, while those of the other could: its secrets are
/// missing.
std::optional<Side> side_that_stayed_closed(const Reading& reading) {
  const auto& logon = reading.logon;
  if ((logon.first_request == nullptr) == (logon.first_answer == nullptr)) return {};
  const auto side = logon.first_request == nullptr ? Side::kClient : Side::kServer;
  // A server whose tickets alone are closed may have been silent.
  const auto from = side == Side::kServer ? logon.first_request->id : 0;
  const bool closed = std::ranges::any_of(reading.record.evidence, [&](const Evidence& e) {
    return e.where.side == side && e.id > from && is_closed_data(e.fact);
  });
  return closed ? std::optional(side) : std::nullopt;
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

/// "has 3 octets: too few to be sealed"; empty where it is long enough.
std::string breach_of_seal(const LogonReading& logon) {
  const auto* answer = record::get_if<record::CredsspMessage>(&logon.server_key->fact);
  const auto size = answer->pub_key_auth->size();
  return size < kShortestSeal ? fmt::format("has {} octets: too few to be sealed", size)
                              : std::string();
}

/// It says nothing, of whatever key: neither which certificate it is about nor who made it.
void judge_unopened_key(const Reading& reading, Findings& findings) {
  const auto because = dialogue_ids(reading, {reading.logon.server_key});
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

/// The server's first answer chooses a mechanism that is not NTLM, which it was sent.
bool chose_against_ntlm(const LogonReading& logon) {
  if (logon.first_answer == nullptr || !logon.over_ntlm() || logon.challenge != nullptr)
    return false;
  const auto* answer = record::get_if<record::CredsspMessage>(&logon.first_answer->fact);
  return std::ranges::any_of(answer->tokens, [](const auth::Token& token) {
    const auto* response = token.spnego ? std::get_if<auth::NegTokenResp>(&*token.spnego) : nullptr;
    return response != nullptr && response->supported_mech.has_value() &&
           *response->supported_mech != auth::oid::kNtlm;
  });
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

std::uint32_t flags_asked_for(const LogonReading& logon) {
  const auto* request = record::get_if<record::CredsspMessage>(&logon.negotiate->fact);
  for (const auto& token : request->tokens) {
    if (const auto* message = std::get_if<auth::NtlmNegotiate>(&token.message))
      return message->flags;
  }
  return 0;
}

/// What a client like Windows asks for and insists on (MS-NLMP 3.1.5.1.2), as ours does; empty: all
/// is there.
std::string breach_of_challenge(const auth::NtlmChallenge& challenge, std::uint32_t asked) {
  namespace flag = auth::ntlm_flag;
  static constexpr std::pair<std::uint32_t, std::string_view> kNeeds[] = {
      {flag::kUnicode, "Unicode names"},
      {flag::kExtendedSessionSecurity, "extended session security"},
      {flag::k128, "128 bit keys"},
      {flag::kSeal, "sealing"}};
  for (const auto& [bit, what] : kNeeds) {
    if ((asked & ~challenge.flags & bit) != 0)
      return fmt::format("the challenge does not grant {}", what);
  }
  if (!challenge.target_info) return "the challenge names no server";
  const auto names = [&](auth::AvId id) { return challenge.target_info->find(id) != nullptr; };
  return names(auth::AvId::kNbComputerName) && names(auth::AvId::kNbDomainName)
             ? std::string()
             : "the challenge does not name the server and its domain (NetBIOS)";
}

/// What in the server's first answer stops a client that is in order itself; empty: nothing.
std::string breach_in_first_answer(const LogonReading& logon) {
  if (logon.first_answer == nullptr) return {};
  const auto* answer = record::get_if<record::CredsspMessage>(&logon.first_answer->fact);
  if (answer->tokens.empty()) return "it has no token";
  for (const auto& token : answer->tokens) {
    if (token.error) return "its token cannot be read: " + token.error->message();
  }
  const auto* challenge = logon.challenge_fact();
  if (challenge != nullptr) {
    return breach_of_challenge(*challenge, logon.negotiate == nullptr ? 0 : flags_asked_for(logon));
  }
  if (logon.negotiate != nullptr && logon.kerberos_error == nullptr)
    return "its token is no NTLM challenge";
  return {};
}

/// What the server sent on the client's proof that is no answer to it; empty: nothing.
std::string_view breach_behind_proof(const Reading& reading) {
  const auto& logon = reading.logon;
  const bool over = logon.delegation != nullptr;
  const auto* from = over ? logon.delegation : logon.server_key == nullptr ? logon.proof : nullptr;
  if (from == nullptr) return {};
  for (const auto& e : reading.record.evidence) {
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    if (message == nullptr || e.id <= from->id || e.where.side != Side::kServer) continue;
    if (over) return "another TSRequest";
    if (message->tokens.empty()) return "a TSRequest with neither a token nor a pubKeyAuth";
    if (std::ranges::any_of(message->tokens, [](const auth::Token& token) {
          return std::holds_alternative<auth::NtlmChallenge>(token.message);
        }))
      return "another NTLM challenge";
  }
  return {};
}

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

/// We ourselves stopped, and say why.
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
      return;  // as far as was asked
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

// --- it left
// ----------------------------------------------------------------------------------------

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

/// Once the credentials are out a PDU of RDP is no breach of CredSSP any more.
bool ended_by_pdu_of_rdp(const Reading& reading) {
  const auto& shown = reading.record.evidence[reading.failure()->evidence - 1];
  return std::holds_alternative<rdp::DisconnectProviderUltimatum>(shown.fact) ||
         std::holds_alternative<rdp::DisconnectRequest>(shown.fact);
}

// --- it said something else, or nothing
// -------------------------------------------------------------

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

// --- the client left
// --------------------------------------------------------------------------------

void judge_half_of_it(const Reading& reading, Side closed, Findings& findings) {
  auto& finding = findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("What the {} said inside TLS could be read; what the {} said stayed closed. "
                  "Nothing is concluded from messages that nobody could see here.",
                  record::name_of(record::other(closed)), record::name_of(closed)),
      ids({reading.logon.first_request, reading.logon.first_answer, reading.ending}));
  finding.against.push_back("a key log that is still being written lacks its last lines");
  // Views: of text that lasts.
  finding.fix.insert(finding.fix.begin(),
                     closed == Side::kClient
                         ? "Replay it with the whole key log: the client's traffic secret is not "
                           "in this one, or is cut."
                         : "Replay it with the whole key log: the server's traffic secret is not "
                           "in this one, or is cut.");
}

/// No failure is in the evidence unless a departure of the client is one.
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
  switch (logon.step) {
    case LogonStep::kChallenged:
      if (chose_against_ntlm(logon)) return judge_choice_against_ntlm(reading, findings);
      if (const auto breach = breach_in_first_answer(logon); !breach.empty()) {
        findings
            .add("protocol-violation", Confidence::kPossible,
                 fmt::format("The client left after the server's answer in CredSSP: {}.", breach),
                 because)
            .against.push_back(
                "a probe without credentials leaves here as well, whatever the answer");
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
