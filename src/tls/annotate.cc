#include "rdpwhy/tls/annotate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"
#include "tls/annotate_message.h"

namespace rdpwhy::tls {
namespace {

std::string_view content_name(std::uint8_t type) {
  constexpr std::string_view kNames[] = {"change_cipher_spec", "alert", "handshake",
                                         "application_data", "heartbeat"};
  return type >= 20 && type <= 24 ? kNames[type - 20] : std::string_view{};
}

std::string counted(std::size_t octets) {
  return fmt::format("{} octet{}", octets, octets == 1 ? "" : "s");
}

/// True when the octets are whole handshake messages of known types: protected ones never look so.
bool frames_messages(ByteSpan octets) {
  while (const auto header = decode_handshake_header(octets)) {
    if (!handshake_type_name(header->type)) return false;
    if (octets.size() - HandshakeHeader::kSize < header->length) return false;
    octets = octets.subspan(HandshakeHeader::kSize + header->length);
  }
  return octets.empty();
}

/// A handshake message that came in several records.
struct Reassembled {
  AnnotatedRecord message;
  Bytes octets;
};

/// Reads the records of one side and remembers what the next ones need to be understood.
class RecordAnnotator {
 public:
  AnnotatedRecord read(ByteSpan bytes);

  /// Messages that the last record completed.
  std::vector<Reassembled> take_reassembled() { return std::exchange(reassembled_, {}); }

 private:
  void read_fragment(AnnotatedRecord& record, std::uint8_t type, ByteSpan fragment);
  void read_handshake(AnnotatedRecord& record, ByteSpan fragment);
  ByteSpan complete_pending(AnnotatedRecord& record, ByteSpan fragment);

