// What OpenSSL thinks of a connection against what the codecs read from its octets (I4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "crypto/certificate_files.h"
#include "crypto/tls_pair.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/hello.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::crypto {
namespace {

using ::testing::ElementsAre;

struct Message {
  tls::HandshakeType type;
  Bytes body;
};

/// The handshake messages of one side, opened where they are protected.
std::vector<Message> messages_of(ByteSpan flight, Side side, record::RecordOpener* opener) {
  Bytes stream;
  bool encrypted = false;  // TLS 1.2: what follows the ChangeCipherSpec
  while (const auto header = tls::decode_record_header(flight)) {
    const auto record = flight.first(tls::RecordHeader::kSize + header->length);
    flight = flight.subspan(record.size());
    if (header->content() == tls::ContentType::kChangeCipherSpec) encrypted = true;
    if (header->content() == tls::ContentType::kHandshake && !encrypted) {
      stream.insert(stream.end(), record.begin() + tls::RecordHeader::kSize, record.end());
    }
    if (header->content() != tls::ContentType::kApplicationData || opener == nullptr) continue;
    const auto opened = opener->open(side, record);
    EXPECT_TRUE(opened.has_value());
    if (!opened || opened->content_type != 22) break;
    stream.insert(stream.end(), opened->plaintext.begin(), opened->plaintext.end());
    if (opened->plaintext.at(0) == 20) opener->finished(side);
  }
  std::vector<Message> messages;
  for (ByteSpan rest = stream; const auto header = tls::decode_handshake_header(rest);) {
    rest = rest.subspan(tls::HandshakeHeader::kSize);
    messages.push_back({header->kind(), base::to_bytes(rest.first(header->length))});
    rest = rest.subspan(header->length);
  }
  return messages;
}

const Message* find(const std::vector<Message>& messages, tls::HandshakeType type) {
  const auto found = std::ranges::find(messages, type, &Message::type);
  return found == messages.end() ? nullptr : &*found;
}

tls::ClientHello hello_of(ByteSpan flight) {
  const auto messages = messages_of(flight, Side::kClient, nullptr);
  EXPECT_FALSE(messages.empty());
  auto hello = tls::decode_client_hello(messages.at(0).body);
  EXPECT_TRUE(hello) << hello.error().message();
  return *hello;
}

class CrossCheck : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(CrossCheck, TheOctetsSayWhatOpensslThinks) {
  const auto [version, suite, group] = GetParam();
  TlsOffer offer;
  offer.cipher_suites = {static_cast<std::uint16_t>(suite)};
  offer.groups = {static_cast<std::uint16_t>(group)};
  offer.max_version = static_cast<std::uint16_t>(version);
  KeyLog log;
  auto client = TlsSession::client(offer, [&](std::string_view line) { log.add(line); });
  const auto key =
      suite == 0xC02B ? CertificateRecipe::Key::kEcP256 : CertificateRecipe::Key::kRsa2048;
  auto settings = settings_for_tests(key);
  settings.groups = "X25519:P-256:P-384:P-521:X448";
  auto server = TlsSession::server(settings);
  ASSERT_TRUE(client && server);
  const auto flights = exchange(*client, *server);
  ASSERT_EQ(client->state(), TlsSession::State::kEstablished) << client->failure();
  const auto thinks = client->accessors();

  const auto clear = messages_of(flights.server, Side::kServer, nullptr);
  const auto* hello_message = find(clear, tls::HandshakeType::kServerHello);
  ASSERT_NE(hello_message, nullptr);
  const auto hello = tls::decode_server_hello(hello_message->body);
  ASSERT_TRUE(hello) << hello.error().message();
  EXPECT_EQ(hello->version(), thinks.version);
  EXPECT_EQ(hello->cipher_suite, thinks.cipher);
  EXPECT_EQ(thinks.version, version);

