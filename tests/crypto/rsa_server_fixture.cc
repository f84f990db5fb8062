#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "crypto/rsa_server.h"
#include "rdpwhy/base/check.h"

namespace rdpwhy::crypto::testing {
namespace {

Bytes number_of(const EVP_PKEY* key, const char* name) {
  BIGNUM* read = nullptr;
  RDPWHY_CHECK(EVP_PKEY_get_bn_param(key, name, &read) == 1);
  Bytes out(static_cast<std::size_t>(BN_num_bytes(read)));
  BN_bn2lebinpad(read, out.data(), static_cast<int>(out.size()));
  BN_free(read);
  return out;
}

std::string ini_line(std::string_view name, const Bytes& octets) {
  std::string line(name);
  for (std::size_t i = 0; i < octets.size(); ++i)
    line += fmt::format("{}0x{:02x}", i == 0 ? '=' : ',', octets[i]);
  return line + '\n';
}

RsaServer made() {
  EVP_PKEY* key = EVP_RSA_gen(1024);
  RDPWHY_CHECK(key != nullptr);
  RsaServer server;
  BIO* bio = BIO_new(BIO_s_mem());
  RDPWHY_CHECK(PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio, &text);
  server.private_pem.assign(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  server.modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
  server.rsakeys_ini = "[keys]\n" + ini_line("pub_exp", {1, 0, 1, 0}) +
                       ini_line("pub_mod", server.modulus) + ini_line("pub_sig", Bytes(64, 1)) +
                       ini_line("pri_exp", number_of(key, OSSL_PKEY_PARAM_RSA_D));
  EVP_PKEY_free(key);
  rdp::ProprietaryServerCertificate certificate;
  certificate.public_key = {
      .bit_length = 1024, .data_length = 127, .public_exponent = 65537, .modulus = server.modulus};
  certificate.public_key.modulus.resize(server.modulus.size() + 8);
  certificate.signature = Bytes(64, 1);
  certificate.signature.resize(72);
  server.proprietary.form = certificate;
  return server;
}

}  // namespace

const RsaServer& rsa_server() {
  static const RsaServer server = made();
  return server;
}

}  // namespace rdpwhy::crypto::testing
