#pragma once

#include <cstdint>
#include <string_view>

#include "rdpwhy/auth/ntlm.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/record/phase.h"

/// MS-NLMP 3.3.2 and 3.4.5: the keys of NTLMv2.
namespace rdpwhy::crypto {

/// NTOWFv2: from password, user and domain, all UTF-8.
[[nodiscard]] Secret ntowf_v2(const Secret& password, std::string_view user,
                              std::string_view domain);

/// The octets behind NTProofStr in an NTLMv2 response: MS-NLMP 2.2.2.7 NTLMv2_CLIENT_CHALLENGE with
/// the Z(4) that ends it.
[[nodiscard]] Bytes ntlmv2_client_challenge(
    const auth::NtlmAuthenticate::ClientChallenge& challenge);

/// What follows from the client challenge and the server's.
struct Ntlmv2Response {
  Secret proof;             ///< NTProofStr
  Secret session_base_key;  ///< KXKEY of NTLMv2 is the same
};
[[nodiscard]] Ntlmv2Response ntlmv2_response(const Secret& response_key, ByteSpan server_challenge,
                                             ByteSpan client_challenge);
/// LMv2: 24 octets.
[[nodiscard]] Bytes lmv2_response(const Secret& response_key, ByteSpan server_challenge,
                                  ByteSpan client_challenge);

/// RC4 of one key with another: EncryptedRandomSessionKey, and back.
[[nodiscard]] Secret rc4_once(const Secret& key, ByteSpan octets);

/// MS-NLMP 3.1.5.1.2: over the three messages, the last one with zeros where the MIC goes.
[[nodiscard]] Secret ntlm_mic(const Secret& exported_session_key, ByteSpan negotiate,
                              ByteSpan challenge, ByteSpan authenticate);

/// MS-NLMP 3.4.5.2 SIGNKEY and 3.4.5.3 SEALKEY with extended session security: for what `sender`
/// says.
[[nodiscard]] Secret ntlm_signing_key(const Secret& exported_session_key, Side sender);
[[nodiscard]] Secret ntlm_sealing_key(std::uint32_t flags, const Secret& exported_session_key,
                                      Side sender);

/// MS-UCODEREF 3.1.5.3 over UTF-16LE: each unit by itself, as Windows upcases names.
void upcase_utf16le(std::span<std::uint8_t> text);

}  // namespace rdpwhy::crypto