  MessageContext seen_;
  bool ciphers_changed_ = false;
  Bytes pending_;  // the beginning of a message that goes on in the next record
  std::size_t pending_parts_ = 0;
  std::vector<Reassembled> reassembled_;
};

AnnotatedRecord read_ssl2_hello(ByteSpan bytes) {
  const auto size = std::min<std::size_t>(bytes.size(), 2u + ((bytes[0] & 0x7Fu) << 8 | bytes[1]));
  Notes notes(Notes::Detail::kFields);
  const auto hello = decode_ssl2_client_hello(bytes.first(size), &notes);
  AnnotatedRecord record{.title = "SSLv2 CLIENT-HELLO",
                         .size = size,
                         .fields = std::move(notes.fields),
                         .anomalies = std::move(notes.anomalies)};
  if (!hello) record.error = hello.error();
  return record;
}

/// The header's fields; the fragment as far as it is there. What is wrong is left in `r`.
std::pair<std::uint8_t, ByteSpan> read_header(Reader& r) {
  std::uint8_t type = 0;
  std::uint16_t length = 0;
  {
    Reader header = r.block(std::min(r.left(), RecordHeader::kSize), "TLS record");
    type = header.u8("type");
    if (!header.failed()) header.value(fmt::format("{} {}", type, content_name(type)));
    header.require(!content_name(type).empty(),
                   base::to_hex_number(type, 2) + " is no content type of TLS", "type");
    const auto version = header.u16be("legacy_record_version");
    if (!header.failed()) {
      header.value(base::to_hex_number(version, 4) + " " + version_name(version));
    }
    header.require(version >> 8 == 3, "the major version of every TLS record is 3",
                   "legacy_record_version");
    length = header.u16be("length");
    if (!header.failed()) header.value(counted(length));
    header.expect(length <= RecordHeader::kMostFragment, "longer than any record may be", "length");
    header.expect(length != 0 || type == 23, "an empty fragment", "length");
  }
  if (r.failed()) return {type, {}};
  const auto fragment = r.peek(length);
  r.skip(length, "fragment");
  return {type, fragment};
}

AnnotatedRecord RecordAnnotator::read(ByteSpan bytes) {
  if (bytes.empty()) return {.title = "no TLS record"};
  if (looks_like_ssl2_hello(bytes)) return read_ssl2_hello(bytes);
  Notes notes(Notes::Detail::kFields);
  Reader r(bytes, &notes);
  const auto [type, fragment] = read_header(r);
  AnnotatedRecord record{
      .title = "no TLS record",
      .size = r.failed() ? bytes.size() : static_cast<std::size_t>(r.offset()),
      .fields = std::move(notes.fields),
      .anomalies = std::move(notes.anomalies),
      .error = r.error(),
  };
  r.skip_rest("what follows");
  const bool cut = record.error && record.error->kind == DecodeError::Kind::kTruncated;
  if (record.error && !cut) return record;
  record.title = "TLS record";
  if (!record.error || record.error->field == "fragment") {
    record.title += fmt::format(", {}", content_name(type));
    if (cut) {  // what is announced and not here is the fault; what follows from it is not
      record.fields.push_back(
          {.offset = RecordHeader::kSize, .size = fragment.size(), .name = "fragment"});
    }
    const auto error = record.error;
    read_fragment(record, type, fragment);
    if (cut) record.error = error;
  }
  if (cut) record.title += ", cut off";
  return record;
}

void RecordAnnotator::read_fragment(AnnotatedRecord& record, std::uint8_t type, ByteSpan fragment) {
  const auto append = [&](auto read_fields) {
    Notes notes(Notes::Detail::kFields);
    Reader r(fragment, &notes);
    read_fields(r);
    r.close();
    append_notes(record, std::move(notes), RecordHeader::kSize, 1);
    if (r.failed()) append_error(record, *r.error(), RecordHeader::kSize);
  };
  switch (static_cast<ContentType>(type)) {
    case ContentType::kChangeCipherSpec:
      ciphers_changed_ = true;
      append([](Reader& r) {
        r.expect(r.u8("change_cipher_spec") == 1, "is not 1", "change_cipher_spec");
      });
      return;
    case ContentType::kAlert: {
      if (fragment.size() > 2) {
        record.title += ", protected";
        return;
      }
      Notes notes(Notes::Detail::kFields);
      const auto alert = decode_alert(fragment, &notes);
      append_notes(record, std::move(notes), RecordHeader::kSize, 1);
      if (!alert) return append_error(record, alert.error(), RecordHeader::kSize);
      record.title +=
          fmt::format(": {}", name_or_hex(alert_name(alert->description), alert->description));
      return;
    }
    case ContentType::kHandshake:
      return read_handshake(record, fragment);
    case ContentType::kHeartbeat:
      if (fragment.size() < 3) return;
      append([](Reader& r) {  // RFC 6520 4
        r.u8("type");
        const auto size = r.u16be("payload_length");
        r.expect(size + 16u <= r.left(), "more than there is: the fault that Heartbleed used",
                 "payload_length");
        r.rest("payload and padding");
      });
      return;
    case ContentType::kApplicationData:
      return;
  }
}

void RecordAnnotator::read_handshake(AnnotatedRecord& record, ByteSpan fragment) {
  const bool whole = record.error == std::nullopt;
  if (ciphers_changed_ && pending_.empty() && !frames_messages(fragment)) {
    record.title += ", protected";
    return;
  }
  auto rest = complete_pending(record, fragment);
  std::string_view separator = pending_parts_ == 0 && rest.size() == fragment.size() ? ": " : ", ";
  while (!rest.empty()) {
    const auto offset = RecordHeader::kSize + (fragment.size() - rest.size());
    const auto header = decode_handshake_header(rest);
    const auto name = name_of_message(rest[0]);
    record.title += fmt::format("{}{}", separator, name);
    separator = ", ";
    const auto size = header ? HandshakeHeader::kSize + std::size_t{header->length} : rest.size();
    if (header && size <= rest.size()) {
      append_message(record, rest.first(size), offset, 1, seen_);
      rest = rest.subspan(size);
      continue;
    }
    if (whole) {
      record.title += header ? " (goes on in the next record)" : " (begins)";
      record.fields.push_back(
          {.offset = offset,
           .size = rest.size(),
           .depth = 1,
           .name = name,
           .value = header ? fmt::format("{} of {}", rest.size(), counted(size)) : ""});
      pending_ = base::to_bytes(rest);
      pending_parts_ = 1;
    } else {
      append_message(record, rest, offset, 1, seen_);
    }
    return;
  }
}

ByteSpan RecordAnnotator::complete_pending(AnnotatedRecord& record, ByteSpan fragment) {
  if (pending_.empty()) return fragment;
  // The header itself may be cut.
  const auto type = pending_[0];
  std::size_t taken = 0;
  while (taken < fragment.size()) {
    const auto header = decode_handshake_header(pending_);
    const auto wanted =
        header ? HandshakeHeader::kSize + std::size_t{header->length} : HandshakeHeader::kSize;
    if (header && wanted == pending_.size()) break;
    const auto part = std::min(wanted - pending_.size(), fragment.size() - taken);
    const auto octets = fragment.subspan(taken, part);
    pending_.insert(pending_.end(), octets.begin(), octets.end());
    taken += part;
  }
  ++pending_parts_;
  record.title += fmt::format(": rest of {}", name_of_message(type));
  record.fields.push_back({.offset = RecordHeader::kSize,
                           .size = taken,
                           .depth = 1,
                           .name = "rest of " + name_of_message(type)});
  const auto header = decode_handshake_header(pending_);
  if (!header || pending_.size() != HandshakeHeader::kSize + header->length) {
    record.title += " (goes on)";
    return {};
  }
  Reassembled whole{.octets = std::exchange(pending_, {})};
  whole.message.title =
      fmt::format("{}, put together from {} records", name_of_message(type), pending_parts_);
  whole.message.size = whole.octets.size();
  append_message(whole.message, whole.octets, 0, 0, seen_);
  reassembled_.push_back(std::move(whole));
  pending_parts_ = 0;
  return fragment.subspan(taken);
}

}  // namespace

AnnotatedRecord annotate(ByteSpan bytes) { return RecordAnnotator().read(bytes); }

std::string annotated_text(const AnnotatedRecord& record, ByteSpan bytes) {
  auto text = fmt::format("{}, {}\n", record.title, counted(record.size));
  text += base::annotated_dump(bytes.first(std::min(record.size, bytes.size())), record.fields);
  for (const auto& [offset, field, words] : record.anomalies) {
    text += fmt::format("odd: {}{}{} (offset {})\n", base::printable(field),
                        field.empty() ? "" : " ", base::printable(words), offset);
  }
  if (record.error) text += fmt::format("error: {}\n", base::printable(record.error->message()));
  return text;
}

std::string annotated_text(ByteSpan bytes) {
  std::string text;
  RecordAnnotator annotator;
  for (std::size_t at = 0; at == 0 || at < bytes.size();) {
    const auto here = bytes.subspan(at);
    if (at > 0) text += '\n';
    if (at > 0 && content_name(here[0]).empty() && !looks_like_ssl2_hello(here)) {
      text += fmt::format("no TLS record any more, {}\n", counted(here.size()));
      return text + base::annotated_dump(here, {});
    }
    const auto record = annotator.read(here);
    text += annotated_text(record, here);
    for (const auto& whole : annotator.take_reassembled()) {
      text += '\n' + annotated_text(whole.message, whole.octets);
    }
    if (record.size == 0) break;
    at += record.size;
  }
  return text;
}

}  // namespace rdpwhy::tls
