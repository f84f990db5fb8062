#pragma once

#include <optional>

#include "crypto/openssl_handles.h"
#include "rdpwhy/crypto/tls_session.h"

namespace rdpwhy::crypto {

/// A context that offers what `offer` says and nothing else, whatever the system's configuration.
[[nodiscard]] std::expected<SslContextPtr, Error> make_client_context(const TlsOffer& offer);

/// Versions, options and limits that client and server have in common, at security level 0.
[[nodiscard]] std::expected<SslContextPtr, Error> make_context(const SSL_METHOD* method,
                                                               std::uint16_t min_version,
                                                               std::uint16_t max_version);

/// The IANA number of a group that OpenSSL knows by `nid`, or 0.
[[nodiscard]] std::uint16_t group_of_nid(int nid);

}  // namespace rdpwhy::crypto
