#pragma once

#include <string>

#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::record {

/// What the TLS software at either end is known by: tls/fingerprint.h. Computed by crypto, shown by
/// report. Empty: there is none.
struct ClientFingerprints {
  std::string ja3_text;  ///< what JA3 is the MD5 of
  std::string ja3;
  std::string ja4;

  friend bool operator==(const ClientFingerprints&, const ClientFingerprints&) = default;
};
struct ServerFingerprints {
  std::string ja3s;
  std::string ja4s;

  friend bool operator==(const ServerFingerprints&, const ServerFingerprints&) = default;
};
struct Fingerprints {
  ClientFingerprints client;
  ServerFingerprints server;

  friend bool operator==(const Fingerprints&, const Fingerprints&) = default;
};

/// The hellos that fingerprints are taken from: the first message of either side. Where a
/// HelloRetryRequest is, that is the server's (it is the answer to the first ClientHello), and the
/// client's second hello, which says what it was told to, counts for nothing. Null: none was seen,
/// or it cannot be told whether it is the first, since octets of that side or the beginning are
/// missing before it.
struct FirstHellos {
  const tls::ClientHello* client = nullptr;
  const tls::ServerHello* server = nullptr;
};
[[nodiscard]] FirstHellos first_hellos(const HandshakeRecord& record);

}  // namespace rdpwhy::record
