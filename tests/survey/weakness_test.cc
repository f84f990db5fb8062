#include <gtest/gtest.h>

#include "rdpwhy/survey/hello_offer.h"
#include "rdpwhy/survey/result.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::survey::test {
namespace {

std::string_view of(std::string_view suite) {
  const auto code = tls::cipher_suite_code(suite);
  EXPECT_TRUE(code.has_value()) << suite;
  return weakness_of_suite(code.value_or(0));
}

TEST(Weakness, OfASuiteIsToldByItsWorstPart) {
  EXPECT_EQ(of("TLS_DH_anon_WITH_RC4_128_MD5"), "no authentication: anybody can stand between");
  EXPECT_EQ(of("TLS_RSA_WITH_NULL_MD5"), "no encryption");
  EXPECT_EQ(of("TLS_RSA_EXPORT_WITH_RC4_40_MD5"), "export grade, 40 or 56 bits");
  EXPECT_EQ(of("TLS_ECDHE_RSA_WITH_RC4_128_SHA"), "RC4 is broken (RFC 7465)");
  EXPECT_EQ(of("TLS_RSA_WITH_DES_CBC_SHA"), "56-bit keys");
  EXPECT_EQ(of("TLS_RSA_WITH_3DES_EDE_CBC_SHA"), "64-bit blocks (Sweet32)");
  EXPECT_EQ(of("TLS_RSA_WITH_IDEA_CBC_SHA"), "64-bit blocks (Sweet32)");
  EXPECT_EQ(of("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"), "a tag of 64 bits");
  EXPECT_EQ(of("TLS_RSA_WITH_AES_256_GCM_SHA384"), "no forward secrecy (RFC 9325)");
}

TEST(Weakness, IsNoneOfWhatCurrentClientsOffer) {
  for (const auto* name :
       {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}) {
    EXPECT_EQ(of(name), "") << name;
  }
}

TEST(Weakness, OfGroupsAndPrimesIsTheirSize) {
  EXPECT_NE(weakness_of_group(*tls::group_code("secp160r1")), "");
  EXPECT_NE(weakness_of_group(*tls::group_code("sect193r2")), "");
  EXPECT_EQ(weakness_of_group(*tls::group_code("secp521r1")), "");
  EXPECT_EQ(weakness_of_group(*tls::group_code("ffdhe8192")), "");
  EXPECT_EQ(weakness_of_group(*tls::group_code("X25519MLKEM768")), "");
  EXPECT_NE(weakness_of_dh_bits(512), weakness_of_dh_bits(1024));
  EXPECT_EQ(weakness_of_dh_bits(2048), "");
  EXPECT_NE(weakness_of_signature_algorithm(0x0101), "");
  EXPECT_NE(weakness_of_signature_algorithm(0x0201), "");
  EXPECT_EQ(weakness_of_signature_algorithm(0x0804), "");
  EXPECT_NE(weakness_of_version(kSsl3), "");
  EXPECT_NE(weakness_of_version(kTls11), "");
  EXPECT_EQ(weakness_of_version(kTls12), "");
}

}  // namespace
}  // namespace rdpwhy::survey::test
