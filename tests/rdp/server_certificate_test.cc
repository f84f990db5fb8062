#include "rdpwhy/rdp/server_certificate.h"

#include <gtest/gtest.h>

#include "rdp/licensing_oracles.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

Bytes hex(std::string_view text) { return base::parse_hex(text).value(); }

ServerCertificate proprietary() {
  ProprietaryServerCertificate certificate;
  certificate.public_key = {
      .bit_length = 512, .data_length = 63, .public_exponent = 65537, .modulus = Bytes(64, 0xA5)};
  certificate.public_key.modulus.resize(72);
  certificate.signature = Bytes(64, 0x5A);
  certificate.signature.resize(72);
  return {.form = certificate};
}

ServerCertificate chain() {
  return {.is_temporary = true, .form = X509CertificateChain{{{1, 2, 3}, {4, 5}}}};
}

TEST(ServerCertificate, BothFormsComeBackAsTheyWere) {
  for (const auto& certificate : {proprietary(), chain()}) {
    const auto octets = encode(certificate);
    Notes notes;
    const auto back = decode_server_certificate(octets, &notes);
    ASSERT_TRUE(back.has_value()) << back.error().message();
    EXPECT_EQ(*back, certificate);
    EXPECT_TRUE(notes.anomalies.empty());
    oracle::check_server_certificate(octets);
  }
}

// MS-RDPBCGR 2.2.1.4.3.1.1: 184 octets for a key of 512 bits, of which 108 are signed.
TEST(ServerCertificate, AProprietaryOneIsLaidOutAsSpecified) {
  const auto octets = encode(proprietary());
  EXPECT_EQ(octets.size(), 184u);
  EXPECT_EQ(base::to_hex(ByteSpan(octets).first(36)),
            "0100000001000000010000000600"
            "5c00"
            "525341314800000000020000"
            "3f000000"
            "01000100");
  EXPECT_EQ(base::to_hex(ByteSpan(octets).subspan(108, 4)), "08004800");
  EXPECT_EQ(signed_part(proprietary()).size(), 108u);
  EXPECT_EQ(without_padding(proprietary().proprietary()->public_key.modulus).size(), 64u);
}

TEST(ServerCertificate, TheTemporaryBitIsNotPartOfTheVersion) {
  const auto octets = encode(chain());
  EXPECT_EQ(base::to_hex(ByteSpan(octets).first(8)), "0200008002000000");
  EXPECT_TRUE(decode_server_certificate(octets)->is_temporary);
}

TEST(ServerCertificate, AnotherVersionIsRefused) {
  const auto decoded = decode_server_certificate(hex("03000000 00000000"));
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().field, "dwVersion");
}

TEST(ServerCertificate, SizesThatAreNotThereAllocateNothing) {
  const auto many = decode_server_certificate(hex("02000000 ffffffff"));
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().field, "NumCertBlobs");
  const auto large = decode_server_certificate(hex("02000000 02000000 ffffff7f 00"));
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().message(), "abCert needs 2147483647 bytes at offset 12, 1 left");
  auto octets = encode(proprietary());
  octets[20] = octets[21] = octets[22] = octets[23] = 0xFF;
  const auto key = decode_server_certificate(octets);
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(key.error().field, "keylen");
}

TEST(ServerCertificate, BitsThatDoNotFitTheModulusAreNoted) {
  auto octets = encode(proprietary());
  octets[25] = 4;  // bitlen 1024
  Notes notes;
  ASSERT_TRUE(decode_server_certificate(octets, &notes).has_value());
  ASSERT_EQ(notes.anomalies.size(), 2u);
  EXPECT_EQ(notes.anomalies[0].field, "bitlen");
}

TEST(ServerCertificate, DamageBreaksNoInvariant) {
  for (const auto& certificate : {proprietary(), chain()}) {
    auto octets = encode(certificate);
    for (std::size_t at = 0; at < octets.size(); ++at) {
      oracle::check_server_certificate(ByteSpan(octets).first(at));
      for (const int flip : {0x01, 0x80, 0xFF}) {
        octets[at] ^= static_cast<std::uint8_t>(flip);
        oracle::check_server_certificate(octets);
        octets[at] ^= static_cast<std::uint8_t>(flip);
      }
    }
  }
}

TEST(SecurityExchange, ComesBackAsItWas) {
  SecurityExchange pdu{.encrypted_client_random = Bytes(64, 3)};
  pdu.encrypted_client_random.resize(72);
  const auto octets = encode(pdu);
  EXPECT_EQ(base::to_hex(ByteSpan(octets).first(5)), "4800000003");
  Notes notes;
  EXPECT_EQ(decode_security_exchange(octets, &notes).value(), pdu);
  EXPECT_TRUE(notes.anomalies.empty());
  for (std::size_t at = 0; at <= octets.size(); ++at)
    oracle::check_security_exchange(ByteSpan(octets).first(at));
}

TEST(SecurityExchange, WithoutPaddingItIsNoted) {
  Notes notes;
  ASSERT_TRUE(decode_security_exchange(hex("04000000 01020304"), &notes).has_value());
  ASSERT_EQ(notes.anomalies.size(), 1u);
  EXPECT_EQ(notes.anomalies[0].field, "encryptedClientRandom");
}

}  // namespace
}  // namespace rdpwhy::rdp
