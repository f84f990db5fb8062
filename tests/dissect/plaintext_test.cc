// What is said inside TLS.
#include <gtest/gtest.h>

#include <algorithm>

#include "dissect/inside_streams.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::dissect {
namespace {

using namespace streams;  // NOLINT: the vocabulary of these tests

constexpr std::uint32_t kSsl = 1;
constexpr std::uint32_t kHybrid = 2;
constexpr std::uint32_t kRdstls = 4;
constexpr std::uint32_t kHybridEx = 8;

/// What the record says from the first message inside TLS on.
std::vector<std::string> said_inside(const HandshakeRecord& record) {
  const auto lines = said(record);
  constexpr std::size_t kHandshake = 8;  // SYN, SYN-ACK, request, confirm, two hellos, two Finished
  EXPECT_GE(lines.size(), kHandshake);
  return {lines.begin() + static_cast<std::ptrdiff_t>(std::min(lines.size(), kHandshake)),
          lines.end()};
}
using Lines = std::vector<std::string>;

HandshakeRecord opened(std::uint32_t selected, Connection rest) {
  return dissected(opened_connection(selected, std::move(rest)), opening_options());
}

template <typename T>
const Evidence& the(const HandshakeRecord& record) {
  const auto* evidence = record::first_evidence<T>(record);
  EXPECT_NE(evidence, nullptr);
  static const Evidence none;
  return evidence == nullptr ? none : *evidence;
}

TEST(Plaintext, ACredsspExchangeBecomesEvidenceMessageByMessage) {
  const auto record =
      opened(kHybrid, credssp_exchange() + Connection{client(inside(mcs_initial())),
                                                      server(inside(mcs_response()))});
  EXPECT_EQ(
      said_inside(record),
      (Lines{"client: CredSSP TSRequest v6: NTLM NEGOTIATE",
             "server: CredSSP TSRequest v6: NTLM CHALLENGE",
             "client: CredSSP TSRequest v6: NTLM AUTHENTICATE, pubKeyAuth",
             "server: CredSSP TSRequest v6: pubKeyAuth", "client: CredSSP TSRequest v6: authInfo",
             "client: MCS Connect-Initial", "server: MCS Connect-Response"}));
  for (const auto& e : record.evidence) {
    if (e.id <= 8) continue;
    EXPECT_EQ(e.where.layer, record::Layer::kDecrypted);
    EXPECT_EQ(e.phase, e.id <= 13 ? Phase::kCredssp : Phase::kMcs);
  }
}

TEST(Plaintext, NothingThatProvesAPasswordIsKept) {
  const auto record = opened(kHybrid, credssp_exchange());
  for (const auto& e : record.evidence) {
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    if (message == nullptr) continue;
    if (message->auth_info_size) {
      EXPECT_EQ(message->auth_info_size, 60u);
    }
    for (const auto& token : message->tokens) {
      const auto* authenticate = std::get_if<auth::NtlmAuthenticate>(&token.message);
      if (authenticate == nullptr) continue;
      EXPECT_EQ(authenticate->user_name, "user");
      EXPECT_TRUE(authenticate->nt_response.empty());
      EXPECT_TRUE(authenticate->lm_response.empty());
      EXPECT_TRUE(token.mechanism_octets.empty());
      EXPECT_EQ(authenticate->nt_response_size, 24u);
    }
  }
}

TEST(Plaintext, SeveralMessagesInARecordAndOneOverSeveralAreCutApart) {
  const auto negotiate = ntlm_negotiate();
  auto challenge = ntlm_challenge();
  const Bytes begin(challenge.begin(), challenge.begin() + 30);
  const Bytes middle(challenge.begin() + 30, challenge.begin() + 31);
  Bytes end(challenge.begin() + 31, challenge.end());
  const auto error = ts_error(0xC000006D);
  end.insert(end.end(), error.begin(), error.end());
  const auto record = opened(
      kHybrid,
      {client(inside(negotiate)), server(joined({inside(begin), inside(middle), inside(end)}))});
  EXPECT_EQ(said_inside(record), (Lines{"client: CredSSP TSRequest v6: NTLM NEGOTIATE",
                                        "server: TLS application data, the beginning of a message",
                                        "server: CredSSP TSRequest v6: NTLM CHALLENGE",
                                        "server: CredSSP TSRequest v6: errorCode 0xc000006d"}));
  const auto& whole = record.evidence[10].where;
  const auto& last = record.evidence[11].where;
  EXPECT_EQ(whole.size, inside(begin).size() + inside(middle).size() + inside(end).size());
  EXPECT_EQ(last.size, inside(end).size());
  EXPECT_EQ(last.offset + last.size, whole.offset + whole.size);
}

TEST(Plaintext, AnEarlyAuthorizationResultIsReadWhereItIsDue) {
  for (const auto result : {0u, 5u, 3u, 0x30u, 7u}) {
    const auto record =
        opened(kHybridEx, credssp_exchange() + Connection{server(inside(authorization(result)))});
    const auto& e = the<auth::EarlyUserAuthorizationResult>(record);
    EXPECT_EQ(record::get<auth::EarlyUserAuthorizationResult>(e.fact).authorization_result, result);
    EXPECT_EQ(e.phase, Phase::kAuthorization);
  }
}

TEST(Plaintext, ARefusalOrAnUltimatumMayStandInPlaceOfTheAuthorizationResult) {
  const auto refused =
      opened(kHybridEx, credssp_exchange() +
                            Connection{server(inside(ts_error(0xC000015B))), ended(Side::kServer)});
  EXPECT_EQ(said_inside(refused).at(5), "server: CredSSP TSRequest v6: errorCode 0xc000015b");
  EXPECT_EQ(refused.evidence.back().phase, Phase::kCredssp);
  const auto left = opened(kHybridEx, credssp_exchange() + Connection{server(inside(ultimatum()))});
  EXPECT_EQ(said_inside(left).at(5), "server: MCS Disconnect Provider Ultimatum, reason 3");
  EXPECT_EQ(left.evidence.back().phase, Phase::kAuthorization);
}

TEST(Plaintext, TheResultIsFoundAlthoughTheClientDidNotWaitForIt) {
  const auto record =
      opened(kHybridEx, credssp_exchange() +
                            Connection{client(inside(mcs_initial())),
                                       server(inside(joined({authorization(0), mcs_response()})))});
  EXPECT_EQ(said_inside(record).at(6), "server: Early User Authorization Result AUTHZ_SUCCESS");
  EXPECT_EQ(said_inside(record).at(7), "server: MCS Connect-Response");
}

TEST(Plaintext, AnAuthorizationResultOutOfItsTurnIsCalledWhatItLooksLike) {
  const auto last_of = [](std::uint32_t selected, Connection rest) {
    return said_inside(opened(selected, std::move(rest))).back();
  };
  const auto result = server(inside(authorization(5)));
  EXPECT_EQ(last_of(kHybrid, credssp_exchange() + Connection{result}),
            "server: unexpected what looks like an Early User Authorization Result "
            "(AUTHZ_ACCESS_DENIED), which only a server that selected HYBRID_EX sends, X.224 Data "
            "was due");
  auto before_credentials = credssp_exchange();
  before_credentials.resize(4);
  EXPECT_EQ(last_of(kHybridEx, before_credentials + Connection{result}),
            "server: unexpected what looks like an Early User Authorization Result "
            "(AUTHZ_ACCESS_DENIED), ahead of any credentials, CredSSP TSRequest was due");
  // No code that is known, and no result of a client.
  EXPECT_TRUE(last_of(kHybrid, credssp_exchange() + Connection{server(inside(authorization(77)))})
                  .starts_with("server: malformed X.224 Data"));
  EXPECT_TRUE(last_of(kHybridEx, credssp_exchange() + Connection{client(inside(authorization(0)))})
                  .starts_with("client: malformed X.224 Data"));
}

TEST(Plaintext, ASecondAuthorizationResultInTheSameRecordIsTold) {
  for (const auto second : {0u, 5u}) {
    const auto record =
        opened(kHybridEx,
               credssp_exchange() +
                   Connection{server(inside(joined({authorization(0), authorization(second)})))});
    const auto lines = said_inside(record);
    ASSERT_EQ(lines.size(), 7u);
    EXPECT_EQ(lines[5], "server: Early User Authorization Result AUTHZ_SUCCESS");
    EXPECT_TRUE(
        lines[6].starts_with("server: unexpected a second Early User Authorization Result (AUTHZ_"))
        << lines[6];
    const auto& notes = record.evidence.back().notes;
    ASSERT_EQ(notes.size(), second == 0 ? 0u : 1u);
    if (second != 0) {
      EXPECT_EQ(notes.front().text, "contradicts the first one");
    }
  }
}

/// The client's secrets are not there.
class ServersHalfOpener final : public IdentityOpener {
 public:
  std::expected<Opened, Refusal> open(Side side, ByteSpan record) override {
    if (side == Side::kClient) return std::unexpected(Refusal::kNoSecrets);
    return IdentityOpener::open(side, record);
  }
};

TEST(Plaintext, WhereTheClientsSideStaysClosedTheServersResultIsStillOne) {
  auto options = opening_options();
  options.make_opener = [](const auto&, const auto&) {
    return std::make_unique<ServersHalfOpener>();
  };
  const auto servers_words = [&](Connection rest) {
    Lines words;
    for (auto& line :
         said_inside(dissected(opened_connection(kHybridEx, std::move(rest)), options))) {
      if (line.starts_with("server: ")) words.push_back(std::move(line));
    }
    return words;
  };
  const Lines before = {"server: CredSSP TSRequest v6: NTLM CHALLENGE",
                        "server: CredSSP TSRequest v6: pubKeyAuth"};
  EXPECT_EQ(servers_words(credssp_exchange() + Connection{server(inside(authorization(0)))}),
            (Lines{before[0], before[1], "server: Early User Authorization Result AUTHZ_SUCCESS"}));
  // It may as well refuse the credentials, or go on.
  EXPECT_EQ(servers_words(credssp_exchange() + Connection{server(inside(ts_error(0xC000015B)))}),
            (Lines{before[0], before[1], "server: CredSSP TSRequest v6: errorCode 0xc000015b"}));
  EXPECT_EQ(servers_words(credssp_exchange() +
                          Connection{server(inside(joined({authorization(0), mcs_response()})))}),
            (Lines{before[0], before[1], "server: Early User Authorization Result AUTHZ_SUCCESS",
                   "server: MCS Connect-Response"}));
  // Before the server's pubKeyAuth no credentials can have gone.
  auto begun = credssp_exchange();
  begun.resize(3);
  EXPECT_EQ(servers_words(begun + Connection{server(inside(authorization(0)))}).back(),
            "server: unexpected what looks like an Early User Authorization Result "
            "(AUTHZ_SUCCESS), ahead of any credentials, CredSSP TSRequest was due");
}

TEST(Plaintext, McsWhereATsRequestIsDueIsUnexpected) {
  // What gnome-remote-desktop answers to a wrong password.
  const auto deactivate = data_tpdu({0x68, 0xFC, 0x17, 0x03, 0xEB, 0x70, 0x80, 0x0D});
  auto exchange = credssp_exchange();
  exchange.resize(3);
  const auto record =
      opened(kHybrid, exchange + Connection{server(inside(joined({deactivate, ultimatum()})))});
  const auto& e = the<record::Unexpected>(record);
  const auto& unexpected = record::get<record::Unexpected>(e.fact);
  EXPECT_EQ(unexpected.got, "X.224 Data");
  EXPECT_EQ(unexpected.expected, "CredSSP TSRequest");
  EXPECT_NE(unexpected.seen.find("NTLM AUTHENTICATE"), std::string::npos);
  EXPECT_EQ(e.phase, Phase::kCredssp);
  EXPECT_EQ(said_inside(record).at(4), "server: MCS Disconnect Provider Ultimatum, reason 3");
  EXPECT_EQ(record.evidence.back().phase, Phase::kCredssp);
}

TEST(Plaintext, OctetsThatAreNoTsRequestAreMalformedWithTheExactError) {
  const auto record = opened(kHybrid, {client(inside(ntlm_negotiate())),
                                       server(inside({0x99, 1, 2, 3})), server(inside({1, 2}))});
  const auto& malformed = record::get<record::Malformed>(the<record::Malformed>(record).fact);
  EXPECT_EQ(malformed.what, "CredSSP TSRequest");
  EXPECT_FALSE(malformed.error.message().empty());
  EXPECT_EQ(malformed.first, (Bytes{0x99, 1, 2, 3}));
  // Where no message can be told from another any more, a record is what it is from outside.
  EXPECT_EQ(said_inside(record).back(), "server: TLS application data");
}

TEST(Plaintext, AnotherProtocolWhereATsRequestIsDueIsNamed) {
  const auto record = opened(
      kHybrid, {client(inside(ntlm_negotiate())), server(inside(text("HTTP/1.1 400 No\r\n\r\n")))});
  const auto& unexpected = record::get<record::Unexpected>(the<record::Unexpected>(record).fact);
  EXPECT_EQ(unexpected.got, "HTTP");
  EXPECT_EQ(unexpected.expected, "CredSSP TSRequest");
}

TEST(Plaintext, AnAbsurdLengthIsMalformedAndNotWaitedFor) {
  const auto record = opened(kHybrid, {client(inside(ntlm_negotiate())),
                                       server(inside({0x30, 0x83, 0x20, 0, 0, 0xA0, 3}))});
  const auto& malformed = record::get<record::Malformed>(the<record::Malformed>(record).fact);
  EXPECT_EQ(malformed.what, "CredSSP TSRequest");
  EXPECT_NE(malformed.error.message().find("2097157 octets, more than is read here"),
            std::string::npos)
      << malformed.error.message();
  EXPECT_TRUE(malformed.own_limit);
}

TEST(Plaintext, ATsRequestThatDoesNotDecodeCostsNothingBehindIt) {
  const auto record =
      opened(kHybrid, {client(inside(ntlm_negotiate())),
                       server(inside(joined({{0x30, 3, 0xA0, 1, 2}, ntlm_challenge()})))});
  EXPECT_EQ(record::get<record::Malformed>(the<record::Malformed>(record).fact).what,
            "CredSSP TSRequest");
  EXPECT_EQ(said_inside(record).back(), "server: CredSSP TSRequest v6: NTLM CHALLENGE");
}

TEST(Plaintext, ATokenThatCannotBeReadIsNoted) {
  Bytes broken(auth::kNtlmSignature.begin(), auth::kNtlmSignature.end());
  broken.push_back(2);
  const auto record =
      opened(kHybrid, {client(inside(ntlm_negotiate())), server(inside(with_token(broken)))});
  const auto& e = record.evidence.back();
  EXPECT_EQ(record::describe(e), "CredSSP TSRequest v6: a token that cannot be read");
  ASSERT_FALSE(e.notes.empty());
  EXPECT_EQ(e.notes.back().field, "negoToken");
}

TEST(Plaintext, RdpBehindSslIsReadAsInTheClear) {
  const auto record = opened(kSsl, {client(inside(mcs_initial())), server(inside(mcs_response())),
                                    server(inside(ultimatum()))});
  EXPECT_EQ(said_inside(record),
            (Lines{"client: MCS Connect-Initial", "server: MCS Connect-Response",
                   "server: MCS Disconnect Provider Ultimatum, reason 3"}));
  EXPECT_EQ(record.evidence.back().phase, Phase::kChannels);
}

TEST(Plaintext, FastPathIsToldBySizeAndWhatFollowsItIsRead) {
  const auto record = opened(
      kSsl, {client(inside(mcs_initial())), server(inside(mcs_response())),
             server(inside({0, 5, 1, 2, 3})), server(inside(joined({{4, 3, 9}, ultimatum()})))});
  EXPECT_EQ(
      said_inside(record),
      (Lines{"client: MCS Connect-Initial", "server: MCS Connect-Response", "server: Fast-Path PDU",
             "server: Fast-Path PDU", "server: MCS Disconnect Provider Ultimatum, reason 3"}));
}

TEST(Plaintext, EndlessTsRequestsAreBounded) {
  Connection many;
  for (int i = 0; i < 200; ++i) many.push_back(server(inside(ntlm_challenge())));
  const auto record = opened(kHybrid, many);
  EXPECT_LT(record.evidence.size(), 50u);
  EXPECT_NE(record.evidence.back().notes.back().text.find("too many"), std::string::npos);
}

TEST(Plaintext, RdstlsPdusAreReadWhenRdstlsWasSelected) {
  auth::RdstlsAuthenticationRequest request;
  request.user_name = "user";
  const auto sent = auth::encode(request, Secret(std::string_view("blob")));
  const auto reveal = base::to_bytes(sent.reveal());
  const auto record = opened(
      kRdstls, {server(inside(auth::encode(auth::RdstlsCapabilities{}))), client(inside(reveal)),
                server(inside(auth::encode(auth::RdstlsAuthenticationResponse{0}))),
                client(inside(mcs_initial()))});
  const auto lines = said_inside(record);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], "server: RDSTLS Capabilities");
  EXPECT_EQ(lines[1], "client: RDSTLS Authentication Request with password");
  EXPECT_EQ(lines[2], "server: RDSTLS Authentication Response RDSTLS_RESULT_SUCCESS");
  EXPECT_EQ(record.evidence[9].phase, Phase::kRdstls);
  EXPECT_EQ(record.evidence.back().phase, Phase::kMcs);
}

