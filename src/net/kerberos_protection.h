#pragma once

#include <memory>

#include "net/gss_handles.h"
#include "rdpwhy/auth/message_protection.h"

namespace rdpwhy::net {

/// Seals as Windows' EncryptMessage does (MS-KILE 3.4.5.4, RFC 4121 4.2.6.2). `established` is a
/// context that can seal.
[[nodiscard]] std::shared_ptr<auth::MessageProtection> protect_with(GssContext established);

}  // namespace rdpwhy::net
