#pragma once

#include <memory>

#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/record/record_opener.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::crypto {

/// RFC 8446 5.2 and 7: opens TLS 1.3 records (AES-GCM, AES-CCM, CCM_8, ChaCha20-Poly1305) with the
/// traffic secrets of `key_log`, which must outlive the opener and may grow. Null for other
/// versions.
[[nodiscard]] std::unique_ptr<record::RecordOpener> make_record_opener(
    const KeyLog& key_log, const tls::ClientHello& client_hello,
    const tls::ServerHello& server_hello);

}  // namespace rdpwhy::crypto
