#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "oracles/oracle.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/annotate.h"
#include "rdpwhy/tls/fingerprint.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/hello.h"
#include "rdpwhy/tls/jarm.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"

/// What holds of the decoders for any octets at all: for libFuzzer, and for the tests' damaged
/// vectors. A breach ends the program, as a fuzzer wants it and a test notices it.
namespace rdpwhy::tls::oracle {

using rdpwhy::oracle::check_decoder;
using rdpwhy::oracle::check_error;
using rdpwhy::oracle::check_notes;
using rdpwhy::oracle::hold;

/// What is decoded is written with the same meaning, and octet for octet when nothing was odd.
template <typename Decode>
void check_round_trip(ByteSpan bytes, Decode decode, bool may_be_padded = false) {
  const auto hello = check_decoder(bytes, decode);
  if (!hello) return;
  const auto written = encode(*hello);
  const auto again = decode(written, nullptr);
  hold(again.has_value() && *again == *hello, "what is encoded decodes to the same");
  Notes notes;
  static_cast<void>(decode(bytes, &notes));
  hold(!notes.anomalies.empty() || may_be_padded || base::equal(bytes, written),
       "a message without oddities is written octet for octet");
}

/// Texts of a fingerprint have their form whatever the hello holds.
inline void check_fingerprints(const ClientHello& hello) {
  const auto traits = client_traits(hello);
  if (!traits) return;
  hold(std::ranges::count(ja3_text(*traits), ',') == 4, "JA3 is made of five fields");
  const auto ja4 = ja4_text(*traits);
  hold(ja4.head.size() == 10, "the head of JA4 has ten characters");
  const auto printable = [](char c) { return c > 0x20 && c < 0x7F; };
  hold(std::ranges::all_of(ja4.head, printable), "JA4 is printable");
  hold(ja4.cipher_suites.size() == std::max<std::size_t>(5 * traits->cipher_suites.size(), 1) - 1,
       "JA4 hashes every suite but GREASE");
}
inline void check_fingerprints(const ServerHello& hello) {
  const auto traits = server_traits(hello);
  if (!traits) return;
  hold(std::ranges::count(ja3s_text(*traits), ',') == 2, "JA3S is made of three fields");
  hold(ja4s_text(*traits).head.size() == 12, "the head of JA4S has twelve characters");
}

/// `bytes` is a body, behind the handshake header.
inline void check_client_hello(ByteSpan bytes) {
  check_round_trip(bytes, decode_client_hello);
  if (const auto hello = decode_client_hello(bytes)) {
    hold(!is_grease(hello->newest_version()) || hello->newest_version() == hello->legacy_version,
         "GREASE is no version");
    check_fingerprints(*hello);
  }
}

/// `bytes` is a record with its two octets of length.
inline void check_ssl2_client_hello(ByteSpan bytes) {
  // A short challenge grows to 32 octets; a record that is full already cannot take that.
  if (bytes.size() > 0x7F00) return;
  check_round_trip(bytes, decode_ssl2_client_hello, /*may_be_padded=*/true);
}

/// `bytes` is a body, behind the handshake header.
inline void check_server_hello(ByteSpan bytes) {
  check_round_trip(bytes, decode_server_hello);
  if (const auto hello = decode_server_hello(bytes)) check_fingerprints(*hello);
}

/// Three octets that choose suite and version, so that a fuzzer finds all forms; then a body.
inline void check_handshake(ByteSpan bytes) {
  if (bytes.size() < 3) return;
  const auto suite = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
  const auto version = static_cast<std::uint16_t>(0x0300 + bytes[2] % 6);
  const auto body = bytes.subspan(3);
  check_decoder(body, [](ByteSpan b, Notes* n) { return decode_certificate(b, false, n); });
  check_decoder(body, [](ByteSpan b, Notes* n) { return decode_certificate(b, true, n); });
  check_decoder(body,
                [=](ByteSpan b, Notes* n) { return decode_certificate_request(b, version, n); });
  check_decoder(
      body, [=](ByteSpan b, Notes* n) { return decode_server_key_exchange(b, version, suite, n); });
  check_decoder(body, [](ByteSpan b, Notes* n) { return decode_encrypted_extensions(b, n); });
  check_decoder(body,
                [=](ByteSpan b, Notes* n) { return decode_certificate_verify(b, version, n); });
}

/// `bytes` is the fragment of a record.
inline void check_alert(ByteSpan bytes) {
  const auto alert = check_decoder(bytes, decode_alert);
  hold(!alert || base::equal(encode(*alert), bytes), "an alert is written octet for octet");
}

/// `bytes` begins with a record header.
inline void check_record(ByteSpan bytes) {
  static_cast<void>(looks_like_ssl2_hello(bytes));
  const auto handshake = decode_handshake_header(bytes);
  hold(handshake.has_value() == (bytes.size() >= HandshakeHeader::kSize),
       "four octets are a handshake header");
  const auto header = decode_record_header(bytes);
  hold(header.has_value() == (bytes.size() >= RecordHeader::kSize), "five are a record header");
  if (!header || bytes.size() - RecordHeader::kSize < header->length) return;
  const auto fragment = bytes.subspan(RecordHeader::kSize, header->length);
  const auto written = encode_record(header->content(), header->version, fragment);
  hold(base::equal(written, bytes.first(RecordHeader::kSize + header->length)),
       "a record is written octet for octet");
}

/// Any octets.
inline void check_annotation(ByteSpan bytes) {
  const auto record = annotate(bytes);
  hold(record.size <= bytes.size(), "an annotated record lies within the octets");
  hold(bytes.empty() || record.size > 0, "an annotation goes on");
  hold(!record.title.empty(), "an annotation has a title");
  Notes notes(Notes::Detail::kFields);
  notes.fields = record.fields;
  notes.anomalies = record.anomalies;
  check_notes(bytes.first(record.size), notes);
  if (record.error) check_error(bytes, *record.error);
  for (const auto c : annotated_text(bytes)) {
    hold(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "an annotation is printable");
  }
}

/// `bytes` is what a server sends first.
inline void check_jarm(ByteSpan bytes) {
  std::array<std::optional<JarmAnswer>, kJarmHellos> answers;
  answers[3] = jarm_answer(bytes);
  hold(jarm_text(answers).suites.size() == 30, "three characters stand for an answer");
  hold(text_of(answers[3]).size() >= 3, "an answer has a text");
}

/// All of them.
inline void check_tls(ByteSpan bytes) {
  check_jarm(bytes);
  check_client_hello(bytes);
  check_ssl2_client_hello(bytes);
  check_server_hello(bytes);
  check_handshake(bytes);
  check_alert(bytes);
  check_record(bytes);
  check_annotation(bytes);
}

}  // namespace rdpwhy::tls::oracle
