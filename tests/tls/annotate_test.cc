#include "rdpwhy/tls/annotate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "tls/messages.h"

namespace rdpwhy::tls {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Bytes handshake_record(HandshakeType type, ByteSpan body) {
  return encode_record(ContentType::kHandshake, 0x0303, encode_handshake(type, body));
}

const FieldNote* field(const AnnotatedRecord& record, std::string_view name) {
  for (const auto& note : record.fields) {
    if (note.name == name) return &note;
  }
  return nullptr;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

TEST(Annotation, NestsTheFieldsOfAClientHello) {
  const auto octets = handshake_record(HandshakeType::kClientHello, rfc8448_client_hello());
  const auto record = annotate(octets);
  EXPECT_EQ(record.title, "TLS record, handshake: client_hello");
  EXPECT_EQ(record.size, octets.size());
  EXPECT_FALSE(record.error);
  EXPECT_TRUE(record.anomalies.empty());

  const auto* type = field(record, "type");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(
      *type,
      (FieldNote{.offset = 0, .size = 1, .depth = 1, .name = "type", .value = "22 handshake"}));
  const auto* version = field(record, "legacy_version");
  ASSERT_NE(version, nullptr);
  EXPECT_EQ(version->offset, 9u);
  EXPECT_EQ(version->value, "0x0303 TLSv1.2");
  const auto* suite = field(record, "CipherSuite");
  ASSERT_NE(suite, nullptr);
  EXPECT_EQ(suite->offset, 46u);
  EXPECT_EQ(suite->value, "0x1301 TLS_AES_128_GCM_SHA256");
  EXPECT_GT(suite->depth, version->depth);
  const auto* name = field(record, "HostName");
  ASSERT_NE(name, nullptr);
  const auto* group = field(record, "NamedGroup");
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->value, "0x001d x25519");
  EXPECT_GT(group->depth, suite->depth);
}

TEST(Annotation, ReadsNumbersByName) {
  const auto text =
      annotated_text(handshake_record(HandshakeType::kClientHello, rfc8448_client_hello()));
  EXPECT_THAT(
      text, AllOf(HasSubstr("extension_type: 0x0033 key_share"), HasSubstr("HostName: \"server\""),
                  HasSubstr("SignatureScheme: 0x0804 rsa_pss_rsae_sha256"),
                  HasSubstr("ProtocolVersion: 0x0304 TLSv1.3"),
                  HasSubstr("NamedGroup: 0x0100 ffdhe2048")));
  EXPECT_THAT(text, Not(HasSubstr("odd:")));
  EXPECT_THAT(text, Not(HasSubstr("not decoded")));
}

TEST(Annotation, ShowsSeveralMessagesInOneRecord) {
  const auto octets = encode_record(
      ContentType::kHandshake, 0x0303,
      joined({encode_handshake(HandshakeType::kServerHello, server_hello_with({})),
              encode_handshake(HandshakeType::kCertificate, from_hex("000006 000003 aabbcc")),
              encode_handshake(HandshakeType::kServerKeyExchange,
                               from_hex("03 0018 02 aabb 0401 0001 ff")),
              encode_handshake(HandshakeType::kServerHelloDone, {})}));
  const auto record = annotate(octets);
  EXPECT_EQ(record.title,
            "TLS record, handshake: server_hello, certificate, server_key_exchange, "
            "server_hello_done");
  EXPECT_FALSE(record.error);
  const auto* curve = field(record, "namedcurve");
  ASSERT_NE(curve, nullptr) << "read by the suite of the ServerHello before it";
  EXPECT_EQ(curve->value, "0x0018 secp384r1");
}

TEST(Annotation, GuessesTheFormOfMessagesWithoutTheirServerHello) {
  const auto exchange = annotate(handshake_record(HandshakeType::kServerKeyExchange,
                                                  from_hex("03 001d 02 aabb 0804 0001 ff")));
  ASSERT_NE(field(exchange, "namedcurve"), nullptr);
  EXPECT_EQ(field(exchange, "algorithm")->value, "0x0804 rsa_pss_rsae_sha256");

  const auto old =
      annotate(handshake_record(HandshakeType::kCertificate, from_hex("000006 000003 aabbcc")));
  EXPECT_FALSE(old.error);
  EXPECT_EQ(field(old, "certificate_request_context"), nullptr);
  const auto tls13 = annotate(
      handshake_record(HandshakeType::kCertificate, from_hex("00 000008 000003 aabbcc 0000")));
  EXPECT_FALSE(tls13.error);
  EXPECT_NE(field(tls13, "certificate_request_context"), nullptr);
}

TEST(Annotation, PutsAMessageTogetherThatIsSpreadOverRecords) {
  const auto message = encode_handshake(HandshakeType::kClientHello, rfc8448_client_hello());
  for (const std::size_t first : {1u, 3u, 4u, 5u, 100u}) {
    for (const std::size_t second : {1u, 2u, 50u}) {
      SCOPED_TRACE(std::to_string(first) + " and " + std::to_string(second));
      const ByteSpan all = message;
      const auto text = annotated_text(joined({
          encode_record(ContentType::kHandshake, 0x0301, all.first(first)),
          encode_record(ContentType::kHandshake, 0x0301, all.subspan(first, second)),
          encode_record(ContentType::kHandshake, 0x0301, all.subspan(first + second)),
          encode_record(ContentType::kAlert, 0x0303, from_hex("0228")),
      }));
      EXPECT_THAT(text, HasSubstr("handshake: rest of client_hello (goes on)"));
      EXPECT_THAT(text, HasSubstr("client_hello, put together from 3 records, 196 octets"));
      EXPECT_THAT(text, HasSubstr("HostName: \"server\""));
      EXPECT_THAT(text, HasSubstr("TLS record, alert: handshake_failure"));
      EXPECT_THAT(text, Not(HasSubstr("error:")));
      EXPECT_THAT(text, Not(HasSubstr("odd:")));
    }
  }
}

TEST(Annotation, GoesOnWithMessagesBehindTheRestOfOne) {
  const auto hello = encode_handshake(HandshakeType::kServerHello, server_hello_with({}));
  const auto done = encode_handshake(HandshakeType::kServerHelloDone, {});
  const auto text = annotated_text(
      joined({encode_record(ContentType::kHandshake, 0x0303, ByteSpan(hello).first(10)),
              encode_record(ContentType::kHandshake, 0x0303,
                            joined({Bytes(hello.begin() + 10, hello.end()), done}))}));
  EXPECT_THAT(text, HasSubstr("handshake: server_hello (goes on in the next record)"));
  EXPECT_THAT(text, HasSubstr("handshake: rest of server_hello, server_hello_done"));
  EXPECT_THAT(text, HasSubstr("0xc02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
}

TEST(Annotation, SaysWhichRecordsAreProtected) {
  const auto text =
      annotated_text(joined({from_hex("14 0303 0001 01"), from_hex("16 0303 0008 9badcafe12345678"),
                             from_hex("15 0303 0013 00112233445566778899aabbccddeeff001122"),
                             from_hex("17 0303 0004 01020304")}));
  EXPECT_THAT(text, HasSubstr("TLS record, change_cipher_spec, 6 octets"));
  EXPECT_THAT(text, HasSubstr("TLS record, handshake, protected, 13 octets"));
  EXPECT_THAT(text, HasSubstr("TLS record, alert, protected, 24 octets"));
  EXPECT_THAT(text, HasSubstr("TLS record, application_data, 9 octets"));
  EXPECT_THAT(text, Not(HasSubstr("error:")));
}

TEST(Annotation, ReadsASecondClientHelloBehindTheChangeCipherSpecOfTls13) {
  const auto hello = handshake_record(HandshakeType::kClientHello, rfc8448_client_hello());
  const auto text = annotated_text(joined({from_hex("14 0303 0001 01"), hello}));
  EXPECT_THAT(text, HasSubstr("handshake: client_hello"));
}

TEST(Annotation, ShowsWhatIsThereOfARecordThatIsCutOff) {
  const auto whole = handshake_record(HandshakeType::kClientHello, rfc8448_client_hello());
  const auto octets = Bytes(whole.begin(), whole.begin() + 60);
  const auto record = annotate(octets);
  EXPECT_EQ(record.title, "TLS record, handshake: client_hello, cut off");
  EXPECT_EQ(record.size, 60u);
  ASSERT_TRUE(record.error);
  EXPECT_EQ(record.error->field, "fragment");
  EXPECT_EQ(record.error->needed, 196u);
  EXPECT_NE(field(record, "CipherSuite"), nullptr);

  const auto header = annotate(from_hex("16 0301"));
  EXPECT_EQ(header.title, "TLS record, cut off");
  EXPECT_EQ(header.error->field, "length");
}

TEST(Annotation, CallsOtherOctetsNoTlsRecord) {
  const auto tpkt = annotate(from_hex("03 00 00 13 0e d0 00 00"));
  EXPECT_EQ(tpkt.title, "no TLS record");
  ASSERT_TRUE(tpkt.error);
  EXPECT_EQ(tpkt.error->field, "type");
  EXPECT_EQ(tpkt.size, 8u);
  EXPECT_EQ(annotate(from_hex("16 0505 0001 00")).error->field, "legacy_record_version");
  EXPECT_EQ(annotate({}).title, "no TLS record");
  EXPECT_EQ(annotate({}).size, 0u);

  const auto text = annotated_text(from_hex("15 0301 0002 0228 48545450"));
  EXPECT_THAT(text, HasSubstr("alert: handshake_failure"));
  EXPECT_THAT(text, HasSubstr("no TLS record any more, 4 octets"));
  EXPECT_THAT(text, HasSubstr("48 54 54 50"));
}

TEST(Annotation, ReadsAnSsl2Hello) {
  const auto record =
      annotate(from_hex("801c 01 0301 0003 0000 0010 0700c0 000102030405060708090a0b0c0d0e0f 16"));
  EXPECT_EQ(record.title, "SSLv2 CLIENT-HELLO");
  EXPECT_EQ(record.size, 30u);
  EXPECT_EQ(field(record, "V2CipherSpec")->value, "0x0700c0 SSL2_DES_192_EDE3_CBC_WITH_MD5");
}

TEST(Annotation, CountsErrorsAndOdditiesFromTheRecordHeader) {
  const auto odd = annotate(handshake_record(HandshakeType::kClientHello,
                                             client_hello_with({{10, from_hex("0004 001d")}})));
  ASSERT_EQ(odd.anomalies.size(), 1u);
  // Both headers, the fixed part of the body, length of the extensions, type and length, list
  // length.
  EXPECT_EQ(odd.anomalies[0].offset, 5u + 4 + 41 + 2 + 4 + 2);
  EXPECT_THAT(annotated_text(odd, {}), HasSubstr("odd: supported_groups"));

  const auto broken =
      annotate(handshake_record(HandshakeType::kServerHello, from_hex("0303 0102")));
  ASSERT_TRUE(broken.error);
  EXPECT_EQ(broken.error->field, "random");
  EXPECT_EQ(broken.error->offset, 11u);
}

TEST(Annotation, ReadsTheSmallerMessages) {
  const auto text_for = [](HandshakeType type, std::string_view body) {
    return annotated_text(handshake_record(type, from_hex(body)));
  };
  EXPECT_THAT(text_for(HandshakeType::kNewSessionTicket, "00000e10 0003 aabbcc"),
              AllOf(HasSubstr("3600 seconds"), Not(HasSubstr("error"))));
  EXPECT_THAT(text_for(HandshakeType::kFinished, "0102030405060708090a0b0c"),
              HasSubstr("verify_data"));
  EXPECT_THAT(text_for(HandshakeType::kCertificateStatus, "01 000002 3000"),
              AllOf(HasSubstr("0x01 ocsp"), Not(HasSubstr("error"))));
  EXPECT_THAT(text_for(HandshakeType::kClientKeyExchange, "04 01020304"),
              HasSubstr("exchange_keys"));
  EXPECT_THAT(text_for(HandshakeType::kServerHelloDone, "00"), HasSubstr("should be empty"));
  EXPECT_THAT(annotated_text(from_hex("16 0303 0006 63 000002 abcd")),
              HasSubstr("handshake message 99"));
  EXPECT_THAT(annotated_text(from_hex("18 0302 0003 01 4000")), HasSubstr("Heartbleed"));
}

}  // namespace
}  // namespace rdpwhy::tls
