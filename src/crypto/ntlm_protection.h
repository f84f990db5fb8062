#pragma once

#include <cstdint>
#include <memory>

#include "rdpwhy/auth/message_protection.h"
#include "rdpwhy/base/secret.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::crypto {

/// What seals the messages of `ours` and opens the other side's. Extended session security.
[[nodiscard]] std::shared_ptr<auth::MessageProtection> make_ntlm_protection(
    std::uint32_t flags, const Secret& exported_session_key, Side ours);

}  // namespace rdpwhy::crypto
