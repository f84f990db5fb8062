#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/time.h"

namespace rdpwhy::record {

/// What one X.509 certificate says, read once by `crypto` (RFC 5280). Nothing here depends on the
/// time, the target's name or a trust store: that is judged later, from outside the record.
struct CertificateFacts {
  Bytes der;            ///< as on the wire
  std::string error;    ///< not empty: the DER is no certificate; only der, sha1 and sha256 hold
  std::string subject;  ///< "CN = host, O = org"; control characters escaped
  std::string issuer;
  std::string serial;  ///< lower-case hex
  Moment not_before;   ///< a Moment ends in 2262: the texts below hold what the certificate says
  Moment not_after;
  std::string
      not_before_text;         ///< RFC 3339 in UTC to the second; empty: cannot be read (see notes)
  std::string not_after_text;  ///< also "9999-12-31T23:59:59Z", RFC 5280's "never"
  int version = 0;             ///< 1, 2 or 3
  struct Key {
    std::string type;  ///< "RSA", "EC", "Ed25519", ...
    int bits = 0;
    std::string curve;  ///< "prime256v1" for EC keys, else empty
    friend bool operator==(const Key&, const Key&) = default;
  } key;
  std::string
      signature_algorithm;  ///< OpenSSL's long name, "sha256WithRSAEncryption"; OID where unnamed
  std::string signature_digest;  ///< "SHA1", "SHA256", ...; empty where the algorithm has none
  bool self_signed = false;      ///< the signature verifies with the certificate's own key
  bool subject_equals_issuer = false;
  std::string common_name;  ///< the last CN of the subject, UTF-8, escaped
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  /// nullopt: no extension, every usage allowed. Names as OpenSSL's short ones ("serverAuth"), else
  /// OIDs.
  std::optional<std::vector<std::string>> extended_key_usage;
  std::optional<std::vector<std::string>>
      key_usage;              ///< "digitalSignature", "keyEncipherment", ...
  std::optional<bool> is_ca;  ///< basicConstraints
  std::string sha1;           ///< lower-case hex: the thumbprint that Windows shows
  std::string sha256;         ///< lower-case hex
  /// What is odd about it and was passed over: an unreadable extension or date, octets behind it.
  std::vector<std::string> notes;

  friend bool operator==(const CertificateFacts& a, const CertificateFacts& b) {
    return a.der == b.der && a.error == b.error;  // everything else follows from the octets
  }
};

/// Shared: a capture with 90,000 handshakes of one server holds its certificate once.
using CertificateHandle = std::shared_ptr<const CertificateFacts>;

}  // namespace rdpwhy::record
