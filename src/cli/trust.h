#pragma once

#include <expected>
#include <string>

#include "rdpwhy/crypto/certificate.h"

namespace rdpwhy::cli {

/// --ca FILE|DIR, or the system's own hashed directory; anchors are read only when a chain asks for
/// them.
[[nodiscard]] std::expected<crypto::TrustStore, Error> open_trust_store(const std::string& chosen);

}  // namespace rdpwhy::cli
