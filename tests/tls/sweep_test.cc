// Every valid message cut at every octet, lengthened by one, and damaged in every octet.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "tls/messages.h"
#include "tls/tls_oracles.h"

namespace rdpwhy::tls {
namespace {

struct Message {
  std::string name;
  Bytes octets;
  std::function<std::optional<DecodeError>(ByteSpan)> decode;
  /// Sizes below the whole at which the octets are a message, too: the extensions are optional.
  std::vector<std::size_t> whole_sizes;
};

template <typename Decode>
auto error_of(Decode decode) {
  return [decode](ByteSpan octets) -> std::optional<DecodeError> {
    const auto decoded = decode(octets);
    if (decoded) return std::nullopt;
    return decoded.error();
  };
}

std::vector<Message> messages() {
  const auto client_hello = error_of([](ByteSpan o) { return decode_client_hello(o); });
  const auto ssl2_hello = error_of([](ByteSpan o) { return decode_ssl2_client_hello(o); });
  const auto server_hello = error_of([](ByteSpan o) { return decode_server_hello(o); });
  const auto exchange = [](std::uint16_t suite) {
    return error_of([suite](ByteSpan o) { return decode_server_key_exchange(o, 0x0303, suite); });
  };
  return {
      {"ClientHello", rfc8448_client_hello(), client_hello, {45}},
      {"ClientHello of TLS 1.2",
       client_hello_with({{0, from_hex("0009 00 0006 736572766572")},
                          {5, from_hex("01 0000 0000")},
                          {16, from_hex("0003 02 6832")},
                          {0xFF01, from_hex("00")}}),
       client_hello,
       {41}},
      {"SSLv2 CLIENT-HELLO",
       from_hex("801c 01 0301 0003 0000 0010 00002f 000102030405060708090a0b0c0d0e0f"),
       ssl2_hello,
       {}},
      {"ServerHello", rfc8448_server_hello(), server_hello, {38}},
      {"Alert", from_hex("0228"), error_of([](ByteSpan o) { return decode_alert(o); }), {}},
      {"Certificate",
       from_hex("00000b 000003 aabbcc 000002 ddee"),
       error_of([](ByteSpan o) { return decode_certificate(o, false); }),
       {}},
      {"Certificate of TLS 1.3",
       from_hex("02 0102 000013 000003 aabbcc 0004 0012 0000 000002 ddee 0000"),
       error_of([](ByteSpan o) { return decode_certificate(o, true); }),
       {}},
      {"CertificateRequest of TLS 1.1",
       from_hex("02 0140 000a 0003 300100 0003 300101"),
       error_of([](ByteSpan o) { return decode_certificate_request(o, 0x0302); }),
       {}},
      {"CertificateRequest of TLS 1.2",
       from_hex("01 01 0004 0401 0804 0005 0003 300100"),
       error_of([](ByteSpan o) { return decode_certificate_request(o, 0x0303); }),
       {}},
      {"CertificateRequest of TLS 1.3",
       from_hex("00 0008 000d 0004 0002 0804"),
       error_of([](ByteSpan o) { return decode_certificate_request(o, 0x0304); }),
       {}},
      {"ServerKeyExchange, ECDHE",
       from_hex("03 001d 04 aabbccdd 0804 0002 eeff"),
       exchange(0xC030),
       {}},
      {"ServerKeyExchange, DHE",
       from_hex("0004 80000001 0001 02 0002 abcd 0401 0001 77"),
       exchange(0x009E),
       {}},
      {"ServerKeyExchange, ECDHE_PSK", from_hex("0002 6162 03 0017 01 aa"), exchange(0xC035), {}},
      {"ServerKeyExchange, SRP_RSA",
       from_hex("0001 07 0001 02 01 aa 0001 05 0401 0001 99"),
       exchange(0xC01E),
       {}},
      {"EncryptedExtensions",
       from_hex("000a 001c 0002 4001 0000 0000"),
       error_of([](ByteSpan o) { return decode_encrypted_extensions(o); }),
       {}},
      {"CertificateVerify",
       from_hex("0804 0003 aabbcc"),
       error_of([](ByteSpan o) { return decode_certificate_verify(o, 0x0303); }),
       {}},
  };
}

TEST(EveryMessage, IsValidAsItStands) {
  for (const auto& message : messages()) {
    const auto error = message.decode(message.octets);
    EXPECT_FALSE(error) << message.name << ": " << error->message();
  }
}

TEST(EveryMessage, CutAtAnyOctetFailsAndNamesAField) {
  for (const auto& message : messages()) {
    for (std::size_t size = 0; size < message.octets.size(); ++size) {
      SCOPED_TRACE(message.name + " cut to " + std::to_string(size));
      const auto error = message.decode(ByteSpan(message.octets).first(size));
      if (std::ranges::find(message.whole_sizes, size) != message.whole_sizes.end()) {
        EXPECT_FALSE(error);
        continue;
      }
      ASSERT_TRUE(error);
      EXPECT_EQ(error->kind, DecodeError::Kind::kTruncated);
      EXPECT_NE(error->field, "");
      EXPECT_LE(error->offset, size);
      EXPECT_EQ(error->left, size - error->offset) << "the rest of the octets, no more";
      EXPECT_GT(error->needed, error->left);
    }
  }
}

TEST(EveryMessage, WithOneOctetMoreFailsWhereItShouldEnd) {
  for (auto& message : messages()) {
    SCOPED_TRACE(message.name);
    message.octets.push_back(0);
    const auto error = message.decode(message.octets);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, DecodeError::Kind::kTrailing);
    EXPECT_EQ(error->offset, message.octets.size() - 1);
    EXPECT_EQ(error->left, 1u);
  }
}

TEST(EveryMessage, DamagedInAnyOctetBreaksNoPromise) {
  for (const auto& message : messages()) {
    for (std::size_t at = 0; at < message.octets.size(); ++at) {
      for (const auto damage : std::initializer_list<std::uint8_t>{0x01, 0x80, 0xFF}) {
        auto octets = message.octets;
        octets[at] ^= damage;
        oracle::check_tls(octets);
      }
    }
  }
}

TEST(EveryMessage, InARecordCutAtAnyOctetBreaksNoPromise) {
  const HandshakeType types[] = {HandshakeType::kClientHello, HandshakeType::kServerHello,
                                 HandshakeType::kCertificate, HandshakeType::kServerKeyExchange};
  for (const auto& message : messages()) {
    for (const auto type : types) {
      const auto record =
          encode_record(ContentType::kHandshake, 0x0303, encode_handshake(type, message.octets));
      for (std::size_t size = 0; size <= record.size(); ++size) {
        oracle::check_annotation(ByteSpan(record).first(size));
      }
    }
  }
}

TEST(RandomOctets, BreakNoPromise) {
  std::mt19937 generator(1);  // the same octets in every run
  std::uniform_int_distribution<unsigned> octet(0, 255);
  for (int round = 0; round < 2000; ++round) {
    Bytes octets(generator() % 96);
    for (auto& o : octets) o = static_cast<std::uint8_t>(octet(generator));
    oracle::check_tls(octets);
  }
}

}  // namespace
}  // namespace rdpwhy::tls
