#pragma once

#include <memory>

#include "rdpwhy/crypto/record_opener.h"

namespace rdpwhy::crypto {

/// make_record_opener for TLS 1.0 to 1.2.
[[nodiscard]] std::unique_ptr<record::RecordOpener> make_tls12_opener(
    const OpeningSecrets& secrets, const tls::ClientHello& client_hello,
    const tls::ServerHello& server_hello);

}  // namespace rdpwhy::crypto
