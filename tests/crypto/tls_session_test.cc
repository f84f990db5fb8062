#include "rdpwhy/crypto/tls_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "crypto/tls_pair.h"

namespace rdpwhy::crypto {
namespace {

using State = TlsSession::State;

std::string text_of(const Bytes& octets) { return std::string(base::as_text(octets)); }

TEST(TlsOffer, MstscOffersWhatWindows11Captured) {
  const auto offer = TlsOffer::mstsc();
  EXPECT_EQ(offer.cipher_suites.size(), 20u);
  EXPECT_EQ(offer.groups, (std::vector<std::uint16_t>{29, 23, 24}));
  EXPECT_EQ(offer.signature_algorithms.front(), 2052);
  EXPECT_EQ(offer.signature_algorithms.size(), 12u);
}

TEST(TlsSession, FirstFlightIsAClientHelloRecord) {
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  ASSERT_TRUE(client) << client.error().text;
  EXPECT_EQ(client->feed({}), State::kHandshaking);
  const Bytes hello = client->drain();
  ASSERT_GT(hello.size(), 100u);
  EXPECT_EQ(hello[0], 22);  // handshake
  EXPECT_EQ(hello[5], 1);   // client_hello
  EXPECT_TRUE(client->drain().empty());
}

TEST(TlsSession, CarriesTextBothWaysAndClosesInOrder) {
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  auto server = TlsSession::server(settings_for_tests());
  ASSERT_TRUE(client && server);
  client->write(base::as_bytes("before the handshake"));  // waits for it
  exchange(*client, *server);
  ASSERT_EQ(client->state(), State::kEstablished) << client->failure();
  ASSERT_EQ(server->state(), State::kEstablished) << server->failure();
  EXPECT_EQ(text_of(server->plaintext()), "before the handshake");
  EXPECT_TRUE(server->plaintext().empty());
  const std::string large(100'000, 'x');
  server->write(base::as_bytes(large));
  exchange(*client, *server);
  EXPECT_EQ(text_of(client->plaintext()), large);
  client->close();
  exchange(*client, *server);
  EXPECT_EQ(server->state(), State::kPeerClosed);
  EXPECT_EQ(client->state(), State::kEstablished);
  server->close();
  exchange(*client, *server);
  EXPECT_EQ(client->state(), State::kPeerClosed);
  EXPECT_EQ(server->feed(base::as_bytes("anything")), State::kPeerClosed);
}

TEST(TlsSession, RefusesByAnAlertOfItsChoiceBehindAllThatItWrote) {
  struct Row {
    std::uint16_t version, suite;
  };
  for (const auto& [version, suite] :
       {Row{0x0304, 0x1301}, Row{0x0304, 0x1302}, Row{0x0304, 0x1303}, Row{0x0303, 0xC02F},
        Row{0x0303, 0xC030}, Row{0x0303, 0xCCA8}}) {
    TlsOffer offer = TlsOffer::mstsc();
    offer.cipher_suites = {suite};
    offer.min_version = offer.max_version = version;
    auto client = TlsSession::client(offer, {});
    auto server = TlsSession::server(settings_for_tests());
    ASSERT_TRUE(client && server) << suite;
    exchange(*client, *server);
    server->write(base::as_bytes("one"));
    exchange(*client, *server);
    server->write(base::as_bytes("two"));  // still pending when the alert is queued
    server->refuse(49);
    server->write(base::as_bytes("nothing comes behind it"));
    server->close();
    exchange(*client, *server);
    EXPECT_EQ(text_of(client->plaintext()), "onetwo") << suite;
    EXPECT_EQ(client->state(), State::kFailed) << suite;
    EXPECT_THAT(client->failure(), testing::HasSubstr("access denied")) << suite;
    EXPECT_TRUE(server->drain().empty()) << suite;
  }
}

TEST(TlsSession, RefusesNobodyWhereItCannot) {
  TlsOffer offer = TlsOffer::mstsc();
  offer.max_version = 0x0303;
  offer.cipher_suites = {0xC027};  // CBC
  auto client = TlsSession::client(offer, {});
  auto server = TlsSession::server(settings_for_tests());
  ASSERT_TRUE(client && server);
  server->refuse(80);  // during the handshake
  exchange(*client, *server);
  EXPECT_EQ(client->state(), State::kEstablished) << client->failure();
  client->refuse(80);  // a client's word is its close
  server->refuse(80);
  exchange(*client, *server);
  EXPECT_EQ(client->state(), State::kEstablished) << client->failure();
  EXPECT_EQ(server->state(), State::kEstablished) << server->failure();
}

TEST(TlsSession, TakesOctetsOneByOne) {
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  auto server = TlsSession::server(settings_for_tests());
  ASSERT_TRUE(client && server);
  client->feed({});
  for (int turn = 0; turn < 10; ++turn) {
    for (const auto octet : client->drain()) server->feed({&octet, 1});
    for (const auto octet : server->drain()) client->feed({&octet, 1});
  }
  EXPECT_EQ(client->state(), State::kEstablished) << client->failure();
  EXPECT_EQ(server->state(), State::kEstablished) << server->failure();
}

TEST(TlsSession, LogsItsSecretsInTheNssFormat) {
  std::vector<std::string> lines;
  auto client = TlsSession::client(TlsOffer::mstsc(),
                                   [&](std::string_view line) { lines.emplace_back(line); });
  auto server = TlsSession::server(settings_for_tests());
  ASSERT_TRUE(client && server);
  exchange(*client, *server);
  std::vector<std::string> labels;
  for (const auto& line : lines) labels.push_back(line.substr(0, line.find(' ')));
  EXPECT_THAT(labels, ::testing::IsSupersetOf(
                          {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                           "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}));
}

TEST(TlsSession, ClearTextWhereTlsIsDueFailsForGood) {
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  ASSERT_TRUE(client);
  client->feed({});
  ASSERT_FALSE(client->drain().empty());
  // An MCS disconnect ultimatum in the clear, as xrdp sends it.
  const Bytes clear = {3, 0, 0, 9, 2, 0xF0, 0x80, 0x21, 0x80};
  EXPECT_EQ(client->feed(clear), State::kFailed);
  EXPECT_FALSE(client->failure().empty());
  EXPECT_TRUE(client->drain().empty());  // OpenSSL has no alert for a peer that speaks no TLS
  EXPECT_EQ(client->feed(clear), State::kFailed);
  client->write(clear);
  client->close();
  client->update_keys(true);
  EXPECT_TRUE(client->drain().empty());
}

TEST(TlsSession, AMalformedHandshakeMessageLeavesAnAlertForThePeer) {
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  ASSERT_TRUE(client);
  client->feed({});
  ASSERT_FALSE(client->drain().empty());
  const Bytes server_hello_of_two_octets = {22, 3, 3, 0, 6, 2, 0, 0, 2, 3, 3};
  EXPECT_EQ(client->feed(server_hello_of_two_octets), State::kFailed);
  const Bytes alert = client->drain();
  ASSERT_EQ(alert.size(), 7u);
  EXPECT_EQ(alert[0], 21);
  EXPECT_EQ(alert[6], 50);  // decode_error
  EXPECT_TRUE(client->drain().empty());
}

TEST(TlsSession, AnAlertOfThePeerIsAFailureInItsWords) {
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  ASSERT_TRUE(client);
  client->feed({});
  ASSERT_FALSE(client->drain().empty());
  const Bytes alert = {21, 3, 3, 0, 2, 2, 40};
  EXPECT_EQ(client->feed(alert), State::kFailed);
  EXPECT_THAT(client->failure(), ::testing::HasSubstr("handshake failure"));
}

TEST(TlsSession, HalfARecordIsWaitedFor) {
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  ASSERT_TRUE(client);
  client->feed({});
  const Bytes half = {22, 3, 3, 0x40};
  EXPECT_EQ(client->feed(half), State::kHandshaking);
}

TEST(TlsSession, NoCommonVersionEndsInAnAlertToThePeer) {
  auto offer = TlsOffer::mstsc();
  offer.max_version = 0x0302;
  auto settings = settings_for_tests();
  settings.min_version = 0x0303;
  auto client = TlsSession::client(offer, {});
  auto server = TlsSession::server(settings);
  ASSERT_TRUE(client && server);
  exchange(*client, *server);
  EXPECT_EQ(server->state(), State::kFailed);
  EXPECT_EQ(client->state(), State::kFailed);
  EXPECT_THAT(client->failure(), ::testing::HasSubstr("alert protocol version"));
}

TEST(TlsSession, AClientWithoutCertificateAnswersARequestForOne) {
  auto settings = settings_for_tests();
  settings.request_client_certificate = true;
  auto client = TlsSession::client(TlsOffer::mstsc(), {});
  auto server = TlsSession::server(settings);
  ASSERT_TRUE(client && server);
  exchange(*client, *server);
  EXPECT_EQ(server->state(), State::kEstablished) << server->failure();

  settings.require_client_certificate = true;
  auto refused = TlsSession::client(TlsOffer::mstsc(), {});
  auto strict = TlsSession::server(settings);
  ASSERT_TRUE(refused && strict);
  exchange(*refused, *strict);
  EXPECT_EQ(strict->state(), State::kFailed);
  EXPECT_EQ(refused->state(), State::kFailed);
  EXPECT_THAT(refused->failure(), ::testing::HasSubstr("certificate required"));
}

TEST(TlsSession, WhatOpenSslCannotOfferIsRefusedByName) {
  TlsOffer offer;
  offer.cipher_suites = {0x0004, 0xC030};  // RC4
  const auto refused = TlsSession::client(offer, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text, ::testing::HasSubstr("RC4_128_MD5"));
  EXPECT_THAT(refused.error().text, ::testing::Not(::testing::HasSubstr("GCM")));
  offer.skip_unsupported = true;
  EXPECT_TRUE(TlsSession::client(offer, {}));

  TlsOffer groups;
  groups.groups = {29, 4588};  // X25519MLKEM768
  EXPECT_FALSE(TlsSession::client(groups, {}));
  TlsOffer algorithms;
  algorithms.signature_algorithms = {0x0101, 0x0401};  // RSA+MD5
  EXPECT_FALSE(TlsSession::client(algorithms, {}));
}

TEST(TlsSession, SuitesThatFitNoVersionAreAnError) {
  TlsOffer offer;
  offer.cipher_suites = {0x1301};
  offer.max_version = 0x0303;
  EXPECT_FALSE(TlsSession::client(offer, {}));
  offer.cipher_suites = {0xC030};
  offer.min_version = offer.max_version = 0x0304;
  EXPECT_FALSE(TlsSession::client(offer, {}));
  offer.min_version = 0x0304;
  offer.max_version = 0x0303;
  EXPECT_FALSE(TlsSession::client(offer, {}));
}

TEST(TlsSession, ATooLongServerNameIsAnErrorAndAnAddressIsNot) {
  TlsOffer offer;
  offer.server_name = std::string(256, 'a');
  EXPECT_FALSE(TlsSession::client(offer, {}));
  offer.server_name = "192.0.2.1";
  auto client = TlsSession::client(offer, {});
  ASSERT_TRUE(client);
  client->feed({});
  EXPECT_THAT(text_of(client->drain()), ::testing::HasSubstr("192.0.2.1"));
}

TEST(TlsSession, CertificateAndKeyMustGoTogether) {
  auto settings = settings_for_tests(CertificateRecipe::Key::kRsa2048);
  settings.private_key_pem = settings_for_tests(CertificateRecipe::Key::kEcP256).private_key_pem;
  EXPECT_FALSE(TlsSession::server(settings));
  settings.private_key_pem = "no key";
  EXPECT_FALSE(TlsSession::server(settings));
  settings.certificate_chain_pem = "no certificate";
  EXPECT_FALSE(TlsSession::server(settings));
}

/// version, cipher suite, key of the server's certificate
using Combination = std::tuple<int, int, CertificateRecipe::Key>;

class EveryCombination : public ::testing::TestWithParam<Combination> {};

TEST_P(EveryCombination, IsNegotiatedAsAsked) {
  const auto [version, suite, key] = GetParam();
  TlsOffer offer;
  offer.min_version = offer.max_version = static_cast<std::uint16_t>(version);
  offer.cipher_suites = {static_cast<std::uint16_t>(suite)};
  auto settings = settings_for_tests(key);
  settings.cipher_list = "ALL:eNULL:@SECLEVEL=0";
  settings.tls13_cipher_suites =
      "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
      "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";
  auto client = TlsSession::client(offer, {});
  auto server = TlsSession::server(settings);
  ASSERT_TRUE(client) << client.error().text;
  ASSERT_TRUE(server) << server.error().text;
  exchange(*client, *server);
  ASSERT_EQ(client->state(), State::kEstablished) << client->failure();
  ASSERT_EQ(server->state(), State::kEstablished) << server->failure();
  const auto seen = client->accessors();
  EXPECT_EQ(seen.version, version);
  EXPECT_EQ(seen.cipher, suite);
  EXPECT_FALSE(seen.peer_certificate.empty());
  server->write(base::as_bytes("hello"));
  exchange(*client, *server);
  EXPECT_EQ(text_of(client->plaintext()), "hello");
}

using Key = CertificateRecipe::Key;
INSTANTIATE_TEST_SUITE_P(
    TlsSession, EveryCombination,
    ::testing::Values(
        Combination{0x0301, 0x002F, Key::kRsa1024}, Combination{0x0301, 0xC014, Key::kRsa2048},
        Combination{0x0301, 0xC009, Key::kEcP256}, Combination{0x0302, 0x0035, Key::kRsa1024},
        Combination{0x0302, 0x0039, Key::kRsa2048}, Combination{0x0303, 0x0002, Key::kRsa1024},
        Combination{0x0303, 0x003C, Key::kRsa2048}, Combination{0x0303, 0xC030, Key::kRsa2048},
        Combination{0x0303, 0xC02B, Key::kEcP256}, Combination{0x0303, 0xCCA8, Key::kRsa1024},
        Combination{0x0303, 0xC02C, Key::kEd25519}, Combination{0x0304, 0x1301, Key::kRsa2048},
        Combination{0x0304, 0x1302, Key::kRsa1024}, Combination{0x0304, 0x1303, Key::kEd25519},
        Combination{0x0304, 0x1304, Key::kEcP256}, Combination{0x0304, 0x1305, Key::kRsa2048}));

TEST(TlsSession, EveryGroupThatIsOfferedAloneIsUsed) {
  for (const int group : {23, 24, 25, 29, 30, 256}) {
    for (const int version : {0x0303, 0x0304}) {
      if (group == 256 && version == 0x0303) continue;  // OpenSSL 3.0 uses RFC 7919 with 1.3 only
      TlsOffer offer;
      offer.min_version = offer.max_version = static_cast<std::uint16_t>(version);
      offer.groups = {static_cast<std::uint16_t>(group)};
      auto settings = settings_for_tests();
      settings.groups = "X25519:X448:P-256:P-384:P-521:ffdhe2048";
      auto client = TlsSession::client(offer, {});
      auto server = TlsSession::server(settings);
      ASSERT_TRUE(client) << client.error().text;
      ASSERT_TRUE(server) << server.error().text;
      exchange(*client, *server);
      ASSERT_EQ(client->state(), State::kEstablished) << client->failure() << " group " << group;
      EXPECT_EQ(client->accessors().group, group) << std::hex << version;
    }
  }
}

}  // namespace
}  // namespace rdpwhy::crypto
