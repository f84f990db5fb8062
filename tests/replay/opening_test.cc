// TLS opened from end to end: connections of OpenSSL's own behind X.224, live and replayed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "crypto/openssl_pair.h"
#include "crypto/tls_pair.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/record/queries.h"
#include "replay/made_capture.h"

namespace rdpwhy::replay {
namespace {

using crypto::OpensslPair;
using dissect::Dissector;
using record::Layer;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace streams = dissect::streams;

/// X.224, then what was said in TLS, then both leave.
streams::Connection connection_of(const crypto::Wire& wire) {
  streams::Connection connection = {streams::client(streams::request()),
                                    streams::server(streams::confirm(1))};
  for (const auto& flight : wire)
    connection.push_back({.side = flight.side, .octets = flight.octets});
  connection.push_back(streams::ended(Side::kClient));
  connection.push_back(streams::ended(Side::kServer));
  return connection;
}

std::vector<std::string> said_opened(const HandshakeRecord& record) {
  std::vector<std::string> lines;
  for (const auto& e : record.evidence) {
    if (e.where.layer == Layer::kDecrypted)
      lines.push_back(std::string(record::name_of(e.where.side)) + ": " + record::describe(e));
  }
  return lines;
}

std::size_t closed_in(const HandshakeRecord& record) {
  return static_cast<std::size_t>(std::ranges::count_if(record.evidence, [](const auto& e) {
    const auto* alert = std::get_if<record::TlsAlert>(&e.fact);
    return std::holds_alternative<record::ProtectedRecord>(e.fact) ||
           (alert != nullptr && !alert->alert);
  }));
}

HandshakeRecord replayed_with(const crypto::Wire& wire, std::string_view secrets_inside,
                              const ReplayOptions& options = {}) {
  made::Capture capture;
  capture.secrets(secrets_inside);
  capture.play(capture.open(1, 50'000), connection_of(wire));
  auto connections = made::replayed(capture.octets(), options);
  EXPECT_EQ(connections.size(), 1u);
  return connections.empty() ? HandshakeRecord{} : std::move(connections.front().record);
}

struct Kind {
  const char* name;
  OpensslPair::Setup setup;
  bool tshark_opens = true;
};

const Kind kKinds[] = {
    {"GCM", {.suites = "ECDHE-RSA-AES256-GCM-SHA384"}},
    {"CCM_8", {.suites = "DHE-RSA-AES128-CCM8"}},
    {"ChaCha20", {.suites = "ECDHE-RSA-CHACHA20-POLY1305"}},
    {"ARIA", {.suites = "ARIA256-GCM-SHA384"}, false},
    {"CBC in TLS 1.2", {.suites = "ECDHE-RSA-AES128-SHA256", .encrypt_then_mac = false}},
    {"CBC in TLS 1.2, RFC 7366", {.suites = "AES256-SHA256"}},
    {"CBC in TLS 1.1", {.version = TLS1_1_VERSION, .suites = "AES128-SHA"}},
    {"CBC in TLS 1.0",
     {.version = TLS1_VERSION, .suites = "CAMELLIA128-SHA", .encrypt_then_mac = false}},
    {"a MAC alone", {.suites = "NULL-SHA256"}},
    {"TLS 1.3", {.version = TLS1_3_VERSION}},
};

/// A short conversation, closed by both.
void converse(OpensslPair& pair) {
  pair.say(Side::kClient, "a question");
  pair.say(Side::kServer, "an answer");
  pair.close(Side::kClient);
  pair.close(Side::kServer);
}

TEST(Opening, EveryKindOfProtectionIsOpenedInAReplayAndStaysClosedWithoutSecrets) {
  for (const auto& kind : kKinds) {
    SCOPED_TRACE(kind.name);
    OpensslPair pair(kind.setup);
    ASSERT_TRUE(pair.connect());
    converse(pair);
    const auto record = replayed_with(pair.wire(), pair.key_log());
    EXPECT_THAT(said_opened(record), Contains("client: TLS Finished"));
    EXPECT_THAT(said_opened(record), Contains("server: TLS Finished"));
    EXPECT_THAT(said_opened(record), Contains("client: TLS alert warning close_notify"));
    EXPECT_EQ(closed_in(record), 0u);
    EXPECT_EQ(record::progress(record).reached, Phase::kTls);

    const auto closed = replayed_with(pair.wire(), {});
    EXPECT_THAT(said_opened(closed), IsEmpty());
    EXPECT_GT(closed_in(closed), 0u);
    EXPECT_EQ(record::progress(closed).reached, Phase::kTls);
  }
}

TEST(Opening, SecretsCountWhereverTheyStand) {
  OpensslPair pair({.suites = "AES128-GCM-SHA256"});
  ASSERT_TRUE(pair.connect());
  converse(pair);
  const auto expected = replayed_with(pair.wire(), pair.key_log());
  EXPECT_EQ(closed_in(expected), 0u);
  EXPECT_EQ(record::first_difference(expected,
                                     replayed_with(pair.wire(), {}, {.key_log = pair.key_log()})),
            "");
  made::Capture capture;
  capture.secrets("# the first block says nothing of use\nCLIENT_RANDOM 00 11\n");
  capture.play(capture.open(1, 50'000), connection_of(pair.wire()));
  capture.secrets(pair.key_log());  // behind the packets
  const auto connections = made::replayed(capture.octets());
  ASSERT_EQ(connections.size(), 1u);
  EXPECT_EQ(record::first_difference(expected, connections[0].record), "");
}

TEST(Opening, AKeyOfTheServerOpensRsaAndTheSessionsThatItBegan) {
  for (const bool tickets : {false, true}) {
    OpensslPair pair({.suites = "AES256-GCM-SHA384", .tickets = tickets});
    ASSERT_TRUE(pair.connect());
    converse(pair);
    const auto first = pair.wire();
    SSL_SESSION* session = SSL_get1_session(pair.client());
    ASSERT_TRUE(pair.connect(session));
    SSL_SESSION_free(session);
    ASSERT_TRUE(pair.was_resumed());
    converse(pair);
    made::Capture capture;
    capture.play(capture.open(1, 50'000), connection_of(first));
    capture.play(capture.open(1, 50'001), connection_of(pair.wire()));
    crypto::RsaPrivateKeys keys;
    ASSERT_TRUE(keys.add(pair.private_key_pem()));
    const auto connections = made::replayed(capture.octets(), {.private_keys = &keys});
    ASSERT_EQ(connections.size(), 2u);
    for (const auto& connection : connections) {
      EXPECT_EQ(closed_in(connection.record), 0u);
      EXPECT_THAT(said_opened(connection.record), Contains("server: TLS Finished"));
    }
  }
}

TEST(Opening, ARenegotiationIsReadInsideOfTheConnection) {
  OpensslPair pair({.suites = "ECDHE-RSA-AES128-SHA"});
  ASSERT_TRUE(pair.connect());
  pair.say(Side::kClient, "before");
  ASSERT_TRUE(pair.renegotiate());
  converse(pair);
  const auto record = replayed_with(pair.wire(), pair.key_log());
  EXPECT_EQ(closed_in(record), 0u);
  const auto said = said_opened(record);
  EXPECT_EQ(std::ranges::count(said, "client: TLS Finished"), 2);
  EXPECT_EQ(std::ranges::count(said, "client: TLS ChangeCipherSpec"), 1);
  EXPECT_THAT(said, Contains("client: TLS ClientHello"));
  EXPECT_THAT(said, Contains("server: TLS ServerKeyExchange"));
  EXPECT_EQ(record::progress(record).reached, Phase::kTls);
}

TEST(Opening, KeysOfTls13AreUpdatedAndAHelloRetryRequestIsFollowed) {
  OpensslPair pair({.version = TLS1_3_VERSION, .server_groups = "P-384"});
  ASSERT_TRUE(pair.connect());
  pair.say(Side::kClient, "before");
  for (const auto side : {Side::kClient, Side::kServer, Side::kClient}) {
    pair.update_keys(side);
    pair.say(Side::kClient, "after");
    pair.say(Side::kServer, "after");
  }
  pair.close(Side::kClient);
  const auto record = replayed_with(pair.wire(), pair.key_log());
  EXPECT_EQ(closed_in(record), 0u);
  const auto said = said_opened(record);
  EXPECT_EQ(std::ranges::count_if(said, [](const auto& s) { return s.ends_with("KeyUpdate"); }), 6);
  EXPECT_THAT(said, Contains("client: TLS alert warning close_notify"));
  EXPECT_TRUE(record::tls_summary(record)->hello_retry);
}

TEST(Opening, EqualOctetsAreOpenedAlikeHoweverTheyAreCut) {
  for (const auto& kind : kKinds) {
    SCOPED_TRACE(kind.name);
    OpensslPair pair(kind.setup);
    ASSERT_TRUE(pair.connect());
    if (kind.setup.version < TLS1_3_VERSION) {
      ASSERT_TRUE(pair.renegotiate());
    }
    converse(pair);
    crypto::KeyLog log;
    log.add(pair.key_log());
    const Dissector::Options options{
        .read_certificate = {},
        .make_opener = [&](const tls::ClientHello& client, const tls::ServerHello& server) {
          return crypto::make_record_opener(log, client, server);
        }};
    const auto whole = streams::dissected(connection_of(pair.wire()), options);
    EXPECT_EQ(closed_in(whole), 0u);
    for (const std::size_t piece : {1u, 7u, 100u}) {
      streams::Connection cut;
      for (const auto& event : connection_of(pair.wire())) {
        for (std::size_t at = 0; at < event.octets.size(); at += piece) {
          auto part = event;
          const auto rest = ByteSpan(event.octets).subspan(at);
          part.octets = base::to_bytes(rest.first(std::min(piece, rest.size())));
          cut.push_back(std::move(part));
        }
        if (event.octets.empty()) cut.push_back(event);
      }
      EXPECT_EQ(record::first_difference(whole, streams::dissected(cut, options)), "") << piece;
    }
  }
}

TEST(Opening, LiveTheSecretsComeInTheirTimeAndTheRecordIsThatOfTheCapture) {
  for (const int suite : {0xC02F, 0xC030, 0x003C, 0xC013, 0xCCA8, 0xC09C}) {
    SCOPED_TRACE(suite);
    crypto::TlsOffer offer;
    offer.cipher_suites = {static_cast<std::uint16_t>(suite)};
    offer.max_version = 0x0303;
    offer.encrypt_then_mac = true;
    crypto::KeyLog log;
    std::string lines;
    auto client = crypto::TlsSession::client(offer, [&](std::string_view line) {
      log.add(line);
      lines += std::string(line) + "\n";
    });
    auto settings = crypto::settings_for_tests();
    settings.cipher_list = "ALL:@SECLEVEL=0";
    auto server = crypto::TlsSession::server(settings);
    ASSERT_TRUE(client && server);
    Dissector live({.read_certificate = {},
                    .make_opener = [&](const tls::ClientHello& c, const tls::ServerHello& s) {
                      return crypto::make_record_opener(log, c, s);
                    }});
    made::Capture capture;
    auto& written = capture.open(1, 50'000);
    live.connecting(streams::moment_of(0));
    live.connected(streams::moment_of(1));
    const auto tell = [&](Side side, const Bytes& octets) {
      if (octets.empty()) return;
      live.bytes(side, octets, streams::moment_of(2));
      written.bytes(side == Side::kServer ? capture::End::kServer : capture::End::kClient, octets,
                    capture.tick());
    };
    tell(Side::kClient, streams::request());
    tell(Side::kServer, streams::confirm(1));
    client->feed({});
    for (int turn = 0; turn < 8; ++turn) {
      const auto to_server = client->drain();
      tell(Side::kClient, to_server);
      server->feed(to_server);
      const auto to_client = server->drain();
      tell(Side::kServer, to_client);
      client->feed(to_client);
      live.secrets_changed();
      if (turn == 3) client->write(base::as_bytes("a question"));
      if (turn == 4) server->write(base::as_bytes("an answer"));
      if (turn == 5) client->close();
      // A server's Finished needs no later secret.
      if (turn == 2) {
        EXPECT_THAT(said_opened(live.record()), Contains("server: TLS Finished"));
      }
    }
    live.ended(Side::kClient, record::Ending::How::kClose, streams::moment_of(3));
    written.closed(capture::End::kClient, capture.tick());
    const auto record = live.take();
    EXPECT_EQ(closed_in(record), 0u);
    EXPECT_THAT(said_opened(record), Contains("client: TLS alert warning close_notify"));

    capture.secrets(lines);
    auto connections = made::replayed(capture.octets());
    ASSERT_EQ(connections.size(), 1u);
    auto& replayed = connections[0].record.evidence;
    std::erase_if(replayed, [](const auto& e) {  // the end of the file is none of the live run's
      const auto* ending = std::get_if<record::Ending>(&e.fact);
      return ending != nullptr && ending->how == record::Ending::How::kCaptureEnd;
    });
    // Certificates are read there and kept as octets here.
    const auto lines_of = [](const HandshakeRecord& r) { return streams::said(r); };
    EXPECT_EQ(lines_of(connections[0].record), lines_of(record));
  }
}

TEST(Opening, WrongSecretsAreSaidAndNothingIsMadeUp) {
  OpensslPair pair({.suites = "AES128-SHA"});
  ASSERT_TRUE(pair.connect());
  converse(pair);
  auto lines = pair.key_log();
  const auto at = lines.find("CLIENT_RANDOM");
  ASSERT_NE(at, std::string::npos);
  lines = lines.substr(at);
  auto& digit = lines[13 + 1 + 64 + 1];  // the first of the secret
  digit = digit == '0' ? '1' : '0';
  const auto record = replayed_with(pair.wire(), lines);
  EXPECT_THAT(said_opened(record), IsEmpty());
  std::vector<std::string> notes;
  for (const auto& e : record.evidence) {
    for (const auto& note : e.notes) notes.push_back(note.text);
  }
  EXPECT_EQ(std::ranges::count(notes, "does not open with the secrets at hand"), 2);  // once a side
  EXPECT_EQ(record::progress(record).reached, Phase::kTls);
}

TEST(Opening, AHoleInASealedRecordClosesWhatFollowsOfThatSide) {
  OpensslPair pair({.suites = "ECDHE-RSA-AES128-GCM-SHA256"});
  ASSERT_TRUE(pair.connect());
  pair.say(Side::kClient, std::string(500, 'x'));
  converse(pair);
  crypto::KeyLog log;
  log.add(pair.key_log());
  auto connection = connection_of(pair.wire());
  const auto holed = std::ranges::find_if(connection, [](const auto& event) {
    return event.octets.size() > 500 && event.octets[0] == 23;
  });
  ASSERT_NE(holed, connection.end());
  const auto octets = holed->octets;
  holed->octets.resize(100);
  connection.insert(holed + 1, {streams::gap(Side::kClient, 200),
                                streams::client(Bytes(octets.begin() + 300, octets.end()))});
  const auto record = streams::dissected(
      connection, {.read_certificate = {},
                   .make_opener = [&](const tls::ClientHello& c, const tls::ServerHello& s) {
                     return crypto::make_record_opener(log, c, s);
                   }});
  EXPECT_THAT(said_opened(record), Contains("client: TLS Finished"));
  EXPECT_THAT(said_opened(record), Not(Contains(HasSubstr("client: TLS alert"))));
}

// --- another reader -----------------------------------------------------------------------------

std::string output_of(const std::string& command) {
  std::string out;
  FILE* const pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[4096];
  std::size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof buffer, pipe)) > 0) out.append(buffer, got);
  ::pclose(pipe);
  return out;
}

std::size_t numbers_in(std::string_view text) {
  std::size_t numbers = 0;
  bool inside = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (digit && !inside) ++numbers;
    inside = digit;
  }
  return numbers;
}

/// A handshake message or an alert, readable.
bool is_message(const record::Fact& fact) {
  const auto* alert = std::get_if<record::TlsAlert>(&fact);
  return (alert != nullptr && alert->alert) || record::holds<tls::ClientHello>(fact) ||
         record::holds<tls::ServerHello>(fact) || record::holds<record::Certificates>(fact) ||
         record::holds<tls::ServerKeyExchange>(fact) ||
         record::holds<record::EncryptedExtensions>(fact) ||
         record::holds<record::HandshakeMessage>(fact);
}

TEST(Opening, TsharkOpensTheSameRecords) {
  if (output_of("tshark --version").empty()) GTEST_SKIP() << "skipped: no tshark";
  const auto path = testing::TempDir() + "rdpwhy_opening_" + std::to_string(::getpid()) + ".pcapng";
  for (const auto& kind : kKinds) {
    SCOPED_TRACE(kind.name);
    if (!kind.tshark_opens) continue;
    OpensslPair pair(kind.setup);
    ASSERT_TRUE(pair.connect());
    converse(pair);
    streams::Connection connection;  // without X.224, in front of which tshark looks for no text
    for (const auto& flight : pair.wire())
      connection.push_back({.side = flight.side, .octets = flight.octets});
    made::Capture capture;
    capture.secrets(pair.key_log());
    capture.play(capture.open(1, 50'000, 443), connection);
    std::ofstream(path, std::ios::binary)
        .write(base::as_text(capture.octets()).data(),
               static_cast<std::streamsize>(capture.octets().size()));
    const auto text = output_of("tshark -r " + path + " -q -z follow,tls,raw,0");
    EXPECT_THAT(text, HasSubstr(base::to_hex(base::as_bytes("a question"))));
    EXPECT_THAT(text, HasSubstr(base::to_hex(base::as_bytes("an answer"))));
    const auto seen = output_of("tshark -r " + path +
                                " -Y tls -T fields -E aggregator=, -e tls.handshake.type"
                                " -e tls.alert_message.desc");
    crypto::KeyLog log;
    log.add(pair.key_log());
    auto dissector = dissect::make_tls_dissector(
        {.read_certificate = {},
         .make_opener = [&](const tls::ClientHello& c, const tls::ServerHello& s) {
           return crypto::make_record_opener(log, c, s);
         }});
    streams::play(dissector, connection);
    const auto record = dissector.take();
    const auto ours =
        std::ranges::count_if(record.evidence, [](const auto& e) { return is_message(e.fact); });
    EXPECT_EQ(static_cast<std::size_t>(ours), numbers_in(seen)) << seen;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace rdpwhy::replay
