#pragma once

#include "lab/nla.h"
#include "rdpwhy/crypto/tls_session.h"
#include "rdpwhy/lab/lab.h"
#include "rdpwhy/net/listener.h"

namespace rdpwhy::lab {

/// Serves one connection as `faults` say, down to its last packet: where a scenario closes, the
/// wire shows a FIN and no reset, and the other way round. `number` counts connections from 1.
void serve(net::AcceptedConnection& peer, const Faults& faults,
           const crypto::TlsServerSettings& tls, NlaHouse& house, std::uint64_t number);

}  // namespace rdpwhy::lab
