#include "dissect/tls_layer.h"

#include <fmt/format.h>

#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/handshake.h"

namespace rdpwhy::dissect {
namespace {

using tls::ContentType;
using tls::RecordHeader;

/// Certificate chains of 100 KB are seen; one of 16 MB is allowed, and no client reads it.
constexpr std::uint32_t kMostMessage = Dissector::kMostBuffered - tls::HandshakeHeader::kSize;
constexpr std::size_t kAlertSize = 2;

ContentType type_of(const Unit& record) { return ContentType{record.octets[0]}; }

}  // namespace

void TlsLayer::add(record::Where where, Moment at, record::Fact&& fact, std::vector<Note>&& notes) {
  const auto running = std::exchange(log_.phase, Phase::kTls);
  log_.add(where, at, std::move(fact), std::move(notes));
  log_.phase = running;
}

TlsLayer::Outcome TlsLayer::read(const Unit& record, bool secrets_are_final) {
  auto& half = this->half(record.side);
  half.spoke = true;
  // RFC 8446 5.2: what is protected looks like application data. Before TLS 1.3 all is protected
  // that follows a ChangeCipherSpec, the next one too.
  const bool is_sealed = tls13_ ? type_of(record) == ContentType::kApplicationData : half.encrypted;
  if (is_sealed) return read_sealed(record, secrets_are_final);
  read_clear(record);
  return Outcome::kRead;
}

void TlsLayer::read_clear(const Unit& unit) {
  const auto fragment = unit.octets.subspan(RecordHeader::kSize);
  switch (type_of(unit)) {
    case ContentType::kHandshake:
      read_handshake(unit, fragment, record::Layer::kWire);
      break;
    case ContentType::kChangeCipherSpec:
      read_change_cipher_spec(unit, fragment, record::Layer::kWire);
      break;
    case ContentType::kAlert:
      read_alert(unit, fragment, record::Layer::kWire);
      break;
    case ContentType::kApplicationData:
    case ContentType::kHeartbeat:
      keep_closed(unit);
      break;
  }
}

void TlsLayer::keep_closed(const Unit& unit, std::vector<Note> notes) {
  const auto fragment = unit.octets.subspan(RecordHeader::kSize);
  const auto type = type_of(unit);
  if (type == ContentType::kAlert) {
    read_alert(unit, fragment, record::Layer::kWire, std::move(notes));
  } else if (type == ContentType::kChangeCipherSpec) {
    read_change_cipher_spec(unit, fragment, record::Layer::kWire, std::move(notes));
  } else if (type == ContentType::kApplicationData && version_ && !tls13_) {
    read_application_data(unit, static_cast<std::uint32_t>(fragment.size()), std::move(notes));
  } else {  // also early data, and a connection that began before the capture
    if (type == ContentType::kHandshake) note_finished(unit.side);
    add_protected(unit, static_cast<std::uint8_t>(type), std::move(notes));
  }
}

void TlsLayer::read_ssl2_hello(const Unit& unit) {
  client_.spoke = true;
  Notes notes;
  auto hello = tls::decode_ssl2_client_hello(unit.octets, &notes);
  const Message message{.type = static_cast<std::uint8_t>(tls::HandshakeType::kClientHello),
                        .whole = unit.octets,
                        .body = unit.octets,
                        .where = unit.where(),
                        .at = unit.at,
                        .has_hole = false};
  client_hello_ = log_.record().evidence.size();
  add_decoded(message, "TLS ClientHello in SSLv2 format", std::move(hello), std::move(notes));
}

void TlsLayer::read_change_cipher_spec(const Unit& unit, ByteSpan fragment, record::Layer layer,
                                       std::vector<Note> notes_before) {
  auto& half = this->half(unit.side);
  Notes notes;
  notes.anomalies = std::move(notes_before);
  if (unit.missing == 0 && (fragment.size() != 1 || fragment[0] != 1)) {
    notes.add_anomaly(RecordHeader::kSize, "change_cipher_spec", "is not the one octet 1");
  }
  if (!half.partial.empty()) {
    notes.add_anomaly(0, "handshake", "a handshake message before it is incomplete");
    half.partial.clear();
  }
  // RFC 8446 D.4: in TLS 1.3 it changes nothing and is there for middleboxes.
  if (!tls13_) {
    half.encrypted = true;
    if (opener_) opener_->change_cipher_spec(unit.side);
  }
  auto where = unit.where();
  where.layer = layer;
  add(where, unit.at, record::ChangeCipherSpec{}, std::move(notes.anomalies));
}

void TlsLayer::read_alert(const Unit& unit, ByteSpan fragment, record::Layer layer,
                          std::vector<Note> notes_before) {
  auto where = unit.where();
  where.layer = layer;
  const bool readable = layer == record::Layer::kDecrypted || fragment.size() == kAlertSize;
  const bool may_be_encrypted = half(unit.side).encrypted || !version_;
  if (unit.missing > 0 || (!readable && may_be_encrypted)) {
    add(where, unit.at, record::TlsAlert{}, std::move(notes_before));
    return;
  }
  Notes notes;
  notes.anomalies = std::move(notes_before);
  auto alert = tls::decode_alert(fragment, &notes);
  if (!alert) {
    add(where, unit.at,
        record::Malformed{.what = "TLS alert",
                          .error = std::move(alert.error()),
                          .first = first_octets(fragment)},
        std::move(notes.anomalies));
    return;
  }
  if (layer == record::Layer::kWire && half(unit.side).encrypted) {
    notes.add_anomaly(0, "alert", "in the clear although this side had changed to encryption");
  }
  add(where, unit.at, record::TlsAlert{*alert}, std::move(notes.anomalies));
}

void TlsLayer::read_application_data(const Unit& unit, std::uint32_t size,
                                     std::vector<Note> notes) {
  auto& half = this->half(unit.side);
  if (half.data++ >= kMostData) return;
  if (!tls13_ && !half.encrypted) {
    notes.push_back({.field = "type", .text = "application data before ChangeCipherSpec"});
  }
  const auto running = std::exchange(log_.phase, phase_behind_);
  log_.add(unit.where(), unit.at, record::ApplicationData{size}, std::move(notes));
  if (phase_behind_ < running) log_.phase = running;
}

void TlsLayer::read_plaintext(const Unit& unit, ByteSpan plaintext) {
  if (inside_.read(unit, plaintext, phase_behind_)) return;
  read_application_data(unit, static_cast<std::uint32_t>(unit.octets.size() - RecordHeader::kSize));
}

void TlsLayer::add_protected(const Unit& unit, std::uint8_t type, std::vector<Note> notes) {
  if (half(unit.side).data++ >= kMostData) return;
  const auto size = static_cast<std::uint32_t>(unit.octets.size() - RecordHeader::kSize);
  add(unit.where(), unit.at, record::ProtectedRecord{.type = type, .size = size}, std::move(notes));
}

TlsLayer::Outcome TlsLayer::read_sealed(const Unit& unit, bool secrets_are_final) {
  auto& half = this->half(unit.side);
  if (unit.missing > 0) half.sealed = true;  // the next record's number and hash are unknown
  if (opener_ == nullptr || half.sealed) {
    inside_.lose(unit.side);
    inside_.miss(unit.side);
    keep_closed(unit);
    return Outcome::kRead;
  }
  auto opened = opener_->open(unit.side, unit.octets);
  if (opened) {
    if (ContentType{opened->content_type} == ContentType::kApplicationData) {
      read_plaintext(unit, opened->plaintext);
      base::wipe(opened->plaintext);  // of credentials, or of what a redirection hands out
    } else {
      read_opened(unit, *opened);
    }
    return Outcome::kRead;
  }
  std::vector<Note> notes;
  switch (opened.error()) {
    case record::RecordOpener::Refusal::kNoSecrets:
      if (!secrets_are_final) return Outcome::kWaitsForSecrets;
      break;
    case record::RecordOpener::Refusal::kUnsupported:
      if (!opener_->obstacle().empty() && !std::exchange(half.told_obstacle, true))
        notes.push_back({.field = "encrypted_record", .text = std::string(opener_->obstacle())});
      break;
    case record::RecordOpener::Refusal::kBadRecord:
      half.sealed = true;
      notes.push_back(
          {.field = "encrypted_record", .text = "does not open with the secrets at hand"});
      break;
  }
  // Early data of TLS 1.3 stays closed and is not the stream that follows it.
  if (half.sealed || !tls13_) inside_.lose(unit.side);
  inside_.miss(unit.side);
  keep_closed(unit, std::move(notes));
  return Outcome::kRead;
}

void TlsLayer::read_opened(const Unit& unit, const record::RecordOpener::Opened& opened) {
  switch (ContentType{opened.content_type}) {
    case ContentType::kHandshake:
      read_handshake(unit, opened.plaintext, record::Layer::kDecrypted);
      return;
    case ContentType::kAlert:
      read_alert(unit, opened.plaintext, record::Layer::kDecrypted);
      return;
    case ContentType::kChangeCipherSpec:  // of a renegotiation; TLS 1.3 protects none
      if (tls13_) break;
      read_change_cipher_spec(unit, opened.plaintext, record::Layer::kDecrypted);
      return;
    case ContentType::kHeartbeat:
      if (tls13_) break;
      add_protected(unit, opened.content_type);
      return;
    default:
      break;
  }
  auto where = unit.where();
  where.layer = record::Layer::kDecrypted;
  add(where, unit.at,
      record::Unexpected{.got = fmt::format("TLS record of inner type {}", opened.content_type),
                         .expected = "handshake message, alert or application data",
                         .seen = {},
                         .first = first_octets(opened.plaintext)});
}

ByteSpan TlsLayer::joined(Half& half, ByteSpan fragment, const record::Where& where) {
  if (half.partial.empty()) {
    half.where = where;
    half.partial_has_hole = false;
    return fragment;
  }
  half.partial.insert(half.partial.end(), fragment.begin(), fragment.end());
  half.where.size += where.size;
  return half.partial;
}

/// Cuts the messages out of the records of one side: several in a record, or one over several.
void TlsLayer::read_handshake(const Unit& unit, ByteSpan fragment, record::Layer layer) {
  auto& half = this->half(unit.side);
  if (half.lost || fragment.empty()) return;
  auto where = unit.where();
  where.layer = layer;
  if (unit.missing > 0) {  // harmless only in the middle of a message
    const auto header = tls::decode_handshake_header(half.partial);
    half.lost = !header || tls::HandshakeHeader::kSize + header->length <
                               half.partial.size() + fragment.size();
    if (half.lost) {
      half.partial.clear();
      return;
    }
  }
  auto stream = joined(half, fragment, where);
  half.partial_has_hole = half.partial_has_hole || unit.missing > 0;
  while (!stream.empty()) {
    const auto header = tls::decode_handshake_header(stream);
    if (!header) break;
    Message message{.type = header->type,
                    .whole = stream,
                    .body = stream.subspan(tls::HandshakeHeader::kSize),
                    .where = half.where,
                    .at = unit.at,
                    .has_hole = half.partial_has_hole};
    if (header->length > kMostMessage) {
      message.body = stream;
      add_oversized(message, *header);
      half.lost = true;
      half.partial.clear();
      return;
    }
    if (message.body.size() < header->length) break;
    message.body = message.body.first(header->length);
    message.whole = stream.first(tls::HandshakeHeader::kSize + header->length);
    read_message(message);
    tell_opener(message);
    stream = stream.subspan(tls::HandshakeHeader::kSize + header->length);
    half.where = where;
    half.partial_has_hole = false;
  }
  // A long message in many records must not be copied once per record.
  if (stream.size() != half.partial.size() || stream.data() != half.partial.data()) {
    half.partial = base::to_bytes(stream);
  }
}

/// RFC 8446 4.4.2: a list of certificates may be as long as the header can say. That we read no
/// more of it is a limit of ours; of any other message it is the peer's fault.
void TlsLayer::add_oversized(const Message& message, const tls::HandshakeHeader& header) {
  using enum tls::HandshakeType;
  const auto kind = header.kind();
  if (version_ && (kind == kCertificate || kind == kCertificateStatus)) {
    const record::HandshakeMessage fact{
        .type = header.type, .size = header.length, .signature_algorithm = {}};
    add(message.where, message.at, fact,
        {{.offset = 1,
          .field = "length",
          .text = fmt::format("{} octets, more than is read here ({})", header.length,
                              std::size_t{kMostMessage})}});
    return;
  }
  add_malformed(message, "TLS handshake message",
                {.field = "length",
                 .offset = 1,
                 .text = fmt::format("{} octets, more than any message of type {} has",
                                     header.length, header.type)},
                Notes());
}

void TlsLayer::note_finished(Side side) {
  half(side).finished = true;
  if (client_.finished && server_.finished && phase_behind_ > log_.phase)
    log_.phase = phase_behind_;
}

}  // namespace rdpwhy::dissect
