// The lab's servers with Network Level Authentication: what their faults look like on the wire, and
// how often somebody tried to log on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "lab/expected.h"
#include "lab/logging_on.h"
#include "lab/nla.h"
#include "rdpwhy/crypto/channel_bindings.h"
#include "rdpwhy/rdp/negotiation.h"

namespace rdpwhy::lab {

using record::EndedHow;

void PrintTo(const Logons& logons, std::ostream* out) {
  *out << "tried " << logons.tried << ", proved " << logons.proved << ", delegated "
       << logons.delegated << ", matched " << logons.matched;
}

namespace {

constexpr Logons kNobody{};
constexpr Logons kTried{.tried = 1, .proved = 1};
constexpr Logons kThrough{.tried = 1, .proved = 1, .delegated = 1, .matched = 1};

}  // namespace

const std::vector<Expected>& nla_expectations() {
  using enum EndedHow;
  using enum Phase;
  constexpr auto kNone = std::optional<Phase>();
  constexpr auto kServer = Side::kServer;
  constexpr auto kClient = Side::kClient;
  constexpr auto kLong = std::chrono::milliseconds(20'000);
  static const std::vector<Expected> kRows = {
      {"nla", kAuthorization, kNone, kServer, {}, kLong, kThrough},
      {"nla-hybrid", kCredssp, kNone, kServer, {}, kLong, kThrough},
      {"nla-version", kAuthorization, kNone, kServer, {}, kLong, kThrough},
      {"nla-in-spnego", kAuthorization, kNone, kServer, {}, kLong, kThrough},
      {"updated-clients-only", kAuthorization, kNone, kServer, {}, kLong, kThrough},
      {"no-restricted-admin", kAuthorization, kNone, kServer, {}, kLong, kThrough},
      {"credssp-error", kTls, kCredssp, kServer, {kFailurePdu}, kLong, kTried},
      {"credssp-error-early", kTls, kCredssp, kServer, {kFailurePdu}, kLong, kNobody},
      {"credssp-alert", kTls, kCredssp, kServer, {kAlert}, kLong, kTried},
      {"credssp-alert-early", kTls, kCredssp, kServer, {kAlert}, kLong, kNobody},
      {"authorization", kCredssp, kAuthorization, kServer, {kFailurePdu}, kLong, kThrough},
      {"spnego-reject", kTls, kCredssp, kServer, {kFailurePdu}, kLong, kNobody},
      {"kerberos-only", kTls, kCredssp, kClient, {kClose}, kLong, kNobody},
      {"ultimatum-on-authenticate", kTls, kCredssp, kServer, {kFailurePdu}, kLong, kTried},
      {"ultimatum-on-negotiate", kTls, kCredssp, kServer, {kFailurePdu}, kLong, kNobody},
      {"closes-on-negotiate", kTls, kCredssp, kServer, {kClose}, kLong, kNobody},
      {"resets-on-negotiate", kTls, kCredssp, kServer, {kReset}, kLong, kNobody},
      {"silent-on-negotiate", kTls, kCredssp, kClient, {kTimeout}, kShort, kNobody},
      {"closes-on-authenticate", kTls, kCredssp, kServer, {kClose}, kLong, kTried},
      {"resets-on-authenticate", kTls, kCredssp, kServer, {kReset}, kLong, kTried},
      {"silent-on-authenticate", kTls, kCredssp, kClient, {kTimeout}, kShort, kTried},
      {"closes-after-public-key", kTls, kCredssp, kServer, {kClose}, kLong, kTried},
      {"resets-after-public-key", kTls, kCredssp, kServer, {kReset}, kLong, kTried, true},
      {"silent-after-public-key", kCredssp, kAuthorization, kClient, {kTimeout}, kShort, kTried},
      {"closes-on-credentials", kCredssp, kAuthorization, kServer, {kClose}, kLong, kThrough},
      {"resets-on-credentials", kCredssp, kAuthorization, kServer, {kReset}, kLong, kThrough},
      {"silent-on-credentials", kCredssp, kAuthorization, kClient, {kTimeout}, kShort, kThrough},
      {"wrong-public-key", kTls, kCredssp, kClient, {kClose}, kLong, kTried},
      {"echoed-public-key", kTls, kCredssp, kClient, {kClose}, kLong, kTried},
      {"challenge-without-target-info", kTls, kCredssp, kClient, {kClose}, kLong, kNobody},
      {"challenge-without-timestamp", kAuthorization, kNone, kServer, {}, kLong, kThrough},
      {"challenge-with-unknown-av-pairs", kAuthorization, kNone, kServer, {}, kLong, kThrough},
      {"tsrequest-truncated", kTls, kCredssp, kServer, {kClose}, kLong, kNobody},
      {"tsrequest-length-lies", kTls, kCredssp, kServer, {kMalformed}, kLong, kNobody},
      {"tsrequest-huge", kTls, kCredssp, kServer, {kMalformed}, kLong, kNobody},
      {"tsrequest-large-token", kTls, kCredssp, kServer, {kMalformed}, kLong, kNobody},
      {"tsrequest-empty", kTls, kCredssp, kClient, {kClose}, kLong, kNobody},
      {"http-inside-tls", kTls, kCredssp, kServer, {kMalformed}, kLong, kNobody},
  };
  return kRows;
}

namespace {

TEST(NlaScenarios, TakeANumberWhereTheySaySo) {
  EXPECT_EQ(faults_of("credssp-error:0xC0000234").nla->error_code, 0xC0000234);
  EXPECT_EQ(faults_of("credssp-error:3221226036").nla->error_code, 0xC0000234);
  EXPECT_EQ(faults_of("credssp-error").nla->error_code, 0xC000006D);
  EXPECT_EQ(faults_of("credssp-alert:80").nla->alert, 80);
  EXPECT_EQ(faults_of("authorization:0").nla->authorization, 0u);
  EXPECT_EQ(faults_of("nla-version:5").nla->version, 5u);
  EXPECT_EQ(find_scenario("nla-version:5"), find_scenario("nla-version"));
  for (const auto* wrong :
       {"nla:5", "valid:1", "credssp-error:", "credssp-error:0x", "credssp-error:x",
        "credssp-error:5 ", "credssp-error:-1", "credssp-error:0x1C000006D", ":5", "no-such:5"}) {
    EXPECT_EQ(find_scenario(wrong), nullptr) << wrong;
    EXPECT_FALSE(faults_of(wrong).nla) << wrong;
  }
}

net::ProbedConnection probe(const Server& server, net::ProbeOptions options) {
  options.phase_timeout = std::chrono::seconds(20);
  auto probed = net::probe({"127.0.0.1", server.port(), "lab"}, options);
  EXPECT_TRUE(probed) << (probed ? "" : probed.error().text);
  return probed ? *std::move(probed) : net::ProbedConnection{};
}

std::vector<std::uint32_t> error_codes(const HandshakeRecord& record) {
  std::vector<std::uint32_t> codes;
  for (const auto& e : record.evidence) {
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    if (message != nullptr && message->error_code) codes.push_back(*message->error_code);
  }
  return codes;
}

TEST(NlaServer, KnowsItsAccountAndNobodyElse) {
  struct Row {
    std::string user;
    std::string_view password;
    bool in;
  };
  for (const auto& [user, password, in] :
       {Row{"alice", kTestPassword, true}, Row{"ALICE", kTestPassword, true},
        Row{"alice@anywhere.test", kTestPassword, true}, Row{"alic", kTestPassword, false},
        Row{"", kTestPassword, false}, Row{"bob", kTestPassword, false}, Row{"alice", "", false},
        Row{"alice", "Zwoelf", false}, Row{"alice", Account::kPassword, false}}) {
    const auto server = Server::start(faults_of("nla"), 0, account_for_tests());
    ASSERT_TRUE(server);
    const auto record = probe(*server, log_on_with(password, user)).record;
    EXPECT_EQ(server->logons(), (in ? kThrough : Logons{.tried = 1})) << user;
    EXPECT_EQ(record::progress(record).as_asked, in) << user;
    EXPECT_EQ(error_codes(record), in ? std::vector<std::uint32_t>() : std::vector{0xC000006Du});
  }
}

// MS-CSSP 2.2.1: only 3, 4 and 6 can say why.
TEST(NlaServer, RefusesInTheWayOfTheVersionThatBothSpeak) {
  for (std::uint32_t server_version = 2; server_version <= 6; ++server_version) {
    for (std::uint32_t client_version = 2; client_version <= 6; ++client_version) {
      const auto common = std::min(server_version, client_version);
      const bool says = common == 3 || common == 4 || common == 6;
      const auto server = Server::start({.nla = NlaFaults{.version = server_version}}, 0, {});
      ASSERT_TRUE(server);
      auto options = log_on_with("not it");
      options.plan.credssp.version = client_version;
      const auto record = probe(*server, options).record;
      EXPECT_EQ(server->logons(), Logons{.tried = 1});
      EXPECT_EQ(error_codes(record).size(), says ? 1u : 0u) << server_version << client_version;
      const auto failure = record::progress(record).failure;
      ASSERT_TRUE(failure);
      EXPECT_EQ(failure->how, says ? EndedHow::kFailurePdu : EndedHow::kAlert);
    }
  }
}

TEST(NlaServer, SpeaksEveryVersionWithEveryVersion) {
  for (std::uint32_t server_version = 2; server_version <= 6; ++server_version) {
    for (std::uint32_t client_version = 2; client_version <= 6; ++client_version) {
      const auto server = Server::start({.nla = NlaFaults{.version = server_version}}, 0, {});
      ASSERT_TRUE(server);
      auto options = log_on_with(Account::kPassword);
      options.plan.credssp.version = client_version;
      const auto record = probe(*server, options).record;
      EXPECT_TRUE(record::progress(record).as_asked) << server_version << client_version;
      EXPECT_EQ(record.run->public_key_confirmed, true);
      EXPECT_EQ(server->logons(), kThrough);
    }
  }
}

TEST(NlaServer, SpeaksOverEveryKindOfKeyAndEveryVersionOfTls) {
  using Key = crypto::CertificateRecipe::Key;
  for (const auto key :
       {Key::kRsa1024, Key::kRsa2048, Key::kRsa4096, Key::kEcP256, Key::kEd25519}) {
    for (std::uint16_t version = 0x0301; version <= 0x0304; ++version) {
      if (key == Key::kEd25519 && version < 0x0303) continue;  // RFC 8422 5.10: TLS 1.2 and newer
      auto faults = faults_of("nla");
      faults.tls_min = faults.tls_max = version;
      faults.certificate = crypto::CertificateRecipe{.ip_addresses = {"127.0.0.1"}, .key = key};
      const auto server = Server::start(faults, 0, account_for_tests());
      ASSERT_TRUE(server) << server.error().text;
      auto options = log_on_with(kTestPassword);
      options.plan.tls.signature_algorithms.push_back(0x0807);  // ed25519, which mstsc lacks
      const auto record = probe(*server, options).record;
      EXPECT_TRUE(record::progress(record).as_asked) << static_cast<int>(key) << " " << version;
      EXPECT_EQ(record.run->public_key_confirmed, true);
      EXPECT_EQ(server->logons(), kThrough);
    }
  }
}

TEST(NlaServer, AsksForNlaOfClientsThatDoNotOfferIt) {
  const auto server = Server::start(faults_of("nla"));
  ASSERT_TRUE(server);
  net::ProbeOptions options;
  options.plan.request.negotiation->requested.bits =
      static_cast<std::uint32_t>(rdp::Protocol::kSsl);
  const auto record = probe(*server, options).record;
  const auto* confirm = record::first<rdp::ConnectionConfirm>(record);
  ASSERT_NE(confirm, nullptr);
  ASSERT_NE(confirm->failure(), nullptr);
  EXPECT_EQ(confirm->failure()->failure_code, 5u);
}

TEST(NlaServer, SelectsHybridForWhoOffersNoMore) {
  const auto server = Server::start(faults_of("nla"), 0, account_for_tests());
  ASSERT_TRUE(server);
  auto options = log_on_with(kTestPassword);
  options.plan.request.negotiation->requested.bits =
      static_cast<std::uint32_t>(rdp::Protocol::kHybrid);
  const auto record = probe(*server, options).record;
  EXPECT_EQ(record::first<auth::EarlyUserAuthorizationResult>(record), nullptr);
  EXPECT_TRUE(record::progress(record).as_asked);
  EXPECT_EQ(server->logons(), kThrough);
}

TEST(NlaServer, GetsNoPasswordOverRestrictedAdmin) {
  const auto server = Server::start(faults_of("nla"), 0, account_for_tests());
  ASSERT_TRUE(server);
  auto options = log_on_with(kTestPassword);
  options.plan.credssp.restricted_admin = true;
  EXPECT_TRUE(record::progress(probe(*server, options).record).as_asked);
  EXPECT_EQ(server->logons(), (Logons{.tried = 1, .proved = 1, .delegated = 1, .matched = 0}));
}

TEST(NlaServer, WithoutCredentialsNobodyTriesToLogOn) {
  for (const auto& scenario : scenarios()) {
    if (!faults_of(scenario.name).nla || scenario.name.starts_with("silent")) continue;
    const auto server = Server::start(faults_of(scenario.name));
    ASSERT_TRUE(server);
    net::ProbeOptions options;
    options.plan.until = Phase::kCredssp;
    probe(*server, options);
    EXPECT_EQ(server->logons(), kNobody) << scenario.name;
  }
}

/// MS-NLMP 2.2.1.3 Workstation: accounts may be bound to workstations, so it is our own name.
TEST(NlaServer, IsToldTheNameOfThisMachine) {
  const auto workstation = [](std::string typed) {
    const auto server = Server::start(faults_of("nla"));
    EXPECT_TRUE(server);
    auto options = log_on_with(kTestPassword);
    options.plan.credssp.workstation = std::move(typed);
    const auto met = probe(*server, options);
    for (const auto& e : met.record.evidence) {
      const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
      if (message == nullptr) continue;
      for (const auto& token : message->tokens) {
        const auto* proof = std::get_if<auth::NtlmAuthenticate>(&token.message);
        if (proof != nullptr) return proof->workstation;
      }
    }
    return std::string("nothing");
  };
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  std::string name(host);
  name = name.substr(0, std::min(name.find('.'), std::size_t{15}));
  std::ranges::transform(name, name.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  EXPECT_EQ(workstation(""), name);
  EXPECT_EQ(workstation("DESK"), "DESK");
}

// Retries, further addresses of the name, the silent connection: nothing sends it again.
TEST(NlaServer, OneRunTriesThePasswordOnceHoweverItEnds) {
  for (const auto& scenario : scenarios()) {
    if (!faults_of(scenario.name).nla || scenario.name.starts_with("silent")) continue;
    const auto server = Server::start(faults_of(scenario.name));
    ASSERT_TRUE(server);
    auto options = log_on_with(Account::kPassword);
    options.phase_timeout = std::chrono::seconds(20);
    for (int run = 0; run < 2; ++run) {  // the same attempt, on two names of the server
      const auto probed = net::probe({"localhost", server->port(), "lab"}, options);
      ASSERT_TRUE(probed);
    }
    EXPECT_LE(server->logons().tried, 1u) << scenario.name;
    EXPECT_LE(server->logons().delegated, 1u) << scenario.name;
  }
}

// --- message by message: clients that rdpwhy is none of
// --------------------------------------------

/// NTLM inside SPNEGO, as mstsc with Negotiate and FreeRDP 3 speak it.
class SpnegoClient {
 public:
  explicit SpnegoClient(NlaFaults faults = {})
      : faults_(faults),
        server_(faults_, house_, static_cast<std::uint32_t>(rdp::Protocol::kHybridEx)) {}

  auth::TsRequest ask(auth::SpnegoToken token, std::optional<Bytes> pub_key_auth = {}) {
    auth::TsRequest request;
    request.nego_tokens = {std::visit([](const auto& t) { return encode(t); }, token)};
    return send(std::move(request), std::move(pub_key_auth));
  }
  auth::TsRequest send(auth::TsRequest request, std::optional<Bytes> pub_key_auth) {
    if (pub_key_auth) {
      request.client_nonce = Bytes(32, 7);
      request.pub_key_auth = std::move(pub_key_auth);
    }
    last = server_.answer(encode(request));
    auto answer = auth::decode_ts_request(last.octets);
    return answer ? *std::move(answer) : auth::TsRequest{};
  }
  static auth::NegTokenResp response_in(const auth::TsRequest& answer) {
    return std::get<auth::NegTokenResp>(auth::decode_spnego(answer.nego_tokens->front()).value());
  }
  crypto::NtlmAnswer answer_to(const Bytes& challenge) const {
    crypto::NtlmClientPlan plan{.user = "alice"};
    plan.session_key = std::make_shared<Secret>(Bytes(16, 0x5E));
    return *crypto::answer_ntlm_challenge(negotiate, challenge,
                                          auth::decode_ntlm_challenge(challenge).value(), plan,
                                          house_.account.password);
  }
  Bytes proof(auth::MessageProtection& protection) const {
    return protection.seal(crypto::client_public_key_proof(6, house_.public_key, Bytes(32, 7)));
  }

  Bytes negotiate = encode(crypto::mstsc_ntlm_negotiate());
  NlaDialogue::Answer last;

 private:
  NlaFaults faults_;
  NlaHouse house_{.account = {}, .public_key = Bytes(64, 9), .counters = {}};
  NlaDialogue server_;

 public:
  [[nodiscard]] const LogonCounters& counters() const { return house_.counters; }
};

auth::NegTokenInit init_with(std::vector<std::string> mechanisms, Bytes token) {
  auth::NegTokenInit init{.mech_types = std::move(mechanisms)};
  if (!token.empty()) init.mech_token = std::move(token);
  return init;
}

Bytes der_of(const auth::NegTokenInit& init) {
  return std::get<auth::NegTokenInit>(auth::decode_spnego(encode(init)).value()).mech_types_der;
}

TEST(NlaDialogue, TellsAClientThatPrefersKerberosToSpeakNtlm) {
  SpnegoClient client;
  const auto init = init_with({std::string(auth::oid::kMsKerberos), std::string(auth::oid::kNtlm)},
                              Bytes(50, 0x60));
  const auto chosen = SpnegoClient::response_in(client.ask(init));
  EXPECT_EQ(chosen.supported_mech, auth::oid::kNtlm);
  EXPECT_EQ(chosen.neg_state, 3);  // request-mic
  EXPECT_FALSE(chosen.response_token);

  const auto challenged =
      SpnegoClient::response_in(client.ask(auth::NegTokenResp{.response_token = client.negotiate}));
  ASSERT_TRUE(challenged.response_token);
  const auto ours = client.answer_to(*challenged.response_token);
  const auto types = der_of(init);
  // The MIC goes with the last token, and the key follows when the server's own has come.
  const auto accepted = SpnegoClient::response_in(
      client.ask(auth::NegTokenResp{.response_token = ours.authenticate,
                                    .mech_list_mic = ours.protection->mech_list_mic(types)}));
  EXPECT_EQ(accepted.neg_state, 0);
  ASSERT_TRUE(accepted.mech_list_mic);
  EXPECT_TRUE(ours.protection->verify_mech_list_mic(types, *accepted.mech_list_mic));
  const auto confirmed = client.send({}, client.proof(*ours.protection));
  ASSERT_TRUE(confirmed.pub_key_auth);
  EXPECT_TRUE(ours.protection->unseal(*confirmed.pub_key_auth));
  EXPECT_EQ(client.counters().tried, 1u);
  EXPECT_EQ(client.counters().proved, 1u);
}

TEST(NlaDialogue, RefusesAWrongMechListMic) {
  SpnegoClient client;
  const auto init = init_with({std::string(auth::oid::kNtlm)}, client.negotiate);
  const auto challenged = SpnegoClient::response_in(client.ask(init));
  EXPECT_EQ(challenged.supported_mech, auth::oid::kNtlm);
  const auto ours = client.answer_to(*challenged.response_token);
  const auto refused = client.ask(
      auth::NegTokenResp{.response_token = ours.authenticate, .mech_list_mic = Bytes(16, 1)});
  EXPECT_EQ(refused.error_code, 0xC000006D);
}

TEST(NlaDialogue, RejectsAClientWithoutNtlm) {
  SpnegoClient client;
  const auto answer = client.ask(init_with({std::string(auth::oid::kKerberos)}, Bytes(50, 0x60)));
  EXPECT_EQ(SpnegoClient::response_in(answer).neg_state, 2);
  EXPECT_EQ(client.last.then, NlaDialogue::Then::kLeave);
}

TEST(NlaDialogue, LeavesAnyClientThatIsOutOfOrder) {
  const auto leaves = [](const Bytes& message) {
    const NlaFaults faults;
    NlaHouse house{.account = {}, .public_key = Bytes(64, 9), .counters = {}};
    NlaDialogue server(faults, house, static_cast<std::uint32_t>(rdp::Protocol::kHybrid));
    const auto answer = server.answer(message);
    return answer.then == NlaDialogue::Then::kLeave && answer.octets.empty();
  };
  auth::TsRequest credentials, proof, noise;
  credentials.auth_info = Bytes(80, 1);
  proof.pub_key_auth = Bytes(48, 1);
  noise.nego_tokens = {Bytes(40, 0x55)};
  for (const auto& request : {auth::TsRequest{}, credentials, proof, noise})
    EXPECT_TRUE(leaves(encode(request)));
  for (const auto& octets : {Bytes{0x30}, Bytes{0x30, 0x03, 0x02, 0x01, 0x06}, Bytes(100, 0xFF)})
    EXPECT_TRUE(leaves(octets));
}

}  // namespace
}  // namespace rdpwhy::lab
