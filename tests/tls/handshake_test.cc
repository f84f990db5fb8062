#include "rdpwhy/tls/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdpwhy/tls/registry.h"
#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint16_t kTls10 = 0x0301;
constexpr std::uint16_t kTls11 = 0x0302;
constexpr std::uint16_t kTls12 = 0x0303;
constexpr std::uint16_t kTls13 = 0x0304;

TEST(HandshakeHeader, IsReadFromFourOctets) {
  const auto header = decode_handshake_header(from_hex("02 010203 ff"));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->kind(), HandshakeType::kServerHello);
  EXPECT_EQ(header->length, 0x010203u);
  EXPECT_FALSE(decode_handshake_header(from_hex("020102")));
  EXPECT_FALSE(decode_handshake_header({}));
}

TEST(HandshakeMessage, IsWrittenWithItsLength) {
  EXPECT_EQ(encode_handshake(HandshakeType::kFinished, from_hex("aabbcc")),
            from_hex("14 000003 aabbcc"));
  EXPECT_EQ(encode_handshake(HandshakeType::kServerHelloDone, {}), from_hex("0e 000000"));
}

// --- Certificate ---

TEST(Certificate, OfTls12IsAListOfCertificates) {
  const auto message =
      decode_certificate(from_hex("00000b 000003 aabbcc 000002 ddee"), /*tls13=*/false);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_THAT(message->certificates, ElementsAre(from_hex("aabbcc"), from_hex("ddee")));
  EXPECT_THAT(message->request_context, IsEmpty());
  EXPECT_THAT(message->extensions, IsEmpty());
}

TEST(Certificate, OfTls13HasAContextAndExtensionsPerCertificate) {
  Notes notes;
  const auto message = decode_certificate(
      from_hex("02 0102 000013 000003 aabbcc 0004 0012 0000 000002 ddee 0000"), true, &notes);
  ASSERT_TRUE(message) << message.error().message();
  EXPECT_EQ(message->request_context, from_hex("0102"));
  EXPECT_THAT(message->certificates, ElementsAre(from_hex("aabbcc"), from_hex("ddee")));
  ASSERT_EQ(message->extensions.size(), 2u);
  EXPECT_THAT(message->extensions[0], ElementsAre(Extension{18, {}}));
  EXPECT_THAT(message->extensions[1], IsEmpty());
  EXPECT_EQ(text_of(notes), "");
}

TEST(Certificate, MayBeEmptyWhenAClientHasNone) {
  EXPECT_THAT(decode_certificate(from_hex("000000"), false)->certificates, IsEmpty());
  EXPECT_THAT(decode_certificate(from_hex("00 000000"), true)->certificates, IsEmpty());
}

TEST(Certificate, OfNoOctetsIsNoted) {
  Notes notes;
  const auto message = decode_certificate(from_hex("000003 000000"), false, &notes);
  ASSERT_TRUE(message);
  EXPECT_THAT(message->certificates, ElementsAre(Bytes{}));
  EXPECT_THAT(text_of(notes), HasSubstr("the certificate is empty"));
}

TEST(Certificate, ThatClaimsMoreThanTheListHoldsFailsWithoutAllocating) {
  const auto message = decode_certificate(from_hex("000007 ffffff aabbccdd"), false);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().field, "cert_data");
  EXPECT_EQ(message.error().needed, 0xFFFFFFu);
  EXPECT_EQ(message.error().left, 4u);
}

// --- CertificateRequest ---

TEST(CertificateRequest, BeforeTls12HasNoAlgorithms) {
  const auto body = from_hex("02 0140 000a 0003 300100 0003 300101");
  for (const auto version : {kTls10, kTls11}) {
    const auto request = decode_certificate_request(body, version);
    ASSERT_TRUE(request) << request.error().message();
    EXPECT_THAT(request->certificate_types, ElementsAre(1, 0x40));
    EXPECT_THAT(request->signature_algorithms, IsEmpty());
    EXPECT_EQ(request->authorities, 2u);
  }
}

