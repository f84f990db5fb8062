#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::rdp {

/// One TPKT and the TPDU in it, read field by field for a person. All offsets count from the TPKT
/// header's first octet.
struct AnnotatedPdu {
  std::string title;     ///< "X.224 Connection Request", or what the octets are instead
  std::size_t size = 0;  ///< octets of the input that it takes up; all of them when it is cut off
  std::vector<FieldNote> fields;
  std::vector<Note> anomalies;
  std::optional<DecodeError> error;
};

/// The first PDU of `bytes`.
[[nodiscard]] AnnotatedPdu annotate(ByteSpan bytes);

/// A title, one line per field, then anomalies and error. `bytes` are those that were annotated.
[[nodiscard]] std::string annotated_text(const AnnotatedPdu& pdu, ByteSpan bytes);

/// Every PDU of `bytes` one after the other, each with offsets of its own. From where no TPKT
/// begins any more, the octets are shown as they are.
[[nodiscard]] std::string annotated_text(ByteSpan bytes);

}  // namespace rdpwhy::rdp
