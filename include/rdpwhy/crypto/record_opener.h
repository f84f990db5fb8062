#pragma once

#include <memory>

#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/record/record_opener.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::crypto {

/// RFC 8446 5.2 and 7: opens TLS 1.3 records (AES-GCM, AES-CCM, CCM_8, ChaCha20-Poly1305) with the
/// traffic secrets of `key_log`, which must outlive the opener and may grow. Null for other
/// versions and for a HelloRetryRequest; kUnsupported for suites that TLS 1.3 has beyond 0x1301 to
/// 0x1305.
///
/// - A record of another outer type than application_data is not protected: it comes back as it is
///   and is not counted.
/// - A record that does not open is kBadRecord and counted, so that one damaged record costs itself
///   alone. Early data of a client (RFC 8446 4.2.10), whose keys are others, is not counted.
/// - The padding is stripped. A record of nothing but padding has the content type 0.
[[nodiscard]] std::unique_ptr<record::RecordOpener> make_record_opener(
    const KeyLog& key_log, const tls::ClientHello& client_hello,
    const tls::ServerHello& server_hello);

}  // namespace rdpwhy::crypto
