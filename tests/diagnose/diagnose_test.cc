#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "diagnose/story.h"

namespace rdpwhy::diagnose {
namespace {

using record::Ending;
using How = Ending::How;

record::RunFacts::SilentConnection silent(bool ended) {
  return {true, ended, false, ended ? 2'000'000 : 300'000'000, 0};
}

Story begun(bool live = true) { return Story(live).tcp(); }
Story asked() { return begun().request(); }
Story agreed() { return asked().confirm(2); }
Story greeted() { return agreed().client_hello(); }

record::TlsAlert close_notify() {
  return record::TlsAlert{tls::Alert{tls::Alert::kWarning, tls::Alert::kCloseNotify}};
}

Story with_silent(Story story, bool ended) {
  story.record.run->silent_connection = silent(ended);
  return story;
}

Story resolved_to_nothing() {
  return Story()
      .add(Phase::kResolve, Side::kNetwork,
           record::Resolved{"nosuch.example", {}, "Name or service not known"})
      .live_only();
}

Story icmp(std::uint8_t type, std::uint8_t code, bool v6 = false) {
  return Story()
      .add(Phase::kTcp, Side::kClient, record::Connecting{})
      .add(Phase::kTcp, Side::kNetwork, record::IcmpError{type, code, v6, "192.0.2.254", "as said"})
      .end(Side::kNetwork, How::kUnreachable);
}

Story icmp_when_asked(record::IcmpError error) {
  return asked().add(Phase::kX224, Side::kNetwork, std::move(error)).wait_and_hang_up(5000);
}

Story connecting() { return Story().add(Phase::kTcp, Side::kClient, record::Connecting{}); }

Story answered_in(std::string protocol, Bytes first) {
  return asked()
      .add(Phase::kX224, Side::kServer,
           record::ForeignProtocol{std::move(protocol), std::move(first)})
      .end(Side::kServer, How::kClose);
}

Story malformed_confirm() {
  return asked()
      .add(Phase::kX224, Side::kServer, record::Malformed{"X.224 Connection Confirm", {}, {3, 0}})
      .end(Side::kClient, How::kClose);
}

Story captured(Story story) {
  story.record.run.reset();
  story.circumstances.live = false;
  story.circumstances.target_host.clear();
  return story;
}

struct Row {
  const char* name;
  std::function<Story()> story;
  const char* found;  ///< all of it, in order: a cause too many is as wrong as a missing one
};

const Row kRows[] = {
    {"NameNotFound", resolved_to_nothing, "name-not-found certain"},
    {"Refused", [] { return connecting().end(Side::kServer, How::kRefused); },
     "port-closed certain"},
    {"Unanswered", [] { return connecting().end(Side::kNetwork, How::kUnanswered, 5000); },
     "port-filtered likely, host-unreachable possible"},
    {"LocalPolicy", [] { return connecting().end(Side::kClient, How::kLocal); },
     "local-policy-blocks certain"},
    {"NoRoute", [] { return connecting().end(Side::kNetwork, How::kUnreachable); },
     "host-unreachable likely"},
    {"IcmpWhenConnected",
     [] { return icmp_when_asked({3, 1, false, "192.0.2.254", "host unreachable"}); },
     "host-unreachable likely"},
    {"IcmpInCircles",
     [] { return icmp_when_asked({11, 0, false, "192.0.2.254", "time to live exceeded"}); },
     "host-unreachable likely"},
    {"IcmpProhibitedWhenConnected",
     [] { return icmp_when_asked({3, 13, false, "192.0.2.254", "prohibited"}); },
     "port-filtered likely, middlebox-interference possible"},
    {"Icmp6ProhibitedByWhateverRule",
     [] { return icmp_when_asked({1, {}, true, "", "prohibited"}); },
     "port-filtered likely, middlebox-interference possible"},
    {"IcmpToldByTheKernel", [] { return icmp_when_asked({{}, {}, false, "", "host unreachable"}); },
     "host-unreachable possible, port-filtered possible"},
    {"IcmpHostUnreachable", [] { return icmp(3, 1); }, "host-unreachable certain"},
    {"IcmpProhibited", [] { return icmp(3, 13); }, "port-filtered certain"},
    {"IcmpPortUnreachable", [] { return icmp(3, 3); }, "port-filtered likely"},
    {"Icmp6NoRoute", [] { return icmp(1, 0, true); }, "host-unreachable certain"},
    {"Icmp6Prohibited", [] { return icmp(1, 1, true); }, "port-filtered certain"},
    {"Icmp6PortUnreachable", [] { return icmp(1, 4, true); }, "port-filtered likely"},

    {"EndedBeforeTheRequest", [] { return begun().end(Side::kServer, How::kClose); },
     "forwarder-without-backend likely, proxy-header-expected possible, "
     "refused-after-connection-request possible"},
    {"SilentConnectionEndsToo",
     [] { return with_silent(asked().end(Side::kServer, How::kReset), true); },
     "forwarder-without-backend likely, proxy-header-expected possible, "
     "refused-after-connection-request possible"},
    {"SilentConnectionStaysOpen",
     [] { return with_silent(asked().end(Side::kServer, How::kClose), false); },
     "refused-after-connection-request likely, cookie-or-token-rejected possible, "
     "proxy-header-expected possible"},
    {"WithoutACookieNoneIsBlamed",
     [] {
       return with_silent(begun().request(0x0B, false).end(Side::kServer, How::kClose), false);
     },
     "refused-after-connection-request likely, proxy-header-expected possible"},
    {"NobodyWatchedASilentConnection",
     [] { return captured(asked().end(Side::kServer, How::kReset)); },
     "refused-after-connection-request possible, forwarder-without-backend possible, "
     "cookie-or-token-rejected possible, "
     "proxy-header-expected possible"},
    {"NobodyWatchedAndItEndedWithinARoundTrip",
     [] { return captured(Story().tcp(50).request().end(Side::kServer, How::kClose)); },
     "forwarder-without-backend possible, refused-after-connection-request possible, "
     "cookie-or-token-rejected possible, "
     "proxy-header-expected possible"},
    {"NoAnswer", [] { return asked().wait_and_hang_up(5000); },
     "server-not-answering likely, proxy-header-expected possible"},
    {"Ssh", [] { return answered_in("SSH", base::to_bytes(base::as_bytes("SSH-2.0"))); },
     "not-an-rdp-service certain"},
    {"TlsFirst", [] { return answered_in("TLS", {0x15, 3, 1}); }, "not-an-rdp-service likely"},
    {"UnknownOctets", [] { return answered_in("", {0xDE, 0xAD}); }, "not-an-rdp-service likely"},
    {"ForeignOctetsOfTheClientBlameNoServer",
     [] {
       return captured(
           begun()
               .add(Phase::kX224, Side::kClient, record::ForeignProtocol{"", {0x45, 0x43}})
               .end(Side::kClient, How::kClose));
     },
     "unexplained possible"},
    {"AlmostATpkt", [] { return answered_in("", {3, 0, 0, 1}); }, "protocol-violation likely"},
    {"MalformedConfirm", malformed_confirm, "protocol-violation likely"},
    {"Failure1", [] { return begun().request(0).refuse(1).end(Side::kServer, How::kClose); },
     "tls-required certain"},
    {"Failure2", [] { return asked().refuse(2).end(Side::kServer, How::kClose); },
     "legacy-security-only certain"},
    {"Failure3", [] { return asked().refuse(3).end(Side::kServer, How::kReset); },
     "server-has-no-certificate certain"},
    {"Failure4", [] { return asked().refuse(4).end(Side::kClient, How::kClose); },
     "inconsistent-flags certain"},
    {"Failure5", [] { return begun().request(1).refuse(5).end(Side::kServer, How::kReset); },
     "nla-required certain"},
    {"Failure6", [] { return asked().refuse(6).end(Side::kServer, How::kClose); },
     "client-certificate-required certain"},
    {"FailureOfTheFuture", [] { return asked().refuse(0x7777).end(Side::kServer, How::kClose); },
     "unexplained possible, protocol-violation possible"},
    {"DisconnectRequest",
     [] {
       return asked()
           .add(Phase::kX224, Side::kServer, rdp::DisconnectRequest{})
           .end(Side::kServer, How::kClose);
     },
     "refused-after-connection-request likely, cookie-or-token-rejected possible"},
    {"RdpChosen", [] { return asked().confirm(0).end(Side::kClient, How::kClose); },
     "legacy-security-chosen certain"},
    {"RdpChosenOverNlaAlone",
     [] { return begun().request(2).confirm(0).end(Side::kClient, How::kClose); },
     "legacy-security-chosen likely"},
    {"SelectedNotOffered",
     [] { return begun().request(1).confirm(8).end(Side::kClient, How::kClose); },
     "protocol-violation likely"},

    {"SelectedSeveralAtOnce",
     [] { return begun().request(0x0B).confirm(3).end(Side::kClient, How::kClose); },
     "protocol-violation likely"},
    {"SelectedNotOfferedAndTlsCompletes",
     [] {
       return begun().request(1).confirm(2).client_hello().tls12_to_the_end().end(Side::kClient,
                                                                                  How::kClose);
     },
     "protocol-violation likely"},
    {"SelectedNotOfferedAndThereItCannotGoOnAsAsked",
     [] {
       return begun()
           .request(1)
           .confirm(4)
           .client_hello()
           .tls12_to_the_end()
           .until(Phase::kFinalization)
           .end(Side::kClient, How::kClose);
     },
     "protocol-violation likely"},
    {"CaptureOfSelectedNotOfferedAndTlsCompletes",
     [] {
       return captured(begun()
                           .request(1)
                           .confirm(2)
                           .client_hello()
                           .tls12_to_the_end()
                           .add(Phase::kTls, Side::kClient, record::TlsAlert{})
                           .end(Side::kClient, How::kClose));
     },
     "protocol-violation likely"},

    {"ResetOnClientHello", [] { return greeted().end(Side::kServer, How::kReset); },
     "server-private-key-unreadable possible, server-tls-disabled possible, "
     "client-hello-intolerance possible, "
     "no-common-tls-version possible, middlebox-interference possible"},
    {"CloseOnAnOldClientHello",
     [] { return agreed().client_hello(0x0301).end(Side::kServer, How::kClose); },
     "no-common-tls-version possible, server-private-key-unreadable possible, server-tls-disabled "
     "possible, "
     "client-hello-intolerance possible, middlebox-interference possible"},
    {"ClosedBeforeTheClientHello", [] { return agreed().end(Side::kServer, How::kClose); },
     "refused-after-connection-request likely, server-private-key-unreadable possible"},
    {"ClosedFasterThanTheClientHelloTravels",
     [] {
       return Story().tcp(50).request().confirm(2, 50).client_hello().end(Side::kServer,
                                                                          How::kClose, 2);
     },
     "refused-after-connection-request likely, server-private-key-unreadable possible"},
    {"ResetSlowerThanTheConfirmCame",  // the SYN's round trip was inflated by scheduling
     [] {
       return Story().tcp(50).request().confirm(2, 1).client_hello().end(Side::kServer, How::kReset,
                                                                         2);
     },
     "server-private-key-unreadable possible, server-tls-disabled possible, "
     "client-hello-intolerance possible, "
     "no-common-tls-version possible, middlebox-interference possible"},
    {"UltimatumInClearText",
     [] {
       return greeted()
           .add(Phase::kTls, Side::kServer, rdp::DisconnectProviderUltimatum{})
           .end(Side::kServer, How::kReset);
     },
     "server-private-key-unreadable likely, server-tls-disabled possible"},
    {"Alert40", [] { return greeted().alert(Side::kServer, 40).end(Side::kServer, How::kClose); },
     "no-common-cipher likely, no-common-tls-version possible"},
    {"Alert70", [] { return greeted().alert(Side::kServer, 70).end(Side::kServer, How::kClose); },
     "no-common-tls-version certain"},
    {"Alert80", [] { return greeted().alert(Side::kServer, 80).end(Side::kServer, How::kClose); },
     "unexplained possible, no-common-tls-version possible, no-common-cipher possible, "
     "server-private-key-unreadable possible"},
    {"Alert50", [] { return greeted().alert(Side::kServer, 50).end(Side::kServer, How::kClose); },
     "client-hello-intolerance possible"},
    {"Garbage",
     [] {
       return greeted()
           .add(Phase::kTls, Side::kServer, record::ForeignProtocol{"", {1, 2}})
           .end(Side::kClient, How::kClose);
     },
     "protocol-violation likely, middlebox-interference possible"},
    {"ServerSaysGoodbyeFirst",
     [] {
       return greeted()
           .tls12_to_the_end()
           .add(Phase::kTls, Side::kServer, close_notify())
           .add(Phase::kTls, Side::kClient, close_notify())
           .end(Side::kClient, How::kClose);
     },
     "handshake-complete certain, server-closes-after-tls possible"},
    {"ServerAnswersOurGoodbye",
     [] {
       return greeted()
           .tls12_to_the_end()
           .add(Phase::kTls, Side::kClient, close_notify())
           .add(Phase::kTls, Side::kServer, close_notify())
           .end(Side::kServer, How::kClose);
     },
     "handshake-complete certain"},
    {"CaptureOfAServerThatSaysGoodbyeFirst",
     [] {
       return captured(greeted()
                           .tls12_to_the_end()
                           .add(Phase::kTls, Side::kServer, close_notify())
                           .add(Phase::kTls, Side::kClient, close_notify())
                           .end(Side::kClient, How::kClose));
     },
     "server-closes-after-tls likely"},
    {"DribblingServerHello", [] { return greeted().partial(5).wait_and_hang_up(5000); },
     "stalled possible, slow-server possible, path-mtu-black-hole possible"},
    {"SilenceAfterClientHello", [] { return greeted().wait_and_hang_up(5000); },
     "stalled possible, path-mtu-black-hole possible"},
    {"CertificateRefused",
     [] {
       return captured(greeted()
                           .server_hello()
                           .certificate()
                           .alert(Side::kClient, 48)
                           .end(Side::kClient, How::kClose));
     },
     "certificate-refused-by-client certain"},
    {"ClientLeavesAfterTheCertificate",
     [] {
       return captured(greeted().server_hello().certificate().end(Side::kClient, How::kReset));
     },
     "certificate-refused-by-client likely"},
    {"ClientLeavesBeforeTheCertificate",
     [] { return captured(greeted().end(Side::kClient, How::kReset)); }, "unexplained possible"},
    {"ClientCertificateMissing",
     [] {
       return greeted()
           .server_hello()
           .certificate()
           .add(Phase::kTls, Side::kServer, tls::CertificateRequest{})
           .alert(Side::kServer, 40)
           .end(Side::kServer, How::kClose);
     },
     "client-certificate-required likely"},
    {"CertificateRequired116",
     [] {
       return greeted().server_hello().alert(Side::kServer, 116).end(Side::kServer, How::kClose);
     },
     "client-certificate-required certain"},

    {"Complete", [] { return greeted().tls12_to_the_end().end(Side::kClient, How::kClose); },
     "handshake-complete certain"},
    {"CaptureEndsInTheMiddle",
     [] { return captured(asked().end(Side::kNetwork, How::kCaptureEnd)); },
     "capture-incomplete likely"},
    {"CaptureWithAGap",
     [] {
       return captured(agreed()
                           .client_hello()
                           .add(Phase::kTls, Side::kServer, record::Gap{1448})
                           .end(Side::kServer, How::kClose));
     },
     "capture-incomplete likely"},
    {"ClientSaidNothing", [] { return captured(begun().end(Side::kClient, How::kClose, 5)); },
     "unexplained possible"},
    {"LittleAfterTls",
     [] { return captured(greeted().tls12_to_the_end().end(Side::kClient, How::kReset, 900)); },
     "unexplained possible, certificate-refused-by-client possible"},
    {"CaptureOfAClientThatTookItsLeaveAfterTls",
     [] {
       return captured(greeted()
                           .tls12_to_the_end()
                           .add(Phase::kTls, Side::kClient, record::TlsAlert{})
                           .end(Side::kClient, How::kClose, 1)
                           .end(Side::kServer, How::kClose, 1));
     },
     "handshake-complete likely"},
    {"CaptureOfAClientThatSpokeAndThenTookItsLeave",  // what it said may have been refused
     [] {
       return captured(greeted()
                           .tls12_to_the_end()
                           .add(Phase::kCredssp, Side::kClient, record::ApplicationData{200})
                           .add(Phase::kCredssp, Side::kServer, record::ApplicationData{200})
                           .add(Phase::kCredssp, Side::kClient, record::TlsAlert{})
                           .end(Side::kClient, How::kClose, 1)
                           .end(Side::kServer, How::kClose, 1));
     },
     "unexplained possible"},
};

class EveryRow : public testing::TestWithParam<Row> {};

TEST_P(EveryRow, GivesItsCausesAndNoOthers) {
  EXPECT_EQ(found(GetParam().story().diagnose()), GetParam().found);
}

TEST_P(EveryRow, NamesEvidenceThatExistsAndAdvice) {
  const auto story = GetParam().story();
  for (const auto& cause : story.diagnose().causes) {
    EXPECT_FALSE(cause.says.empty());
    EXPECT_FALSE(cause.fix.empty()) << cause.id;
    EXPECT_FALSE(cause.because.empty()) << cause.id;
    for (const auto id : cause.because)
      EXPECT_TRUE(id >= 1 && id <= story.record.evidence.size()) << cause.id;
    EXPECT_NE(find_cause(cause.id), nullptr) << cause.id;
  }
}

TEST_P(EveryRow, IsNeverCertainOfTwoThings) {
  const auto diagnosis = GetParam().story().diagnose();
  EXPECT_LE(std::ranges::count(diagnosis.causes, Confidence::kCertain, &Finding::confidence), 1);
}

TEST_P(EveryRow, SurvivesBeingCutAfterEachEvidence) {
  const auto whole = GetParam().story();
  for (std::size_t n = 0; n <= whole.record.evidence.size(); ++n) {
    auto record = whole.record;
    record.evidence.resize(n);
    EXPECT_FALSE(diagnose(record, whole.circumstances).causes.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Diagnose, EveryRow, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Diagnose, AFirstAddressThatIsDeadComesBeforeTheHandshakeThatCompletedWithTheNext) {
  auto story = Story();
  story
      .add(Phase::kResolve, Side::kNetwork,
           record::Resolved{"host", {"2001:db8::7", "192.0.2.7"}, ""})
      .live_only();
  story.add(Phase::kTcp, Side::kClient, record::Connecting{})
      .end(Side::kNetwork, How::kUnanswered, 3000);
  story.tcp().request().confirm(2).client_hello().tls12_to_the_end().end(Side::kClient,
                                                                         How::kClose);
  EXPECT_EQ(found(story.diagnose()),
            "name-resolves-to-dead-address likely, handshake-complete certain");
}

TEST(Diagnose, TwoAddressesOfWhichTheFirstAnswersAreNoDeadAddress) {
  auto story = Story();
  story
      .add(Phase::kResolve, Side::kNetwork,
           record::Resolved{"host", {"192.0.2.7", "192.0.2.8"}, ""})
      .live_only();
  story.tcp().request().confirm(2).client_hello().tls12_to_the_end().end(Side::kClient,
                                                                         How::kClose);
  EXPECT_EQ(found(story.diagnose()), "handshake-complete certain");
}

TEST(Diagnose, CertificateFindingsOfACompletedHandshakeAreWarningsOnly) {
  auto story = greeted().tls12_to_the_end().end(Side::kClient, How::kClose);
  story.circumstances.certificate_problems = {"expired", "self_signed", "name_mismatch"};
  const auto diagnosis = story.diagnose();
  EXPECT_EQ(found(diagnosis), "handshake-complete certain");
  ASSERT_EQ(diagnosis.warnings.size(), 3u);
  EXPECT_EQ(diagnosis.warnings[0].id, "certificate-expired");
  EXPECT_EQ(diagnosis.warnings[1].id, "certificate-self-signed");
  EXPECT_NE(diagnosis.warnings[1].says.find("normal for RDP"), std::string::npos);
  EXPECT_EQ(diagnosis.warnings[2].id, "certificate-name-mismatch");
}

TEST(Diagnose, ACaptureWithMuchDataShowsThatASessionRan) {
  auto story = captured(greeted().tls12_to_the_end());
  story.add(Phase::kCredssp, Side::kServer, record::ApplicationData{16'000});
  story.record.evidence.back().where = {Side::kServer, record::Layer::kWire, 200'000, 16'000};
  story.end(Side::kClient, How::kReset, 4000);
  EXPECT_EQ(found(story.diagnose()), "handshake-complete likely");
}

Story through_a_proxy(Story story = Story()) {
  story.circumstances.proxy = "socks5://gate:1080";
  return story;
}

Story greeting_a_proxy() {
  const auto opening = [](std::string target, std::string answer, bool granted = true) {
    return record::ProxyOpening{"SOCKS5", std::move(target), std::move(answer), granted};
  };
  return through_a_proxy()
      .tcp()
      .add(Phase::kTcp, Side::kClient, opening("", ""))
      .on_wire_of(3)
      .add(Phase::kTcp, Side::kServer, opening("", "authentication method 0"))
      .on_wire_of(2)
      .add(Phase::kTcp, Side::kClient, opening("host:3389", ""))
      .on_wire_of(10);
}

Story answered_by_a_proxy(std::string answer, bool granted) {
  return greeting_a_proxy()
      .add(Phase::kTcp, Side::kServer,
           record::ProxyOpening{"SOCKS5", "", std::move(answer), granted})
      .on_wire_of(10);
}

TEST(Proxy, ItsFaultsAreNotPinnedOnTheRdpServer) {
  struct Case {
    Story story;
    const char* words;
  };
  auto nameless = resolved_to_nothing();
  auto refused = connecting().end(Side::kServer, How::kRefused);
  auto unanswered = connecting().end(Side::kNetwork, How::kUnanswered, 5000);
  const Case cases[] = {
      {through_a_proxy(nameless), "socks5://gate:1080 has a name without an address"},
      {through_a_proxy(refused), "socks5://gate:1080 refused the connection"},
      {through_a_proxy(unanswered), "socks5://gate:1080 did not answer the SYN"},
      {greeting_a_proxy().end(Side::kServer, How::kClose), "closed the connection without opening"},
      {greeting_a_proxy().wait_and_hang_up(5000), "did not say within 5.0 s"},
      {answered_by_a_proxy("host unreachable", false).end(Side::kServer, How::kClose),
       "did not open the way to the server: host unreachable"},
  };
  for (const auto& c : cases) {
    const auto diagnosis = c.story.diagnose();
    EXPECT_EQ(found(diagnosis), "unexplained likely") << c.words;
    EXPECT_NE(diagnosis.causes.front().says.find(c.words), std::string::npos)
        << diagnosis.causes.front().says;
    EXPECT_FALSE(diagnosis.mstsc) << c.words;
    EXPECT_FALSE(diagnosis.causes.front().fix.empty());
    for (const auto step : diagnosis.causes.front().fix)
      EXPECT_EQ(step.find("TermService"), std::string_view::npos) << step;
  }
}

TEST(Proxy, WithoutOneTheSameEndingsAreTheServers) {
  EXPECT_EQ(found(connecting().end(Side::kServer, How::kRefused).diagnose()),
            "port-closed certain");
}

TEST(Proxy, ItsOwnAnswersAreNoOctetsOfTheServer) {
  const auto granted = answered_by_a_proxy("granted", true).request();
  EXPECT_EQ(found(Story(granted).end(Side::kServer, How::kReset).diagnose()),
            "refused-after-connection-request possible, forwarder-without-backend possible, "
            "cookie-or-token-rejected possible, proxy-header-expected possible");
  EXPECT_EQ(found(Story(granted).wait_and_hang_up(5000).diagnose()),
            "server-not-answering likely, proxy-header-expected possible");
  EXPECT_EQ(found(answered_by_a_proxy("granted", true).end(Side::kServer, How::kClose).diagnose()),
            "forwarder-without-backend likely, proxy-header-expected possible, "
            "refused-after-connection-request possible");
}

TEST(Findings, AClientThatLeavesADribblingAnswerInACaptureMayHaveFoundItSlow) {
  auto story = captured(asked().partial(5).end(Side::kClient, How::kClose, 5000));
  std::get<record::Ending>(story.record.evidence.back().fact).silence = 20'000'000;
  EXPECT_EQ(found(story.diagnose()), "slow-server possible");
  auto soon = captured(asked().partial(5).end(Side::kClient, How::kClose, 20));
  EXPECT_EQ(found(soon.diagnose()), "unexplained possible");
}

TEST(Findings, AnUnfinishedAnswerIsNotCalledSilence) {
  const auto dribble = greeted().partial(5).wait_and_hang_up(5000).diagnose();
  EXPECT_EQ(dribble.causes.front().says.find("silent"), std::string::npos);
  EXPECT_NE(dribble.causes.front().says.find("unfinished"), std::string::npos);
  const auto silence = greeted().wait_and_hang_up(5000).diagnose();
  EXPECT_NE(silence.causes.front().says.find("silent"), std::string::npos);
}

TEST(Findings, AnAnswerBehindOurOwnTimeoutIsASlowServers) {
  const auto confirm =
      asked().wait_and_hang_up(5000).confirm(1, 50).end(Side::kServer, How::kClose).diagnose();
  EXPECT_EQ(found(confirm), "slow-server likely");
  EXPECT_NE(confirm.causes.front().says.find("5.05 s"), std::string::npos);
  EXPECT_NE(confirm.causes.front().says.find("50 ms after"), std::string::npos);
  EXPECT_EQ(found(greeted().wait_and_hang_up(5000).server_hello().certificate().diagnose()),
            "slow-server likely");
}

TEST(Findings, AFloodIsNotCalledSilence) {
  const auto flooded = [](int warnings) {
    auto story = greeted();
    for (int i = 0; i < warnings; ++i) {
      story.add(Phase::kTls, Side::kServer, record::TlsAlert{tls::Alert{tls::Alert::kWarning, 90}},
                0.01);
      story.on_wire_of(7);
    }
    return story.wait_and_hang_up(5000).diagnose();
  };
  EXPECT_EQ(found(flooded(300)), "protocol-violation likely");
  EXPECT_NE(flooded(300).causes.front().says.find("300 and more"), std::string::npos);
  EXPECT_EQ(flooded(3).causes.front().id.find("protocol-violation"), std::string::npos);
}

TEST(Findings, RecordsWithoutAMessageAreNoSilenceEither) {
  const auto sent = [](std::uint64_t octets) {
    auto story = greeted().tls12_to_the_end().until(Phase::kCredssp).negotiate();
    story.wait_and_hang_up(5000);
    std::get<Ending>(story.record.evidence.back().fact).server_bytes += octets;
    return found(story.diagnose());
  };
  EXPECT_EQ(sent(1 << 20), "protocol-violation likely");
  EXPECT_EQ(sent(100).find("protocol-violation"), std::string::npos);
}

record::HandshakeMessage message(tls::HandshakeType type) {
  return {static_cast<std::uint8_t>(type), 4, {}};
}

/// A server's TLS 1.3 flight, opened, and the client's alert to it.
Story flight13(std::initializer_list<tls::HandshakeType> messages) {
  auto story = greeted().server_hello(0x0304).certificate();
  for (const auto type : messages) story.add(Phase::kTls, Side::kServer, message(type));
  return story;
}

Story retried(int times) {
  auto story = greeted();
  for (int i = 0; i < times; ++i) {
    tls::ServerHello hello;
    hello.hello_retry_request = true;
    hello.selected_version = 0x0304;
    story.add(Phase::kTls, Side::kServer, hello).client_hello();
  }
  return story;
}

std::string found_after_our_alert(Story story, std::uint8_t description) {
  return found(story.alert(Side::kClient, description).end(Side::kClient, How::kClose).diagnose());
}

TEST(Findings, OurOwnFatalAlertOverAFaultOfTheServerIsItsViolation) {
  using enum tls::HandshakeType;
  const std::string changed = "protocol-violation likely, middlebox-interference possible";
  EXPECT_EQ(found_after_our_alert(flight13({kCertificateVerify}), 51), changed);
  EXPECT_EQ(found_after_our_alert(flight13({kCertificateVerify, kFinished}), 51), changed);
  EXPECT_EQ(found_after_our_alert(greeted().server_hello(0x0304), 20), changed);
  EXPECT_EQ(found_after_our_alert(retried(2), 10), "protocol-violation certain");
  EXPECT_EQ(found_after_our_alert(retried(1), 10), "protocol-violation likely");
  EXPECT_EQ(found_after_our_alert(flight13({kFinished}), 10), "protocol-violation certain");
  EXPECT_EQ(found_after_our_alert(flight13({kCertificateVerify, kFinished}), 10),
            "protocol-violation likely");
  EXPECT_EQ(found_after_our_alert(greeted().server_hello(), 47), "protocol-violation likely");
}

TEST(Findings, AnAlertOfACapturedClientIsOnlyItsWord) {
  auto captured = Story(false).tcp().request().confirm(2).client_hello().server_hello();
  EXPECT_EQ(found_after_our_alert(captured, 50), "protocol-violation possible");
}

TEST(Findings, AVersionThatWasNotOfferedIsNoCommonVersion) {
  EXPECT_EQ(found_after_our_alert(greeted().server_hello(0x0300), 70),
            "no-common-tls-version certain");
  EXPECT_EQ(found_after_our_alert(agreed().client_hello(0x0303).server_hello(0x0301), 70),
            "no-common-tls-version likely");
}

TEST(Findings, AnAlertBeforeTheServerSaidAnythingBlamesNobody) {
  EXPECT_EQ(found_after_our_alert(greeted(), 10), "unexplained possible");
}

TEST(Findings, AChainBeyondOurOwnLimitIsNoViolation) {
  auto huge = message(tls::HandshakeType::kCertificate);
  huge.size = 2'000'000;
  auto story = greeted().server_hello(0x0304).add(Phase::kTls, Side::kServer, huge);
  const auto diagnosis = story.alert(Side::kClient, 47).end(Side::kClient, How::kClose).diagnose();
  EXPECT_EQ(found(diagnosis), "unexplained possible");
  EXPECT_NE(diagnosis.causes.front().says.find("its own limit"), std::string::npos);
}

TEST(Findings, WhatIsNoCertificateIsTheServersFaultAndNoRefusalOfOurs) {
  const auto sent = [](Story story) {
    auto facts = std::make_shared<record::CertificateFacts>();
    facts->der = {0x30, 0x84};
    facts->error = "no DER";
    return story.add(Phase::kTls, Side::kServer, record::Certificates{{std::move(facts)}});
  };
  EXPECT_EQ(found_after_our_alert(sent(greeted().server_hello(0x0304)), 42),
            "protocol-violation certain");
  EXPECT_EQ(found_after_our_alert(
                sent(Story(false).tcp().request().confirm(2).client_hello().server_hello()), 42),
            "certificate-refused-by-client certain");
}

TEST(Advice, OfXrdpsUltimatumBeginsWithXrdp) {
  const auto diagnosis = greeted()
                             .add(Phase::kTls, Side::kServer, rdp::DisconnectProviderUltimatum{})
                             .end(Side::kServer, How::kReset)
                             .diagnose();
  EXPECT_TRUE(diagnosis.causes.front().fix.front().starts_with("On xrdp"));
  const auto reset = greeted().end(Side::kServer, How::kReset).diagnose();
  EXPECT_FALSE(reset.causes.front().fix.front().starts_with("On xrdp"));
}

TEST(Advice, OfAHandshakeThatWasNotToReachTlsDoesNotSayThatTlsWasTried) {
  auto short_one = asked().confirm(2).end(Side::kClient, How::kClose);
  short_one.record.run->until = Phase::kX224;
  const auto diagnosis = short_one.diagnose();
  EXPECT_EQ(found(diagnosis), "handshake-complete certain");
  EXPECT_EQ(diagnosis.causes.front().fix.front().find("after TLS"), std::string_view::npos);
  const auto whole = greeted().tls12_to_the_end().end(Side::kClient, How::kClose).diagnose();
  EXPECT_NE(whole.causes.front().fix.front().find("after TLS"), std::string_view::npos);
}

TEST(Findings, AFailureCodeThatContradictsTheOfferIsRemarkedOn) {
  const auto against = [](std::uint32_t offer, std::uint32_t code) {
    return begun()
        .request(offer)
        .refuse(code)
        .end(Side::kServer, How::kClose)
        .diagnose()
        .causes.front()
        .against.size();
  };
  EXPECT_EQ(against(0, 1), 0u);
  EXPECT_EQ(against(3, 1), 1u);
  EXPECT_EQ(against(1, 5), 0u);
  EXPECT_EQ(against(3, 5), 1u);
}

bool warns(const Diagnosis& diagnosis, std::string_view id) {
  return std::ranges::find(diagnosis.warnings, id, &Warning::id) != diagnosis.warnings.end();
}

TEST(Warnings, TheLoopbackGuardIsToldForTheOwnPortOnly) {
  auto story = asked().end(Side::kServer, How::kReset);
  EXPECT_FALSE(warns(story.diagnose(), "loopback-guard"));
  story.circumstances.target_host = "localhost";
  const auto diagnosis = story.diagnose();
  EXPECT_TRUE(warns(diagnosis, "loopback-guard"));
  EXPECT_NE(diagnosis.causes.front().id, "loopback-guard");
  ASSERT_TRUE(diagnosis.mstsc);
  EXPECT_EQ(diagnosis.mstsc->code, 0x708u);
  story.circumstances.proxy = "http://gate:8080";  // its localhost is not ours
  EXPECT_FALSE(warns(story.diagnose(), "loopback-guard"));
  story.circumstances.proxy.clear();
  story.circumstances.target_port = 3390;
  EXPECT_FALSE(warns(story.diagnose(), "loopback-guard"));
  story.circumstances.target_port = 3389;
  story.circumstances.target_host = "127.0.0.2";
  EXPECT_FALSE(warns(story.diagnose(), "loopback-guard"));
  story.circumstances.target_host = "me";
  story.circumstances.server_address = "192.0.2.1";  // that is where we connected from
  EXPECT_TRUE(warns(story.diagnose(), "loopback-guard"));
}

TEST(Warnings, ASlowAnswerIsToldAndAQuickOneIsNot) {
  auto quick =
      asked().confirm(2, 900).client_hello().tls12_to_the_end().end(Side::kClient, How::kClose);
  EXPECT_FALSE(warns(quick.diagnose(), "slow-server"));
  auto slow =
      asked().confirm(2, 3000).client_hello().tls12_to_the_end().end(Side::kClient, How::kClose);
  EXPECT_TRUE(warns(slow.diagnose(), "slow-server"));
  auto far = Story().tcp(900).request().confirm(2, 3000).client_hello().tls12_to_the_end().end(
      Side::kClient, How::kClose);
  EXPECT_FALSE(warns(far.diagnose(), "slow-server"));
}

TEST(Warnings, OddMessagesOfTheServerAreToldOursAreNot) {
  auto story = begun()
                   .request()
                   .note("ours")
                   .confirm(2)
                   .note("theirs")
                   .client_hello()
                   .tls12_to_the_end()
                   .end(Side::kClient, How::kClose);
  const auto diagnosis = story.diagnose();
  ASSERT_EQ(diagnosis.warnings.size(), 1u);
  EXPECT_EQ(diagnosis.warnings[0].id, "odd-message");
  EXPECT_NE(diagnosis.warnings[0].says.find("theirs"), std::string::npos);
}

TEST(Mstsc, CodesFollowThePhaseAndTheEnding) {
  const auto code_of = [](const Story& story) {
    const auto diagnosis = story.diagnose();
    return diagnosis.mstsc ? std::pair(diagnosis.mstsc->code, diagnosis.mstsc->extended.value_or(0))
                           : std::pair(0u, 0u);
  };
  EXPECT_EQ(code_of(resolved_to_nothing()), std::pair(0x104u, 0u));
  EXPECT_EQ(code_of(connecting().end(Side::kServer, How::kRefused)), std::pair(0x204u, 0u));
  EXPECT_EQ(code_of(greeted().end(Side::kServer, How::kReset)), std::pair(0x904u, 7u));
  EXPECT_EQ(code_of(begun().request(1).refuse(5).end(Side::kServer, How::kClose)),
            std::pair(0xB09u, 0u));
  EXPECT_EQ(code_of(greeted().alert(Side::kServer, 70).end(Side::kServer, How::kClose)),
            std::pair(0u, 0u));
  EXPECT_EQ(code_of(greeted().tls12_to_the_end().end(Side::kClient, How::kClose)),
            std::pair(0u, 0u));
}

TEST(Saw, IsJudgedAgainstWhatWasFound) {
  const auto fits = [](Story story, std::uint32_t code,
                       std::optional<std::uint32_t> extended = {}) {
    story.circumstances.saw = Saw{code, extended};
    const auto diagnosis = story.diagnose();
    EXPECT_TRUE(diagnosis.saw && !diagnosis.saw->says.empty());
    return diagnosis.saw->fits;
  };
  using Fits = SawVerdict::Fits;
  const auto reset = greeted().end(Side::kServer, How::kReset);
  const auto refused = connecting().end(Side::kServer, How::kRefused);
  const auto complete = greeted().tls12_to_the_end().end(Side::kClient, How::kClose);
  EXPECT_EQ(fits(reset, 0x904, 7), Fits::kYes);
  EXPECT_EQ(fits(reset, 0x204), Fits::kNo);
  EXPECT_EQ(fits(reset, 0x807), Fits::kNo);
  EXPECT_EQ(fits(reset, 0x4), Fits::kUnknown);
  EXPECT_EQ(fits(refused, 0x904, 7), Fits::kNo);
  EXPECT_EQ(fits(refused, 0x204), Fits::kYes);
  EXPECT_EQ(fits(complete, 0x204), Fits::kNo);
  EXPECT_EQ(fits(complete, 0x904, 7), Fits::kUnknown);
  EXPECT_EQ(fits(complete, 0x807), Fits::kUnknown);
  EXPECT_EQ(fits(complete, 0x507), Fits::kUnknown);
  EXPECT_EQ(fits(greeted().alert(Side::kServer, 40).end(Side::kServer, How::kClose), 0x904, 7),
            Fits::kUnknown);
}

TEST(Catalogue, EveryRowIsComplete) {
  std::set<std::string_view> ids;
  for (const auto& cause : causes()) {
    EXPECT_TRUE(ids.insert(cause.id).second) << cause.id;
    EXPECT_EQ(find_cause(cause.id), &cause);
    for (const auto text : {cause.title, cause.looks_like, cause.against, cause.sources})
      EXPECT_FALSE(text.empty()) << cause.id;
    EXPECT_FALSE(cause.fix.empty()) << cause.id;
  }
  EXPECT_EQ(find_cause("no-such-cause"), nullptr);
}

TEST(Catalogue, GivesNoAdviceThatDoesHarm) {
  for (const auto& cause : causes()) {
    for (const auto step : cause.fix) {
      EXPECT_EQ(step.find("Rename-Item"), std::string_view::npos) << cause.id;
      EXPECT_EQ(step.find("termserv "), std::string_view::npos) << cause.id;
      const bool weakens = step.find("UserAuthentication=0") != std::string_view::npos ||
                           step.find("Vulnerable") != std::string_view::npos;
      const bool names_it = step.find("test") != std::string_view::npos ||
                            step.find("opens the hole") != std::string_view::npos;
      EXPECT_TRUE(!weakens || names_it) << cause.id << ": " << step;
    }
  }
}

TEST(Words, DurationsAreShort) {
  EXPECT_EQ(duration_in_words(42'000), "0.04 ms");
  EXPECT_EQ(duration_in_words(1'800'000), "1.8 ms");
  EXPECT_EQ(duration_in_words(250'000'000), "250 ms");
  EXPECT_EQ(duration_in_words(5'000'000'000), "5.0 s");
  EXPECT_EQ(duration_in_words(-1), "0 ms");
  EXPECT_EQ(duration_in_words(180'000'000'000), "3 min");
}

}  // namespace
}  // namespace rdpwhy::diagnose
