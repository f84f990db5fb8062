// What CredSSP shows beside the first cause: clocks, versions, weak NTLM, names that rule Kerberos
// out.
#include <fmt/format.h>

#include <algorithm>

#include "diagnose/reading.h"
#include "diagnose/rules_logon.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::diagnose {
namespace {

// RFC 4120 leaves it to the site; everybody's default, Active Directory's too.
constexpr Nanoseconds kSkewOfKerberos = 300'000'000'000;
constexpr std::uint32_t kPatchedVersion = 5;
constexpr std::uint32_t kMicPresent = 2;  // MS-NLMP 2.2.2.1 MsvAvFlags

void warn_about_clocks(const Reading& reading, Findings& findings) {
  const auto skew = reading.logon.clock_skew();
  if (!skew || (*skew <= kSkewOfKerberos && *skew >= -kSkewOfKerberos)) return;
  findings.warn("clock-skew",
                fmt::format("The server's clock is {}{}: with more than five minutes Kerberos is "
                            "refused, and NTLM may be.",
                            skew_in_words(*skew),
                            reading.circumstances.live ? "" : " (the capturing machine's)"),
                ids({reading.logon.challenge}));
}

void warn_about_version(const Reading& reading, Findings& findings) {
  const auto version = reading.logon.server_version;
  if (!version || *version >= kPatchedVersion) return;
  findings.warn(
      "credssp-version-refused",
      fmt::format(
          "The server speaks CredSSP {}: it lacks the update for CVE-2018-0886 (2018), and a "
          "current mstsc refuses it with a message about encryption oracle remediation.",
          *version),
      ids({reading.logon.first_answer}));
}

void warn_about_ntlm(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  const auto* challenge = logon.challenge_fact();
  if (challenge != nullptr && !challenge->target_info) {
    findings.warn("ntlm-without-target-info",
                  "The server's NTLM challenge has no target information: it names neither itself "
                  "nor its domain, and NTLMv2 cannot bind to it.",
                  ids({logon.challenge}));
  }
  if (challenge != nullptr && logon.client_spoke_spnego && !logon.server_spoke_spnego) {
    findings.warn(
        "ntlm-without-spnego",
        "The server answered SPNEGO with bare NTLM: it speaks nothing else, so Kerberos is "
        "out of the question there.",
        ids({logon.negotiate, logon.challenge}));
  }
  const auto* authenticate = logon.authenticate_fact();
  if (authenticate == nullptr || reading.circumstances.live) return;  // our own is as it should be
  const auto because = ids({logon.authenticate});
  if (!authenticate->ntlmv2) {
    if (authenticate->nt_response_size == 24) {
      findings.warn(
          "ntlm-v1",
          "The client answered with NTLMv1 (a response of 24 octets): weak, and refused by "
          "current servers.",
          because);
    }
  } else if (authenticate->ntlmv2->av_pairs.find(auth::AvId::kChannelBindings) == nullptr) {
    findings.warn(
        "ntlm-without-channel-bindings",
        "The client's NTLM says nothing of channel bindings: it lacks extended protection.",
        because);
  }
  // The record keeps no octet of the MIC itself (auth::without_responses): the flag tells.
  const auto flags = authenticate->ntlmv2 ? authenticate->ntlmv2->av_pairs.flags().value_or(0) : 0;
  if (!authenticate->mic || (flags & kMicPresent) == 0) {
    findings.warn(
        "ntlm-without-mic",
        "The client's NTLM carries no message integrity code, so its negotiation could be "
        "changed on the way.",
        because);
  }
}

/// "TERMSRV/192.0.2.7" in the client's response: a capture's only trace of what the user typed.
std::string target_of_client(const Reading& reading) {
  if (!reading.circumstances.target_host.empty()) return reading.circumstances.target_host;
  const auto* authenticate = reading.logon.authenticate_fact();
  if (authenticate == nullptr || !authenticate->ntlmv2) return {};
  const auto name = authenticate->ntlmv2->av_pairs.text(auth::AvId::kTargetName);
  if (!name) return {};
  return name->substr(name->find('/') + 1);
}

/// Kerberos was out, or tried first and left: one notice, with the reason that tells most.
void warn_about_kerberos(const Reading& reading, Findings& findings) {
  const auto& logon = reading.logon;
  if (logon.kdc_refusal != nullptr && findings.has("kerberos-unavailable")) return;
  const auto host = target_of_client(reading);
  if ((logon.names_somebody() || logon.kdc_refusal != nullptr) && is_address(host)) {
    findings.warn(
        "kerberos-needs-a-name",
        fmt::format("The target is an address ({}): Kerberos has no ticket for that, so only "
                    "NTLM is left. By its name both would do.",
                    base::printable(host)),
        ids({logon.proof, logon.kdc_refusal}));
    return;
  }
  if (!logon.went_on_without_kdc) return;
  findings.warn(
      "kerberos-unavailable",
      fmt::format("Kerberos was tried first and could not be used; NTLM took its place. {}",
                  kdc_talk_in_words(*logon.kdc_refusal)),
      ids({logon.kdc_refusal}));
}

}  // namespace

void warn_about_logon(const Reading& reading, Findings& findings) {
  warn_about_clocks(reading, findings);
  warn_about_version(reading, findings);
  warn_about_ntlm(reading, findings);
  warn_about_kerberos(reading, findings);
}

}  // namespace rdpwhy::diagnose
