#include "rdpwhy/auth/annotate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "rdpwhy/asn1/der.h"
#include "rdpwhy/auth/rdstls.h"
#include "rdpwhy/auth/token.h"
#include "rdpwhy/auth/ts_request.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::auth {
namespace {

std::string counted(std::uint64_t octets) {
  return fmt::format("{} octet{}", octets, octets == 1 ? "" : "s");
}

/// Decodes with fields, and keeps everything but the value, which is returned.
template <typename Decode>
auto read_into(AnnotatedMessage& message, ByteSpan octets, Decode decode) {
  Notes notes(Notes::Detail::kFields);
  auto decoded = decode(octets, &notes);
  message.fields = std::move(notes.fields);
  message.anomalies = std::move(notes.anomalies);
  if (!decoded) message.error = decoded.error();
  return decoded;
}

AnnotatedMessage annotate_token(ByteSpan token);

/// Where a field is an OCTET STRING with a token in it, the token's fields take the place of its
/// content.
void expand(AnnotatedMessage& message, ByteSpan bytes, std::size_t index) {
  auto& field = message.fields[index];
  const auto element = bytes.subspan(field.offset, field.size);
  const auto header = asn1::decode_header(element, {});
  if (!header || !*header || (*header)->length == 0) return;
  const std::size_t size = (*header)->size;
  auto inner = annotate_token(element.subspan(size));
  if (inner.fields.empty()) return;
  const auto offset = field.offset + size;
  const int depth = field.depth + 1;
  field.size = size;
  field.value = "OCTET STRING, " + counted((*header)->length) + ": " + inner.title;
  for (auto& note : inner.fields) {
    note.offset += offset;
    note.depth += depth;
  }
  message.fields.insert(message.fields.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                        std::make_move_iterator(inner.fields.begin()),
                        std::make_move_iterator(inner.fields.end()));
  for (auto& note : inner.anomalies) {
    note.offset += offset;
    message.anomalies.push_back(std::move(note));
  }
  if (inner.error && !message.error) {
    message.error = std::move(inner.error);
    message.error->offset += offset;
  }
}

/// All fields of that name that are OCTET STRINGs; the element [n] around has the same name.
void expand_all(AnnotatedMessage& message, ByteSpan bytes, std::string_view name) {
  for (std::size_t i = message.fields.size(); i-- > 0;) {
    const auto& field = message.fields[i];
    const bool is_string = field.size > 0 && field.offset < bytes.size() &&
                           bytes[field.offset] == asn1::kOctetString.octets;
    if (field.name == name && is_string) expand(message, bytes, i);
  }
}

AnnotatedMessage annotate_ntlm(ByteSpan token) {
  AnnotatedMessage message{.size = token.size()};
  const auto read = [&](auto decode, std::string_view title) {
    message.title = title;
    static_cast<void>(read_into(message, token, decode));
  };
  switch (ntlm_message_type(token).value_or(0)) {
    case 1:
      read(decode_ntlm_negotiate, "NTLM NEGOTIATE_MESSAGE");
      break;
    case 3:
      read(decode_ntlm_authenticate, "NTLM AUTHENTICATE_MESSAGE");
      break;
    case 2:
      read(decode_ntlm_challenge, "NTLM CHALLENGE_MESSAGE");
      break;
    default:  // said to be none by the decoder of any
      read(decode_ntlm_negotiate, "NTLM message of no known type");
  }
  return message;
}

AnnotatedMessage annotate_spnego(ByteSpan token) {
  AnnotatedMessage message{.title = "SPNEGO token", .size = token.size()};
  const auto decoded = read_into(
      message, token, [](ByteSpan octets, Notes* notes) { return decode_spnego(octets, notes); });
  if (decoded) {
    message.title = std::holds_alternative<NegTokenInit>(*decoded) ? "SPNEGO NegTokenInit"
                                                                   : "SPNEGO NegTokenResp";
  }
  for (const auto* name : {"mechToken", "responseToken"}) expand_all(message, token, name);
  return message;
}

std::string_view name_of(KerberosToken::Kind kind) {
  switch (kind) {
    case KerberosToken::Kind::kApRequest:
      return "Kerberos AP-REQ";
    case KerberosToken::Kind::kApReply:
      return "Kerberos AP-REP";
    case KerberosToken::Kind::kError:
      return "Kerberos KRB-ERROR";
    case KerberosToken::Kind::kTgtRequest:
      return "Kerberos KERB-TGT-REQUEST";
    case KerberosToken::Kind::kTgtReply:
      return "Kerberos KERB-TGT-REPLY";
    case KerberosToken::Kind::kOther:
      break;
  }
  return "Kerberos token";
}

AnnotatedMessage annotate_kerberos(ByteSpan token) {
  AnnotatedMessage message{.title = "Kerberos token", .size = token.size()};
  const auto decoded = read_into(message, token, decode_kerberos_token);
  if (decoded) message.title = name_of(decoded->kind);
  return message;
}

/// A token fills what it stands in. No fields: not one that we can read.
AnnotatedMessage annotate_token(ByteSpan token) {
  if (is_ntlm(token)) return annotate_ntlm(token);
  if (is_spnego(token)) return annotate_spnego(token);
  if (is_kerberos(token)) return annotate_kerberos(token);
  return {.title = "no security token", .size = token.size()};
}

std::string title_of(const TsRequest& request) {
  std::string title = fmt::format("TSRequest, version {}", request.version);
  if (request.error_code) {
    title += ", errorCode " + base::to_hex_number(*request.error_code, 8);
  }
  if (request.nego_tokens) {
    for (const auto& token : *request.nego_tokens) title += ", " + annotate_token(token).title;
  }
  if (request.pub_key_auth) title += ", pubKeyAuth";
  if (request.auth_info) title += ", authInfo";
  return title;
}

AnnotatedMessage annotate_ts_request(ByteSpan bytes) {
  AnnotatedMessage message{.title = "TSRequest"};
  const auto size = ts_request_size(bytes);
  message.size = size && *size && **size <= bytes.size() ? **size : bytes.size();
  const auto octets = bytes.first(message.size);
  const auto decoded = read_into(message, octets, decode_ts_request);
  if (decoded) {
    message.title = title_of(*decoded);
  } else if (message.error->kind == DecodeError::Kind::kTruncated && message.size < 16) {
    message.title += ", cut off";
  }
  expand_all(message, octets, "negoToken");
  return message;
}

AnnotatedMessage annotate_ts_credentials(ByteSpan bytes) {
  AnnotatedMessage message{.title = "TSCredentials", .size = bytes.size()};
  static_cast<void>(read_into(message, bytes, decode_ts_credentials));
  return message;
}

AnnotatedMessage annotate_rdstls(ByteSpan bytes) {
  AnnotatedMessage message{.title = "RDSTLS PDU"};
  const auto size = rdstls_pdu_size(bytes);
  message.size = size && *size && **size <= bytes.size() ? **size : bytes.size();
  const auto decoded = read_into(message, bytes.first(message.size), decode_rdstls);
  if (!decoded) return message;
  struct Titles {
    std::string_view operator()(const RdstlsCapabilities&) { return "RDSTLS Capabilities PDU"; }
    std::string_view operator()(const RdstlsAuthenticationRequest&) {
      return "RDSTLS Authentication Request PDU";
    }
    std::string_view operator()(const RdstlsAuthenticationResponse&) {
      return "RDSTLS Authentication Response PDU";
    }
  };
  message.title = std::visit(Titles{}, *decoded);
  return message;
}

/// A SEQUENCE that begins with [0] INTEGER; that of a TSCredentials goes on with an OCTET STRING in
/// [1], where a TSRequest has a SEQUENCE.
enum class Sequence { kNone, kTsRequest, kTsCredentials };
Sequence sequence_of(ByteSpan bytes) {
  const auto outer = asn1::decode_header(bytes, {});
  if (!outer || !*outer || (*outer)->tag != asn1::kSequence) return Sequence::kNone;
  Reader r(bytes.subspan((*outer)->size));
  bool is_credentials = false;
  const bool has_number = asn1::next_is(r, asn1::context(0));
  asn1::read_any(r, "version or credType");
  if (asn1::next_is(r, asn1::context(1))) {
    Reader element = asn1::open(r, asn1::context(1), "negoTokens or credentials");
    is_credentials = asn1::next_is(element, asn1::kOctetString);
    element.skip_rest("negoTokens or credentials");
  }
  r.skip_rest("rest");
  if (!has_number) return Sequence::kNone;
  return is_credentials ? Sequence::kTsCredentials : Sequence::kTsRequest;
}

bool begins_rdstls(ByteSpan bytes) {
  const auto size = rdstls_pdu_size(bytes);
  return bytes.size() >= 6 && size.has_value();
}

}  // namespace

