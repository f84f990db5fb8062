#pragma once

#include <span>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::dialogue {

/// The evidence since the last Connected: endings of addresses tried before belong to the record,
/// not to the connection that a sequence speaks on.
[[nodiscard]] std::span<const Evidence> this_connection(const HandshakeRecord& record);

/// The server, or something between, ended the connection.
[[nodiscard]] bool server_has_left(std::span<const Evidence> evidence);

/// Nothing that the server may still say matters: it ended the connection, spoke something else, or
/// what it said cannot be read on from.
[[nodiscard]] bool server_is_done(std::span<const Evidence> evidence);

}  // namespace rdpwhy::dialogue
