#pragma once

#include <memory>

#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/rsa_private_keys.h"
#include "rdpwhy/crypto/session_memory.h"
#include "rdpwhy/record/record_opener.h"
#include "rdpwhy/tls/hello.h"

namespace rdpwhy::crypto {

/// Where keys come from. All of it must outlive the openers; the key log may grow.
struct OpeningSecrets {
  OpeningSecrets(const KeyLog& log) : key_log(log) {}  // NOLINT: a key log alone will often do
  OpeningSecrets(const KeyLog& log, const RsaPrivateKeys* keys, SessionMemory* memory)
      : key_log(log), private_keys(keys), sessions(memory) {}

  const KeyLog& key_log;
  const RsaPrivateKeys* private_keys = nullptr;
  SessionMemory* sessions = nullptr;  ///< sessions that later connections may resume
};

/// Opens the records of TLS 1.0 to 1.3. Null for other versions and for a HelloRetryRequest.
///
/// TLS 1.3 (RFC 8446 5.2 and 7): AES-GCM, AES-CCM, CCM_8 and ChaCha20-Poly1305 with the traffic
/// secrets of the key log; kUnsupported for suites that it has beyond 0x1301 to 0x1305.
/// - A record of another outer type than application_data is not protected: it comes back as it is
///   and is not counted.
/// - Early data of a client (RFC 8446 4.2.10), whose keys are others, is kUnsupported and not
///   counted.
/// - The padding is stripped. A record of nothing but padding has the content type 0.
///
/// TLS 1.0 to 1.2 (RFC 2246, RFC 4346, RFC 5246): every cipher that OpenSSL has, MAC verified,
/// RFC 7366 too. The master secret comes from the key log (by client random, or by the encrypted
/// premaster secret), from an earlier connection that this one resumes, or from a server's RSA key.
/// - A record of a side that has not changed its cipher comes back as it is.
/// - kUnsupported only when there is a secret and the record cannot be opened all the same:
///   compression, export suites, ciphers that OpenSSL does not have.
///
/// A record that does not open is kBadRecord and counted, so that one damaged record costs itself
/// alone. Keys are derived when the first protected record is met.
[[nodiscard]] std::unique_ptr<record::RecordOpener> make_record_opener(
    const OpeningSecrets& secrets, const tls::ClientHello& client_hello,
    const tls::ServerHello& server_hello);

}  // namespace rdpwhy::crypto
