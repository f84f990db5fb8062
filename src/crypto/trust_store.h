#pragma once

#include <map>

#include "crypto/openssl_handles.h"
#include "rdpwhy/crypto/certificate.h"

namespace rdpwhy::crypto {

/// The anchors of a TrustStore by subject.
class TrustAnchors {
 public:
  TrustAnchors() = default;
  explicit TrustAnchors(TrustStore::FileReader read_file) : read_file_(std::move(read_file)) {}

  void add(X509Ptr anchor);

  /// Anchors with this subject. The pointers hold until the next call.
  [[nodiscard]] std::vector<X509*> named(const X509_NAME* subject);

 private:
  /// OpenSSL's hash of a canonical name, which is also the name of a file in a hashed directory.
  using NameHash = unsigned long;

  std::vector<X509Ptr> read_hashed(NameHash hash) const;

  TrustStore::FileReader read_file_;
  std::map<NameHash, std::vector<X509Ptr>> anchors_;  // an empty list: looked for and not there
};

}  // namespace rdpwhy::crypto