bool begins_message(ByteSpan bytes) {
  return is_ntlm(bytes) || is_spnego(bytes) || is_kerberos(bytes) ||
         sequence_of(bytes) != Sequence::kNone || begins_rdstls(bytes);
}

AnnotatedMessage annotate(ByteSpan bytes) {
  switch (sequence_of(bytes)) {
    case Sequence::kTsRequest:
      return annotate_ts_request(bytes);
    case Sequence::kTsCredentials:
      return annotate_ts_credentials(bytes);
    case Sequence::kNone:
      break;
  }
  if (begins_rdstls(bytes)) return annotate_rdstls(bytes);
  return annotate_token(bytes);
}

std::string annotated_text(const AnnotatedMessage& message, ByteSpan bytes) {
  auto text = fmt::format("{}, {}\n", message.title, counted(message.size));
  text += base::annotated_dump(bytes.first(std::min(message.size, bytes.size())), message.fields);
  for (const auto& [offset, field, words] : message.anomalies) {
    text += fmt::format("odd: {}{}{} (offset {})\n", base::printable(field),
                        field.empty() ? "" : " ", base::printable(words), offset);
  }
  if (message.error) text += fmt::format("error: {}\n", base::printable(message.error->message()));
  return text;
}

std::string annotated_text(ByteSpan bytes) {
  std::string text;
  for (std::size_t at = 0; at == 0 || at < bytes.size();) {
    const auto here = bytes.subspan(at);
    if (at > 0) text += '\n';
    if (at > 0 && !begins_message(here)) {
      text += fmt::format("no further message, {}\n", counted(here.size()));
      return text + base::annotated_dump(here, {});
    }
    const auto message = annotate(here);
    text += annotated_text(message, here);
    if (message.size == 0) break;
    at += message.size;
  }
  return text;
}

}  // namespace rdpwhy::auth
