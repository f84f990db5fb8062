#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "rdpwhy/base/notes.h"
#include "rdpwhy/rdp/annotate.h"

// How annotations of messages inside messages are put together.
namespace rdpwhy::rdp {

/// Octets inside the input, which a decoder of their own reads.
struct Part {
  ByteSpan octets;
  std::size_t offset = 0;  ///< in the input
  int depth = 0;           ///< of its fields

  /// What a decoded message carries behind its own fields.
  [[nodiscard]] Part tail(std::size_t size) const {
    return {octets.last(size), offset + octets.size() - size, depth + 1};
  }
};

/// A nested decoder counts from the part's first octet.
template <typename Decode>
auto append_part(AnnotatedPdu& pdu, const Part& part, Decode decode) {
  Notes notes(Notes::Detail::kFields);
  auto decoded = decode(part.octets, &notes);
  for (auto& field : notes.fields) {
    field.offset += part.offset;
    field.depth += part.depth;
    pdu.fields.push_back(std::move(field));
  }
  // Octets that the TPKT announced and that are not here are the fault; what follows from it is
  // not.
  if (pdu.error) return decoded;
  for (auto& note : notes.anomalies) {
    note.offset += part.offset;
    pdu.anomalies.push_back(std::move(note));
  }
  if (decoded) return decoded;
  pdu.error = decoded.error();
  pdu.error->offset += part.offset;
  return decoded;
}

/// Whether user data of an MCS Send Data PDU can be told without its connection: a share control
/// PDU, or a security header that says what follows.
[[nodiscard]] bool begins_channel_pdu(ByteSpan user_data);

/// What a Send Data PDU carries, as far as it can be told without its connection. Gives its name;
/// empty when nothing can be told, and then nothing is added.
[[nodiscard]] std::string append_channel_pdu(AnnotatedPdu& pdu, const Part& part);

/// Goes into the server certificate that a decoded message holds in its field of this name, where
/// it has octets there.
void annotate_certificate_in(AnnotatedPdu& pdu, const Part& message, std::string_view field);

/// A server certificate that stands alone: the head of one of either form.
[[nodiscard]] bool begins_server_certificate(ByteSpan octets);
/// Gives its name.
[[nodiscard]] std::string append_server_certificate(AnnotatedPdu& pdu, const Part& part);

}  // namespace rdpwhy::rdp
