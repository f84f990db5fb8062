#pragma once

#include <cstdint>
#include <expected>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.1.4.3.1.1.1 RSA Public Key (RSA_PUBLIC_KEY)
struct RsaPublicKey {
  std::uint32_t bit_length = 0;       ///< bitlen: of the modulus
  std::uint32_t data_length = 0;      ///< datalen: the most octets that can be encrypted
  std::uint32_t public_exponent = 0;  ///< pubExp
  Bytes modulus;  ///< little-endian, with the eight zeros of padding that keylen counts

  friend bool operator==(const RsaPublicKey&, const RsaPublicKey&) = default;
};

/// MS-RDPBCGR 2.2.1.4.3.1.1 Server Proprietary Certificate (PROPRIETARYSERVERCERTIFICATE)
struct ProprietaryServerCertificate {
  std::uint32_t signature_algorithm = 1;  ///< dwSigAlgId: SIGNATURE_ALG_RSA
  std::uint32_t key_algorithm = 1;        ///< dwKeyAlgId: KEY_EXCHANGE_ALG_RSA
  std::uint16_t public_key_blob_type = 6;
  RsaPublicKey public_key;
  std::uint16_t signature_blob_type = 8;
  Bytes signature;  ///< little-endian, with eight zeros of padding

  friend bool operator==(const ProprietaryServerCertificate&,
                         const ProprietaryServerCertificate&) = default;
};

/// MS-RDPBCGR 2.2.1.4.3.1.2, MS-RDPELE 2.2.1.4.2 X.509 Certificate Chain: from the authority at the
/// top down to the server's own.
struct X509CertificateChain {
  static constexpr std::size_t kMostCertificates = 200;  ///< NumCertBlobs, MS-RDPELE 2.2.1.4.2
  std::vector<Bytes> certificates;                       ///< DER

  friend bool operator==(const X509CertificateChain&, const X509CertificateChain&) = default;
};

/// MS-RDPBCGR 2.2.1.4.3.1 Server Certificate (SERVER_CERTIFICATE)
struct ServerCertificate {
  bool is_temporary = false;  ///< the bit t: issued until a licence server gives a permanent one
  std::variant<ProprietaryServerCertificate, X509CertificateChain> form;

  [[nodiscard]] const ProprietaryServerCertificate* proprietary() const {
    return std::get_if<ProprietaryServerCertificate>(&form);
  }
  [[nodiscard]] const X509CertificateChain* x509() const {
    return std::get_if<X509CertificateChain>(&form);
  }

  friend bool operator==(const ServerCertificate&, const ServerCertificate&) = default;
};

[[nodiscard]] std::expected<ServerCertificate, DecodeError> decode_server_certificate(
    ByteSpan octets, Notes* notes = nullptr);
[[nodiscard]] Bytes encode(const ServerCertificate& certificate);

/// MS-RDPBCGR 5.3.3.1.1: the octets over which a proprietary certificate is signed, everything
/// before its signature.
[[nodiscard]] Bytes signed_part(const ServerCertificate& certificate);

/// 5.3.3.1: a modulus or a signature without the zeros behind it.
[[nodiscard]] ByteSpan without_padding(ByteSpan little_endian);

}  // namespace rdpwhy::rdp
