// What a report says of authentication inside TLS.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "rdpwhy/record/credssp_summary.h"
#include "rdpwhy/report/report.h"

namespace rdpwhy::report {
namespace {

using nlohmann::json;

constexpr Moment kStart{1'700'000'000'000'000'000};

Bytes utf16(std::string_view ascii) {
  Bytes out;
  for (const char c : ascii) {
    out.push_back(static_cast<std::uint8_t>(c));
    out.push_back(0);
  }
  return out;
}
Bytes little_endian(std::uint64_t value) {
  Bytes out;
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  return out;
}
auth::AvPair pair(auth::AvId id, Bytes value) {
  return {static_cast<std::uint16_t>(id), std::move(value)};
}

auth::NtlmChallenge challenge(std::string_view computer) {
  auth::NtlmChallenge made;
  made.flags = auth::ntlm_flag::kUnicode | 0x04000000;
  made.target_name = "LAB";
  made.version = auth::NtlmVersion{.major = 10, .minor = 0, .build = 20348};
  made.target_info =
      auth::AvPairs{{pair(auth::AvId::kNbComputerName, utf16(computer)),
                     pair(auth::AvId::kNbDomainName, utf16("LAB")),
                     pair(auth::AvId::kDnsDomainName, utf16("lab.example")),
                     pair(auth::AvId::kDnsTreeName, utf16("example")),
                     pair(auth::AvId::kTimestamp,
                          little_endian(auth::filetime_of({kStart.ns + 90'500'000'000})))}};
  return made;
}

auth::NtlmAuthenticate authenticate() {
  auth::NtlmAuthenticate made;
  made.domain_name = "LAB";
  made.user_name = "Ad\u202Emin";
  made.workstation = "HERE";
  made.ntlmv2.emplace();
  made.ntlmv2->av_pairs.pairs = {pair(auth::AvId::kTargetName, utf16("TERMSRV/host")),
                                 pair(auth::AvId::kChannelBindings, Bytes(16, 0))};
  return made;
}

record::CredsspMessage with(auth::MechanismMessage message, bool spnego = false) {
  auth::Token token;
  token.message = std::move(message);
  if (spnego) {
    auth::NegTokenInit init;
    init.mech_types = {std::string(auth::oid::kKerberos), std::string(auth::oid::kNtlm)};
    token.spnego = init;
  }
  return {.version = 6, .has_nego_tokens = true, .tokens = {std::move(token)}};
}

/// A connection of which nothing is told but what was said inside TLS, and the selection.
class Told {
 public:
  explicit Told(std::uint8_t response_flags = 0) {
    rdp::ConnectionConfirm confirm;
    confirm.negotiation = rdp::NegotiationResponse{.flags = response_flags, .selected_protocol = 2};
    add(Phase::kTcp, Side::kServer, record::Connected{});
    add(Phase::kX224, Side::kServer, confirm);
    add(Phase::kTls, Side::kServer, record::HandshakeMessage{.type = 20});
  }
  Told& add(Phase phase, Side side, record::Fact fact) {
    Evidence e;
    e.id = static_cast<record::EvidenceId>(record_.evidence.size() + 1);
    e.phase = phase;
    e.where = {.side = side, .layer = record::Layer::kDecrypted};
    e.at = kStart;
    e.fact = std::move(fact);
    record_.evidence.push_back(std::move(e));
    return *this;
  }
  Told& client(record::Fact fact) { return add(Phase::kCredssp, Side::kClient, std::move(fact)); }
  Told& server(record::Fact fact) { return add(Phase::kCredssp, Side::kServer, std::move(fact)); }
  Told& run(record::RunFacts facts) {
    record_.run = std::move(facts);
    return *this;
  }
  [[nodiscard]] json as_json() const {
    std::string out;
    append_json(out, subject());
    return json::parse(out);
  }
  [[nodiscard]] std::string as_text() const { return to_text(subject(), {.width = 100}); }

 private:
  [[nodiscard]] Subject subject() const {
    Subject subject;
    subject.source.live = record_.run.has_value();
    subject.source.target = "host";
    subject.source.file = "x.pcapng";
    subject.started = kStart;
    subject.record = &record_;
    return subject;
  }
  HandshakeRecord record_;
};

void expect_line(const std::string& text, std::string_view line) {
  EXPECT_NE(text.find(line), std::string::npos) << line << "\nis not in\n" << text;
}

Told refused_ntlm() {
  Told told(0x0B);
  told.client(with(auth::NtlmNegotiate{}, true)).server(with(challenge("HOST")));
  told.client(with(authenticate()));
  return told.server(record::CredsspMessage{.version = 6, .error_code = 0xC000006D});
}

TEST(CredsspReport, ANameOfAnyLengthTakesALineOrTwo) {
  Told told;
  told.client(with(auth::NtlmNegotiate{})).server(with(challenge(std::string(15'000, 'H'))));
  const auto text = told.as_text();
  expect_line(text, "(15000 octets)");
  EXPECT_EQ(text.find(std::string(1'000, 'H')), std::string::npos);
}

TEST(CredsspReport, AProofIsCalledAcceptedOnlyWhereTheAnswerWasChecked) {
  using Why = record::RunFacts::OwnStop::Why;
  const auto text = [](std::optional<bool> confirmed, std::optional<Why> why, bool live = true) {
    Told told;
    told.client(with(auth::NtlmNegotiate{})).server(with(challenge("HOST")));
    told.client(with(authenticate()));
    told.server(record::CredsspMessage{.version = 6, .pub_key_auth = Bytes(48, 1)});
    record::RunFacts facts;
    facts.public_key_confirmed = confirmed;
    if (why) facts.own_stop = record::RunFacts::OwnStop{.why = *why, .words = {}};
    if (live) told.run(facts);
    return told.as_text();
  };
  constexpr std::string_view kAccepted = "the client's proof was accepted";
  EXPECT_NE(text(true, {}).find(kAccepted), std::string::npos);
  expect_line(text(false, Why::kMechanismNotOurs), "does not open with the keys of this logon");
  expect_line(text(false, Why::kPublicKeyNotConfirmed), "is not about the key of its TLS");
  expect_line(text({}, {}, false), "was not checked here");
  for (const auto& other : {text(false, Why::kMechanismNotOurs),
                            text(false, Why::kPublicKeyNotConfirmed), text({}, {}, false)})
    EXPECT_EQ(other.find(kAccepted), std::string::npos) << other;
}

TEST(CredsspReport, JsonHasTheKeysOfTheContract) {
  const auto report = refused_ntlm().as_json();
  const auto& credssp = report["credssp"];
  EXPECT_EQ(credssp["server_version"], 6);
  EXPECT_EQ(credssp["mechanism"], "NTLM");
  EXPECT_EQ(credssp["offered_mechanisms"], json({"Kerberos", "NTLM"}));
  EXPECT_EQ(credssp["ntlm"]["netbios_computer"], "HOST");
  EXPECT_EQ(credssp["ntlm"]["netbios_domain"], "LAB");
  EXPECT_EQ(credssp["ntlm"]["dns_domain"], "lab.example");
  EXPECT_EQ(credssp["ntlm"]["dns_forest"], "example");
  EXPECT_FALSE(credssp["ntlm"].contains("dns_computer"));
  EXPECT_EQ(credssp["ntlm"]["os_version"], "10.0.20348");
  EXPECT_EQ(credssp["ntlm"]["os_product"], "Windows Server 2022");
  EXPECT_EQ(credssp["ntlm"]["clock_skew_s"], 90.5);
  EXPECT_EQ(credssp["ntlm"]["time"], "2023-11-14T22:14:50.500Z");
  EXPECT_EQ(credssp["ntlm"]["flags"], json({"NTLMSSP_NEGOTIATE_UNICODE", "0x04000000"}));
  EXPECT_EQ(credssp["user"], "Ad\u202Emin");
  EXPECT_EQ(credssp["client"]["spn"], "TERMSRV/host");
  EXPECT_EQ(credssp["client"]["channel_bindings"], false);
  EXPECT_EQ(credssp["error"], json({{"code", 3221225581}, {"name", "STATUS_LOGON_FAILURE"}}));
  EXPECT_EQ(credssp["credentials_sent"], false);
  EXPECT_EQ(report["failed"]["after"], "ntlm_authenticate");
  EXPECT_FALSE(Told().as_json().contains("credssp"));
}

TEST(CredsspReport, CodesAreNamedWhicheverTableTheyComeFrom) {
  const auto named = [](std::uint32_t code) {
    return Told()
        .server(record::CredsspMessage{.version = 6, .error_code = code})
        .as_json()["credssp"]["error"]["name"];
  };
  EXPECT_EQ(named(0x80090302), "SEC_E_UNSUPPORTED_FUNCTION");
  EXPECT_EQ(named(0xC0000413), "STATUS_AUTHENTICATION_FIREWALL_FAILED");
  EXPECT_TRUE(named(0xC0DEC0DE).is_null());
  const auto denied = Told().server(auth::EarlyUserAuthorizationResult{5}).as_json();
  EXPECT_EQ(denied["credssp"]["authorization"],
            json({{"code", 5}, {"name", "AUTHZ_ACCESS_DENIED"}}));
}

TEST(CredsspReport, TextNamesTheServerItsDomainItsSystemAndItsClock) {
  const auto text = refused_ntlm().as_text();
  expect_line(text,
              "FAILED in CredSSP authentication: the server said no: STATUS_LOGON_FAILURE "
              "(0xc000006d)");
  expect_line(text, "after the NTLM AUTHENTICATE");
  expect_line(text, "  server       HOST\n");
  expect_line(text, "  domain       LAB (lab.example), forest example\n");
  expect_line(text, "  system       claims to be Windows Server 2022, build 10.0.20348\n");
  expect_line(text, "ahead of that of the capturing machine\n");
  expect_line(text, "  error        STATUS_LOGON_FAILURE (0xc000006d): ");
  expect_line(text,
              "  modes        Restricted Admin supported, Remote Credential Guard not supported");
  // A direction override in a name must not turn the terminal around.
  EXPECT_EQ(text.find("\u202E"), std::string::npos);
}

TEST(CredsspReport, WithoutCredentialsTheLeadSaysHowFarThatIs) {
  record::RunFacts facts;
  facts.until = Phase::kCredssp;
  facts.own_stop = record::RunFacts::OwnStop{};
  Told told;
  told.client(with(auth::NtlmNegotiate{})).server(with(challenge("HOST"))).run(facts);
  const auto report = told.as_json();
  EXPECT_EQ(report["run"]["own_stop"]["why"], "no_credentials");
  EXPECT_EQ(report["failed"], nullptr);
  EXPECT_EQ(report["reached"], "tls");
  expect_line(told.as_text(), "OK through TLS handshake and into CredSSP as far as that goes");
  expect_line(told.as_text(), "ahead of ours");
}

TEST(CredsspReport, KerberosAndTheKdcAreToldWithTheirErrors) {
  auth::KerberosToken request{.kind = auth::KerberosToken::Kind::kApRequest};
  request.realm = "LAB";
  request.server_name = {"TERMSRV", "host"};
  request.ticket_encryption = 18;
  auth::KerberosToken error{.kind = auth::KerberosToken::Kind::kError};
  error.error = auth::KrbError{
      .error_code = 37, .realm = "LAB", .server_time = {kStart.ns - 400'000'000'000}};
  record::KdcTalk talk;
  talk.outcome = record::KdcTalk::Outcome::kGranted;
  talk.principal = "user@LAB";
  talk.service = "TERMSRV/host@LAB";
  Told told;
  told.add(Phase::kKerberos, Side::kNetwork, talk);
  told.client(with(request, true)).server(with(error));
  const auto report = told.as_json();
  EXPECT_EQ(report["credssp"]["mechanism"], "Kerberos");
  EXPECT_EQ(report["credssp"]["kerberos"]["error"],
            json({{"code", 37}, {"name", "KRB_AP_ERR_SKEW"}}));
  EXPECT_EQ(report["credssp"]["kerberos"]["clock_skew_s"], -400);
  EXPECT_EQ(report["credssp"]["kerberos"]["server_name"], "TERMSRV/host");
  EXPECT_EQ(report["credssp"]["kerberos"]["ticket_encryption"]["name"], "aes256-cts-hmac-sha1-96");
  EXPECT_EQ(report["credssp"]["kdc"][0]["outcome"], "granted");
  const auto text = told.as_text();
  expect_line(text, "  Kerberos     ticket for TERMSRV/host@LAB, aes256-cts-hmac-sha1-96\n");
  expect_line(text, "  KDC          TERMSRV/host@LAB for user@LAB: granted\n");
  expect_line(text, "  error        KRB_AP_ERR_SKEW (37)");
  expect_line(text, "behind that of the capturing machine");
}

TEST(CredsspReport, RdstlsIsToldWithItsResult) {
  auth::RdstlsAuthenticationRequest request;
  request.user_name = "user";
  request.domain = "LAB";
  Told told;
  told.add(Phase::kRdstls, Side::kClient, auth::RdstlsPdu(request));
  told.add(Phase::kRdstls, Side::kServer,
           auth::RdstlsPdu(auth::RdstlsAuthenticationResponse{0x52E}));
  const auto report = told.as_json();
  EXPECT_EQ(report["rdstls"]["user"], "user");
  EXPECT_EQ(report["rdstls"]["result"],
            json({{"code", 0x52E}, {"name", "RDSTLS_RESULT_LOGON_FAILURE"}}));
  expect_line(told.as_text(), "  result       RDSTLS_RESULT_LOGON_FAILURE: ");
}

}  // namespace
}  // namespace rdpwhy::report
