#pragma once

#include <expected>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/time.h"

namespace rdpwhy::crypto {

/// Certificates made on the fly for the lab and for tests.
struct CertificateRecipe {
  std::string common_name = "rdpwhy lab";
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  enum class Key { kRsa1024, kRsa2048, kRsa4096, kEcP256, kEd25519 };
  Key key = Key::kRsa2048;
  std::string digest = "SHA256";  ///< "SHA1", "MD5", "SHA256"; ignored for Ed25519
  Moment not_before;
  Moment not_after;
  std::vector<std::string> extended_key_usage = {"serverAuth"};
  int version = 3;            ///< 1 and 2 have no extensions
  bool intermediate = false;  ///< make_issued: a CA stands between the root and the leaf
};

struct MadeCertificate {
  Bytes certificate_der;        ///< of the leaf
  std::string certificate_pem;  ///< leaf, then those above it when they are included
  std::string private_key_pem;
  std::string intermediate_pem;  ///< empty unless the recipe asks for one
  std::string issuer_pem;        ///< the root CA's certificate; empty for a self-signed one
};

/// Keys are made once for each kind and process: these certificates protect nothing.
[[nodiscard]] std::expected<MadeCertificate, Error> make_self_signed(
    const CertificateRecipe& recipe);
/// Issued by a CA of our own, valid ten years longer on both sides. `include_issuer`: the
/// certificates of the intermediate, if any, and of the root follow the leaf.
[[nodiscard]] std::expected<MadeCertificate, Error> make_issued(const CertificateRecipe& recipe,
                                                                bool include_issuer);

}  // namespace rdpwhy::crypto