TEST(Plaintext, WithoutAConfirmOnlyWhatIsSurelyOursIsRead) {
  auto connection = opened_connection(kHybrid, credssp_exchange());
  connection.erase(connection.begin(), connection.begin() + 2);
  Dissector dissector(opening_options());
  dissector.begins_late(moment_of(0));
  for (std::size_t i = 0; i < connection.size(); ++i)
    feed(dissector, connection[i], moment_of(i + 1));
  feed(dissector, server(inside(authorization(5))), moment_of(20));
  feed(dissector, client(inside(text("0 is what this text begins with"))), moment_of(21));
  const auto lines = said(dissector.take());
  EXPECT_NE(std::ranges::find(lines, "server: CredSSP TSRequest v6: NTLM CHALLENGE"), lines.end());
  EXPECT_NE(std::ranges::find(lines, "server: Early User Authorization Result AUTHZ_ACCESS_DENIED"),
            lines.end());
  EXPECT_EQ(lines.back(), "client: TLS application data");
}

TEST(Plaintext, InsideTlsFromTheFirstOctetOnNothingIsGuessed) {
  auto connection = opened_connection(kHybrid, credssp_exchange());
  connection.erase(connection.begin(), connection.begin() + 2);
  auto dissector = make_tls_dissector(opening_options());
  play(dissector, connection);
  EXPECT_EQ(said(dissector.record()).back(), "client: TLS application data");
}

