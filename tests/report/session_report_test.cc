// What a report says of the session's phases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "rdpwhy/diagnose/diagnosis.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::report {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr Moment kStart{1'700'000'000'000'000'000};

rdp::ShareControl set_error_info(std::uint32_t code) {
  rdp::ShareControl control;
  control.type = static_cast<std::uint8_t>(rdp::ShareControlType::kData);
  rdp::ShareData data;
  data.type = static_cast<std::uint8_t>(rdp::ShareDataType::kSetErrorInfo);
  data.content = rdp::SetErrorInfo{code};
  control.content = data;
  return control;
}

rdp::LicensingPdu alert(std::uint32_t code) {
  return {.type = static_cast<std::uint8_t>(rdp::LicensingType::kErrorAlert),
          .message = rdp::LicensingError{.error_code = code, .state_transition = 2}};
}

/// A connection under Standard RDP Security, up to what is added.
class Told {
 public:
  Told() {
    add(Phase::kTcp, Side::kServer, record::Connected{});
    add(Phase::kX224, Side::kServer, rdp::ConnectionConfirm{});
    record::McsConnectInitial initial;
    initial.blocks.blocks = {rdp::ClientCoreData{.desktop_width = 1920,
                                                 .desktop_height = 1080,
                                                 .keyboard_layout = 0x407,
                                                 .client_build = 19041,
                                                 .client_name = "PC\u202E\x1b"},
                             rdp::ClientNetworkData{.channels = {{"rdpdr", 0}, {"cliprdr", 0}}}};
    add(Phase::kMcs, Side::kClient, initial);
    record::McsConnectResponse response;
    response.blocks.blocks = {
        rdp::ServerCoreData{.version = 0x00080011},
        rdp::ServerNetworkData{.mcs_channel_id = 1003, .channel_ids = {1004, 1005}},
        rdp::ServerSecurityData{.encryption_method = 2, .encryption_level = 9}};
    response.server_key =
        record::ServerKeyJudgement{.form = record::ServerKeyJudgement::Form::kProprietary,
                                   .signature = record::ServerKeyJudgement::Signature::kValid,
                                   .key_bits = 512};
    add(Phase::kMcs, Side::kServer, response);
  }
  Told& add(Phase phase, Side side, record::Fact fact) {
    record_.evidence.push_back({.id = static_cast<record::EvidenceId>(record_.evidence.size() + 1),
                                .phase = phase,
                                .where = {.side = side, .layer = record::Layer::kWire},
                                .at = kStart,
                                .fact = std::move(fact)});
    return *this;
  }
  [[nodiscard]] json as_json() const {
    std::string out;
    append_json(out, subject());
    return json::parse(out);
  }
  [[nodiscard]] std::string as_text() const { return to_text(subject(), {.width = 100}); }
  /// The first sentence, of a run that was to go to the end.
  [[nodiscard]] std::string lead() {
    record_.run.emplace();
    record_.run->until = Phase::kFinalization;
    const auto diagnosis = diagnose::diagnose(record_, {});
    auto told = subject();
    told.diagnosis = &diagnosis;
    const auto text = to_text(told, {.width = 1000});
    return text.substr(0, text.find('\n'));
  }
  Told& ends(Side by, Nanoseconds after, std::uint32_t unfinished = 0) {
    add(record_.evidence.back().phase, by,
        record::Ending{.by = by, .silence = after, .server_unfinished = unfinished});
    record_.evidence.back().at.ns += after;
    return *this;
  }

 private:
  [[nodiscard]] Subject subject() const {
    Subject subject;
    subject.source.file = "x.pcapng";
    subject.started = kStart;
    subject.record = &record_;
    return subject;
  }
  HandshakeRecord record_;
};

