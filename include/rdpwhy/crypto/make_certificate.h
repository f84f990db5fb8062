#pragma once

#include <expected>
#include <string>
#include <vector>

#include "rdpwhy/base/error.h"
#include "rdpwhy/base/time.h"

namespace rdpwhy::crypto {

/// Certificates made on the fly for the lab and for tests.
struct CertificateRecipe {
  std::string common_name = "rdpwhy lab";
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  enum class Key { kRsa1024, kRsa2048, kEcP256, kEd25519 };
  Key key = Key::kRsa2048;
  std::string digest = "SHA256";  ///< "SHA1", "MD5", "SHA256"; ignored for Ed25519
  Moment not_before;
  Moment not_after;
  std::vector<std::string> extended_key_usage = {"serverAuth"};
  int version = 3;
};

struct MadeCertificate {
  std::string certificate_pem;  ///< leaf, then its issuer when one was made
  std::string private_key_pem;
  std::string issuer_pem;  ///< the CA's certificate; empty for a self-signed one
};

[[nodiscard]] std::expected<MadeCertificate, Error> make_self_signed(
    const CertificateRecipe& recipe);
[[nodiscard]] std::expected<MadeCertificate, Error> make_issued(const CertificateRecipe& recipe,
                                                                bool include_issuer);

}  // namespace rdpwhy::crypto
