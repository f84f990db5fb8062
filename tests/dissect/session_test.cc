// What follows X.224: MCS and what it carries, in the clear, inside TLS and encrypted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dissect/dissect_oracles.h"
#include "dissect/session_streams.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::dissect {
namespace {

using namespace streams;  // NOLINT: the vocabulary of these tests
using record::PhaseState;
using testing::HasSubstr;

constexpr std::uint32_t kSsl = 1;
constexpr std::uint32_t k128Bit = 2;

HandshakeRecord plain(Connection rest) { return dissected(plain_connection(std::move(rest))); }

PhaseState state_of(const HandshakeRecord& record, Phase phase) {
  for (const auto& row : record::progress(record).phases) {
    if (row.phase == phase) return row.state;
  }
  ADD_FAILURE() << "no phase " << record::name_of(phase);
  return PhaseState::kNotReached;
}

const auto kWholeSession =
    std::vector<std::string>{"client: MCS Connect-Initial",
                             "server: MCS Connect-Response",
                             "client: MCS Erect Domain Request",
                             "client: MCS Attach User Request",
                             "server: MCS Attach User Confirm",
                             "client: MCS Channel Join Request 1007",
                             "server: MCS Channel Join Confirm 1007",
                             "client: MCS Channel Join Request 1003",
                             "server: MCS Channel Join Confirm 1003",
                             "client: MCS Channel Join Request 1004",
                             "server: MCS Channel Join Confirm 1004",
                             "client: MCS Channel Join Request 1005",
                             "server: MCS Channel Join Confirm 1005",
                             "client: MCS Channel Join Request 1006",
                             "server: MCS Channel Join Confirm 1006",
                             "client: Client Info",
                             "server: License Error Alert STATUS_VALID_CLIENT, ST_NO_TRANSITION",
                             "server: Demand Active",
                             "client: Confirm Active",
                             "client: Synchronize",
                             "client: Control (Cooperate)",
                             "client: Control (Request Control)",
                             "client: Font List",
                             "server: Synchronize",
                             "server: Control (Cooperate)",
                             "server: Control (Granted Control)",
                             "server: Font Map"};

std::vector<std::string> said_from(const HandshakeRecord& record, std::size_t first) {
  const auto lines = said(record);
  return {lines.begin() + static_cast<std::ptrdiff_t>(std::min(first, lines.size())), lines.end()};
}

TEST(Session, InTheClearBecomesEvidencePduByPdu) {
  const auto record = plain(whole_session());
  EXPECT_EQ(said_from(record, 4), kWholeSession);
  for (const auto& e : record.evidence) EXPECT_TRUE(e.notes.empty()) << record::describe(e);
  const auto progress = record::progress(record);
  EXPECT_EQ(progress.reached, Phase::kFinalization);
  EXPECT_FALSE(progress.failure.has_value());
}

TEST(Session, InsideTlsBecomesTheSameEvidence) {
  const auto record =
      dissected(opened_connection(kSsl, all_inside(whole_session())), opening_options());
  EXPECT_EQ(said_from(record, 8), kWholeSession);
  EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
  for (std::size_t i = 8; i < record.evidence.size(); ++i)
    EXPECT_EQ(record.evidence[i].where.layer, record::Layer::kDecrypted);
}

TEST(Session, HasTheFactsOfBothSides) {
  const auto record = plain(whole_session());
  const auto summary = record::session_summary(record);
  ASSERT_TRUE(summary);
  ASSERT_TRUE(summary->client != nullptr && summary->server != nullptr);
  EXPECT_EQ(summary->client->blocks, client_blocks());
  EXPECT_EQ(summary->server->blocks.find<rdp::ServerNetworkData>()->channel_ids,
            (std::vector<std::uint16_t>{1004, 1005}));
  ASSERT_NE(summary->client_info, nullptr);
  EXPECT_EQ(summary->client_info->user_name, "user");
  EXPECT_EQ(summary->client_info->password_size, 8);
  EXPECT_EQ(summary->licensing_error->error_code, 7u);
  EXPECT_NE(summary->font_map_at, nullptr);
  EXPECT_FALSE(summary->error_info.has_value());
}

TEST(Session, HasThePhasesInOrder) {
  std::vector<std::string> rows;
  for (const auto& row : record::progress(plain(whole_session())).phases)
    rows.push_back(std::string(record::name_of(row.phase)) + ' ' +
                   std::string(record::name_of(row.state)));
  EXPECT_EQ(rows, (std::vector<std::string>{"tcp passed", "x224 passed", "tls skipped",
                                            "mcs passed", "channels passed", "security skipped",
                                            "client_info passed", "licensing passed",
                                            "capabilities passed", "finalization passed"}));
}

TEST(Session, ShowsAutodetectAndMultitransportWhereTheyCome) {
  const auto record =
      plain(connected_session() +
            Connection{client(client_info()), server(autodetect(false)), client(autodetect(true)),
                       server(licensing_alert()), server(multitransport_request())} +
            activation());
  EXPECT_EQ(state_of(record, Phase::kAutodetect), PhaseState::kPassed);
  EXPECT_EQ(state_of(record, Phase::kMultitransport), PhaseState::kPassed);
  EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
}

/// Cut behind each PDU, then closed by the server: the phase that was running failed.
TEST(Session, ThatTheServerEndsFailsInThePhaseThatRan) {
  struct Case {
    std::size_t kept;
    Phase phase;
    const char* after;
  };
  const auto whole = whole_session();
  for (const auto& [kept, phase, after] : {Case{1, Phase::kMcs, "mcs_connect_initial"},
                                           Case{2, Phase::kChannels, "mcs_connect_response"},
                                           Case{6, Phase::kChannels, "channel_join_request"},
                                           Case{16, Phase::kClientInfo, "client_info"},
                                           Case{17, Phase::kCapabilities, "license_error_alert"},
                                           Case{19, Phase::kCapabilities, "confirm_active"},
                                           Case{24, Phase::kFinalization, "synchronize"}}) {
    SCOPED_TRACE(after);
    Connection begun(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept));
    begun.push_back(ended(Side::kServer));
    const auto progress = record::progress(plain(begun));
    ASSERT_TRUE(progress.failure);
    EXPECT_EQ(record::name_of(progress.failure->phase), record::name_of(phase));
    EXPECT_EQ(progress.failure->after, after);
    EXPECT_EQ(progress.failure->by, Side::kServer);
    EXPECT_EQ(progress.failure->how, record::EndedHow::kClose);
  }
}

