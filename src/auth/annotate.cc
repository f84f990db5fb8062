#include "rdpwhy/auth/annotate.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
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

/// The content of a field that is an OCTET STRING; nothing for other fields, such as the element
/// [n] around it, which has the same name.
std::optional<asn1::Header> octet_string_of(ByteSpan bytes, const FieldNote& field) {
  const auto header = asn1::decode_header(bytes.subspan(field.offset, field.size), {});
  if (!header || !*header || (*header)->tag != asn1::kOctetString) return std::nullopt;
  return *header;
}

/// What is read of a token that stands at `offset` becomes part of the message around it.
void adopt(AnnotatedMessage& message, AnnotatedMessage inner, std::uint64_t offset, int depth) {
  for (auto& note : inner.fields) {
    note.offset += offset;
    note.depth += depth;
    message.fields.push_back(std::move(note));
  }
  for (auto& note : inner.anomalies) {
    note.offset += offset;
    message.anomalies.push_back(std::move(note));
  }
  if (inner.error && !message.error) {
    message.error = std::move(inner.error);
    message.error->offset += offset;
  }
}

/// Where fields of one of these names are OCTET STRINGs with a token in them, the token's fields
/// take the place of their content. The titles of the tokens.
std::vector<std::string> expand_tokens(AnnotatedMessage& message, ByteSpan bytes,
                                       std::initializer_list<std::string_view> names) {
  std::vector<std::string> titles;
  for (auto& field : std::exchange(message.fields, {})) {
    const bool named = std::ranges::find(names, field.name) != names.end();
    const auto header = named ? octet_string_of(bytes, field) : std::nullopt;
    auto inner = header
                     ? annotate_token(bytes.subspan(field.offset, field.size).subspan(header->size))
                     : AnnotatedMessage{};
    if (header) titles.push_back(inner.fields.empty() ? "an unknown token" : inner.title);
    if (inner.fields.empty()) {
      message.fields.push_back(std::move(field));
      continue;
    }
    const auto offset = field.offset + header->size;
    const int depth = field.depth + 1;
    field.size = header->size;
    field.value = fmt::format("OCTET STRING, {}: {}", counted(header->length), inner.title);
    message.fields.push_back(std::move(field));
    adopt(message, std::move(inner), offset, depth);
  }
  return titles;
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
  for (const auto& title : expand_tokens(message, token, {"mechToken", "responseToken"})) {
    message.title += " with " + title;
  }
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

std::string title_of(const TsRequest& request, const std::vector<std::string>& tokens) {
  std::string title = fmt::format("TSRequest, version {}", request.version);
  if (request.error_code) {
    title += ", errorCode " + base::to_hex_number(*request.error_code, 8);
  }
  for (const auto& token : tokens) title += ", " + token;
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
  const auto tokens = expand_tokens(message, octets, {"negoToken"});
  if (decoded) message.title = title_of(*decoded, tokens);
  if (!decoded && decoded.error().kind == DecodeError::Kind::kTruncated) {
    message.title += " that is cut off";
  }
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

/// Nothing marks it but its two values and where it stands: alone, or before the first TPKT.
bool begins_authorization_result(ByteSpan bytes) {
  constexpr auto kSize = EarlyUserAuthorizationResult::kSize;
  if (bytes.size() < kSize || (bytes.size() > kSize && bytes[kSize] != 3)) return false;
  const auto result = decode_early_user_authorization_result(bytes.first(kSize));
  return result && (result->authorization_result == 0 || result->authorization_result == 5);
}

AnnotatedMessage annotate_authorization_result(ByteSpan bytes) {
  AnnotatedMessage message{.title = "Early User Authorization Result PDU",
                           .size = EarlyUserAuthorizationResult::kSize};
  static_cast<void>(
      read_into(message, bytes.first(message.size), decode_early_user_authorization_result));
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
         sequence_of(bytes) != Sequence::kNone || begins_rdstls(bytes) ||
         begins_authorization_result(bytes);
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
  if (begins_authorization_result(bytes)) return annotate_authorization_result(bytes);
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
