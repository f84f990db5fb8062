#include "crypto/ntlm_keys.h"

#include "crypto/ntlm_primitives.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::crypto {
namespace {

/// The magic constants of MS-NLMP 3.4.5 end with a zero octet.
ByteSpan with_zero(std::string_view text) {
  return base::as_bytes(std::string_view(text.data(), text.size() + 1));
}

}  // namespace

Secret ntowf_v2(const Secret& password, std::string_view user, std::string_view domain) {
  const Secret wide(base::utf8_to_utf16le(base::as_text(password.reveal())));
  const Secret ntowf = md4(wide.reveal());
  Bytes upper_user = base::utf8_to_utf16le(user);
  upcase_utf16le(upper_user);
  return hmac_md5(ntowf, {upper_user, base::utf8_to_utf16le(domain)});
}

Bytes ntlmv2_client_challenge(const auth::NtlmAuthenticate::ClientChallenge& challenge) {
  Writer w;
  w.u8(1).u8(1).zeros(6);  // RespType, HiRespType, Reserved1, Reserved2
  w.u64le(challenge.timestamp);
  w.bytes(challenge.challenge);
  w.zeros(4);  // Reserved3
  w.bytes(encode(challenge.av_pairs));
  w.zeros(4);
  return w.take();
}

Ntlmv2Response ntlmv2_response(const Secret& response_key, ByteSpan server_challenge,
                               ByteSpan client_challenge) {
  Ntlmv2Response response;
  response.proof = hmac_md5(response_key, {server_challenge, client_challenge});
  response.session_base_key = hmac_md5(response_key, {response.proof.reveal()});
  return response;
}

Bytes lmv2_response(const Secret& response_key, ByteSpan server_challenge,
                    ByteSpan client_challenge) {
  const auto proof = hmac_md5(response_key, {server_challenge, client_challenge});
  Bytes response = base::to_bytes(proof.reveal());
  response.insert(response.end(), client_challenge.begin(), client_challenge.end());
  return response;
}

Secret rc4_once(const Secret& key, ByteSpan octets) { return Secret(Rc4(key).transform(octets)); }

Secret ntlm_mic(const Secret& exported_session_key, ByteSpan negotiate, ByteSpan challenge,
                ByteSpan authenticate) {
  return hmac_md5(exported_session_key, {negotiate, challenge, authenticate});
}

Secret ntlm_signing_key(const Secret& exported_session_key, Side sender) {
  const auto constant =
      sender == Side::kClient
          ? with_zero("session key to client-to-server signing key magic constant")
          : with_zero("session key to server-to-client signing key magic constant");
  return md5({exported_session_key.reveal(), constant});
}

Secret ntlm_sealing_key(std::uint32_t flags, const Secret& exported_session_key, Side sender) {
  const auto constant =
      sender == Side::kClient
          ? with_zero("session key to client-to-server sealing key magic constant")
          : with_zero("session key to server-to-client sealing key magic constant");
  const auto whole = exported_session_key.reveal();
  const auto strength = (flags & auth::ntlm_flag::k128) != 0  ? whole.size()
                        : (flags & auth::ntlm_flag::k56) != 0 ? std::size_t{7}
                                                              : std::size_t{5};
  return md5({whole.first(strength), constant});
}

}  // namespace rdpwhy::crypto
