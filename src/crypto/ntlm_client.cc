#include <algorithm>
#include <array>

#include "crypto/ntlm_keys.h"
#include "crypto/ntlm_protection.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/crypto/ntlm.h"

namespace rdpwhy::crypto {
namespace {

namespace flag = auth::ntlm_flag;
using auth::AvId;

constexpr std::uint32_t kMstscFlags = flag::kUnicode | flag::kOem | flag::kRequestTarget |
                                      flag::kSign | flag::kSeal | flag::kLmKey | flag::kNtlm |
                                      flag::kAlwaysSign | flag::kExtendedSessionSecurity |
                                      flag::kVersion | flag::k128 | flag::kKeyExchange | flag::k56;
static_assert(kMstscFlags == 0xE20882B7);

/// MsvAvFlags: the AUTHENTICATE_MESSAGE has a MIC.
constexpr std::uint32_t kMicProvided = 0x00000002;

std::optional<std::string> objection_to(const auth::NtlmChallenge& challenge) {
  struct Need {
    std::uint32_t bit;
    const char* without;
  };
  static constexpr Need kNeeds[] = {
      {flag::kUnicode, "the server does not negotiate Unicode names"},
      {flag::kExtendedSessionSecurity, "the server does not negotiate extended session security"},
      {flag::k128, "the server does not negotiate 128 bit keys"},
      {flag::kSeal, "the server does not negotiate sealing"},
  };
  for (const auto& need : kNeeds) {
    if ((challenge.flags & need.bit) == 0) return need.without;
  }
  // MS-NLMP 3.1.5.1.2: with integrity or confidentiality, STATUS_LOGON_FAILURE.
  if (!challenge.target_info) return "the challenge has no target information";
  if (challenge.target_info->find(AvId::kNbComputerName) == nullptr ||
      challenge.target_info->find(AvId::kNbDomainName) == nullptr) {
    return "the challenge does not name the server and its domain (NetBIOS)";
  }
  return {};
}

auth::AvPair av_pair(AvId id, Bytes value) {
  return {.id = static_cast<std::uint16_t>(id), .value = std::move(value)};
}

/// MS-NLMP 3.1.5.1.2: the server's pairs, then ours, in the order of Windows. What a server has no
/// business to send (the name and the binding of its client) is not sent back.
auth::AvPairs answer_to(const auth::AvPairs& server, const NtlmClientPlan& plan, bool with_mic) {
  auth::AvPairs pairs = server;
  std::erase_if(pairs.pairs, [with_mic](const auth::AvPair& pair) {
    const auto id = static_cast<AvId>(pair.id);
    return id == AvId::kTargetName || id == AvId::kChannelBindings ||
           (with_mic && id == AvId::kFlags);
  });
  if (with_mic) {
    const auto value = server.flags().value_or(0) | kMicProvided;
    pairs.pairs.push_back(av_pair(AvId::kFlags, Writer().u32le(value).take()));
  }
  const auto bindings = plan.channel_bindings.value_or(std::array<std::uint8_t, 16>{});
  pairs.pairs.push_back(av_pair(AvId::kChannelBindings, base::to_bytes(bindings)));
  pairs.pairs.push_back(av_pair(AvId::kTargetName, base::utf8_to_utf16le(plan.service)));
  return pairs;
}

}  // namespace

auth::NtlmNegotiate mstsc_ntlm_negotiate() {
  return {.flags = kMstscFlags,
          .domain_name = {},
          .workstation_name = {},
          .version = auth::NtlmVersion{.major = 10, .minor = 0, .build = 22621, .revision = 15}};
}

std::expected<NtlmAnswer, NtlmRefusal> answer_ntlm_challenge(ByteSpan negotiate,
                                                             ByteSpan challenge_octets,
                                                             const auth::NtlmChallenge& challenge,
                                                             const NtlmClientPlan& plan,
                                                             const Secret& password) {
  if (const auto available = ntlm_available(); !available) {
    return std::unexpected(NtlmRefusal{NtlmRefusal::Why::kUnavailable, available.error().text});
  }
  if (auto objection = objection_to(challenge)) {
    return std::unexpected(NtlmRefusal{NtlmRefusal::Why::kChallenge, *std::move(objection)});
  }

  const auto server_time = challenge.target_info->timestamp();
  const bool with_mic = server_time.has_value();  // and then no LMv2 response
  const auth::NtlmAuthenticate::ClientChallenge client_challenge{
      .timestamp = server_time.value_or(auth::filetime_of(plan.now)),
      .challenge = plan.client_challenge,
      .av_pairs = answer_to(*challenge.target_info, plan, with_mic)};
  const Bytes client_octets = ntlmv2_client_challenge(client_challenge);
  const Secret response_key = ntowf_v2(password, plan.user, plan.domain);
  const auto response = ntlmv2_response(response_key, challenge.server_challenge, client_octets);

  auth::NtlmAuthenticate message;
  message.flags =
      challenge.flags & (kMstscFlags | flag::kTargetInfo) & ~(flag::kOem | flag::kLmKey);
  message.user_name = plan.user;
  message.domain_name = plan.domain;
  message.workstation = plan.workstation;
  message.lm_response =
      with_mic ? Bytes(24)
               : lmv2_response(response_key, challenge.server_challenge, plan.client_challenge);
  message.nt_response = base::to_bytes(response.proof.reveal());
  message.nt_response.insert(message.nt_response.end(), client_octets.begin(), client_octets.end());
  if ((message.flags & flag::kVersion) != 0) message.version = mstsc_ntlm_negotiate().version;
  Secret session_key = response.session_base_key.copy();  // MS-NLMP 3.4.5.1 KXKEY
  if ((message.flags & flag::kKeyExchange) != 0) {
    constexpr std::size_t kKeySize = 16;
    RDPWHY_CHECK(plan.session_key != nullptr && plan.session_key->reveal().size() == kKeySize);
    const auto encrypted = rc4_once(session_key, plan.session_key->reveal());
    message.encrypted_random_session_key = base::to_bytes(encrypted.reveal());
    session_key = plan.session_key->copy();
  }
  if (with_mic) message.mic.emplace();

  NtlmAnswer answer;
  answer.authenticate = encode(message);
  if (with_mic) {
    const auto mic = ntlm_mic(session_key, negotiate, challenge_octets, answer.authenticate);
    RDPWHY_CHECK(answer.authenticate.size() >= auth::kNtlmMicOffset + mic.reveal().size());
    std::ranges::copy(mic.reveal(), answer.authenticate.begin() + auth::kNtlmMicOffset);
  }
  answer.protection = make_ntlm_protection(message.flags, session_key, Side::kClient);
  return answer;
}

}  // namespace rdpwhy::crypto