TEST(Session, ThatTheServerRefusesSaysWhere) {
  struct Case {
    Connection said;
    Phase phase;
  };
  const auto informed = connected_session() + Connection{client(client_info())};
  const Case cases[] = {
      {{client(connect_initial()), server(refused_response(14))}, Phase::kMcs},
      {{client(connect_initial()), server(connect_response()),
        client(mcs(rdp::AttachUserRequest{})), server(mcs(rdp::AttachUserConfirm{.result = 13}))},
       Phase::kChannels},
      {{client(connect_initial()), server(connect_response()),
        client(mcs(rdp::AttachUserRequest{})),
        server(mcs(rdp::AttachUserConfirm{.initiator = kUser})),
        client(mcs(rdp::ChannelJoinRequest{.initiator = kUser, .channel_id = kIo})),
        server(mcs(rdp::ChannelJoinConfirm{.result = 6, .initiator = kUser, .requested = kIo})),
        ended(Side::kServer)},
       Phase::kChannels},
      {informed + Connection{server(bare(Side::kServer, error_info(7)))}, Phase::kClientInfo},
      {informed + Connection{server(ultimatum())}, Phase::kClientInfo},
      {informed + Connection{server(licensing_alert(2, 1))}, Phase::kLicensing},
      {informed + Connection{server(licensing_alert(2, 3)), ended(Side::kServer)},
       Phase::kLicensing},
      {informed + Connection{server(licensing_alert()), server(ultimatum())}, Phase::kCapabilities},
  };
  for (const auto& [happened, phase] : cases) {
    const auto record = plain(happened);
    SCOPED_TRACE(said(record).back());
    const auto progress = record::progress(record);
    ASSERT_TRUE(progress.failure);
    EXPECT_EQ(record::name_of(progress.failure->phase), record::name_of(phase));
    EXPECT_EQ(progress.failure->how, record::EndedHow::kFailurePdu);
    EXPECT_EQ(progress.failure->by, Side::kServer);
    EXPECT_EQ(state_of(record, phase), PhaseState::kFailed);
  }
}

