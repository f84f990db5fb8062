// Kerberos: what our own KDC said to us, and what a server says of a ticket by KRB-ERROR inside
// CredSSP. Codes are those of RFC 4120 7.5.9.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "diagnose/reading.h"
#include "diagnose/rules_logon.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::diagnose {
namespace {

using record::KdcTalk;

/// A code of the KDC's, or of a service's, and the cause that says the same.
struct KerberosRow {
  std::int32_t code;
  std::string_view cause;
  Confidence confidence;
  std::string_view remark;  ///< why it may still be otherwise
};

constexpr auto kCertain = Confidence::kCertain;
constexpr auto kLikely = Confidence::kLikely;
constexpr auto kPossible = Confidence::kPossible;
constexpr std::int32_t kClientRevoked = 18;
constexpr std::int32_t kKeyExpired = 23;
constexpr std::int32_t kExpired = 32;
constexpr std::int32_t kNotYetValid = 33;
constexpr std::int32_t kSkew = 37;
constexpr std::int32_t kModified = 41;

constexpr Lasting kOtherKey =
    "the key of the server may only be older or newer than the ticket: log on again for a fresh "
    "one";

constexpr KerberosRow kRows[] = {
    {1, "account-expired", kCertain, ""},
    {2, "kerberos-unavailable", kCertain, ""},
    {6, "logon-failure", kCertain, ""},
    {7, "kerberos-unavailable", kCertain, ""},
    {8, "kerberos-unavailable", kCertain, ""},
    {12, "account-restriction", kLikely,
     "which policy (logon hours, workstation, authentication policy) is not said"},
    {14, "kerberos-unavailable", kLikely,
     "the account may only need a new password, so that keys of today's types are made"},
    {kClientRevoked, "account-disabled", kPossible, "the KDC does not say which of them"},
    {19, "kerberos-unavailable", kCertain, ""},
    {20, "kerberos-unavailable", kCertain, ""},
    {21, "account-restriction", kLikely, "a clock that is behind makes a good account look so"},
    {22, "kerberos-unavailable", kCertain, ""},
    {kKeyExpired, "password-expired", kLikely,
     "a password that must be changed at the next logon gets the same answer"},
    {24, "logon-failure", kCertain, ""},
    {27, "kerberos-unavailable", kLikely, "a client that can make such tickets gets through"},
    {29, "kerberos-unavailable", kCertain, ""},
    {31, "kerberos-unavailable", kLikely, kOtherKey},
    {kExpired, "kerberos-unavailable", kLikely,
     "a clock that is ahead makes a good ticket look expired"},
    {kNotYetValid, "clock-skew", kLikely, "a postdated ticket is so on purpose"},
    {35, "kerberos-unavailable", kLikely, kOtherKey},
    {kSkew, "clock-skew", kCertain, ""},
    {kModified, "kerberos-unavailable", kLikely, kOtherKey},
    {44, "kerberos-unavailable", kLikely, kOtherKey},
    {45, "kerberos-unavailable", kLikely, kOtherKey},
    {68, "kerberos-unavailable", kCertain, ""},
    {69, "kerberos-unavailable", kLikely, "a client that can make such tickets gets through"},
};

const KerberosRow* find_row(std::int32_t code) {
  const auto* found = std::ranges::find(kRows, code, &KerberosRow::code);
  return found == std::end(kRows) ? nullptr : found;
}

std::string code_in_words(std::int32_t code) {
  const auto name = auth::krb_error_name(code);
  const auto meaning = auth::krb_error_meaning(code);
  if (!name) return fmt::format("the error code {}, which has no known name", code);
  return meaning ? fmt::format("{} ({}): {}", *name, code, *meaning)
                 : fmt::format("{} ({})", *name, code);
}

/// The finding of a code, and of the causes that the same code can mean.
void add_code(std::int32_t code, std::string says, const std::vector<record::EvidenceId>& because,
              Findings& findings) {
  const auto* row = find_row(code);
  auto& finding =
      findings.add(row == nullptr ? "unexplained" : row->cause,
                   row == nullptr ? kPossible : row->confidence, std::move(says), because);
  if (row != nullptr && !row->remark.empty()) finding.against.emplace_back(row->remark);
  const auto rival = [&](std::string_view cause, std::string_view why, std::string_view against) {
    findings.add(cause, kPossible, std::string(why), because).against.emplace_back(against);
  };
  if (code == kClientRevoked) {
    rival("account-locked-out", "The same code is sent for an account that is locked out.",
          "the KDC does not say which of them");
    rival("account-expired", "Windows sends the same code for an account that has expired.",
          "a KDC has a code of its own for that (KDC_ERR_NAME_EXP)");
  } else if (code == kKeyExpired) {
    rival("password-must-change",
          "The same code is sent when the password must be changed at the next logon.",
          "the KDC does not say which of the two");
  } else if (code == kModified) {
    rival("no-logon-servers",
          "A server whose machine password differs from the domain's (broken trust) cannot decrypt "
          "tickets either.",
          "then no domain logon works on that server");
  } else if (row == nullptr) {
    rival("kerberos-unavailable", "Whatever it means, Kerberos cannot be used like this.",
          "the code has no cause of its own here");
  }
}

std::string asked_for(const KdcTalk& talk) {
  return talk.service.empty() ? std::string("a ticket-granting ticket")
                              : fmt::format("a ticket for {}", base::printable(talk.service));
}

std::string library_words(const KdcTalk& talk) {
  return talk.words.empty() ? std::string()
                            : fmt::format(" The library says: {}.", base::printable(talk.words));
}

std::string offset_of(const KdcTalk& talk) {
  return talk.clock_offset
             ? fmt::format(" The KDC's clock is {}.", skew_in_words(*talk.clock_offset))
             : std::string();
}

void judge_talk(const Evidence& evidence, const KdcTalk& talk, Findings& findings) {
  const std::vector<record::EvidenceId> because{evidence.id};
  if (talk.outcome == KdcTalk::Outcome::kRefused && talk.error_code)
    return add_code(*talk.error_code, kdc_talk_in_words(evidence), because, findings);
  std::string_view against;
  auto confidence = kLikely;
  switch (talk.outcome) {
    case KdcTalk::Outcome::kGranted:
      return;
    case KdcTalk::Outcome::kRefused:
      confidence = kPossible;
      against = "which error the KDC sent is not known";
      break;
    case KdcTalk::Outcome::kUnreachable:
      against = "another machine may reach it: this was seen from here";
      break;
    case KdcTalk::Outcome::kTimeout:
      against = "it may only be slow: try a longer --timeout";
      break;
    case KdcTalk::Outcome::kUnavailable:
      against =
          "this is about this machine's own settings or the way the target was named, not "
          "about the server";
      break;
  }
  findings.add("kerberos-unavailable", confidence, kdc_talk_in_words(evidence), because)
      .against.emplace_back(against);
}

}  // namespace

