#include "rdpwhy/auth/token.h"

#include <string>
#include <utility>

#include "auth/spnego_reading.h"
#include "rdpwhy/base/reader.h"

namespace rdpwhy::auth {
namespace {

/// The mechanism's own token, and where it stands in the negoToken.
struct Inner {
  ByteSpan octets;
  std::uint64_t offset = 0;
};

void keep_notes(Token& token, const Notes& notes, std::uint64_t offset) {
  for (auto note : notes.anomalies) {
    note.offset += offset;
    token.notes.push_back(std::move(note));
  }
}

/// The message, or nothing with the reason in `token.error`.
template <typename Decode>
void read_message(Token& token, const Inner& inner, Decode decode) {
  Notes notes;
  auto decoded = decode(inner.octets, &notes);
  keep_notes(token, notes, inner.offset);
  if (decoded) {
    token.message = *std::move(decoded);
    return;
  }
  token.error = std::move(decoded.error());
  token.error->offset += inner.offset;
}

/// An NTLM message of another type, or one that ends before its type: never a message.
std::expected<MechanismMessage, DecodeError> decode_unknown_ntlm(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  r.skip(kNtlmSignature.size(), "Signature");
  const auto type = r.u32le("MessageType");
  r.require(false, "is " + std::to_string(type) + ", which no NTLM message has", "MessageType");
  return r.finish(MechanismMessage());
}

void read_ntlm(Token& token, const Inner& inner) {
  switch (ntlm_message_type(inner.octets).value_or(0)) {
    case 1:
      read_message(token, inner, decode_ntlm_negotiate);
      return;
    case 2:
      read_message(token, inner, decode_ntlm_challenge);
      return;
    case 3:
      read_message(token, inner, [](ByteSpan octets, Notes* notes) {
        auto message = decode_ntlm_authenticate(octets, notes);
        if (message) message = without_responses(*std::move(message));
        return message;
      });
      return;
    default:
      read_message(token, inner, decode_unknown_ntlm);
  }
}

/// See Token::mechanism_octets.
bool may_be_kept(const MechanismMessage& message) {
  if (const auto* kerberos = std::get_if<KerberosToken>(&message)) {
    return kerberos->kind == KerberosToken::Kind::kApReply ||
           kerberos->kind == KerberosToken::Kind::kError ||
           kerberos->kind == KerberosToken::Kind::kTgtRequest;
  }
  return std::holds_alternative<NtlmNegotiate>(message) ||
         std::holds_alternative<NtlmChallenge>(message);
}

/// False for a mechanism that we cannot read.
bool read_mechanism_token(Token& token, const Inner& inner) {
  if (is_ntlm(inner.octets)) {
    read_ntlm(token, inner);
  } else if (is_kerberos(inner.octets)) {
    read_message(token, inner, decode_kerberos_token);
  } else {
    return false;
  }
  if (may_be_kept(token.message)) token.mechanism_octets = base::to_bytes(inner.octets);
  return true;
}

void empty_copies(SpnegoToken& spnego) {
  auto* init = std::get_if<NegTokenInit>(&spnego);
  auto& copy = init != nullptr ? init->mech_token : std::get<NegTokenResp>(spnego).response_token;
  if (copy) copy = Bytes{};
}

void read_spnego(Token& token, ByteSpan nego_token) {
  Notes notes;
  ByteSpan octets;
  auto spnego = decode_spnego(nego_token, &notes, octets);
  keep_notes(token, notes, 0);
  if (!spnego) {
    token.error = std::move(spnego.error());
    return;
  }
  empty_copies(*spnego);
  token.spnego = *std::move(spnego);
  if (octets.empty()) return;
  read_mechanism_token(
      token,
      {.octets = octets, .offset = static_cast<std::uint64_t>(octets.data() - nego_token.data())});
}

}  // namespace

Token decode_token(ByteSpan nego_token) {
  Token token{.size = static_cast<std::uint32_t>(nego_token.size())};
  if (is_spnego(nego_token)) {
    read_spnego(token, nego_token);
  } else if (!read_mechanism_token(token, {.octets = nego_token})) {
    token.error = DecodeError{
        .kind = DecodeError::Kind::kBadValue,
        .field = "negoToken",
        .text = nego_token.empty() ? "is empty" : "begins neither SPNEGO nor NTLM nor Kerberos"};
  }
  return token;
}

}  // namespace rdpwhy::auth