TEST(Session, SilenceWhereTheServerWasDueIsATimeout) {
  Dissector dissector({});
  play(dissector, plain_connection(connected_session() +
                                   Connection{client(client_info()), server(licensing_alert())}));
  dissector.ended(Side::kClient, record::Ending::How::kClose, {6'000'000'000});
  const auto progress = record::progress(dissector.take());
  ASSERT_TRUE(progress.failure);
  EXPECT_EQ(progress.failure->phase, Phase::kCapabilities);
  EXPECT_EQ(progress.failure->how, record::EndedHow::kTimeout);
}

TEST(Session, ThatRunsForLongIsStillReadAtItsEnd) {
  auto happened = whole_session();
  for (int i = 0; i < 2000; ++i) {
    happened.push_back(server(fast_path_update()));
    happened.push_back(client(bare(Side::kClient, share(Side::kClient, rdp::ShutdownRequest{}))));
    happened.back().octets[28] = 0x7F;  // no such pduType2: something of the desktop
    happened.push_back(server(to_channel(Side::kServer, 1004, Bytes(30, 1))));
  }
  happened.push_back(server(bare(Side::kServer, error_info(0x0B))));
  happened.push_back(server(ultimatum()));
  const auto record = plain(happened);
  EXPECT_LT(record.evidence.size(), 120u);
  const auto summary = record::session_summary(record);
  EXPECT_EQ(summary->error_info, 0x0Bu);
  EXPECT_NE(summary->server_ultimatum, nullptr);
  EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
  EXPECT_FALSE(record::progress(record).failure.has_value());
}

TEST(Session, WithoutEndIsBounded) {
  Connection happened = connected_session();
  const auto alert = licensing_alert(2, 3);
  for (int i = 0; i < 3000; ++i) happened.push_back(server(alert));
  EXPECT_LT(plain(happened).evidence.size(), 200u);
}

record::Ending ending_of(const HandshakeRecord& record) {
  for (const auto& e : record.evidence)
    if (const auto* ending = std::get_if<record::Ending>(&e.fact)) return *ending;
  ADD_FAILURE() << "no ending";
  return {};
}

std::optional<record::ServerTalk> talk_in(const HandshakeRecord& record) {
  const auto progress = record::progress(record);
  EXPECT_TRUE(progress.failure);
  return progress.failure ? record::server_talk(record, *progress.failure) : std::nullopt;
}

/// A client that waits for the Demand Active, and what the server says instead.
HandshakeRecord waiting(int times, const Bytes& said, bool inside_tls = false,
                        Nanoseconds silence = 5'000'000'000) {
  auto happened =
      connected_session() + Connection{client(client_info()), server(licensing_alert())};
  for (int i = 0; i < times; ++i) happened.push_back(server(said));
  Dissector dissector(inside_tls ? opening_options() : Dissector::Options{});
  const auto connection =
      inside_tls ? opened_connection(kSsl, all_inside(happened)) : plain_connection(happened);
  play(dissector, connection);
  const auto last = moment_of(connection.size() + 1);
  dissector.ended(Side::kClient, record::Ending::How::kClose, {last.ns + silence});
  return dissector.take();
}

TEST(Session, WithoutEndSaysHowMuchItLeftOut) {
  const auto data = to_channel(Side::kServer, 1004, Bytes(30, 1));
  const auto update = fast_path_update();
  const auto heartbeat =
      headed(Side::kServer, flags::kHeartbeat, rdp::encode(rdp::Heartbeat{.period = 1}), kMessage);
  for (const auto* said : {&data, &update, &heartbeat}) {
    for (const bool inside : {false, true}) {
      SCOPED_TRACE(inside);
      const auto record = waiting(1000, *said, inside, 0);
      EXPECT_LT(record.evidence.size(), 250u);
      const auto talk = talk_in(record);
      ASSERT_TRUE(talk);
      EXPECT_TRUE(talk->is_flood());
      EXPECT_EQ(talk->messages, 1000u);
      EXPECT_EQ(ending_of(record).server_unfinished, 0u);
    }
  }
}

TEST(Session, OfOtherMessagesThanTheOneThatIsDueIsATimeoutAndNoSilence) {
  const auto record = waiting(3, fast_path_update());
  const auto progress = record::progress(record);
  ASSERT_TRUE(progress.failure);
  EXPECT_EQ(progress.failure->how, record::EndedHow::kTimeout);
  EXPECT_EQ(progress.failure->after, "fast_path");
  const auto talk = talk_in(record);
  ASSERT_TRUE(talk);
  EXPECT_FALSE(talk->is_flood());
  EXPECT_EQ(talk->messages, 3u) << "without the licensing alert, which went on";
}

TEST(Session, ThatStopsInsideAMessageSaysHowMuchOfItCame) {
  for (const bool inside : {false, true}) {
    auto half = bare(Side::kServer, demand_active());
    half.resize(half.size() - 3);
    const auto record = waiting(1, half, inside);
    EXPECT_EQ(ending_of(record).server_unfinished, half.size());
    EXPECT_EQ(record::unfinished_octets(record), half.size());
  }
  EXPECT_EQ(record::unfinished_octets(waiting(2, fast_path_update())), 0u);
}

std::vector<std::string> notes_on(const HandshakeRecord& record) {
  std::vector<std::string> notes;
  for (const auto& e : record.evidence)
    for (const auto& note : e.notes) notes.push_back(note.field + " " + note.text);
  return notes;
}

Bytes response_with(std::vector<rdp::ServerBlock> blocks) {
  rdp::ServerBlocks all;
  all.blocks = std::move(blocks);
  const rdp::ConferenceCreateResponse response{.user_data = rdp::encode(all)};
  return mcs(rdp::ConnectResponse{.user_data = rdp::encode(response)});
}

TEST(Session, WhatAServerLeavesOutOfItsSettingsIsNoted) {
  const rdp::ServerCoreData core{.version = 0x00080010};
  const rdp::ServerSecurityData security{};
  const rdp::ServerNetworkData network{.mcs_channel_id = kIo, .channel_ids = {1004, 1005}};
  const auto noted = [](std::vector<rdp::ServerBlock> blocks) {
    return notes_on(plain({client(connect_initial()), server(response_with(std::move(blocks)))}));
  };
  EXPECT_THAT(noted({core, network, security}), testing::IsEmpty());
  EXPECT_THAT(noted({network, security}), testing::ElementsAre("SC_CORE is missing"));
  EXPECT_THAT(noted({core, network}), testing::ElementsAre(HasSubstr("SC_SECURITY is missing")));
  EXPECT_THAT(noted({core, security}), testing::ElementsAre(HasSubstr("SC_NET is missing")));
  auto odd = network;
  odd.mcs_channel_id = 0;
  odd.channel_ids.push_back(1006);
  EXPECT_THAT(noted({core, odd, security}),
              testing::ElementsAre(HasSubstr("MCSChannelId is 0, which no channel has"),
                                   "channelCount is 3, and the client had asked for 2 channels"));
  auto other = core;
  other.client_requested_protocols = 3;
  EXPECT_THAT(noted({other, network, security}),
              testing::ElementsAre(HasSubstr("clientRequestedProtocols is 0x3")));
}

TEST(Session, AJoinOfAnotherChannelThanTheOneThatWasAskedForIsNoted) {
  const auto record =
      plain({client(connect_initial()), server(connect_response()),
             client(mcs(rdp::ChannelJoinRequest{.initiator = kUser, .channel_id = kIo})),
             server(mcs(rdp::ChannelJoinConfirm{
                 .initiator = kUser, .requested = 1333, .channel_id = 1334}))});
  EXPECT_THAT(notes_on(record),
              testing::ElementsAre("requested is 1333, and the client had asked for 1003",
                                   "channelId is 1334, another than the requested 1333"));
}

TEST(Session, AUserThatIsLetInAsNobodyBreaksTheProtocol) {
  const auto record = plain({client(connect_initial()), server(connect_response()),
                             client(mcs(rdp::AttachUserRequest{})),
                             server(mcs(rdp::AttachUserConfirm{})), ended(Side::kServer)});
  const auto* malformed = record::first<record::Malformed>(record);
  ASSERT_NE(malformed, nullptr);
  EXPECT_EQ(malformed->what, "MCS Attach User Confirm");
  EXPECT_EQ(record::progress(record).failure->how, record::EndedHow::kMalformed);
}

TEST(Session, WhatAServerLeavesOutOnItsWayToTheFontMapIsNoted) {
  const auto whole = activation();
  EXPECT_THAT(notes_on(plain(connected_session() + Connection{client(client_info())} + whole)),
              testing::ElementsAre("licensing no licensing PDU came before it"));
  auto hasty = connected_session() + Connection{client(client_info()), server(licensing_alert())} +
               Connection(whole.begin(), whole.begin() + 6);
  hasty.push_back(whole.back());
  EXPECT_THAT(notes_on(plain(hasty)),
              testing::ElementsAre("Synchronize no Synchronize of the server came before it",
                                   "Control no Control (Granted Control) came before it"));
}

TEST(Session, ThatIsMalformedSaysExactlyWhere) {
  auto zero_block = rdp::encode(client_blocks());
  zero_block[2] = zero_block[3] = 0;
  const rdp::ConferenceCreateRequest request{.user_data = zero_block};
  const auto record = plain({client(mcs(rdp::ConnectInitial{.user_data = rdp::encode(request)}))});
  const auto* malformed = record::first<record::Malformed>(record);
  ASSERT_NE(malformed, nullptr);
  EXPECT_EQ(malformed->what, "client data blocks");
  EXPECT_EQ(malformed->error.message(),
            "length: is 0, less than the four octets of its header (offset 2)");
}

TEST(Session, OfOneSideOutOfTurnIsUnexpected) {
  const auto record = plain({server(connect_initial()), client(connect_response())});
  EXPECT_EQ(said_from(record, 4),
            (std::vector<std::string>{"server: unexpected MCS Connect-Initial",
                                      "client: unexpected MCS Connect-Response"}));
}

TEST(Session, KeepsNoOctetOfAClientInfoThatItCannotRead) {
  auto cut = client_info_octets();
  cut.resize(cut.size() / 2);
  const auto record = plain(connected_session() +
                            Connection{client(headed(Side::kClient, flags::kInfoPacket, cut))});
  const auto* malformed = record::first<record::Malformed>(record);
  ASSERT_NE(malformed, nullptr);
  EXPECT_EQ(malformed->what, "Client Info PDU");
  EXPECT_TRUE(malformed->first.empty());
}

TEST(Session, SeveralPdusInOnePayloadAreRead) {
  const auto record =
      plain(connected_session() +
            Connection{client(client_info()), server(licensing_alert()),
                       server(bare(Side::kServer, joined({error_info(0), demand_active()})))});
  EXPECT_EQ(said(record).back(), "server: Demand Active");
  EXPECT_EQ(said_from(record, said(record).size() - 2).front(),
            "server: Set Error Info ERRINFO_NONE");
}

// --- Standard RDP Security
// ------------------------------------------------------------------------

rdp::SecurityHeader protected_header(std::uint16_t header_flags) {
  rdp::SecurityHeader header{.flags = static_cast<std::uint16_t>(header_flags | flags::kEncrypt)};
  header.signature = rdp::SecurityHeader::Signature{1, 2, 3, 4, 5, 6, 7, 8};
  return header;
}
Bytes protected_payload(Side from, std::uint16_t header_flags, ByteSpan payload) {
  return to_channel(from, kIo, rdp::encode(protected_header(header_flags), payload));
}
Bytes exchange() {
  return headed(Side::kClient, flags::kExchangePacket,
                rdp::encode(rdp::SecurityExchange{.encrypted_client_random = Bytes(72, 7)}));
}

Connection encrypted_session(std::uint32_t level = 2) {
  Connection out = connected_session(k128Bit, level);
  out.push_back(client(exchange()));
  out.push_back(client(protected_payload(Side::kClient, flags::kInfoPacket, client_info_octets())));
  out.push_back(server(licensing_alert()));
  for (auto& event : activation()) {
    auto octets = event.octets;
    // Behind TPKT, X.224 and the Send Data PDU's own header.
    const auto pdu = rdp::decode_mcs(ByteSpan(octets).subspan(7)).value();
    out.push_back(
        {.side = event.side,
         .octets = protected_payload(event.side, 0, std::get<rdp::SendData>(pdu).user_data)});
  }
  return out;
}

TEST(StandardSecurity, WithoutKeysIsEvidenceWithTypeAndSize) {
  const auto record = plain(encrypted_session());
  const auto summary = record::session_summary(record);
  EXPECT_EQ(summary->closed_payloads, 11u);
  const auto* closed = record::first<record::ClosedPayload>(record);
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->size, client_info_octets().size());
  EXPECT_FALSE(closed->refusal.has_value());
  EXPECT_EQ(said_from(record, 19).front(), "client: Security Exchange");
  EXPECT_THAT(said_from(record, 20).front(), HasSubstr("client: Client Info, encrypted"));
  const auto progress = record::progress(record);
  EXPECT_EQ(progress.reached, Phase::kSecurity);
  EXPECT_FALSE(progress.failure.has_value());
  for (const auto phase :
       {Phase::kClientInfo, Phase::kLicensing, Phase::kCapabilities, Phase::kFinalization}) {
    EXPECT_EQ(state_of(record, phase), PhaseState::kEncrypted);
  }
}

TEST(StandardSecurity, WithoutKeysTheServerThatLeavesAtOnceFailed) {
  auto happened = encrypted_session();
  happened.resize(connected_session().size() + 2);
  happened.push_back(ended(Side::kServer));
  const auto progress = record::progress(plain(happened));
  ASSERT_TRUE(progress.failure);
  EXPECT_EQ(progress.failure->phase, Phase::kSecurity);  // nothing shows that it took the keys
  EXPECT_EQ(progress.failure->after, "client_info");
}

/// Payloads "encrypted" by nothing, counted as a real opener counts them.
class NothingOpener final : public record::SessionOpener {
 public:
  explicit NothingOpener(unsigned& opened, unsigned unfit = 0) : opened_(opened), unfit_(unfit) {}
  record::ServerKeyJudgement server_security(std::uint32_t, ByteSpan, ByteSpan) override {
    return {.form = record::ServerKeyJudgement::Form::kProprietary, .key_bits = 512};
  }
  bool security_exchange(ByteSpan random) override { return known_ = !random.empty(); }
  std::expected<Opened, Refusal> open(const Protected& payload) override {
    if (!known_) return std::unexpected(Refusal::kNoKeys);
    const bool fits = ++opened_ != unfit_;
    return Opened{.plaintext = base::to_bytes(payload.data), .mac_fits = fits};
  }
  void lost(Side) override {}

 private:
  unsigned& opened_;
  unsigned unfit_;  ///< this one has a MAC that does not fit
  bool known_ = false;
};

TEST(StandardSecurity, WithKeysIsReadLikeASessionInTheClear) {
  unsigned opened = 0;
  Dissector::Options options;
  options.make_session_opener = [&] { return std::make_unique<NothingOpener>(opened); };
  const auto record = dissected(plain_connection(encrypted_session()), options);
  EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
  EXPECT_EQ(record::session_summary(record)->closed_payloads, 0u);
  EXPECT_EQ(record::first<record::McsConnectResponse>(record)->server_key->key_bits, 512u);
  EXPECT_TRUE(record::first<record::SecurityExchanged>(record)->keys_known);
  EXPECT_EQ(opened, 11u);
  EXPECT_EQ(state_of(record, Phase::kSecurity), PhaseState::kPassed);
}

/// MS-RDPBCGR 2.2.6.1: they are protected with the same keys, and counted with all the others.
TEST(StandardSecurity, CountsWhatGoesThroughStaticChannels) {
  const auto channel_data = [](Side from) {
    return to_channel(from, 1004, rdp::encode(protected_header(0), Bytes(30, 0x41)));
  };
  for (const std::uint32_t level : {1u, 2u}) {
    unsigned opened = 0;
    Dissector::Options options;
    options.make_session_opener = [&] { return std::make_unique<NothingOpener>(opened); };
    auto connection = encrypted_session(level);
    const auto before = connection.size() - 3;
    connection.insert(connection.begin() + static_cast<std::ptrdiff_t>(before),
                      {server(channel_data(Side::kServer)), client(channel_data(Side::kClient))});
    connection.push_back(server(channel_data(Side::kServer)));
    const auto record = dissected(plain_connection(connection), options);
    EXPECT_EQ(record::progress(record).reached, Phase::kFinalization);
    // At the level LOW the server does not encrypt.
    EXPECT_EQ(opened, level == 1 ? 12u : 14u);
  }
}

TEST(StandardSecurity, AMacThatDoesNotFitIsANoteWhereTheContentMakesSense) {
  for (unsigned unfit = 1; unfit <= 11; ++unfit) {
    unsigned opened = 0;
    Dissector::Options options;
    options.make_session_opener = [&] { return std::make_unique<NothingOpener>(opened, unfit); };
    const auto record = dissected(plain_connection(encrypted_session()), options);
    EXPECT_EQ(record::progress(record).reached, Phase::kFinalization) << unfit;
    const auto noted = std::ranges::count_if(record.evidence, [](const record::Evidence& e) {
      return std::ranges::any_of(e.notes,
                                 [](const Note& note) { return note.field == "dataSignature"; });
    });
    EXPECT_EQ(noted, 1);
  }
}

TEST(StandardSecurity, AMacThatDoesNotFitIsABreachWhereTheContentIsNothing) {
  unsigned opened = 0;
  Dissector::Options options;
  auto happened = encrypted_session();
  happened.resize(connected_session().size() + 3);  // up to the licensing alert
  // Where the Demand Active is due, octets that no key of this session gave.
  happened.push_back(server(
      to_channel(Side::kServer, kIo,
                 rdp::encode(rdp::SecurityHeader{.flags = flags::kEncrypt, .signature = {{1}}},
                             Bytes(60, 0xA7)))));
  options.make_session_opener = [&] { return std::make_unique<NothingOpener>(opened, 2); };
  happened.push_back(ended(Side::kClient));
  const auto progress = record::progress(dissected(plain_connection(happened), options));
  ASSERT_TRUE(progress.failure);
  EXPECT_EQ(progress.failure->how, record::EndedHow::kMalformed);
  EXPECT_EQ(progress.failure->by, Side::kServer);
}

/// What answers nothing that the client has said brings nobody further.
TEST(Session, OutOfItsPlaceCompletesNothing) {
  const auto whole = whole_session();
  const auto font_map = server(bare(Side::kServer, share(Side::kServer, rdp::FontMap{})));
  const auto licence = server(licensing_alert());
  const auto demand = server(bare(Side::kServer, demand_active()));
  struct Case {
    std::size_t kept;  ///< PDUs of a whole session before it
    std::optional<Phase> reached;
  };
  for (const auto& [kept, reached] :
       {Case{1, Phase::kX224}, Case{4, Phase::kMcs}, Case{14, Phase::kMcs}}) {
    for (const auto& odd : {Connection{font_map}, Connection{licence}, Connection{demand},
                            Connection{demand, font_map}, Connection{licence, demand, font_map}}) {
      SCOPED_TRACE(kept);
      Connection begun(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept));
      const auto record = plain(begun + odd + Connection{ended(Side::kClient)});
      EXPECT_EQ(record::progress(record).reached, reached)
          << record::name_of(*record::progress(record).reached);
      ASSERT_TRUE(record::progress(record).failure);
      EXPECT_EQ(record::session_summary(record)->font_map_at, nullptr);
    }
  }
  // The client has said all that these answer; the server is only early.
  const auto early =
      Connection(whole.begin(), whole.begin() + 16) + Connection{licence, demand, font_map};
  EXPECT_NE(record::progress(plain(early)).reached, Phase::kFinalization);
  EXPECT_EQ(
      record::progress(plain(early + Connection{client(bare(Side::kClient, confirm_active()))}))
          .reached,
      Phase::kFinalization);
}

