#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::tls {

/// One TLS record (or the SSLv2 CLIENT-HELLO) and what is in it, read field by field for a person.
/// All offsets count from the record header's first octet.
struct AnnotatedRecord {
  std::string title;     ///< "TLS record, handshake: client_hello", or what the octets are instead
  std::size_t size = 0;  ///< octets of the input that it takes up; all of them when it is cut off
  std::vector<FieldNote> fields;
  std::vector<Note> anomalies;
  std::optional<DecodeError> error;
};

/// The first record of `bytes`, without regard to any other.
[[nodiscard]] AnnotatedRecord annotate(ByteSpan bytes);

/// A title, one line per field, then anomalies and error. `bytes` are those that were annotated.
[[nodiscard]] std::string annotated_text(const AnnotatedRecord& record, ByteSpan bytes);

/// Every record of `bytes` (of one side, in order), each with offsets of its own. A handshake
/// message that is spread over several records is shown once more behind the last of them, put
/// together. From where no record begins any more, the octets are shown as they are.
[[nodiscard]] std::string annotated_text(ByteSpan bytes);

}  // namespace rdpwhy::tls
