#include "tls/annotate_message.h"

#include <utility>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/registry.h"
#include "tls/extensions.h"
#include "tls/reading.h"

namespace rdpwhy::tls {
namespace {

constexpr std::uint16_t kTls12 = 0x0303;

template <typename T>
std::optional<DecodeError> error_of(const std::expected<T, DecodeError>& decoded) {
  if (decoded) return std::nullopt;
  return decoded.error();
}

/// Reads a message that has no decoder of its own, because nobody but a person wants its fields.
template <typename ReadFields>
std::optional<DecodeError> read_body(ByteSpan body, Notes& notes, ReadFields read_fields) {
  Reader r(body, &notes);
  read_fields(r);
  r.close();
  return r.error();
}

std::optional<DecodeError> read_server_hello(ByteSpan body, Notes& notes, MessageContext& seen) {
  const auto hello = decode_server_hello(body, &notes);
  if (!hello) return hello.error();
  seen.version = hello->version();
  seen.cipher_suite = hello->cipher_suite;
  return std::nullopt;
}

/// Without a ServerHello the form itself tells: before TLS 1.3 the list fills the message.
bool certificate_is_of_tls13(ByteSpan body, const MessageContext& seen) {
  if (seen.version) return is_tls13(*seen.version);
  if (body.size() < 3) return false;
  const auto list_size = static_cast<std::size_t>(body[0] << 16 | body[1] << 8 | body[2]);
  return list_size != body.size() - 3;
}

/// Without a ServerHello a named curve gives ECDHE away; other forms stay closed.
std::uint16_t suite_for_exchange(ByteSpan body, const MessageContext& seen) {
  constexpr std::uint16_t kSomeEcdhe = 0xC02F;
  constexpr std::uint16_t kNone = 0;
  if (seen.cipher_suite) return *seen.cipher_suite;
  const bool named_curve =
      body.size() > 3 && body[0] == 3 &&
      group_name(static_cast<std::uint16_t>(body[1] << 8 | body[2])).has_value();
  return named_curve ? kSomeEcdhe : kNone;
}

void read_new_session_ticket(Reader& r, bool tls13) {
  const auto lifetime = r.u32be(tls13 ? "ticket_lifetime" : "ticket_lifetime_hint");
  r.value(std::to_string(lifetime) + " seconds");
  if (!tls13) {  // RFC 5077 3.3
    read_opaque16(r, "ticket");
    return;
  }
  r.u32be("ticket_age_add");  // RFC 8446 4.6.1
  read_opaque8(r, "ticket_nonce");
  read_opaque16(r, "ticket");
  static_cast<void>(read_extensions(r, Place::kOther, nullptr));
}

void read_client_key_exchange(Reader& r, const MessageContext& seen) {
  const auto exchange =
      seen.cipher_suite ? key_exchange_of(*seen.cipher_suite) : KeyExchange::kUnknown;
  switch (exchange) {
    case KeyExchange::kRsa:
      read_opaque16(r, "EncryptedPreMasterSecret");
      return;
    case KeyExchange::kDhe:
    case KeyExchange::kDheAnonymous:
      read_opaque16(r, "dh_Yc");
      return;
    case KeyExchange::kEcdhe:
    case KeyExchange::kEcdheAnonymous:
      read_opaque8(r, "ecdh_Yc");
      return;
    default:
      r.skip_rest("exchange_keys");  // the client's side never says which suite was chosen
  }
}

void read_certificate_status(Reader& r) {
  const auto type = r.u8("status_type");
  if (type == 1) r.value("0x01 ocsp");
  Reader response = r.block24be("OCSPResponse");
  response.skip_rest("OCSPResponse");
}

void read_compressed_certificate(Reader& r) {  // RFC 8879 4
  r.u16be("algorithm");
  const auto size = r.u24be("uncompressed_length");
  r.value(std::to_string(size) + " octets");
  Reader message = r.block24be("compressed_certificate_message");
  message.skip_rest("compressed_certificate_message");
}

void expect_no_body(Reader& r) {
  r.expect(!r.more(), "the message should be empty", "body");
  if (r.more()) r.skip_rest("body");
}

std::optional<DecodeError> read_message_body(HandshakeType type, ByteSpan body, Notes& notes,
                                             MessageContext& seen) {
  const auto version = seen.version.value_or(kTls12);
  const auto fields = [&](auto read_fields) { return read_body(body, notes, read_fields); };
  switch (type) {
    case HandshakeType::kHelloRequest:
    case HandshakeType::kServerHelloDone:
    case HandshakeType::kEndOfEarlyData:
      return fields(expect_no_body);
    case HandshakeType::kClientHello:
      return error_of(decode_client_hello(body, &notes));
    case HandshakeType::kServerHello:
      return read_server_hello(body, notes, seen);
    case HandshakeType::kNewSessionTicket:
      return fields([&](Reader& r) { read_new_session_ticket(r, is_tls13(version)); });
    case HandshakeType::kEncryptedExtensions:
      return error_of(decode_encrypted_extensions(body, &notes));
    case HandshakeType::kCertificate:
      return error_of(decode_certificate(body, certificate_is_of_tls13(body, seen), &notes));
    case HandshakeType::kServerKeyExchange:
      return error_of(
          decode_server_key_exchange(body, version, suite_for_exchange(body, seen), &notes));
    case HandshakeType::kCertificateRequest:
      return error_of(decode_certificate_request(body, version, &notes));
    case HandshakeType::kCertificateVerify:
      return error_of(decode_certificate_verify(body, version, &notes));
    case HandshakeType::kClientKeyExchange:
      return fields([&](Reader& r) { read_client_key_exchange(r, seen); });
    case HandshakeType::kFinished:
      return fields([](Reader& r) { r.skip_rest("verify_data"); });
    case HandshakeType::kCertificateStatus:
      return fields(read_certificate_status);
    case HandshakeType::kKeyUpdate:
      return fields([](Reader& r) { r.u8("request_update"); });
    default:
      break;
  }
  constexpr std::uint8_t kCompressedCertificate = 25;
  if (static_cast<std::uint8_t>(type) == kCompressedCertificate) {
    return fields(read_compressed_certificate);
  }
  return fields([](Reader& r) { r.skip_rest("body"); });
}

}  // namespace

std::string name_of_message(std::uint8_t type) {
  if (const auto name = handshake_type_name(type)) return std::string(*name);
  return "handshake message " + std::to_string(type);
}

void append_message(AnnotatedRecord& record, ByteSpan message, std::uint64_t offset, int depth,
                    MessageContext& seen) {
  if (message.empty()) return;
  record.fields.push_back({.offset = offset,
                           .size = message.size(),
                           .depth = depth,
                           .name = name_of_message(message[0])});
  Notes notes(Notes::Detail::kFields);
  Reader r(message, &notes);
  const auto type = r.u8("msg_type");
  r.value(std::to_string(type) + " " + name_of_message(type));
  const auto length = r.u24be("length");
  if (!r.failed()) r.value(std::to_string(length) + " octets");
  const auto body = r.peek(r.left());
  if (!r.failed()) r.skip_rest("body");
  if (!notes.fields.empty() && notes.fields.back().name == "body") notes.fields.pop_back();
  append_notes(record, std::move(notes), offset, depth + 1);
  if (r.failed()) return append_error(record, *r.error(), offset);

  Notes body_notes(Notes::Detail::kFields);
  const auto error = read_message_body(static_cast<HandshakeType>(type), body, body_notes, seen);
  append_notes(record, std::move(body_notes), offset + HandshakeHeader::kSize, depth + 1);
  if (error) append_error(record, *error, offset + HandshakeHeader::kSize);
}

void append_notes(AnnotatedRecord& record, Notes notes, std::uint64_t offset, int depth) {
  for (auto& field : notes.fields) {
    field.offset += offset;
    field.depth += depth;
    record.fields.push_back(std::move(field));
  }
  for (auto& note : notes.anomalies) {
    note.offset += offset;
    record.anomalies.push_back(std::move(note));
  }
}

void append_error(AnnotatedRecord& record, DecodeError error, std::uint64_t offset) {
  if (record.error) return;
  error.offset += offset;
  record.error = std::move(error);
}

}  // namespace rdpwhy::tls