/// A capture that begins late shows the end of what it does not show the beginning of.
TEST(Session, OfWhichTheBeginningIsMissingIsBelieved) {
  auto whole = whole_session();
  whole.erase(whole.begin());
  EXPECT_EQ(record::progress(plain(whole)).reached, Phase::kFinalization);
}

TEST(Session, OctetsThatAreNoPduAreTold) {
  const auto record =
      plain(connected_session() + Connection{client(client_info()), server(Bytes(64, 0x00))});
  EXPECT_TRUE(std::holds_alternative<record::ForeignProtocol>(record.evidence.back().fact))
      << record::describe(record.evidence.back());
}

TEST(Session, WhatBringsItFurtherIsNotCrowdedOut) {
  auto crowded = connected_session() + Connection{client(client_info()), server(licensing_alert())};
  for (int i = 0; i < 1000; ++i) crowded.push_back(server(bare(Side::kServer, error_info(0))));
  EXPECT_EQ(record::progress(plain(crowded + activation())).reached, Phase::kFinalization);
}

TEST(Session, IsTheSameHoweverItIsCutAndWhereverItEnds) {
  unsigned opened = 0;
  Dissector::Options keys;
  keys.make_session_opener = [&] { return std::make_unique<NothingOpener>(opened); };
  auto over = whole_session() + Connection{server(fast_path_update()),
                                           server(bare(Side::kServer, error_info(0x0B))),
                                           server(ultimatum()), ended(Side::kServer)};
  const std::pair<Connection, Dissector::Options> cases[] = {
      {plain_connection(over), {}},
      {opened_connection(kSsl, all_inside(over)), opening_options()},
      {plain_connection(encrypted_session() + Connection{ended(Side::kClient)}), {}},
      {plain_connection(encrypted_session() + Connection{ended(Side::kClient)}), keys}};
  for (const auto& [connection, options] : cases) {
    oracle::check_connection(connection, {.options = options}, 7);
    for (std::size_t kept = 0; kept < connection.size(); ++kept) {
      oracle::check_connection({connection.data(), kept}, {.options = options}, kept);
    }
  }
}

TEST(Session, IsReadOrRefusedHoweverItIsDamaged) {
  const auto whole = plain_connection(whole_session());
  for (std::size_t i = 2; i < whole.size(); ++i) {
    for (std::size_t at = 0; at < whole[i].octets.size(); at += 3) {
      auto damaged = whole;
      damaged[i].octets[at] ^= 0x81;
      const auto played = oracle::play_whole(damaged);
      oracle::check_record(played.record, false);
    }
  }
}

}  // namespace
}  // namespace rdpwhy::dissect