  const bool tls13 = version == 0x0304;
  const auto opener = make_record_opener(log, hello_of(flights.client), *hello);
  ASSERT_NE(opener, nullptr);
  const auto messages = messages_of(flights.server, Side::kServer, opener.get());
  if (tls13) {
    ASSERT_TRUE(hello->key_share);
    EXPECT_EQ(hello->key_share->group, thinks.group);
  } else if (const auto* exchange_message =
                 find(messages, tls::HandshakeType::kServerKeyExchange)) {
    const auto parameters = tls::decode_server_key_exchange(exchange_message->body,
                                                            hello->version(), hello->cipher_suite);
    ASSERT_TRUE(parameters) << parameters.error().message();
    EXPECT_EQ(parameters->group.value_or(0), thinks.group);
  } else {
    EXPECT_EQ(thinks.group, 0);
  }
  const auto* certificate_message = find(messages, tls::HandshakeType::kCertificate);
  ASSERT_NE(certificate_message, nullptr);
  const auto certificates = tls::decode_certificate(certificate_message->body, tls13);
  ASSERT_TRUE(certificates) << certificates.error().message();
  EXPECT_THAT(certificates->certificates, ElementsAre(thinks.peer_certificate));
  EXPECT_EQ(read_certificate(certificates->certificates.at(0)).common_name, "host.lab");
}

INSTANTIATE_TEST_SUITE_P(
    Tls, CrossCheck,
    ::testing::Values(std::tuple(0x0301, 0x002F, 23), std::tuple(0x0301, 0xC014, 24),
                      std::tuple(0x0302, 0xC013, 23), std::tuple(0x0303, 0x009D, 29),
                      std::tuple(0x0303, 0xC030, 29), std::tuple(0x0303, 0xC02B, 23),
                      std::tuple(0x0303, 0xC028, 24), std::tuple(0x0304, 0x1301, 29),
                      std::tuple(0x0304, 0x1302, 23), std::tuple(0x0304, 0x1303, 24),
                      std::tuple(0x0304, 0x1302, 30)));

tls::ClientHello mstsc_hello(const std::string& name) {
  auto offer = TlsOffer::mstsc();
  offer.server_name = name;
  auto client = TlsSession::client(offer, {});
  EXPECT_TRUE(client);
  client->feed({});
  return hello_of(client->drain());
}

std::set<std::uint16_t> extension_types(const tls::ClientHello& hello) {
  std::set<std::uint16_t> types;
  for (const auto& extension : hello.extensions) types.insert(extension.type);
  return types;
}

TEST(MstscHello, OffersOnTheWireWhatItSays) {
  const auto hello = mstsc_hello("192.0.2.1");
  const auto offer = TlsOffer::mstsc();
  auto suites = offer.cipher_suites;
  suites.push_back(0x00FF);  // OpenSSL's way to say renegotiation_info
  EXPECT_EQ(hello.cipher_suites, suites);
  EXPECT_EQ(hello.supported_groups, offer.groups);
  EXPECT_EQ(hello.signature_algorithms, offer.signature_algorithms);
  EXPECT_THAT(*hello.supported_versions, ElementsAre(0x0304, 0x0303, 0x0302, 0x0301));
  EXPECT_EQ(hello.legacy_version, 0x0303);
  EXPECT_EQ(hello.session_id.size(), 32u);
  EXPECT_EQ(hello.server_name, "192.0.2.1");
  ASSERT_EQ(hello.key_shares->size(), 1u);
  EXPECT_EQ(hello.key_shares->front().group, 29);
  EXPECT_TRUE(hello.extended_master_secret && hello.session_ticket && hello.status_request &&
              hello.renegotiation_info);
  EXPECT_FALSE(hello.encrypt_then_mac);
  EXPECT_EQ(extension_types(hello),
            (std::set<std::uint16_t>{0, 5, 10, 11, 13, 23, 35, 43, 45, 49, 51}));
}

TEST(MstscHello, IsThatOfTheNewestRealCapture) {
  const auto text = read_file(shared_folder() / "captures" / "truth.json");
  if (!text) GTEST_SKIP() << "skipped: no shared captures at " << shared_folder();
  const auto truth = nlohmann::json::parse(*text);
  int compared = 0;
  for (const auto& capture : truth["captures"]) {
    for (const auto& connection : capture["connections"]) {
      if (connection.value("kind", "") != "rdp" || !connection.contains("tls")) continue;
      const auto& real = connection["tls"].value("client_hello", nlohmann::json());
      if (!real.is_object() || !real.contains("supported_versions")) continue;
      const auto ours = mstsc_hello(real.value("sni", "host"));
      SCOPED_TRACE(capture["file"]);
      auto suites = ours.cipher_suites;
      suites.pop_back();
      EXPECT_EQ(nlohmann::json(suites), real["ciphers"]);
      EXPECT_EQ(nlohmann::json(*ours.supported_versions), real["supported_versions"]);
      EXPECT_EQ(nlohmann::json(*ours.supported_groups), real["groups"]);
      EXPECT_EQ(nlohmann::json(*ours.signature_algorithms), real["sigalgs"]);
      EXPECT_EQ(*ours.server_name, real["sni"]);
      EXPECT_EQ(2 * ours.session_id.size(), real["session_id"].get<std::string>().size());
      auto types = extension_types(ours);
      types.erase(11);      // ec_point_formats: OpenSSL's own
      types.insert(65281);  // renegotiation_info: OpenSSL says it by a suite
      std::set<std::uint16_t> theirs = real["extensions"];
      theirs.insert(5);  // status_request is missing when no CredSSP is offered
      EXPECT_EQ(types, theirs);
      ++compared;
    }
  }
  EXPECT_GE(compared, 5);
}

}  // namespace
}  // namespace rdpwhy::crypto
