#include "rdpwhy/rdp/server_certificate.h"

#include <fmt/format.h>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::uint32_t kProprietary = 1;  // CERT_CHAIN_VERSION_1
constexpr std::uint32_t kX509 = 2;         // CERT_CHAIN_VERSION_2
constexpr std::uint32_t kTemporary = 0x80000000;
constexpr std::uint32_t kMagic = 0x31415352;  // "RSA1"
constexpr std::size_t kKeyFixedSize = 20;
constexpr std::uint16_t kKeyBlob = 6;        // BB_RSA_KEY_BLOB
constexpr std::uint16_t kSignatureBlob = 8;  // BB_RSA_SIGNATURE_BLOB
constexpr std::size_t kKeyPadding = 8;
constexpr std::size_t kMostModulus = 2048 + kKeyPadding;  // 16384 bits, as OpenSSL's limit

/// RSA_PUBLIC_KEY. What is said of its size three times over has to be so: the modulus is found by
/// it.
RsaPublicKey read_key(Reader& r) {
  RsaPublicKey key;
  const auto magic = r.u32le("magic");
  r.require(magic == kMagic, base::to_hex_number(magic, 8) + " is not \"RSA1\"", "magic");
  const auto key_length = r.u32le("keylen");
  key.bit_length = r.u32le("bitlen");
  key.data_length = r.u32le("datalen");
  key.public_exponent = r.u32le("pubExp");
  if (r.wants_fields()) r.value(std::to_string(key.public_exponent));
  r.require(key_length >= kKeyPadding && key_length <= kMostModulus,
            fmt::format("is {}, which is no size of a modulus", key_length), "keylen");
  key.modulus = base::to_bytes(r.bytes(r.failed() ? 0 : key_length, "modulus"));
  if (r.failed()) return key;
  r.expect(
      key.bit_length == (key_length - kKeyPadding) * 8,
      fmt::format("is {} beside a modulus of {} octets", key.bit_length, key_length - kKeyPadding),
      "bitlen");
  r.expect(key.bit_length / 8 == key.data_length + 1u,
           fmt::format("is {} beside {} bits", key.data_length, key.bit_length), "datalen");
  return key;
}

void read_type(Reader& r, std::uint16_t& type, std::uint16_t wanted, std::string_view field) {
  type = r.u16le(field);
  r.expect(type == wanted, fmt::format("is {} and not {}", type, wanted), field);
}

ProprietaryServerCertificate read_proprietary(Reader& r) {
  ProprietaryServerCertificate certificate;
  certificate.signature_algorithm = r.u32le("dwSigAlgId");
  r.expect(certificate.signature_algorithm == 1, "is not SIGNATURE_ALG_RSA", "dwSigAlgId");
  certificate.key_algorithm = r.u32le("dwKeyAlgId");
  r.expect(certificate.key_algorithm == 1, "is not KEY_EXCHANGE_ALG_RSA", "dwKeyAlgId");
  read_type(r, certificate.public_key_blob_type, kKeyBlob, "wPublicKeyBlobType");
  {
    Reader key = r.block16le("PublicKeyBlob");
    certificate.public_key = read_key(key);
  }
  read_type(r, certificate.signature_blob_type, kSignatureBlob, "wSignatureBlobType");
  Reader signature = r.block16le("SignatureBlob");
  certificate.signature = base::to_bytes(signature.rest("SignatureBlob"));
  return certificate;
}

X509CertificateChain read_chain(Reader& r) {
  X509CertificateChain chain;
  const auto count = r.u32le("NumCertBlobs");
  if (r.wants_fields()) r.value(std::to_string(count));
  r.require(count <= X509CertificateChain::kMostCertificates,
            fmt::format("is {}, and a chain has at most {} certificates", count,
                        X509CertificateChain::kMostCertificates),
            "NumCertBlobs");
  r.expect(count >= 2, "is less than two", "NumCertBlobs");
  for (std::uint32_t i = 0; i < count && !r.failed(); ++i) {
    Reader certificate = r.block32le("abCert");
    chain.certificates.push_back(base::to_bytes(certificate.rest("abCert")));
  }
  const auto padding = r.left();
  r.expect(padding == 8 + 4 * std::size_t{count},
           fmt::format("has {} octets and should have {}", padding, 8 + 4 * std::size_t{count}),
           "Padding");
  r.skip_rest("Padding");
  return chain;
}

void write_head(Writer& w, const ServerCertificate& certificate) {
  const auto version = certificate.proprietary() != nullptr ? kProprietary : kX509;
  w.u32le(version | (certificate.is_temporary ? kTemporary : 0));
}

/// Up to the signature.
void write_signed(Writer& w, const ProprietaryServerCertificate& certificate) {
  const auto& key = certificate.public_key;
  w.u32le(certificate.signature_algorithm).u32le(certificate.key_algorithm);
  w.u16le(certificate.public_key_blob_type);
  w.u16le(static_cast<std::uint16_t>(kKeyFixedSize + key.modulus.size()));
  w.u32le(kMagic).u32le(static_cast<std::uint32_t>(key.modulus.size()));
  w.u32le(key.bit_length).u32le(key.data_length).u32le(key.public_exponent).bytes(key.modulus);
}

}  // namespace

std::expected<ServerCertificate, DecodeError> decode_server_certificate(ByteSpan octets,
                                                                        Notes* notes) {
  Reader r(octets, notes);
  ServerCertificate certificate;
  const auto version = r.u32le("dwVersion");
  certificate.is_temporary = (version & kTemporary) != 0;
  const auto form = version & ~kTemporary;
  if (r.wants_fields()) {
    r.value(fmt::format("{}{}",
                        form == kProprietary ? "CERT_CHAIN_VERSION_1, proprietary"
                        : form == kX509      ? "CERT_CHAIN_VERSION_2, X.509"
                                             : "unknown",
                        certificate.is_temporary ? ", temporary" : ""));
  }
  r.require(form == kProprietary || form == kX509,
            base::to_hex_number(version, 8) + " is neither proprietary (1) nor X.509 (2)",
            "dwVersion");
  if (r.failed()) return std::unexpected(*r.error());
  if (form == kProprietary) {
    certificate.form = read_proprietary(r);
  } else {
    certificate.form = read_chain(r);
  }
  return r.finish(std::move(certificate));
}

Bytes encode(const ServerCertificate& certificate) {
  Writer w;
  write_head(w, certificate);
  if (const auto* proprietary = certificate.proprietary()) {
    write_signed(w, *proprietary);
    w.u16le(proprietary->signature_blob_type);
    const auto size = w.block16le();
    w.bytes(proprietary->signature);
  } else {
    const auto& chain = certificate.x509()->certificates;
    w.u32le(static_cast<std::uint32_t>(chain.size()));
    for (const auto& der : chain) w.u32le(static_cast<std::uint32_t>(der.size())).bytes(der);
    w.zeros(8 + 4 * chain.size());
  }
  return w.take();
}

Bytes signed_part(const ServerCertificate& certificate) {
  RDPWHY_CHECK(certificate.proprietary() != nullptr);
  Writer w;
  write_head(w, certificate);
  write_signed(w, *certificate.proprietary());
  return w.take();
}

ByteSpan without_padding(ByteSpan little_endian) {
  while (!little_endian.empty() && little_endian.back() == 0)
    little_endian = little_endian.first(little_endian.size() - 1);
  return little_endian;
}

}  // namespace rdpwhy::rdp
