#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rdpwhy/tls/annotate.h"

namespace rdpwhy::tls {

/// What earlier messages of the same side said that later ones need to be understood.
struct MessageContext {
  std::optional<std::uint16_t> version;       ///< of the ServerHello
  std::optional<std::uint16_t> cipher_suite;  ///< of the ServerHello
};

/// "client_hello", "handshake message 99".
[[nodiscard]] std::string name_of_message(std::uint8_t type);

/// The fields of one handshake message, header included, which stands at `offset` of the record.
/// The message may be cut off.
void append_message(AnnotatedRecord& record, ByteSpan message, std::uint64_t offset, int depth,
                    MessageContext& seen);

/// Notes that count from the beginning of a part that stands at `offset` of the record.
void append_notes(AnnotatedRecord& record, Notes notes, std::uint64_t offset, int depth);
/// The first error stays.
void append_error(AnnotatedRecord& record, DecodeError error, std::uint64_t offset);

}  // namespace rdpwhy::tls
