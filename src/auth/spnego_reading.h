#pragma once

#include "rdpwhy/auth/spnego.h"

namespace rdpwhy::auth {

/// decode_spnego, and where in `token` the mechanism's own token stands: mechToken or
/// responseToken, empty when there is none.
[[nodiscard]] std::expected<SpnegoToken, DecodeError> decode_spnego(ByteSpan token, Notes* notes,
                                                                    ByteSpan& inner);

}  // namespace rdpwhy::auth
