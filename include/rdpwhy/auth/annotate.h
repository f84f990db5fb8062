#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::auth {

/// One message of CredSSP or RDSTLS, or one security token, read field by field for a person. What
/// is nested is read as well: NTLM in SPNEGO in a TSRequest. All offsets count from the message's
/// first octet.
struct AnnotatedMessage {
  std::string title;  ///< "TSRequest with NTLM CHALLENGE_MESSAGE", or what the octets are instead
  std::size_t size = 0;  ///< octets of the input that it takes up; all of them when it is cut off
  std::vector<FieldNote> fields;
  std::vector<Note> anomalies;
  std::optional<DecodeError> error;
};

/// Whether octets look like one of these messages: TSRequest, TSCredentials, NTLM, SPNEGO,
/// Kerberos, RDSTLS.
[[nodiscard]] bool begins_message(ByteSpan bytes);

/// The first message of `bytes`.
[[nodiscard]] AnnotatedMessage annotate(ByteSpan bytes);

/// A title, one line per field, then anomalies and error. `bytes` are those that were annotated.
[[nodiscard]] std::string annotated_text(const AnnotatedMessage& message, ByteSpan bytes);

/// Every message of `bytes` one after the other, each with offsets of its own. From where none
/// begins any more, the octets are shown as they are.
[[nodiscard]] std::string annotated_text(ByteSpan bytes);

}  // namespace rdpwhy::auth