TEST(Plaintext, AStreamThatEndsInsideAMessageSaysSo) {
  auto challenge = ntlm_challenge();
  challenge.resize(40);
  const auto record = opened(
      kHybrid, {client(inside(ntlm_negotiate())), server(inside(challenge)), ended(Side::kServer)});
  EXPECT_TRUE(record::get<record::Ending>(record.evidence.back().fact).mid_message);
  EXPECT_EQ(record::unfinished_octets(record), 40u);
}

TEST(Plaintext, WhatTheKdcSaidStandsBesideWhatACaptureShows) {
  Dissector dissector(opening_options());
  play(dissector, opened_connection(kHybrid));
  record::KdcTalk talk;
  talk.outcome = record::KdcTalk::Outcome::kRefused;
  talk.error_code = 37;
  talk.service = "TERMSRV/host@LAB";
  dissector.kdc(talk, moment_of(20));
  feed(dissector, client(inside(ntlm_negotiate())), moment_of(21));
  const auto record = dissector.take();
  const auto& e = the<record::KdcTalk>(record);
  EXPECT_TRUE(e.live_only);
  EXPECT_EQ(e.phase, Phase::kKerberos);
  EXPECT_EQ(record::describe(e), "KDC: TERMSRV/host@LAB refused, KRB_AP_ERR_SKEW");
  EXPECT_EQ(record.evidence.back().phase, Phase::kCredssp);
  EXPECT_TRUE(record::same_evidence(
      record, dissected(opened_connection(kHybrid, {client(inside(ntlm_negotiate()))}),
                        opening_options())));
}

}  // namespace
}  // namespace rdpwhy::dissect
