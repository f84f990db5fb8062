#pragma once

#include <optional>
#include <string>

#include "net/kerberos_client.h"
#include "net/krb5_handles.h"

namespace rdpwhy::net {

/// What is needed for an AP-REQ.
struct Tickets {
  Krb5MemoryCache cache;  ///< our own: the user's is never written to
  std::string service;    ///< the service ticket's name, as krb5_parse_name reads it
  std::optional<dialogue::Credentials> accepted;  ///< whose password the KDC accepted
};

/// Talks with KDCs (RFC 4120 3.1, 3.3), every talk told to `patron`. Nothing: one of them failed.
[[nodiscard]] std::optional<Tickets> get_tickets(const Krb5& krb5, const KerberosErrand& errand,
                                                 KerberosPatron& patron, Deadline deadline);

}  // namespace rdpwhy::net
