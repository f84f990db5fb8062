#include "rdpwhy/crypto/record_opener.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/tls_pair.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::crypto {
namespace {

using Refusal = record::RecordOpener::Refusal;
using State = TlsSession::State;

constexpr std::uint8_t kAlert = 21;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kApplicationData = 23;
constexpr std::uint8_t kFinishedType = 20;
constexpr std::uint8_t kKeyUpdateType = 24;

Bytes octets(std::string_view hex) { return *base::parse_hex(hex); }

tls::ServerHello server_hello(std::uint16_t suite) {
  tls::ServerHello hello;
  hello.legacy_version = 0x0303;
  hello.selected_version = 0x0304;
  hello.cipher_suite = suite;
  return hello;
}

/// RFC 8448 3, Simple 1-RTT Handshake: secrets and records as published.
class Rfc8448 : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string random = "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7";
    const Bytes random_octets = octets(random);
    std::copy(random_octets.begin(), random_octets.end(), client_hello_.random.begin());
    log_.add("CLIENT_HANDSHAKE_TRAFFIC_SECRET " + random +
             " b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21\n"
             "CLIENT_TRAFFIC_SECRET_0 " +
             random +
             " 9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5\n"
             "SERVER_TRAFFIC_SECRET_0 " +
             random + " a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643\n");
    opener_ = make_record_opener(log_, client_hello_, server_hello(0x1301));
    ASSERT_NE(opener_, nullptr);
  }

  const Bytes client_finished_ = octets(
      "1703030035 75ec4dc238cce60b298044a71e219c56cc77b0517fe9b93c7a4bfc44d87f38f80338ac98fc46de"
      "b384bd1caeacab6867d726c40546");
  const Bytes client_text_ = octets(
      "1703030043 a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a"
      "20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
  const Bytes client_alert_ = octets("1703030013 c9872760655666b74d7ff1153efd6db6d0b0e3");
  const Bytes server_text_ = octets(
      "1703030043 2e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb"
      "501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d");

  tls::ClientHello client_hello_;
  KeyLog log_;
  std::unique_ptr<record::RecordOpener> opener_;
};

TEST_F(Rfc8448, ClientRecordsOpenAsPublished) {
  const auto finished = opener_->open(Side::kClient, client_finished_);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->content_type, kHandshake);
  EXPECT_EQ(base::to_hex(finished->plaintext),
            "14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61");
  opener_->finished(Side::kClient);
  const auto text = opener_->open(Side::kClient, client_text_);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->content_type, kApplicationData);
  ASSERT_EQ(text->plaintext.size(), 50u);
  for (std::uint8_t i = 0; i < 50; ++i) EXPECT_EQ(text->plaintext[i], i);
  const auto alert = opener_->open(Side::kClient, client_alert_);
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->content_type, kAlert);
  EXPECT_EQ(alert->plaintext, (Bytes{1, 0}));
}