TEST(CertificateRequest, OfTls12ListsAlgorithms) {
  Notes notes;
  const auto request =
      decode_certificate_request(from_hex("01 01 0004 0401 0804 0000"), kTls12, &notes);
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_THAT(request->signature_algorithms, ElementsAre(0x0401, 0x0804));
  EXPECT_EQ(request->authorities, 0u);
  EXPECT_EQ(text_of(notes), "");
}

TEST(CertificateRequest, OfTls13HasThemInExtensions) {
  Notes notes;
  const auto request = decode_certificate_request(
      from_hex("00 0013 000d 0004 0002 0804 002f 0007 0005 0003 300100"), kTls13, &notes);
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_THAT(request->signature_algorithms, ElementsAre(0x0804));
  EXPECT_THAT(request->certificate_types, IsEmpty());
  EXPECT_EQ(request->authorities, 1u);
  EXPECT_EQ(request->extensions.size(), 2u);
  EXPECT_EQ(text_of(notes), "");
}

TEST(CertificateRequest, OfTls13WithoutAlgorithmsIsNoted) {
  Notes notes;
  ASSERT_TRUE(decode_certificate_request(from_hex("00 0000"), kTls13, &notes));
  EXPECT_THAT(text_of(notes), HasSubstr("signature_algorithms is missing"));
}

// --- ServerKeyExchange ---

constexpr std::uint16_t kEcdheRsa = 0xC030;

TEST(ServerKeyExchange, OfEcdheNamesItsCurveAndAlgorithm) {
  const auto exchange =
      decode_server_key_exchange(from_hex("03 001d 04 aabbccdd 0804 0002 eeff"), kTls12, kEcdheRsa);
  ASSERT_TRUE(exchange) << exchange.error().message();
  EXPECT_EQ(exchange->kind, ServerKeyExchange::Kind::kEcdhe);
  EXPECT_EQ(exchange->group, 29);
  EXPECT_EQ(exchange->signature_algorithm, 0x0804);
  EXPECT_FALSE(exchange->dh_bits);
}

TEST(ServerKeyExchange, BeforeTls12NamesNoAlgorithm) {
  const auto body = from_hex("03 0017 04 aabbccdd 0002 eeff");
  const auto exchange = decode_server_key_exchange(body, kTls11, 0xC013);
  ASSERT_TRUE(exchange) << exchange.error().message();
  EXPECT_EQ(exchange->group, 23);
  EXPECT_FALSE(exchange->signature_algorithm);
  EXPECT_FALSE(decode_server_key_exchange(body, kTls12, 0xC013)) << "there it stands before";
}

TEST(ServerKeyExchange, OfDheTellsTheBitsOfThePrime) {
  const auto bits_of = [](std::string_view prime_hex) {
    base::Writer w;
    {
      const auto prime = w.block16be();
      w.bytes(from_hex(prime_hex));
    }
    w.bytes(from_hex("0001 02 0002 abcd 0401 0001 77"));
    const auto exchange = decode_server_key_exchange(w.view(), kTls12, 0x009E);
    EXPECT_TRUE(exchange) << exchange.error().message();
    EXPECT_EQ(exchange->kind, ServerKeyExchange::Kind::kDhe);
    EXPECT_EQ(exchange->signature_algorithm, 0x0401);
    EXPECT_FALSE(exchange->group);
    return exchange->dh_bits.value_or(9999);
  };
  EXPECT_EQ(bits_of("80000000"), 32u);
  EXPECT_EQ(bits_of("7fffffff"), 31u);
  EXPECT_EQ(bits_of("00800000"), 24u) << "leading zeros count for nothing";
  EXPECT_EQ(bits_of("01"), 1u);
  EXPECT_EQ(bits_of("0000"), 0u);
  EXPECT_EQ(bits_of(""), 0u);
  EXPECT_EQ(bits_of(std::string(512, 'f')), 2048u);
}

