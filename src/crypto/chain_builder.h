#pragma once

#include <vector>

#include "crypto/openssl_handles.h"
#include "crypto/trust_store.h"

namespace rdpwhy::crypto {

/// One way from the leaf to an anchor. Certificates are named by their place in the chain that was
/// sent; the anchor itself is only there by its dates.
struct TrustPath {
  std::vector<std::size_t> intermediates;
  std::int64_t not_before = 0;  ///< seconds: the latest of all certificates above the leaf
  std::int64_t not_after = 0;   ///< seconds: the earliest
};

/// What a chain says by itself and against a store, whatever the time and the name.
struct ChainVerdict {
  std::vector<TrustPath> paths;    ///< empty: not trusted
  bool leaf_self_signed = false;   ///< by a verified signature
  bool leaf_issuer_known = false;  ///< sent or an anchor, and its key made the leaf's signature
};

/// Links certificates by verified signatures. `sent` holds the leaf first, null where one cannot be
/// read. The work is bounded whatever is sent: 16 certificates, 10 links, 64 signatures, 4 paths.
[[nodiscard]] ChainVerdict build_chain(const std::vector<X509Ptr>& sent, TrustAnchors& store);

}  // namespace rdpwhy::crypto
