#pragma once

#include <string>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/rdp/server_certificate.h"

namespace rdpwhy::crypto::testing {

/// A server's RSA key pair of its own for Standard RDP Security, of 1024 bits, made once.
struct RsaServer {
  std::string private_pem;
  Bytes modulus;  ///< little-endian
  std::string rsakeys_ini;
  rdp::ServerCertificate proprietary;  ///< with a signature that is none
};

[[nodiscard]] const RsaServer& rsa_server();

}  // namespace rdpwhy::crypto::testing