TEST(ServerKeyExchange, OfAnonymousSuitesIsNotSigned) {
  const auto dh = decode_server_key_exchange(from_hex("0001 7f 0001 02 0001 05"), kTls12, 0x0034);
  ASSERT_TRUE(dh) << dh.error().message();
  EXPECT_EQ(dh->dh_bits, 7u);
  EXPECT_FALSE(dh->signature_algorithm);
  const auto ecdh = decode_server_key_exchange(from_hex("03 0018 02 aabb"), kTls12, 0xC018);
  ASSERT_TRUE(ecdh) << ecdh.error().message();
  EXPECT_EQ(ecdh->group, 24);
  EXPECT_FALSE(ecdh->signature_algorithm);
}

TEST(ServerKeyExchange, OfPskSuitesBeginsWithAHint) {
  const auto psk = decode_server_key_exchange(from_hex("0002 6162"), kTls12, 0x008C);
  ASSERT_TRUE(psk) << psk.error().message();
  EXPECT_EQ(psk->kind, ServerKeyExchange::Kind::kOther);
  const auto ecdhe = decode_server_key_exchange(from_hex("0000 03 0017 01 aa"), kTls12, 0xC035);
  ASSERT_TRUE(ecdhe) << ecdhe.error().message();
  EXPECT_EQ(ecdhe->group, 23);
  EXPECT_FALSE(ecdhe->signature_algorithm);
  const auto dhe =
      decode_server_key_exchange(from_hex("0001 61 0001 ff 0001 02 0001 05"), kTls12, 0x0090);
  ASSERT_TRUE(dhe) << dhe.error().message();
  EXPECT_EQ(dhe->dh_bits, 8u);
  EXPECT_TRUE(decode_server_key_exchange(from_hex("0000"), kTls12, 0x0094)) << "RSA_PSK";
}

TEST(ServerKeyExchange, WithAnExplicitCurveIsOther) {
  for (const auto* body : {"01 0102030405", "02 0102030405"}) {
    const auto exchange = decode_server_key_exchange(from_hex(body), kTls12, kEcdheRsa);
    ASSERT_TRUE(exchange) << exchange.error().message();
    EXPECT_EQ(exchange->kind, ServerKeyExchange::Kind::kOther);
    EXPECT_FALSE(exchange->group);
  }
  const auto unknown = decode_server_key_exchange(from_hex("07 0102"), kTls12, kEcdheRsa);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().field, "curve_type");
}

TEST(ServerKeyExchange, OfSrpIsSignedUnlessThePasswordAloneProves) {
  const auto params = std::string("0001 07 0001 02 01 aa 0001 05");
  EXPECT_TRUE(decode_server_key_exchange(from_hex(params), kTls12, 0xC01D));
  EXPECT_FALSE(decode_server_key_exchange(from_hex(params), kTls12, 0xC01E));
  const auto with_rsa =
      decode_server_key_exchange(from_hex(params + "0401 0001 99"), kTls12, 0xC01E);
  ASSERT_TRUE(with_rsa) << with_rsa.error().message();
  EXPECT_EQ(with_rsa->signature_algorithm, 0x0401);
}

TEST(ServerKeyExchange, OfExportRsaIsReadAndOfPlainRsaNoted) {
  Notes notes;
  const auto body = from_hex("0002 c001 0001 03 0001 99");
  EXPECT_TRUE(decode_server_key_exchange(body, kTls10, 0x0003, &notes));
  EXPECT_EQ(text_of(notes), "");
  EXPECT_TRUE(decode_server_key_exchange(body, kTls10, 0x0004, &notes));
  EXPECT_THAT(text_of(notes), HasSubstr("has no ServerKeyExchange"));
}

TEST(ServerKeyExchange, OfASuiteThatHasNoneOrIsUnknownIsKeptClosed) {
  Notes notes;
  const auto of_tls13 = decode_server_key_exchange(from_hex("010203"), kTls12, 0x1301, &notes);
  ASSERT_TRUE(of_tls13);
  EXPECT_EQ(of_tls13->kind, ServerKeyExchange::Kind::kOther);
  EXPECT_THAT(text_of(notes), HasSubstr("has no ServerKeyExchange"));
  EXPECT_TRUE(decode_server_key_exchange(from_hex("010203"), kTls12, 0xEEEE));
  EXPECT_TRUE(decode_server_key_exchange({}, kTls12, 0xEEEE));
}

