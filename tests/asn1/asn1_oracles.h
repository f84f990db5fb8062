#pragma once

#include "oracles/oracle.h"
#include "rdpwhy/asn1/der.h"

/// What holds of reading DER for any octets at all: for libFuzzer, and for the tests' damaged
/// vectors.
namespace rdpwhy::asn1::oracle {

using rdpwhy::oracle::check_error;
using rdpwhy::oracle::check_notes;
using rdpwhy::oracle::hold;

/// A value that is read without oddities is written octet for octet; one with oddities keeps its
/// meaning.
template <typename Read, typename Write>
void check_value(ByteSpan bytes, Read read, Write write) {
  Notes notes(Notes::Detail::kFields);
  Reader r(bytes, &notes);
  auto value = read(r);
  const auto decoded = r.finish(std::move(value));
  check_notes(bytes, notes);
  if (!decoded) return check_error(bytes, decoded.error());
  DerWriter w;
  write(w, *decoded);
  const auto written = w.take();
  hold(!notes.anomalies.empty() || base::equal(written, bytes), "DER is written octet for octet");
  Reader again(written);
  hold(again.finish(read(again)) == *decoded, "what is written reads the same");
}

/// The generic shape of everything: elements in elements, as deep as a grammar of ours goes.
inline void walk(Reader& r, int depth) {
  while (r.more()) {
    const auto number = next_context_number(r);
    const bool sequence = next_is(r, kSequence);
    if (depth < 8 && (number || sequence)) {
      Reader inner = open(r, number ? context(*number) : kSequence, "element");
      walk(inner, depth + 1);
    } else {
      read_any(r, "element");
    }
  }
}

/// Any octets.
inline void check_der(ByteSpan bytes) {
  if (const auto header = decode_header(bytes, "x"); header && *header) {
    hold((*header)->size <= bytes.size(), "a header lies within the octets");
    for (std::size_t size = 0; size < (*header)->size; ++size) {
      const auto cut = decode_header(bytes.first(size), "x");
      hold(cut && !*cut, "a cut header is no error yet");
    }
  }
  Notes notes(Notes::Detail::kFields);
  Reader r(bytes, &notes);
  walk(r, 0);
  const auto done = r.finish(true);
  check_notes(bytes, notes);
  if (!done) check_error(bytes, done.error());

  check_value(
      bytes, [](Reader& in) { return read_int32(in, "n"); },
      [](DerWriter& w, std::int32_t value) { w.integer(value); });
  check_value(
      bytes, [](Reader& in) { return read_uint32(in, "n"); },
      [](DerWriter& w, std::uint32_t value) { w.integer(value); });
  check_value(
      bytes, [](Reader& in) { return read_object_identifier(in, "oid"); },
      [](DerWriter& w, const std::string& value) { w.object_identifier(value); });
  check_value(
      bytes, [](Reader& in) { return read_bit_string(in, "bits"); },
      [](DerWriter& w, const BitString& value) { w.bit_string(value); });
  check_value(
      bytes, [](Reader& in) { return base::to_bytes(read_octet_string(in, "octets")); },
      [](DerWriter& w, const Bytes& value) { w.octet_string(value); });
  const auto time = [&] {
    Reader in(bytes);
    auto value = read_generalized_time(in, "time");
    return in.finish(std::move(value));
  }();
  if (time) {
    DerWriter w;
    w.generalized_time(*time);
    const auto written = w.take();
    Reader again(written);
    auto value = read_generalized_time(again, "time");
    const auto read = again.finish(std::move(value));
    hold(read && *time - *read >= 0 && *time - *read < 1'000'000'000, "a time keeps its second");
  }
}

}  // namespace rdpwhy::asn1::oracle
