#pragma once

#include <cstddef>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::record {

/// How much memory it takes, allocations behind it included: what bounds a record and all that are
/// held at once. The same for the same message, whoever read it. A certificate counts in every
/// chain that holds it, although they may share it.
[[nodiscard]] std::size_t octets_held(const Evidence& evidence);
[[nodiscard]] std::size_t octets_held(const HandshakeRecord& record);
[[nodiscard]] std::size_t octets_held(const CertificateFacts& facts);

}  // namespace rdpwhy::record
