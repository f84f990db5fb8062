#pragma once

#include <cstdint>

#include "oracles/oracle.h"
#include "rdpwhy/auth/annotate.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"

/// What holds of the decoders for any octets at all: for libFuzzer, and for the tests' damaged
/// vectors. A breach ends the program, as a fuzzer wants it and a test notices it.
namespace rdpwhy::auth::oracle {

using rdpwhy::oracle::check_decoder;
using rdpwhy::oracle::check_error;
using rdpwhy::oracle::check_notes;
using rdpwhy::oracle::hold;

/// Parts have 16 bits of length, and what is written can be a little longer than what was read.
inline constexpr std::size_t kMostWritten = 0x7000;

template <typename Decode>
bool is_odd(ByteSpan bytes, Decode decode) {
  Notes notes;
  static_cast<void>(decode(bytes, &notes));
  return !notes.anomalies.empty();
}

/// What is decoded is written with the same meaning. Whether octet for octet is for the caller.
template <typename Decode>
auto check_meaning(ByteSpan bytes, Decode decode) {
  const auto decoded = check_decoder(bytes, decode);
  if (decoded && bytes.size() <= kMostWritten) {
    const auto again = decode(encode(*decoded), nullptr);
    hold(again.has_value() && *again == *decoded, "what is encoded decodes to the same");
  }
  return decoded;
}

/// `bytes` begins with a TSRequest.
inline void check_ts_request(ByteSpan bytes) {
  const auto size = ts_request_size(bytes);
  if (!size) check_error(bytes, size.error());
  const auto request = check_meaning(bytes, decode_ts_request);
  if (!request) return;
  hold(size && *size && **size <= bytes.size(), "the size of what is decoded is known");
  // A number above 2^31 can be written with either sign.
  const bool canonical = !is_odd(bytes, decode_ts_request) &&
                         (!request->error_code || *request->error_code <= INT32_MAX);
  hold(!canonical || base::equal(encode(*request), bytes),
       "a TSRequest without oddities is written octet for octet");
}

/// `bytes` is a TSCredentials, opened.
inline void check_ts_credentials(ByteSpan bytes) {
  Notes notes(Notes::Detail::kFields);
  const auto decoded = decode_ts_credentials(bytes, &notes);
  check_notes(bytes, notes);
  hold(decode_ts_credentials(bytes).has_value() == decoded.has_value(),
       "notes do not change what is decoded");
  if (!decoded) return check_error(bytes, decoded.error());
  const auto* creds = std::get_if<TsPasswordCreds>(&decoded->credentials);
  if (creds == nullptr) return;
  const auto written = encode(*creds);
  const auto again = decode_ts_credentials(written.reveal());
  hold(again.has_value(), "what is encoded is decoded");
  const auto& read = std::get<TsPasswordCreds>(again->credentials);
  hold(read.domain_name == creds->domain_name && read.user_name == creds->user_name &&
           base::equal(read.password.reveal(), creds->password.reveal()),
       "what is encoded decodes to the same");
}

/// `bytes` is an NTLM message.
inline void check_ntlm(ByteSpan bytes) {
  static_cast<void>(check_meaning(bytes, decode_ntlm_negotiate));
  static_cast<void>(check_meaning(bytes, decode_ntlm_challenge));
  const auto message = check_meaning(bytes, decode_ntlm_authenticate);
  if (!message) return;
  hold(message->lm_response.size() == message->lm_response_size &&
           message->nt_response.size() == message->nt_response_size,
       "sizes are those of the octets");
  const auto emptied = without_responses(*message);
  hold(emptied.lm_response.empty() && emptied.nt_response.empty() &&
           emptied.encrypted_random_session_key.empty() &&
           emptied.mic.value_or(std::array<std::uint8_t, 16>{}) == std::array<std::uint8_t, 16>{},
       "nothing is left that proves a password");
}

/// `bytes` is a list of AV pairs.
inline void check_av_pairs(ByteSpan bytes) {
  const auto pairs = check_meaning(bytes, decode_av_pairs);
  if (!pairs) return;
  static_cast<void>(pairs->text(AvId::kTargetName));
  if (const auto time = pairs->timestamp()) {
    const auto moment = moment_of_filetime(*time);
    hold(moment_of_filetime(filetime_of(moment)) == moment, "a time comes back");
  }
}

/// `bytes` is a SPNEGO token.
inline void check_spnego(ByteSpan bytes) {
  static_cast<void>(is_spnego(bytes));
  const auto token = check_decoder(bytes, [](ByteSpan b, Notes* n) { return decode_spnego(b, n); });
  if (!token) return;
  const auto written = std::visit([](const auto& t) { return encode(t); }, *token);
  Notes notes;
  static_cast<void>(decode_spnego(bytes, &notes));
  hold(!notes.anomalies.empty() || base::equal(written, bytes),
       "a SPNEGO token without oddities is written octet for octet");
  auto again = decode_spnego(written);
  hold(again.has_value(), "what is encoded is decoded");
  auto expected = *token;
  for (auto* either : {&expected, &*again}) {  // the original may have longer lengths
    if (auto* init = std::get_if<NegTokenInit>(either)) init->mech_types_der = {};
  }
  hold(*again == expected, "what is encoded decodes to the same");
}

/// `bytes` is a Kerberos token or message.
inline void check_kerberos(ByteSpan bytes) {
  static_cast<void>(is_kerberos(bytes));
  const auto token = check_decoder(bytes, decode_kerberos_token);
  hold(!token || token->size == bytes.size(), "a token is as large as its octets");
  static_cast<void>(check_meaning(bytes, decode_krb_error));
}

/// `bytes` is a negoToken.
inline void check_token(ByteSpan bytes) {
  const auto token = decode_token(bytes);
  hold(token == decode_token(bytes), "equal octets give equal tokens");
  hold(token.size == bytes.size(), "a token is as large as its octets");
  hold(token.mechanism_octets.size() <= bytes.size(), "a part is no larger than the whole");
  if (token.error) check_error(bytes, *token.error);
  for (const auto& note : token.notes) {
    hold(note.offset <= bytes.size(), "an anomaly lies within the token");
  }
  const auto* kerberos = std::get_if<KerberosToken>(&token.message);
  const bool secret = std::holds_alternative<NtlmAuthenticate>(token.message) ||
                      std::holds_alternative<std::monostate>(token.message) ||
                      (kerberos != nullptr && kerberos->ticket_encryption.has_value());
  hold(!secret || token.mechanism_octets.empty(), "no proof of a password is kept");
}

/// `bytes` begins with an RDSTLS PDU.
inline void check_rdstls(ByteSpan bytes) {
  const auto size = rdstls_pdu_size(bytes);
  if (!size) check_error(bytes, size.error());
  const auto pdu = check_decoder(bytes, decode_rdstls);
  if (!pdu) return;
  hold(size && *size == bytes.size(), "the size of what is decoded is known");
  if (bytes.size() > kMostWritten) return;
  const auto* request = std::get_if<RdstlsAuthenticationRequest>(&*pdu);
  if (request != nullptr) {
    const auto written = encode(*request, Secret(Bytes(request->secret_size)));
    const auto again = decode_rdstls(written.reveal());
    hold(again && *again == *pdu, "what is encoded decodes to the same");
  } else if (const auto* capabilities = std::get_if<RdstlsCapabilities>(&*pdu)) {
    hold(base::equal(encode(*capabilities), bytes), "capabilities are written octet for octet");
  } else {
    hold(base::equal(encode(std::get<RdstlsAuthenticationResponse>(*pdu)), bytes),
         "a response is written octet for octet");
  }
}

/// Any octets.
inline void check_annotation(ByteSpan bytes) {
  static_cast<void>(begins_message(bytes));
  const auto message = annotate(bytes);
  hold(message.size <= bytes.size(), "an annotated message lies within the octets");
  hold(bytes.empty() || message.size > 0, "an annotation goes on");
  hold(!message.title.empty(), "an annotation has a title");
  Notes notes(Notes::Detail::kFields);
  notes.fields = message.fields;
  notes.anomalies = message.anomalies;
  check_notes(bytes.first(message.size), notes);
  if (message.error) check_error(bytes, *message.error);
  for (const auto c : annotated_text(bytes)) {
    hold(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "an annotation is printable");
  }
}

/// All of them.
inline void check_auth(ByteSpan bytes) {
  check_ts_request(bytes);
  check_ts_credentials(bytes);
  check_ntlm(bytes);
  check_av_pairs(bytes);
  check_spnego(bytes);
  check_kerberos(bytes);
  check_token(bytes);
  check_rdstls(bytes);
  check_annotation(bytes);
}

}  // namespace rdpwhy::auth::oracle
