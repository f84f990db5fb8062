#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"

/// What every file that talks to OpenSSL needs: owners, our own library context, errors in words.
namespace rdpwhy::crypto {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using BioPtr = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using CipherContextPtr = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, Freer<EVP_CIPHER_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using DigestPtr = std::unique_ptr<EVP_MD, Freer<EVP_MD_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, Freer<EVP_MAC_free>>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freer<SSL_free>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;

/// A library context of our own with the default provider. OpenSSL's configuration file is neither
/// read for it nor for the process: a distribution's MinProtocol or SECLEVEL must not narrow a
/// probe.
[[nodiscard]] OSSL_LIB_CTX* library_context();

/// A library context with OpenSSL's legacy provider (MD4, RC4, DES), loaded when first asked for.
/// Null where that provider is not installed. In FIPS mode its algorithms are not found.
[[nodiscard]] OSSL_LIB_CTX* legacy_context();
/// Why `algorithm` of the legacy provider could not be had, in plain words.
[[nodiscard]] Error why_no_legacy(std::string_view algorithm);

/// The oldest reason in this thread's error queue and those after it, in words; empties the queue.
/// "unknown error" when the queue is empty.
[[nodiscard]] std::string take_errors();

/// A read-only BIO over octets that outlive it.
[[nodiscard]] BioPtr bio_over(std::string_view text);

/// All certificates of a PEM text in order; other blocks are passed over. An Error when a
/// certificate block cannot be read or there is none.
[[nodiscard]] std::expected<std::vector<X509Ptr>, Error> read_pem_certificates(
    std::string_view pem);

/// All private keys of a PEM text in order; other blocks are passed over. An Error when one cannot
/// be read or there is none. An encrypted one is an Error: nobody is asked for a passphrase.
[[nodiscard]] std::expected<std::vector<KeyPtr>, Error> read_pem_private_keys(std::string_view pem);
/// The first of them.
[[nodiscard]] std::expected<KeyPtr, Error> read_pem_private_key(std::string_view pem);

/// The DER of a certificate.
[[nodiscard]] Bytes der_of(const X509* certificate);

}  // namespace rdpwhy::crypto
