#include "rdpwhy/dissect/dissector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dissect/streams.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::dissect {
namespace {

using namespace streams;  // NOLINT: the vocabulary of these tests
using record::Ending;
using testing::ElementsAre;
using testing::HasSubstr;
using How = record::Ending::How;

template <typename T>
std::size_t count_of(const HandshakeRecord& record) {
  std::size_t n = 0;
  for (const auto& e : record.evidence) n += record::holds<T>(e.fact) ? 1u : 0u;
  return n;
}

TEST(Dissector, TellsAWholeHandshakeInOrder) {
  EXPECT_THAT(
      said(dissected(tls12_connection())),
      ElementsAre("client: TCP SYN", "server: TCP SYN-ACK", "client: X.224 Connection Request",
                  "server: X.224 Connection Confirm, HYBRID selected", "client: TLS ClientHello",
                  "server: TLS ServerHello", "server: TLS Certificate",
                  "server: TLS ServerHelloDone", "client: TLS ClientKeyExchange",
                  "client: TLS ChangeCipherSpec", "client: TLS handshake message, encrypted",
                  "server: TLS ChangeCipherSpec", "server: TLS handshake message, encrypted",
                  "client: TLS application data", "server: TLS application data",
                  "client: connection closed by client", "server: connection closed by server"));
}

TEST(Dissector, PlacesEvidenceOnTheWire) {
  const auto record = dissected(tls12_connection());
  const auto& hello = *record::first_evidence<tls::ClientHello>(record);
  EXPECT_EQ(hello.where.offset, request().size());
  EXPECT_EQ(hello.where.layer, record::Layer::kWire);
  EXPECT_EQ(hello.phase, Phase::kTls);
  EXPECT_EQ(hello.at, moment_of(4));
  const auto& request_evidence = *record::first_evidence<rdp::ConnectionRequest>(record);
  EXPECT_EQ(request_evidence.where.offset, 0u);
  EXPECT_EQ(request_evidence.where.size, request().size());
  EXPECT_EQ(request_evidence.phase, Phase::kX224);
  EXPECT_EQ(record::first_evidence<record::ApplicationData>(record)->phase, Phase::kCredssp);
}

TEST(Dissector, WhatTheResolverSaidBelongsToResolveAndWhatFollowsToTcp) {
  Dissector dissector({});
  dissector.resolved({.name = "host", .addresses = {"192.0.2.7"}, .error = {}}, {1'000});
  dissector.connecting({2'000});
  const auto record = dissector.take();
  ASSERT_EQ(record.evidence.size(), 2u);
  EXPECT_EQ(record.evidence[0].phase, Phase::kResolve);
  EXPECT_TRUE(record.evidence[0].live_only);
  EXPECT_EQ(record.evidence[1].phase, Phase::kTcp);
}

TEST(Dissector, CountsOctetsAndSilenceInTheEnding) {
  Dissector dissector({});
  dissector.connected({1'000});
  dissector.bytes(Side::kClient, request(), {2'000});
  dissector.ended(Side::kClient, How::kClose, {7'000});
  const auto record = dissector.take();
  const auto& ending = std::get<Ending>(record.evidence.back().fact);
  EXPECT_EQ(ending.silence, 5'000);
  EXPECT_EQ(ending.client_bytes, request().size());
  EXPECT_EQ(ending.server_bytes, 0u);
  EXPECT_FALSE(ending.mid_message);
  EXPECT_EQ(record.evidence.back().phase, Phase::kX224);
}

TEST(Dissector, AnEndingBeforeTheFirstOctetBelongsToTcp) {
  const auto record = dissected({ended(Side::kServer, How::kReset)});
  EXPECT_EQ(record.evidence.back().phase, Phase::kTcp);
}

TEST(Dissector, AnEndingInsideAMessageSaysSo) {
  auto half = confirm(1);
  half.resize(10);
  const auto record = dissected({client(request()), server(half), ended(Side::kServer)});
  EXPECT_TRUE(std::get<Ending>(record.evidence.back().fact).mid_message);
  EXPECT_EQ(count_of<record::Malformed>(record), 0u);
}

TEST(Dissector, AnEndingInsideAHandshakeMessageOfWholeRecordsSaysSo) {
  auto hello = server_hello_message();
  hello.resize(20);
  const auto record = dissected({client(request()), server(confirm(1)),
                                 server(streams::record(tls::ContentType::kHandshake, hello)),
                                 ended(Side::kServer)});
  EXPECT_TRUE(std::get<Ending>(record.evidence.back().fact).mid_message);
}

TEST(Dissector, ReadsARequestCoalescedWithAClientHello) {
  const auto record =
      dissected({client(joined({request(), streams::record(tls::ContentType::kHandshake,
                                                           client_hello_message())})),
                 server(confirm(1))});
  EXPECT_EQ(count_of<rdp::ConnectionRequest>(record), 1u);
  EXPECT_EQ(count_of<tls::ClientHello>(record), 1u);
  EXPECT_EQ(count_of<rdp::ConnectionConfirm>(record), 1u);
}

TEST(Dissector, ReadsXrdpsClearTextUltimatumAsAnAnswerToAClientHello) {
  const auto record =
      dissected({client(request()), server(confirm(1)),
                 client(streams::record(tls::ContentType::kHandshake, client_hello_message())),
                 server(ultimatum()), ended(Side::kServer)});
  const auto* evidence = record::first_evidence<rdp::DisconnectProviderUltimatum>(record);
  ASSERT_NE(evidence, nullptr);
  EXPECT_EQ(evidence->phase, Phase::kTls);
  const auto failure = record::progress(record).failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->phase, Phase::kTls);
  EXPECT_EQ(failure->how, record::EndedHow::kFailurePdu);
  EXPECT_EQ(failure->after, "client_hello");
}

TEST(Dissector, NotesASelectionThatWasNotOffered) {
  const auto record = dissected({client(request(2)), server(confirm(1))});
  const auto& notes = record::first_evidence<rdp::ConnectionConfirm>(record)->notes;
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0].text, HasSubstr("though not offered"));
  EXPECT_EQ(dissected({client(request(3)), server(confirm(1))}).evidence.back().notes.size(), 0u);
}

TEST(Dissector, ReadsTlsThatAFreeRdpServerDoesAfterItsRefusal) {
  const auto record =
      dissected({client(request(1)), server(refusal(5)),
                 client(streams::record(tls::ContentType::kHandshake, client_hello_message())),
                 server(streams::record(tls::ContentType::kHandshake, server_hello_message()))});
  EXPECT_EQ(count_of<tls::ServerHello>(record), 1u);
}

TEST(Dissector, KeepsWhatMayBeAnotherIsoProtocolShallowAndBounded) {
  rdp::ConnectionRequest request;
  request.parameters = {0xC1, 2, 1, 0};  // a TSAP
  Connection connection = {client(rdp::encode_tpkt(rdp::encode(request))),
                           server(rdp::encode_tpkt(rdp::encode(rdp::ConnectionConfirm{})))};
  for (int i = 0; i < 100; ++i) connection.push_back(client({3, 0, 0, 9, 2, 0xF0, 0x80, 0x32, 1}));
  const auto record = dissected(connection);
  EXPECT_EQ(count_of<rdp::DataTpdu>(record), 16u);
  EXPECT_EQ(count_of<record::Malformed>(record), 0u);
  EXPECT_EQ(record.evidence.back().phase, Phase::kMcs);
}

TEST(Dissector, DoesNotCallFastPathOutputMalformed) {
  const auto record =
      dissected({client(request(0)), server(confirm(0)), server({3, 0, 0, 8, 2, 0xF0, 0x80, 0x28}),
                 server({0x00, 0x05, 1, 2, 3}), server({0x16, 0x05, 1, 2, 3})});
  EXPECT_EQ(count_of<record::Malformed>(record) + count_of<record::ForeignProtocol>(record), 0u);
}

// --- what is no RDP -----------------------------------------------------------------------------

struct Foreign {
  const char* name;
  Bytes octets;
  const char* protocol;
};

TEST(Dissector, NamesOtherProtocolsByTheirFirstOctets) {
  const Foreign cases[] = {
      {"SSH", text("SSH-2.0-OpenSSH_9.2p1\r\n"), "SSH"},
      {"VNC", text("RFB 003.008\n"), "RFB (VNC)"},
      {"HTTP", text("HTTP/1.1 400 Bad Request\r\n\r\n"), "HTTP"},
      {"SMTP", text("220 mail.example.org ESMTP Postfix\r\n"), "SMTP"},
      {"FTP", text("220 (vsFTPd 3.0.3)\r\n"), "FTP"},
      {"Telnet", {0xFF, 0xFD, 0x18, 0xFF, 0xFD, 0x20}, "Telnet"},
      {"TLS alert", alert(2, 70), "TLS"},
      {"MySQL", joined({{0x4A, 0, 0, 0, 10}, text("8.0.36-0ubuntu")}), "MySQL"},
      {"unknown", Bytes(20, 0x99), ""},
  };
  for (const auto& foreign : cases) {
    const auto record = dissected({server(foreign.octets)});
    const auto* fact = record::first<record::ForeignProtocol>(record);
    ASSERT_NE(fact, nullptr) << foreign.name;
    EXPECT_EQ(fact->protocol, foreign.protocol) << foreign.name;
    EXPECT_FALSE(fact->first.empty());
  }
}

TEST(Dissector, NamesWhatIsThereWhenTheConnectionEndsBeforeEnoughCame) {
  const auto record = dissected(
      {client(request()), server({0x99, 0x98}), ended(Side::kClient), ended(Side::kServer)});
  const auto* fact = record::first<record::ForeignProtocol>(record);
  ASSERT_NE(fact, nullptr);
  EXPECT_EQ(fact->first, (Bytes{0x99, 0x98}));
  const auto failure = record::progress(record).failure;
  EXPECT_EQ(failure->how, record::EndedHow::kMalformed);
  EXPECT_EQ(failure->by, Side::kServer);
}

TEST(Dissector, CallsGarbageWhereTlsIsDueMalformed) {
  const auto record =
      dissected({client(request()), server(confirm(1)),
                 client(streams::record(tls::ContentType::kHandshake, client_hello_message())),
                 server(Bytes(32, 0xEE))});
  const auto* malformed = record::first_evidence<record::Malformed>(record);
  ASSERT_NE(malformed, nullptr);
  EXPECT_EQ(malformed->phase, Phase::kTls);
  EXPECT_EQ(record::get<record::Malformed>(malformed->fact).what, "TLS record");
}

TEST(Dissector, NamesAnotherProtocolWhereTlsIsDue) {
  const auto record = dissected(
      {client(request()), server(confirm(1)), server(text("HTTP/1.1 502 Bad Gateway\r\n"))});
  EXPECT_EQ(record::first<record::ForeignProtocol>(record)->protocol, "HTTP");
}

TEST(Dissector, DoesNotWaitForATpktThatLies) {
  const auto record = dissected({client(request()), server({3, 0, 0x13, 0, 0x0E, 0xD0, 0, 0})});
  ASSERT_NE(record::first<record::Malformed>(record), nullptr);
  EXPECT_EQ(record::first<record::Malformed>(record)->what, "TPKT");
  const auto shorter = dissected({client(request()), server({3, 0, 0, 5, 1})});
  EXPECT_NE(record::first<record::Malformed>(shorter), nullptr);
}

TEST(Dissector, TellsATlsRecordThatIsTooLong) {
  const auto record =
      dissected({client(request()), server(confirm(1)), server({0x16, 3, 3, 0xFF, 0xFF, 2, 0})});
  ASSERT_NE(record::first<record::Malformed>(record), nullptr);
  EXPECT_EQ(record::first<record::Malformed>(record)->what, "TLS record");
}

TEST(Dissector, AConfirmWithoutARequestIsUnexpected) {
  const auto record = dissected({server(confirm(1))});
  EXPECT_EQ(count_of<record::Unexpected>(record), 1u);
  EXPECT_EQ(count_of<rdp::ConnectionConfirm>(record), 0u);
}

TEST(Dissector, AConfirmOfAConnectionThatBeganBeforeTheCaptureIsReadAsOne) {
  Dissector dissector({});
  dissector.begins_late(moment_of(0));
  dissector.bytes(Side::kServer, confirm(1), moment_of(1));
  EXPECT_EQ(count_of<rdp::ConnectionConfirm>(dissector.record()), 1u);
  EXPECT_TRUE(dissector.is_rdp());
}

TEST(Dissector, TheMiddleOfAStreamIsNoOtherProtocol) {
  Dissector dissector({});
  dissector.begins_late(moment_of(0));
  dissector.bytes(Side::kServer, Bytes(100, 0xAB), moment_of(1));
  dissector.ended(Side::kServer, How::kClose, moment_of(2));
  EXPECT_EQ(count_of<record::ForeignProtocol>(dissector.record()), 0u);
  EXPECT_EQ(count_of<record::Malformed>(dissector.record()), 0u);
}

TEST(Dissector, KnowsRdpFromOtherUsersOfTpkt) {
  Dissector rdp_dissector({});
  rdp_dissector.bytes(Side::kClient, request(), moment_of(0));
  EXPECT_TRUE(rdp_dissector.is_rdp());

  Dissector mms({});
  mms.bytes(Side::kClient,
            Bytes{3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0, 0xC1, 2, 0, 1, 0xC2, 2, 0, 1, 0xC0, 1, 13},
            moment_of(0));
  EXPECT_FALSE(mms.is_rdp());
  EXPECT_FALSE(mms.may_be_rdp());

  Dissector bare({});  // the request of a client before RDP 5, or of anything else
  bare.bytes(Side::kClient, Bytes{3, 0, 0, 11, 6, 0xE0, 0, 0, 0, 0, 0}, moment_of(0));
  EXPECT_FALSE(bare.is_rdp());
  EXPECT_TRUE(bare.may_be_rdp());
  bare.bytes(Side::kServer, Bytes{3, 0, 0, 11, 6, 0xD0, 0, 0, 0x12, 0x34, 0}, moment_of(1));
  bare.bytes(Side::kClient, Bytes{3, 0, 0, 12, 2, 0xF0, 0x80, 0x7F, 0x65, 0x82, 1, 2},
             moment_of(2));
  EXPECT_TRUE(bare.is_rdp());
}

TEST(Dissector, MayNotBeRdpOnceTheFirstOctetSaysSo) {
  Dissector dissector({});
  dissector.bytes(Side::kClient, text("G"), moment_of(0));
  EXPECT_FALSE(dissector.may_be_rdp());
}

// --- what stands before RDP ---------------------------------------------------------------------

TEST(Dissector, ReadsRdpBehindSocks5) {
  const auto record =
      dissected({client({5, 1, 0}), server({5, 0}),
                 client(joined({{5, 1, 0, 3, 8}, text("rdp.host"), {0x0D, 0x3D}})),
                 server({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}), client(request()), server(confirm(1))});
  const auto* opening = record::first_evidence<record::ProxyOpening>(record);
  ASSERT_NE(opening, nullptr);
  EXPECT_EQ(opening->phase, Phase::kTcp);
  EXPECT_THAT(said(record), testing::Contains("client: SOCKS5 opening to rdp.host:3389"));
  EXPECT_EQ(count_of<rdp::ConnectionConfirm>(record), 1u);
  EXPECT_EQ(record::progress(record).reached, Phase::kX224);
}

TEST(Dissector, ForgetsTheCredentialsOfASocksOpening) {
  const auto record = dissected({client({5, 1, 2}), server({5, 2}),
                                 client(joined({{1, 4}, text("user"), {6}, text("secret")})),
                                 server({1, 0}), client({5, 1, 0, 1, 10, 0, 0, 1, 0x0D, 0x3D})});
  EXPECT_THAT(said(record), testing::Contains("client: SOCKS5 opening to 10.0.0.1:3389"));
  for (const auto& line : said(record)) EXPECT_EQ(line.find("secret"), std::string::npos);
}

TEST(Dissector, ReadsRdpBehindSocks4a) {
  const auto record = dissected(
      {client(joined({{4, 1, 0x0D, 0x3D, 0, 0, 0, 1}, text("me"), {0}, text("rdp.host"), {0}})),
       server({0, 0x5A, 0, 0, 0, 0, 0, 0}), client(request())});
  EXPECT_THAT(said(record), testing::Contains("client: SOCKS4 opening to rdp.host:3389"));
  EXPECT_EQ(count_of<rdp::ConnectionRequest>(record), 1u);
}

TEST(Dissector, ReadsRdpBehindHttpConnectWithARefusalFirst) {
  const auto record = dissected(
      {client(text("CONNECT rdp.host:3389 HTTP/1.1\r\nHost: rdp.host\r\n\r\n")),
       server(text("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nlogin")),
       client(text("CONNECT rdp.host:3389 HTTP/1.1\r\n\r\n")),
       server(text("HTTP/1.1 200 OK\r\n\r\n")), client(request()), server(confirm(1))});
  EXPECT_EQ(count_of<record::ProxyOpening>(record), 4u);
  EXPECT_EQ(count_of<rdp::ConnectionConfirm>(record), 1u);
}

TEST(Dissector, AProxyThatRefusesEndsTheTcpPhase) {
  const auto record =
      dissected({client(text("CONNECT rdp.host:3389 HTTP/1.1\r\n\r\n")),
                 server(text("HTTP/1.1 503 no backend\r\n\r\n")), ended(Side::kServer)});
  const auto* answer = record::first<record::ProxyOpening>(record, Side::kServer);
  ASSERT_NE(answer, nullptr);
  EXPECT_FALSE(answer->granted);
}

TEST(Dissector, ReadsRdpBehindProxyProtocolHeaders) {
  const auto v1 =
      dissected({client(joined({text("PROXY TCP4 10.0.0.1 10.0.0.2 1234 3389\r\n"), request()}))});
  EXPECT_THAT(said(v1), testing::Contains("client: PROXY v1 opening to 10.0.0.2:3389"));
  EXPECT_EQ(count_of<rdp::ConnectionRequest>(v1), 1u);
  const Bytes v2_header = {0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49,
                           0x54, 0x0A, 0x21, 0x11, 0, 12,   10,   0,    0,    1,
                           10,   0,    0,    2,    4, 5,    0x0D, 0x3D};
  const auto v2 = dissected({client(joined({v2_header, request()}))});
  EXPECT_THAT(said(v2), testing::Contains("client: PROXY v2 opening to 10.0.0.2:3389"));
  EXPECT_EQ(count_of<rdp::ConnectionRequest>(v2), 1u);
}

// --- TLS ----------------------------------------------------------------------------------------

TEST(Dissector, ReadsMessagesSplitOverRecordsAndSeveralInOne) {
  const auto hello = server_hello_message();
  const auto certificate = certificate_message(Bytes(300, 5));
  Bytes split;
  for (std::size_t i = 0; i < certificate.size(); i += 100) {
    const auto end = std::min(i + 100, certificate.size());
    const Bytes part(certificate.begin() + static_cast<std::ptrdiff_t>(i),
                     certificate.begin() + static_cast<std::ptrdiff_t>(end));
    split = joined({split, streams::record(tls::ContentType::kHandshake, part)});
  }
  const auto record =
      dissected({client(request()), server(confirm(1)),
                 server(joined({streams::record(tls::ContentType::kHandshake, hello), split}))});
  const auto* chain = record::first_evidence<record::Certificates>(record);
  ASSERT_NE(chain, nullptr);
  EXPECT_EQ(std::get<record::Certificates>(chain->fact).chain.at(0)->der, Bytes(300, 5));
  EXPECT_EQ(chain->where.size, split.size());
}

TEST(Dissector, AChainLongerThanIsReadHereIsNotMalformedAndAServerHelloOfThatSizeIs) {
  const auto begun = [](tls::HandshakeType type) {
    const Bytes header = {static_cast<std::uint8_t>(type), 0xFF, 0xFF, 0xFF, 1, 2, 3};
    const auto hello = joined({server_hello_message(), header});
    return dissected({client(request()), server(confirm(1)),
                      server(streams::record(tls::ContentType::kHandshake, hello))});
  };
  const auto chain = begun(tls::HandshakeType::kCertificate);
  EXPECT_EQ(count_of<record::Malformed>(chain), 0u);
  const auto& last = chain.evidence.back();
  EXPECT_EQ(std::get<record::HandshakeMessage>(last.fact).size, 0xFFFFFFu);
  ASSERT_EQ(last.notes.size(), 1u);
  EXPECT_THAT(last.notes[0].text, testing::HasSubstr("more than is read here"));
  EXPECT_EQ(count_of<record::Malformed>(begun(tls::HandshakeType::kServerHello)), 1u);
}

TEST(Dissector, GivesCertificatesToItsReader) {
  int read = 0;
  const auto record = dissected(tls12_connection(),
                                {.read_certificate =
                                     [&](ByteSpan der) {
                                       ++read;
                                       auto facts = std::make_shared<record::CertificateFacts>();
                                       facts->der = base::to_bytes(der);
                                       facts->subject = "CN = here";
                                       return facts;
                                     },
                                 .make_opener = {}});
  EXPECT_EQ(read, 1);
  EXPECT_EQ(record::first<record::Certificates>(record)->chain.at(0)->subject, "CN = here");
}

TEST(Dissector, AFirstMessageThatClaimsSixteenMegabytesIsMalformed) {
  const auto record =
      dissected({client(request()), server(confirm(1)),
                 server(streams::record(tls::ContentType::kHandshake, {11, 0xFF, 0xFF, 0xFF, 0}))});
  ASSERT_NE(record::first<record::Malformed>(record), nullptr);
  EXPECT_EQ(record::first<record::Malformed>(record)->what, "TLS handshake message");
}

TEST(Dissector, TellsClearAndEncryptedAlertsApart) {
  auto connection = tls12_connection();
  connection.resize(6);
  connection.push_back(server(streams::record(tls::ContentType::kAlert, Bytes(26, 3))));
  connection.push_back(client(alert(1, 0)));
  const auto record = dissected(connection);
  EXPECT_FALSE(record::first<record::TlsAlert>(record, Side::kServer)->alert);
  const auto* clear = record::first_evidence<record::TlsAlert>(record, Side::kClient);
  EXPECT_TRUE(std::get<record::TlsAlert>(clear->fact).alert);
  EXPECT_EQ(clear->notes.size(), 1u);  // it had changed to encryption
}

TEST(Dissector, StopsAfterSixteenProtectedRecordsOfASide) {
  auto connection = tls12_connection();
  connection.resize(6);
  Dissector dissector({});
  play(dissector, connection);
  for (int i = 0; i < 100; ++i) dissector.bytes(Side::kServer, sealed_data(100), moment_of(20));
  EXPECT_FALSE(dissector.wants(Side::kServer));
  EXPECT_TRUE(dissector.wants(Side::kClient));
  dissector.skipped(Side::kServer, 1000, moment_of(21));
  dissector.ended(Side::kServer, How::kClose, moment_of(22));
  const auto record = dissector.take();
  EXPECT_LE(count_of<record::ApplicationData>(record), 16u);
  EXPECT_GE(std::get<Ending>(record.evidence.back().fact).server_bytes, 11'500u);
}

TEST(Dissector, IsBoundedAgainstAPeerThatSpeaksForEver) {
  Connection connection = {client(request()), server(confirm(1))};
  const auto flood = streams::record(tls::ContentType::kHandshake,
                                     handshake(tls::HandshakeType::kHelloRequest, {}));
  for (int i = 0; i < 5000; ++i) connection.push_back(server(flood));
  connection.push_back(ended(Side::kServer));
  const auto record = dissected(connection);
  EXPECT_LE(record.evidence.size(), 544u);
  EXPECT_TRUE(std::holds_alternative<Ending>(record.evidence.back().fact));
  EXPECT_FALSE(record.evidence.at(511).notes.empty());
}

TEST(Dissector, KeepsTls13RecordsClosedWithoutKeys) {
  const auto record = dissected(
      {client(request()), server(confirm(1)),
       client(streams::record(tls::ContentType::kHandshake, client_hello_message(true))),
       server(joined({streams::record(tls::ContentType::kHandshake, server_hello_message(true)),
                      change_cipher_spec(), sealed_data(600)})),
       client(joined({change_cipher_spec(), sealed_data(53)})), server(sealed_data(230))});
  EXPECT_EQ(count_of<record::ProtectedRecord>(record), 3u);
  EXPECT_EQ(record::progress(record).reached, Phase::kTls);
}

/// Opens a record by taking its header off; the secrets can be withheld.
class PlainOpener final : public record::RecordOpener {
 public:
  explicit PlainOpener(const bool& has_secrets) : has_secrets_(has_secrets) {}
  std::expected<Opened, Refusal> open(Side, ByteSpan record) override {
    if (!has_secrets_) return std::unexpected(Refusal::kNoSecrets);
    const auto inner = record.subspan(5);
    return Opened{.content_type = inner.back(),
                  .plaintext = base::to_bytes(inner.first(inner.size() - 1))};
  }
  void finished(Side) override {}
  void key_update(Side) override {}

 private:
  const bool& has_secrets_;
};

Bytes sealed(tls::ContentType inner, const Bytes& plaintext) {
  auto fragment = plaintext;
  fragment.push_back(static_cast<std::uint8_t>(inner));
  return streams::record(tls::ContentType::kApplicationData, fragment);
}

Connection tls13_connection() {
  using tls::ContentType;
  using tls::HandshakeType;
  return {
      client(request()),
      server(confirm(1)),
      client(streams::record(ContentType::kHandshake, client_hello_message(true))),
      server(joined(
          {streams::record(ContentType::kHandshake, server_hello_message(true)),
           sealed(ContentType::kHandshake, handshake(HandshakeType::kEncryptedExtensions, {0, 0})),
           sealed(ContentType::kHandshake, handshake(HandshakeType::kFinished, Bytes(32, 1)))})),
      client(sealed(ContentType::kHandshake, handshake(HandshakeType::kFinished, Bytes(32, 2)))),
      server(sealed(ContentType::kHandshake,
                    handshake(HandshakeType::kNewSessionTicket, Bytes(50, 3)))),
      ended(Side::kClient)};
}

TEST(Dissector, SecretsThatComeLateGiveTheSameRecordAsSecretsThatWereThere) {
  bool has_secrets = true;
  const auto factory = [&](const tls::ClientHello&, const tls::ServerHello&) {
    return std::make_unique<PlainOpener>(has_secrets);
  };
  const auto expected =
      dissected(tls13_connection(), {.read_certificate = {}, .make_opener = factory});
  EXPECT_EQ(count_of<record::EncryptedExtensions>(expected), 1u);
  EXPECT_EQ(record::progress(expected).reached, Phase::kTls);
  EXPECT_EQ(record::first_evidence<record::EncryptedExtensions>(expected)->where.layer,
            record::Layer::kDecrypted);

  for (std::size_t late = 0; late <= tls13_connection().size(); ++late) {
    has_secrets = false;
    Dissector dissector({.read_certificate = {}, .make_opener = factory});
    dissector.connecting(moment_of(0));
    dissector.connected(moment_of(1));
    const auto connection = tls13_connection();
    for (std::size_t i = 0; i < connection.size(); ++i) {
      if (i == late) {
        has_secrets = true;
        dissector.secrets_changed();
      }
      feed(dissector, connection[i], moment_of(i + 2));
    }
    if (late == connection.size()) has_secrets = true;  // the last chance: take()
    const auto got = dissector.take();
    EXPECT_EQ(record::first_difference(expected, got), "") << late;
  }
}

TEST(Dissector, SecretsThatNeverComeLeaveTheRecordsClosedAndTheOrderAlone) {
  const bool has_secrets = false;
  const auto factory = [&](const tls::ClientHello&, const tls::ServerHello&) {
    return std::make_unique<PlainOpener>(has_secrets);
  };
  const auto waiting =
      dissected(tls13_connection(), {.read_certificate = {}, .make_opener = factory});
  const auto at_once =
      dissected(tls13_connection(),
                {.read_certificate = {}, .make_opener = factory, .secrets_may_come = false});
  const auto without = dissected(tls13_connection());
  EXPECT_EQ(record::first_difference(waiting, at_once), "");
  EXPECT_EQ(record::first_difference(waiting, without), "");
  EXPECT_TRUE(std::holds_alternative<Ending>(waiting.evidence.back().fact));
}

TEST(Dissector, ATlsDissectorReadsTlsFromTheFirstOctet) {
  auto dissector = make_tls_dissector({});
  dissector.bytes(Side::kClient,
                  streams::record(tls::ContentType::kHandshake, client_hello_message()),
                  moment_of(0));
  dissector.bytes(Side::kServer, alert(2, 40), moment_of(1));
  const auto record = dissector.take();
  EXPECT_EQ(count_of<tls::ClientHello>(record), 1u);
  EXPECT_EQ(count_of<record::TlsAlert>(record), 1u);
  EXPECT_EQ(record.evidence.front().phase, Phase::kTls);
}

// --- gaps ---------------------------------------------------------------------------------------

TEST(Dissector, AGapInsideApplicationDataIsHarmless) {
  auto connection = tls12_connection();
  connection.resize(6);
  auto data = sealed_data(100);
  const Bytes head(data.begin(), data.begin() + 20);
  const Bytes tail(data.begin() + 60, data.end());
  connection.insert(connection.end(),
                    {server(head), gap(Side::kServer, 40), server(tail), server(sealed_data(50))});
  const auto record = dissected(connection);
  EXPECT_EQ(count_of<record::Gap>(record), 1u);
  EXPECT_EQ(count_of<record::ApplicationData>(record), 2u);
}

TEST(Dissector, AGapBetweenUnitsEndsWhatCanBeSaidOfThatSideOnly) {
  const auto record =
      dissected({client(request()), gap(Side::kServer, 500), server(Bytes(300, 0x42)),
                 client(streams::record(tls::ContentType::kHandshake, client_hello_message())),
                 gap(Side::kServer, 700), ended(Side::kServer)});
  EXPECT_EQ(count_of<record::Gap>(record), 1u);
  EXPECT_FALSE(record::first_evidence<record::Gap>(record)->notes.empty());
  EXPECT_EQ(count_of<record::Malformed>(record) + count_of<record::ForeignProtocol>(record), 0u);
  EXPECT_EQ(count_of<tls::ClientHello>(record), 1u);
  EXPECT_EQ(record::progress(record).failure->how, record::EndedHow::kCaptureEnd);
}

TEST(Dissector, AGapInsideAMessageOfSeveralRecordsCostsThatMessageOnly) {
  const auto certificate = certificate_message(Bytes(1000, 5));
  const Bytes first(certificate.begin(), certificate.begin() + 400);
  const Bytes second(certificate.begin() + 400, certificate.end());
  const auto broken = streams::record(tls::ContentType::kHandshake, second);
  const Bytes head(broken.begin(), broken.begin() + 100);
  const Bytes tail(broken.begin() + 300, broken.end());
  const auto record =
      dissected({client(request()), server(confirm(1)),
                 server(streams::record(tls::ContentType::kHandshake, first)), server(head),
                 gap(Side::kServer, 200), server(tail),
                 server(streams::record(tls::ContentType::kHandshake, done_message()))});
  EXPECT_EQ(count_of<record::Certificates>(record), 0u);
  EXPECT_THAT(said(record), testing::Contains("server: TLS ServerHelloDone"));
}

TEST(Dissector, IcmpErrorsSayWhatTheyMean) {
  Dissector dissector({});
  dissector.connecting(moment_of(0));
  dissector.icmp({.type = 3, .code = 13, .offender = "192.0.2.1", .meaning = {}}, moment_of(1));
  EXPECT_EQ(record::first<record::IcmpError>(dissector.record())->meaning,
            "communication administratively prohibited");
}

TEST(Dissector, WhatNoCaptureCanShowIsLiveOnly) {
  Dissector dissector({});
  dissector.not_sent(Side::kClient, record::Ending::How::kLocal, moment_of(0), moment_of(1));
  dissector.connecting(moment_of(2));
  dissector.connected(moment_of(3));
  dissector.bytes(Side::kClient, request(), moment_of(4));
  dissector.icmp_told({.meaning = "host unreachable"}, moment_of(5));
  dissector.ended(Side::kClient, record::Ending::How::kClose, moment_of(6));
  const auto live = dissector.take();
  std::vector<std::string> kept, lost;
  for (const auto& e : live.evidence) (e.live_only ? lost : kept).push_back(record::describe(e));
  EXPECT_THAT(
      lost, testing::ElementsAre("TCP SYN", "refused by our own machine", "ICMP host unreachable"));

  Dissector offline({});
  offline.connecting(moment_of(2));
  offline.connected(moment_of(3));
  offline.bytes(Side::kClient, request(), moment_of(4));
  offline.ended(Side::kClient, record::Ending::How::kClose, moment_of(6));
  EXPECT_TRUE(record::same_evidence(live, offline.take()));
}

}  // namespace
}  // namespace rdpwhy::dissect