TEST(SessionReport, HasWhatBothSidesSayOfThemselves) {
  const auto mcs = Told().as_json().at("mcs");
  EXPECT_EQ(mcs["client"]["build"], 19041);
  EXPECT_EQ(mcs["client"]["keyboard_layout"], 1031);
  EXPECT_EQ(mcs["client"]["width"], 1920);
  EXPECT_EQ(mcs["client"]["height"], 1080);
  EXPECT_EQ(mcs["client"]["channels"], (json{"rdpdr", "cliprdr"}));
  EXPECT_EQ(mcs["server"]["version"], "0x00080011");
  EXPECT_EQ(mcs["server"]["channels"], 2);
  EXPECT_EQ(mcs["server"]["encryption_method"],
            (json{{"code", 2}, {"name", "ENCRYPTION_METHOD_128BIT"}}));
  EXPECT_EQ(mcs["server"]["encryption_level"], (json{{"code", 9}, {"name", nullptr}}));
  EXPECT_EQ(mcs["server"]["certificate"], (json{{"form", "proprietary"},
                                                {"key_bits", 512},
                                                {"signature_valid", true},
                                                {"published_key", false}}));
}

TEST(SessionReport, LeavesOutWhatWasNotSeen) {
  const auto told = Told().as_json();
  for (const auto* key : {"licensing", "redirection", "error_info"})
    EXPECT_FALSE(told.contains(key)) << key;
}

TEST(SessionReport, SaysLicensingAndErrorInfoByNumberAndName) {
  const auto told = Told()
                        .add(Phase::kLicensing, Side::kServer, alert(7))
                        .add(Phase::kCapabilities, Side::kServer, set_error_info(0))
                        .add(Phase::kCapabilities, Side::kServer, set_error_info(7));
  const auto shown = told.as_json();
  EXPECT_EQ(shown["licensing"]["error"], (json{{"code", 7}, {"name", "STATUS_VALID_CLIENT"}}));
  EXPECT_EQ(shown["licensing"]["transition"], (json{{"code", 2}, {"name", "ST_NO_TRANSITION"}}));
  EXPECT_EQ(shown["error_info"], (json{{"code", 7}, {"name", "ERRINFO_SERVER_DENIED_CONNECTION"}}));
  EXPECT_NE(told.as_text().find("ERRINFO_SERVER_DENIED_CONNECTION (0x00000007)"),
            std::string::npos);
}

rdp::ShareControl shared(rdp::ShareControlContent content) {
  rdp::ShareControl control;
  control.content = std::move(content);
  return control;
}
rdp::ShareControl finalizing(rdp::ShareDataContent content) {
  rdp::ShareData data;
  data.content = std::move(content);
  return shared(std::move(data));
}

TEST(SessionReport, OfTwoErrorInfosTheLeadHasBoth) {
  auto told = Told()
                  .add(Phase::kCapabilities, Side::kServer, set_error_info(7))
                  .add(Phase::kCapabilities, Side::kServer, set_error_info(0x0B));
  EXPECT_THAT(told.lead(), HasSubstr("the server said why: ERRINFO_SERVER_DENIED_CONNECTION "
                                     "(0x00000007), and at last "
                                     "ERRINFO_RPC_INITIATED_DISCONNECT_BYUSER (0x0000000b)"));
  EXPECT_THAT(told.as_text(), HasSubstr("ERRINFO_SERVER_DENIED_CONNECTION (0x00000007), first"));
}

TEST(SessionReport, DoesNotSayOkBesideACauseBehindTheFontMap) {
  auto told = Told()
                  .add(Phase::kClientInfo, Side::kClient, rdp::ClientInfo{})
                  .add(Phase::kCapabilities, Side::kServer, shared(rdp::DemandActive{}))
                  .add(Phase::kCapabilities, Side::kClient, shared(rdp::ConfirmActive{}))
                  .add(Phase::kFinalization, Side::kServer, finalizing(rdp::FontMap{}));
  EXPECT_THAT(Told(told).lead(),
              HasSubstr(": OK through connection finalization, as far as asked."));
  auto said_no = told;
  EXPECT_THAT(said_no.add(Phase::kFinalization, Side::kServer, set_error_info(7)).lead(),
              HasSubstr(": went through connection finalization, as far as asked; then the server "
                        "said why: ERRINFO_SERVER_DENIED_CONNECTION (0x00000007)."));
  auto left = told;
  EXPECT_THAT(left.ends(Side::kServer, 1'000'000).lead(),
              HasSubstr("as far as asked; then the server ended the session."));
}