void judge_kerberos(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  // What went on with NTLM is judged by how that ended.
  if (logon.kdc_refusal == nullptr || logon.went_on_without_kdc || !findings.empty()) return;
  judge_talk(*logon.kdc_refusal, record::get<KdcTalk>(logon.kdc_refusal->fact), findings);
}

void judge_kerberos_error(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto because = ids_with_failure(reading, {logon.ticket, logon.kerberos_error});
  const auto* error = logon.kerberos_error_fact();
  if (error == nullptr) {
    findings
        .add("kerberos-unavailable", kPossible,
             "The server answered the Kerberos token with an error that could not be read.",
             because)
        .against.push_back("which error it is, is not known");
    return;
  }
  std::string more;
  if (error->error_code == kSkew || error->error_code == kExpired ||
      error->error_code == kNotYetValid) {
    const auto ours = error->client_time.value_or(logon.kerberos_error->at);
    more = fmt::format(" By its own time its clock is {}.",
                       skew_in_words(apart(error->server_time, ours)));
  } else if (error->text && !error->text->empty()) {
    more = fmt::format(" It adds: {}.", base::printable(*error->text));
  }
  add_code(error->error_code,
           fmt::format("The server answered the Kerberos ticket with {}.{}",
                       code_in_words(error->error_code), more),
           because, findings);
}

std::string kdc_talk_in_words(const Evidence& evidence) {
  const auto& talk = record::get<KdcTalk>(evidence.fact);
  switch (talk.outcome) {
    case KdcTalk::Outcome::kGranted:
      return fmt::format("The KDC gave {}.", asked_for(talk));
    case KdcTalk::Outcome::kRefused:
      if (!talk.error_code)
        return fmt::format("The KDC did not give {}.{}", asked_for(talk), library_words(talk));
      return fmt::format("Asked for {}, the KDC answered {}.{}", asked_for(talk),
                         code_in_words(*talk.error_code),
                         *talk.error_code == kSkew ? offset_of(talk) : library_words(talk));
    case KdcTalk::Outcome::kUnreachable:
      return fmt::format("No KDC could be reached for {}.{}", asked_for(talk), library_words(talk));
    case KdcTalk::Outcome::kTimeout:
      return fmt::format("The KDC did not answer in time when asked for {}.{}", asked_for(talk),
                         library_words(talk));
    case KdcTalk::Outcome::kUnavailable:
      break;
  }
  return fmt::format("From here {} was not to be had.{}", asked_for(talk), library_words(talk));
}

}  // namespace rdpwhy::diagnose
