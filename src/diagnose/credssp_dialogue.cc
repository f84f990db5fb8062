#include "diagnose/credssp_dialogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rdpwhy::diagnose {
namespace {

// MS-CSSP 2.2.1: from this version on the server's key is bound to a nonce (CVE-2018-0886).
constexpr std::uint32_t kPatchedVersion = 5;

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

}  // namespace

std::string_view last_said(const LogonReading& logon, const Evidence* answer) {
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
                                             std::initializer_list<const Evidence*> more) {
  const auto& logon = reading.logon;
  auto out =
      ids_with_failure(reading, {logon.negotiate != nullptr ? logon.negotiate : logon.first_request,
                                 logon.ticket, logon.challenge, logon.proof, logon.delegation});
  for (const auto id : ids(more)) out.push_back(id);
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

bool client_is_unpatched(const LogonReading& logon) {
  return logon.client_version && *logon.client_version < kPatchedVersion;
}

bool server_is_unpatched(const LogonReading& logon) {
  return logon.server_version && *logon.server_version < kPatchedVersion;
}

std::optional<Side> side_that_stayed_closed(const Reading& reading) {
  const auto& logon = reading.logon;
  if ((logon.first_request == nullptr) == (logon.first_answer == nullptr)) return {};
  const auto side = logon.first_request == nullptr ? Side::kClient : Side::kServer;
  // A server whose tickets alone are closed may have been silent.
  const auto from = side == Side::kServer ? logon.first_request->id : 0;
  const bool closed = std::ranges::any_of(reading.record.evidence, [&](const Evidence& e) {
    return e.where.side == side && e.id > from && record::is_closed_data(e.fact);
  });
  return closed ? std::optional(side) : std::nullopt;
}

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

std::string breach_of_seal(const LogonReading& logon) {
  const auto* answer = record::get_if<record::CredsspMessage>(&logon.server_key->fact);
  const auto size = answer->pub_key_auth->size();
  return size < kShortestSeal ? fmt::format("has {} octets: too few to be sealed", size)
                              : std::string();
}

FirstBreach breach_in_first_answer(const LogonReading& logon) {
  if (logon.first_answer == nullptr) return {};
  const auto* answer = record::get_if<record::CredsspMessage>(&logon.first_answer->fact);
  if (answer->tokens.empty()) return {"it has no token", true};
  for (const auto& token : answer->tokens) {
    if (token.error) return {"its token cannot be read: " + token.error->message(), true};
  }
  const auto* challenge = logon.challenge_fact();
  if (challenge != nullptr) {
    return {
        breach_of_challenge(*challenge, logon.negotiate == nullptr ? 0 : flags_asked_for(logon)),
        false};
  }
  if (logon.negotiate != nullptr && logon.kerberos_error == nullptr)
    return {"its token is no NTLM challenge", true};
  return {};
}

std::string_view breach_of_order(const Reading& reading) {
  const auto& logon = reading.logon;
  if (logon.server_key != nullptr && logon.proof != nullptr &&
      logon.server_key->id < logon.proof->id)
    return "a pubKeyAuth before it had the client's proof";
  const auto challenges = std::ranges::count_if(reading.record.evidence, [](const Evidence& e) {
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    return message != nullptr && e.where.side == Side::kServer &&
           std::ranges::any_of(message->tokens, [](const auth::Token& token) {
             return std::holds_alternative<auth::NtlmChallenge>(token.message);
           });
  });
  return challenges > 1 ? "another NTLM challenge" : "";
}

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

}  // namespace rdpwhy::diagnose