TEST(SessionReport, DoesNotCallSilenceWhatIsNone) {
  const auto waiting = Told().add(Phase::kClientInfo, Side::kClient, rdp::ClientInfo{});
  EXPECT_THAT(Told(waiting).ends(Side::kClient, 5'000'000'000).lead(),
              HasSubstr("silence, and the client hung up"));
  EXPECT_THAT(Told(waiting).ends(Side::kClient, 5'000'000'000, 9).lead(),
              HasSubstr("an unfinished answer, and the client hung up"));
  EXPECT_THAT(Told(waiting)
                  .add(Phase::kClientInfo, Side::kServer, rdp::Heartbeat{})
                  .ends(Side::kClient, 900'000'000)
                  .lead(),
              HasSubstr("not the answer that was due, and the client hung up, 900 ms after a "
                        "Heartbeat"));
  auto flooded = waiting;
  for (int i = 0; i < 300; ++i)
    flooded.add(Phase::kClientInfo, Side::kServer, record::ChannelData{.channel_id = 1004});
  EXPECT_THAT(flooded.ends(Side::kClient, 1'000).lead(),
              HasSubstr("no end of messages, and the client hung up"));
}

TEST(SessionReport, ALicenceRequestTakesNoPages) {
  rdp::LicensingPdu pdu{.type = static_cast<std::uint8_t>(rdp::LicensingType::kLicenseRequest)};
  pdu.message = rdp::LicenseRequest{
      .product = {.company_name = std::string(8000, 'A'), .product_id = std::string(8000, 'B')}};
  EXPECT_LT(Told().add(Phase::kLicensing, Side::kServer, pdu).as_text().size(), 4000u);
}

TEST(SessionReport, SaysWhereARedirectionLeadsAndNoPassword) {
  rdp::ServerRedirection redirection;
  redirection.target_net_address = "10.9.8.7";
  redirection.load_balance_info = Bytes{'t', 'o', 'k', 0xFF};
  redirection.password_size = 20;
  const auto told = Told().add(Phase::kCapabilities, Side::kServer, redirection);
  const auto shown = told.as_json()["redirection"];
  EXPECT_EQ(shown["target"], "10.9.8.7");
  EXPECT_EQ(shown["routing_token"], "tok\\xff");
  EXPECT_EQ(shown["password"], true);
  EXPECT_NE(told.as_text().find("to 10.9.8.7, with a routing token"), std::string::npos);
}

TEST(SessionReport, LetsNoControlCharacterThrough) {
  rdp::ServerRedirection redirection;
  redirection.target_net_address = "10.9.8.7\x1b[31m\nforged";
  const auto text = Told().add(Phase::kCapabilities, Side::kServer, redirection).as_text();
  EXPECT_EQ(text.find("\nforged"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\u202E"), std::string::npos);
  EXPECT_NE(text.find("RDP 10.12 (0x00080011)"), std::string::npos);
}

TEST(UdpReport, TellsWhatWasOfferedAndAccepted) {
  using rdp::RdpUdpSyn;
  namespace flags = rdp::rdpudp_flags;
  HandshakeRecord record;
  record.evidence.push_back(
      {.id = 1, .phase = Phase::kTcp, .at = kStart, .fact = record::Connected{}});
  Subject subject{.started = kStart, .record = &record};
  subject.source.live = false;
  const auto text = [&] { return to_text(subject, {.width = 200}); };
  const auto members = [&] {
    std::string out;
    append_json(out, subject);
    return json::parse(out);
  };
  EXPECT_FALSE(members().contains("udp"));
  EXPECT_EQ(text().find("UDP"), std::string::npos);

  record::UdpTransport transport{.client = "10.0.0.1:60000", .server = "10.0.0.2:3389"};
  transport.began = {kStart.ns + 2'000'000};
  transport.syns = 3;
  transport.syn = RdpUdpSyn{.flags = flags::kSyn | flags::kSynLossy, .down_stream_mtu = 1200};
  subject.udp = {transport};
  EXPECT_NE(text().find("10.0.0.1:60000 > 10.0.0.2:3389, lossy: 3 SYNs, version 1 (none is named) "
                        "offered, MTU 1232 up, 1200 down; no answer was captured"),
            std::string::npos)
      << text();
  EXPECT_NE(text().find("over TCP alone: no failure"), std::string::npos);
  auto udp = members()["udp"][0];
  EXPECT_EQ(udp["kind"], "lossy");
  EXPECT_EQ(udp["at_ms"], 2);
  EXPECT_TRUE(udp["answer"].is_null());
  EXPECT_TRUE(udp["syn"]["version"].is_null());

  transport.answered = {transport.began.ns + 500'000};
  transport.answer = RdpUdpSyn{.flags = flags::kSyn | flags::kAck, .version = 9};
  subject.udp = std::vector(40, transport);
  EXPECT_NE(text().find("answered after 0.5 ms, version 0x0009 (unknown) accepted"),
            std::string::npos)
      << text();
  EXPECT_NE(text().find("and 8 more"), std::string::npos);
  EXPECT_EQ(text().find("TCP alone"), std::string::npos);
  EXPECT_EQ(members()["udp"].size(), 32u);
  EXPECT_EQ(members()["udp_total"], 40);
  udp = members()["udp"][0];
  EXPECT_EQ(udp["answer"]["after_ms"], 0.5);
  EXPECT_EQ(udp["answer"]["version"], "0x0009");
}

TEST(EncryptionReport, TellsWhatTheServerAnsweredToEachMethod) {
  HandshakeRecord record;
  record.evidence.push_back(
      {.id = 1, .phase = Phase::kTcp, .at = kStart, .fact = record::Connected{}});
  Subject subject{.started = kStart, .record = &record};
  record::Failure failure{
      .phase = Phase::kMcs, .by = Side::kServer, .how = record::EndedHow::kReset};
  record::EncryptionExperiment taken{.offered = 1, .reached = Phase::kMcs, .method = 1, .level = 2};
  record::EncryptionExperiment another{
      .offered = 0x10, .reached = Phase::kMcs, .method = 7, .level = 9};
  record::EncryptionExperiment refused{.offered = 8, .reached = Phase::kX224, .failure = failure};
  failure.how = record::EndedHow::kTimeout;
  failure.by = Side::kClient;
  record::EncryptionExperiment silent{.offered = 0, .reached = Phase::kX224, .failure = failure};
  subject.encryption = {taken, another, refused, silent};
  const auto text = to_text(subject, {.width = 120});
  for (const auto* line :
       {"  40 bit       taken, at ENCRYPTION_LEVEL_CLIENT_COMPATIBLE\n",
        "  FIPS         not taken: the server settles on 0x00000007, which was not offered, at "
        "0x00000009\n",
        "  56 bit       refused: the server ends the connection (reset)\n",
        "  none         not known: ended in mcs (timeout by client)\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  std::string out;
  append_json(out, subject);
  const auto experiments = json::parse(out)["experiments"];
  ASSERT_EQ(experiments.size(), 4u);
  EXPECT_EQ(experiments[0]["id"], "encryption-40");
  EXPECT_EQ(experiments[0]["changed"], "offered ENCRYPTION_METHOD_40BIT only");
  EXPECT_EQ(experiments[0]["encryption"]["answer"], "taken");
  EXPECT_TRUE(experiments[0]["failed"].is_null());
  EXPECT_TRUE(experiments[1]["encryption"]["method"]["name"].is_null());
  EXPECT_EQ(experiments[2]["failed"]["ending"]["how"], "reset");
  EXPECT_EQ(experiments[2]["encryption"]["answer"], "refused");
  EXPECT_FALSE(experiments[3]["encryption"].contains("method"));
}

}  // namespace
}  // namespace rdpwhy::report