TEST_F(Rfc8448, OfSecretsThatDisagreeTheOneThatOpensARecordIsUsed) {
  const std::string random = base::to_hex(client_hello_.random);
  for (const bool wrong_last : {true, false}) {
    KeyLog log;
    const auto add_wrong = [&](char digit) {
      for (const auto* label : {"CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "CLIENT_TRAFFIC_SECRET_0 "})
        log.add(label + random + " " + std::string(64, digit));
    };
    if (!wrong_last) add_wrong('1');
    log.add("CLIENT_HANDSHAKE_TRAFFIC_SECRET " + random +
            " b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21\n"
            "CLIENT_TRAFFIC_SECRET_0 " +
            random + " 9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5\n");
    if (wrong_last) add_wrong('2');
    const auto opener = make_record_opener(log, client_hello_, server_hello(0x1301));
    EXPECT_TRUE(opener->open(Side::kClient, client_finished_));
    opener->finished(Side::kClient);
    EXPECT_TRUE(opener->open(Side::kClient, client_text_));
    EXPECT_TRUE(opener->open(Side::kClient, client_alert_));
  }
}

TEST_F(Rfc8448, ARecordThatNoneOfTheSecretsOpensIsCountedForEach) {
  log_.add("SERVER_TRAFFIC_SECRET_0 " + base::to_hex(client_hello_.random) + " " +
           std::string(64, '1'));
  opener_->finished(Side::kServer);
  Bytes damaged = server_text_;
  damaged.back() ^= 1;
  EXPECT_EQ(opener_->open(Side::kServer, damaged).error(), Refusal::kBadRecord);
  EXPECT_TRUE(opener_->open(Side::kServer, server_text_));
}

TEST_F(Rfc8448, ADamagedRecordCostsItselfAlone) {
  opener_->finished(Side::kServer);
  Bytes damaged = server_text_;
  damaged.back() ^= 1;
  // In the trace the session ticket is record 0 and this text record 1.
  EXPECT_EQ(opener_->open(Side::kServer, damaged).error(), Refusal::kBadRecord);
  EXPECT_TRUE(opener_->open(Side::kServer, server_text_));
}

TEST_F(Rfc8448, WithoutItsSecretARecordWaits) {
  EXPECT_EQ(opener_->open(Side::kServer, server_text_).error(), Refusal::kNoSecrets);
  const KeyLog empty;
  const auto opener = make_record_opener(empty, client_hello_, server_hello(0x1301));
  EXPECT_EQ(opener->open(Side::kClient, client_finished_).error(), Refusal::kNoSecrets);
}

TEST_F(Rfc8448, SecretsMayComeLater) {
  KeyLog late;
  const auto opener = make_record_opener(late, client_hello_, server_hello(0x1301));
  EXPECT_EQ(opener->open(Side::kClient, client_finished_).error(), Refusal::kNoSecrets);
  late = std::move(log_);
  EXPECT_TRUE(opener->open(Side::kClient, client_finished_));
}

TEST_F(Rfc8448, RecordsTooShortForATagAreBadAndUnprotectedOnesComeBack) {
  for (const auto* hex : {"", "17", "17030300", "1703030000", "170303000100",
                          "1703030010 00000000000000000000000000000000"}) {
    EXPECT_EQ(opener_->open(Side::kClient, octets(hex)).error(), Refusal::kBadRecord) << hex;
  }
  auto fresh = make_record_opener(log_, client_hello_, server_hello(0x1301));
  const auto alert = fresh->open(Side::kClient, octets("15030300020228"));
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->content_type, kAlert);
  EXPECT_EQ(alert->plaintext, (Bytes{2, 40}));
  EXPECT_TRUE(fresh->open(Side::kClient, client_finished_));  // was not counted
}

TEST_F(Rfc8448, EarlyDataBeforeTheFinishedIsNotCounted) {
  client_hello_.early_data = true;
  const auto opener = make_record_opener(log_, client_hello_, server_hello(0x1301));
  EXPECT_EQ(opener->open(Side::kClient, client_text_).error(), Refusal::kUnsupported);
  EXPECT_TRUE(opener->open(Side::kClient, client_finished_));
}

TEST_F(Rfc8448, ASecretOfAnotherSuiteIsNone) {
  const auto opener = make_record_opener(log_, client_hello_, server_hello(0x1302));
  EXPECT_EQ(opener->open(Side::kClient, client_finished_).error(), Refusal::kNoSecrets);
}

TEST(RecordOpener, OtherVersionsHaveNoneAndOtherSuitesAreUnsupported) {
  const KeyLog log;
  auto hello = server_hello(0xC030);
  hello.selected_version.reset();
  hello.legacy_version = 0x0300;
  EXPECT_EQ(make_record_opener(log, {}, hello), nullptr);
  auto retry = server_hello(0x1301);
  retry.hello_retry_request = true;
  EXPECT_EQ(make_record_opener(log, {}, retry), nullptr);
  const auto unknown = make_record_opener(log, {}, server_hello(0x00C6));
  ASSERT_NE(unknown, nullptr);
  EXPECT_EQ(unknown->open(Side::kClient, octets("1703030000")).error(), Refusal::kUnsupported);
}

/// Reads the records of one side of a live connection as a dissector does, in the order they came.
class Follower {
 public:
  Follower(record::RecordOpener& opener, Side side) : opener_(opener), side_(side) {}

  void read(const Bytes& flight) {
    std::size_t at = 0;
    while (at + 5 <= flight.size()) {
      const std::size_t size = 5 + static_cast<std::size_t>(flight[at + 3] << 8 | flight[at + 4]);
      const auto record = ByteSpan(flight).subspan(at, size);
      at += size;
      if (record[0] == kApplicationData) read_protected(record);
    }
    EXPECT_EQ(at, flight.size());
  }

  std::vector<std::uint8_t> handshake_types;
  std::string text;
  int alerts = 0;

 private:
  void read_protected(ByteSpan record) {
    const auto opened = opener_.open(side_, record);
    ASSERT_TRUE(opened) << "refusal " << static_cast<int>(opened.error());
    if (opened->content_type == kApplicationData) text += base::as_text(opened->plaintext);
    if (opened->content_type == kAlert) ++alerts;
    if (opened->content_type != kHandshake) return;
    const Bytes& messages =
        opened->plaintext;  // OpenSSL does not split a message over records here
    for (std::size_t at = 0; at + 4 <= messages.size();) {
      const std::uint8_t type = messages[at];
      handshake_types.push_back(type);
      at += 4 + static_cast<std::size_t>(messages[at + 1] << 16 | messages[at + 2] << 8 |
                                         messages[at + 3]);
      if (type == kFinishedType) opener_.finished(side_);
      if (type == kKeyUpdateType) opener_.key_update(side_);
    }
  }

  record::RecordOpener& opener_;
  Side side_;
};

class EverySuite : public ::testing::TestWithParam<int> {};

TEST_P(EverySuite, OpensALiveConnectionWithKeyUpdates) {
  const auto suite = static_cast<std::uint16_t>(GetParam());
  TlsOffer offer;
  offer.cipher_suites = {suite};
  offer.min_version = 0x0304;
  auto settings = settings_for_tests();
  settings.tls13_cipher_suites =
      "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
      "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256";
  KeyLog log;
  auto client = TlsSession::client(offer, [&](std::string_view line) { log.add(line); });
  auto server = TlsSession::server(settings);
  ASSERT_TRUE(client && server);

  const auto handshake = exchange(*client, *server);
  ASSERT_EQ(client->state(), State::kEstablished) << client->failure();
  tls::ClientHello hello;
  std::copy_n(handshake.client.begin() + 11, 32, hello.random.begin());
  const auto opener = make_record_opener(log, hello, server_hello(suite));
  ASSERT_NE(opener, nullptr);
  Follower from_client(*opener, Side::kClient);
  Follower from_server(*opener, Side::kServer);
  from_server.read(handshake.server);
  from_client.read(handshake.client);
  // EncryptedExtensions, Certificate, CertificateVerify, Finished, two NewSessionTicket
  EXPECT_EQ(from_server.handshake_types, (std::vector<std::uint8_t>{8, 11, 15, 20, 4, 4}));
  EXPECT_EQ(from_client.handshake_types, (std::vector<std::uint8_t>{20}));

  for (int round = 0; round < 3; ++round) {
    client->write(base::as_bytes("to the server."));
    server->write(base::as_bytes("to the client."));
    client->update_keys(round == 1);  // once the server must answer with its own
    server->update_keys(false);
    client->write(base::as_bytes(std::string(20'000, '!')));
    const auto more = exchange(*client, *server);
    from_client.read(more.client);
    from_server.read(more.server);
  }
  client->close();
  from_client.read(exchange(*client, *server).client);
  EXPECT_EQ(from_client.text.size(), 3 * (14u + 20'000u));
  EXPECT_EQ(from_server.text, "to the client.to the client.to the client.");
  EXPECT_EQ(std::count(from_client.handshake_types.begin(), from_client.handshake_types.end(),
                       kKeyUpdateType),
            3);
  EXPECT_EQ(std::count(from_server.handshake_types.begin(), from_server.handshake_types.end(),
                       kKeyUpdateType),
            4);
  EXPECT_EQ(from_client.alerts, 1);
}

INSTANTIATE_TEST_SUITE_P(RecordOpener, EverySuite,
                         ::testing::Values(0x1301, 0x1302, 0x1303, 0x1304, 0x1305));

}  // namespace
}  // namespace rdpwhy::crypto
