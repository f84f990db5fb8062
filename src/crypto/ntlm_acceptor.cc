#include <algorithm>

#include "crypto/ntlm_keys.h"
#include "crypto/ntlm_protection.h"
#include "rdpwhy/crypto/ntlm.h"

namespace rdpwhy::crypto {
namespace {

namespace flag = auth::ntlm_flag;

constexpr std::size_t kProofSize = 16;
/// NTProofStr and the fixed fields of the client challenge with the shortest AvPairs: MS-NLMP
/// 2.2.2.8. An NTLMv1 response has 24 octets.
constexpr std::size_t kShortestNtlmv2 = kProofSize + 28 + 4;
constexpr std::uint32_t kMicProvided = 0x00000002;

bool has_mic(const auth::NtlmAuthenticate& message) {
  return message.ntlmv2 && (message.ntlmv2->av_pairs.flags().value_or(0) & kMicProvided) != 0;
}

}  // namespace

std::expected<Bytes, DecodeError> NtlmAcceptor::challenge(ByteSpan negotiate) {
  const auto asked = auth::decode_ntlm_negotiate(negotiate);
  if (!asked) return std::unexpected(asked.error());
  // MS-NLMP 3.2.5.1.1: of two that exclude each other the stronger one stays.
  std::uint32_t flags = asked->flags & ~settings_.refused_flags;
  if ((flags & flag::kUnicode) != 0) flags &= ~flag::kOem;
  if ((flags & flag::kExtendedSessionSecurity) != 0) flags &= ~flag::kLmKey;
  flags &= ~(flag::kOemDomainSupplied | flag::kOemWorkstationSupplied);
  if ((flags & flag::kRequestTarget) != 0) flags |= flag::kTargetTypeDomain;
  if (settings_.target_info) flags |= flag::kTargetInfo;
  negotiate_ = base::to_bytes(negotiate);
  challenge_ = encode(auth::NtlmChallenge{.flags = flags,
                                          .target_name = settings_.target_name,
                                          .server_challenge = settings_.server_challenge,
                                          .target_info = settings_.target_info,
                                          .version = settings_.version});
  return challenge_;
}

std::expected<NtlmAcceptor::Accepted, NtlmAcceptor::Verdict> NtlmAcceptor::accept(
    ByteSpan authenticate, const Secret& password) const {
  if (!ntlm_available()) return std::unexpected(Verdict::kUnavailable);
  auto message = auth::decode_ntlm_authenticate(authenticate);
  if (!message || challenge_.empty()) return std::unexpected(Verdict::kMalformed);
  if (message->nt_response.size() < kShortestNtlmv2) return std::unexpected(Verdict::kNotNtlmv2);

  const ByteSpan response(message->nt_response);
  const auto key = ntowf_v2(password, message->user_name, message->domain_name);
  const auto wanted =
      ntlmv2_response(key, settings_.server_challenge, response.subspan(kProofSize));
  if (!base::equal(wanted.proof.reveal(), response.first(kProofSize))) {
    return std::unexpected(Verdict::kWrongPassword);
  }

  Secret session_key = wanted.session_base_key.copy();
  if ((message->flags & flag::kKeyExchange) != 0) {
    const auto& encrypted = message->encrypted_random_session_key;
    if (encrypted.size() != session_key.reveal().size()) {
      return std::unexpected(Verdict::kMalformed);
    }
    session_key = rc4_once(session_key, encrypted);
  }
  if (has_mic(*message)) {
    Bytes zeroed = base::to_bytes(authenticate);
    constexpr std::size_t kMicSize = 16;
    if (!message->mic || zeroed.size() < auth::kNtlmMicOffset + kMicSize) {
      return std::unexpected(Verdict::kWrongMic);
    }
    std::fill_n(zeroed.begin() + auth::kNtlmMicOffset, kMicSize, std::uint8_t{0});
    const auto mic = ntlm_mic(session_key, negotiate_, challenge_, zeroed);
    if (!base::equal(mic.reveal(), *message->mic)) return std::unexpected(Verdict::kWrongMic);
  }
  const auto flags = message->flags;
  return Accepted{.message = *std::move(message),
                  .protection = make_ntlm_protection(flags, session_key, Side::kServer)};
}

}  // namespace rdpwhy::crypto
