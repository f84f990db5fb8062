#pragma once

#include <cstdio>
#include <cstdlib>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

/// What every room's oracles say in the same way. A breach ends the program, as a fuzzer wants it
/// and a test notices it.
namespace rdpwhy::oracle {

inline void hold(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "oracle: %s\n", what);
  std::abort();
}

inline void check_notes(ByteSpan bytes, const Notes& notes) {
  for (const auto& field : notes.fields) {
    hold(field.offset <= bytes.size() && field.size <= bytes.size() - field.offset,
         "an annotated field lies within the message");
    hold(!field.name.empty(), "an annotated field has a name");
  }
  for (const auto& note : notes.anomalies) {
    hold(note.offset <= bytes.size(), "an anomaly lies within the message");
    hold(!note.text.empty(), "an anomaly says something");
  }
}

inline void check_error(ByteSpan bytes, const DecodeError& error) {
  hold(error.offset <= bytes.size(), "an error lies within the message");
  hold(!error.message().empty(), "an error says something");
  hold(error.kind != DecodeError::Kind::kTruncated || error.needed > error.left,
       "what is truncated needs more than there is");
}

/// Whether notes or fields are wanted changes nothing in what is decoded, nor in what is odd.
template <typename Decode>
auto check_decoder(ByteSpan bytes, Decode decode) {
  Notes notes;
  Notes detailed(Notes::Detail::kFields);
  auto decoded = decode(bytes, &notes);
  hold(decoded == decode(bytes, nullptr), "notes do not change what is decoded");
  hold(decoded == decode(bytes, &detailed), "annotating does not change what is decoded");
  hold(notes.anomalies == detailed.anomalies, "annotating does not change the anomalies");
  hold(notes.fields.empty(), "fields are kept only when they are wanted");
  check_notes(bytes, detailed);
  if (!decoded) check_error(bytes, decoded.error());
  return decoded;
}

}  // namespace rdpwhy::oracle