TEST(KeyExchangeOf, FollowsTheNameOfTheSuite) {
  const std::pair<std::uint16_t, KeyExchange> cases[] = {
      {0x002F, KeyExchange::kRsa},
      {0x0003, KeyExchange::kRsa},
      {0xFEFE, KeyExchange::kRsa},
      {0x0062, KeyExchange::kRsa},
      {0x0033, KeyExchange::kDhe},
      {0x0013, KeyExchange::kDhe},
      {0x0063, KeyExchange::kDhe},
      {0x0034, KeyExchange::kDheAnonymous},
      {0x0017, KeyExchange::kDheAnonymous},
      {0x0031, KeyExchange::kDh},
      {0x000B, KeyExchange::kDh},
      {0xC030, KeyExchange::kEcdhe},
      {0xC02B, KeyExchange::kEcdhe},
      {0xCCA8, KeyExchange::kEcdhe},
      {0xCC13, KeyExchange::kEcdhe},
      {0xC00B, KeyExchange::kEcdh},
      {0xC018, KeyExchange::kEcdheAnonymous},
      {0x008C, KeyExchange::kPsk},
      {0x0090, KeyExchange::kDhePsk},
      {0xC0AA, KeyExchange::kDhePsk},
      {0xC035, KeyExchange::kEcdhePsk},
      {0xD001, KeyExchange::kEcdhePsk},
      {0x0094, KeyExchange::kRsaPsk},
      {0xC01D, KeyExchange::kSrp},
      {0xC01E, KeyExchange::kSrp},
      {0x001E, KeyExchange::kKrb5},
      {0x0026, KeyExchange::kKrb5},
      {0x0081, KeyExchange::kGost},
      {0xC100, KeyExchange::kGost},
      {0xFF85, KeyExchange::kGost},
      {0xC103, KeyExchange::kTls13},
      {0x1301, KeyExchange::kTls13},
      {0x00C6, KeyExchange::kTls13},
      {0xC0B4, KeyExchange::kTls13},
      {0xC0B0, KeyExchange::kUnknown},
      {0x00FF, KeyExchange::kUnknown},
      {0x5600, KeyExchange::kUnknown},
      {0x0A0A, KeyExchange::kUnknown},
      {0xE013, KeyExchange::kUnknown},
      {0x0000, KeyExchange::kUnknown},
      {0x001C, KeyExchange::kUnknown},
  };
  for (const auto& [suite, exchange] : cases) {
    EXPECT_EQ(key_exchange_of(suite), exchange) << name_or_hex(cipher_suite_name(suite), suite);
  }
}

// --- the rest ---

TEST(EncryptedExtensions, OfRfc8448AreReadInOrder) {
  Notes notes;
  const auto extensions = decode_encrypted_extensions(
      from_hex("0022 000a 0014 0012 001d 0017 0018 0019 0100 0101 0102 0103 0104"
               "001c 0002 4001 0000 0000"),
      &notes);
  ASSERT_TRUE(extensions) << extensions.error().message();
  ASSERT_EQ(extensions->size(), 3u);
  EXPECT_EQ((*extensions)[0].type, 10);
  EXPECT_EQ((*extensions)[1].payload, from_hex("4001"));
  EXPECT_EQ((*extensions)[2].type, 0);
  EXPECT_EQ(text_of(notes), "");
}

TEST(CertificateVerify, NamesItsAlgorithmFromTls12On) {
  const auto body = from_hex("0804 0003 aabbcc");
  EXPECT_EQ(decode_certificate_verify(body, kTls12), 0x0804);
  EXPECT_EQ(decode_certificate_verify(body, kTls13), 0x0804);
  EXPECT_EQ(decode_certificate_verify(body, 0x7F1C), 0x0804);
  const auto old = decode_certificate_verify(from_hex("0003 aabbcc"), kTls11);
  ASSERT_TRUE(old);
  EXPECT_FALSE(*old);
  EXPECT_FALSE(decode_certificate_verify(body, kTls11));
}

}  // namespace
}  // namespace rdpwhy::tls
