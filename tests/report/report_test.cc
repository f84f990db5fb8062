#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "rdpwhy/report/report.h"
#include "report/bounds.h"
#include "report/json_writer.h"

namespace rdpwhy::report {
namespace {

using nlohmann::json;

/// A request with hostile text in it, refused by the server.
struct Refused {
  HandshakeRecord record;
  diagnose::Diagnosis diagnosis;
  Subject subject;

  explicit Refused(std::string cookie = "lab") {
    rdp::ConnectionRequest request;
    request.cookie = std::move(cookie);
    request.negotiation = rdp::NegotiationRequest{0, {0x8000000B}};
    rdp::ConnectionConfirm confirm;
    confirm.negotiation = rdp::NegotiationFailure{0, 5};
    const Moment start{1'700'000'000'000'000'000};
    add(Phase::kTcp, Side::kClient, record::Connecting{}, start, 0);
    add(Phase::kTcp, Side::kServer, record::Connected{}, start, 210'400);
    add(Phase::kX224, Side::kClient, request, start, 300'000);
    add(Phase::kX224, Side::kServer, confirm, start, 2'100'000);
    add(Phase::kX224, Side::kServer,
        record::Ending{Side::kServer, record::Ending::How::kClose, 0, 42, 19, false}, start,
        2'200'000);
    subject.source.live = false;
    subject.source.file = "x.pcapng";
    subject.source.client = "192.0.2.1:50000";
    subject.source.server = "[2001:db8::7]:3389";
    subject.started = start;
    finish();
  }
  void finish() {
    diagnosis = diagnose::diagnose(record, {.live = false});
    subject.record = &record;
    subject.diagnosis = &diagnosis;
  }
  void add(Phase phase, Side side, record::Fact fact, Moment start, Nanoseconds after) {
    Evidence e;
    e.id = static_cast<record::EvidenceId>(record.evidence.size() + 1);
    e.phase = phase;
    e.where.side = side;
    e.at = {start.ns + after};
    e.fact = std::move(fact);
    record.evidence.push_back(std::move(e));
  }
  Refused(const Refused&) = delete;
  Refused& operator=(const Refused&) = delete;
};

json as_json(const Subject& subject) {
  std::string out;
  append_json(out, subject);
  EXPECT_EQ(out.find('\n'), std::string::npos);
  return json::parse(out);
}

TEST(Json, NamesWhatTheContractNames) {
  const Refused refused;
  const auto report = as_json(refused.subject);
  EXPECT_EQ(report["schema"], "rdpwhy.handshake/1");
  EXPECT_EQ(report["source"]["server"], "[2001:db8::7]:3389");
  EXPECT_EQ(report["reached"], "tcp");
  EXPECT_EQ(report["failed"]["phase"], "x224");
  EXPECT_EQ(report["failed"]["after"], "connection_request");
  EXPECT_EQ(report["failed"]["ending"]["by"], "server");
  EXPECT_EQ(report["failed"]["ending"]["how"], "failure_pdu");
  EXPECT_EQ(report["failed"]["ending"]["after_ms"], 1.8);
  EXPECT_EQ(report["x224"]["requested_protocols"],
            json({"SSL", "HYBRID", "HYBRID_EX", "0x80000000"}));
  EXPECT_EQ(report["x224"]["failure"], json({{"code", 5}, {"name", "HYBRID_REQUIRED_BY_SERVER"}}));
  EXPECT_EQ(report["diagnosis"]["causes"][0]["id"], "nla-required");
  EXPECT_EQ(report["evidence"].size(), 5u);
}

TEST(Json, AbsentIsNotKnownAndNullIsKnownToBeAbsent) {
  const Refused refused;
  const auto report = as_json(refused.subject);
  EXPECT_FALSE(report.contains("tls"));
  EXPECT_FALSE(report.contains("run"));
  EXPECT_TRUE(report["x224"]["routing_token"].is_null());
  EXPECT_TRUE(report["x224"]["selected_protocol"].is_null());
}

TEST(Json, AnOfferOfZeroIsAnEmptyListAndNoOfferIsNull) {
  Refused refused;
  auto& request = record::get<rdp::ConnectionRequest>(refused.record.evidence[2].fact);
  request.negotiation->requested.bits = 0;
  EXPECT_EQ(as_json(refused.subject)["x224"]["requested_protocols"], json::array());
  request.negotiation.reset();
  EXPECT_TRUE(as_json(refused.subject)["x224"]["requested_protocols"].is_null());
}

TEST(Json, UnknownNumbersHaveANullNameAndStay) {
  Refused refused;
  std::get<rdp::ConnectionConfirm>(refused.record.evidence[3].fact).negotiation =
      rdp::NegotiationFailure{0, 0xFFFFFFFF};
  EXPECT_EQ(as_json(refused.subject)["x224"]["failure"],
            json({{"code", 4294967295u}, {"name", nullptr}}));
}

TEST(Json, HostileTextStaysValidAndLosesNothing) {
  const Refused refused(std::string("a\"\\\x01\xff\xc3\xa4\0b", 10));
  EXPECT_EQ(as_json(refused.subject)["x224"]["cookie"],
            json(std::string("a\"\\\x01\\xff\xc3\xa4\0b", 13)));
}

TEST(Json, WhatWouldMisleadATerminalGoesAsItsNumberAndComesBackWhole) {
  const std::string hostile =
      "a\x7f\xc2\x85\xc2\x9b\xe2\x80\xae\xe2\x81\xa6\xf3\xa0\x81\x81\xc3\xa4\xf0\x9f\x98\x80";
  std::string out;
  {
    JsonWriter w(out);
    w.begin_array();
    w.text(hostile);
    w.end_array();
  }
  EXPECT_EQ(out,
            "[\"a\\u007F\\u0085\\u009B\\u202E\\u2066\\uDB40\\uDC41\xc3\xa4\xf0\x9f\x98\x80\"]");
  EXPECT_EQ(json::parse(out)[0], json(hostile));
}

/// A connection whose server showed this certificate.
struct Shown : Refused {
  explicit Shown(record::CertificateFacts facts) {
    record::Certificates chain;
    chain.chain.push_back(std::make_shared<record::CertificateFacts>(std::move(facts)));
    add(Phase::kTls, Side::kServer, std::move(chain), subject.started, 2'300'000);
    finish();
  }
};

record::CertificateFacts hostile_certificate() {
  record::CertificateFacts facts;
  facts.subject = "CN = " + std::string(1'000'000, 's');
  facts.issuer = "CN = issuer";
  facts.serial = "01";
  facts.signature_algorithm = "sha256WithRSAEncryption";
  for (int i = 0; i < 100'000; ++i) facts.dns_names.push_back("n" + std::to_string(i) + ".example");
  facts.ip_addresses = {"192.0.2.1"};
  facts.extended_key_usage.emplace(200, "1.2.3");
  return facts;
}

TEST(Json, OfACertificateWithHundredThousandNamesTheFirstAreShownAndAllAreCounted) {
  const Shown shown(hostile_certificate());
  std::string out;
  append_json(out, shown.subject);
  EXPECT_LT(out.size(), 20'000u);
  const auto certificate = json::parse(out)["tls"]["certificates"][0];
  ASSERT_EQ(certificate["dns_names"].size(), 100u);
  EXPECT_EQ(certificate["dns_names"][99], "n99.example");
  EXPECT_EQ(certificate["dns_names_total"], 100'000);
  EXPECT_EQ(certificate["ip_addresses"], json({"192.0.2.1"}));
  EXPECT_FALSE(certificate.contains("ip_addresses_total"));
  EXPECT_EQ(certificate["extended_key_usage"].size(), 100u);
  EXPECT_EQ(certificate["extended_key_usage_total"], 200);
  const auto subject = certificate["subject"].get<std::string>();
  EXPECT_TRUE(subject.ends_with("sss... (995909 more octets)")) << subject.substr(4000);
}

TEST(Text, OfACertificateWithHundredThousandNamesAFewAreShownAndTheRestIsCounted) {
  const Shown shown(hostile_certificate());
  const auto text = to_text(shown.subject, {.explain = true});
  EXPECT_LT(text.size(), 5000u);
  EXPECT_NE(text.find("n19.example and 99981 more"), std::string::npos) << text;
  EXPECT_EQ(text.find("n20.example"), std::string::npos);
}

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc... (1 more octets)");
  EXPECT_EQ(shortened("ab\xc3\xa4z", 3), "ab... (3 more octets)");
}

TEST(ValidUtf8, KeepsWhatIsValidAndShowsWhatIsNot) {
  EXPECT_EQ(valid_utf8("plain"), "plain");
  EXPECT_EQ(valid_utf8("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(valid_utf8("\xe2\x82"), "\\xe2\\x82");  // cut
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_FALSE(is_valid_utf8("a\x80"));
}

TEST(Milliseconds, AreRoundedToMicrosecondsAndNeverLost) {
  const auto text = [](Nanoseconds ns) {
    std::string out;
    {
      JsonWriter w(out);
      w.begin_array();
      w.milliseconds(ns);
      w.end_array();
    }
    return out;
  };
  EXPECT_EQ(text(0), "[0]");
  EXPECT_EQ(text(1'800'000), "[1.8]");
  EXPECT_EQ(text(210'400), "[0.21]");
  EXPECT_EQ(text(1'000'499), "[1]");
  EXPECT_EQ(text(1'000'500), "[1.001]");
  EXPECT_EQ(text(-1'500'000), "[-1.5]");
  EXPECT_EQ(text(-400), "[0]");
  EXPECT_TRUE(json::parse(text(INT64_MIN)).is_array());
  EXPECT_TRUE(json::parse(text(INT64_MAX)).is_array());
}

TEST(Text, LeadsWithWhereHowByWhomAndAfterHowLong) {
  const Refused refused;
  const auto text = to_text(refused.subject, {});
  auto first = text.substr(0, text.find("\n\n"));
  std::ranges::replace(first, '\n', ' ');
  for (const auto* word : {"192.0.2.1:50000", "FAILED in X.224", "the server said no",
                           "HYBRID_REQUIRED_BY_SERVER", "1.8 ms after", "Connection Request"}) {
    EXPECT_NE(first.find(word), std::string::npos) << word << " in " << first;
  }
  EXPECT_NE(text.find("nla-required"), std::string::npos);
}

/// Refused behind hellos, with fingerprints as long as they get.
struct Fingerprinted : Refused {
  record::Fingerprints prints;

  Fingerprinted() {
    tls::ClientHello client;
    client.legacy_version = 0x0303;
    client.cipher_suites = {0xC030};
    add(Phase::kTls, Side::kClient, std::move(client), subject.started, 3'000'000);
    prints.client = {.ja3_text = "771,49200,,,",
                     .ja3 = "0123456789abcdef0123456789abcdef",
                     .ja4 = "t12i010000_0123456789ab_000000000000"};
    prints.server = {.ja3s = "fedcba9876543210fedcba9876543210",
                     .ja4s = "t120400_c030_4e8089b08790"};
    subject.fingerprints = &prints;
    finish();
  }
};

TEST(Json, HasTheFingerprintsThatThereAre) {
  Fingerprinted seen;
  auto tls = as_json(seen.subject)["tls"];
  EXPECT_EQ(tls["offered"]["ja3"], "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(tls["offered"]["ja3_text"], "771,49200,,,");
  EXPECT_EQ(tls["offered"]["ja4"], "t12i010000_0123456789ab_000000000000");
  EXPECT_EQ(tls["ja3s"], "fedcba9876543210fedcba9876543210");
  EXPECT_EQ(tls["ja4s"], "t120400_c030_4e8089b08790");

  seen.prints.client.ja3_text.append(kMostOfText, '1');
  EXPECT_FALSE(as_json(seen.subject)["tls"]["offered"].contains("ja3_text"));
  seen.subject.fingerprints = nullptr;
  tls = as_json(seen.subject)["tls"];
  EXPECT_FALSE(tls.contains("ja3s") || tls.contains("ja4s"));
  EXPECT_FALSE(tls["offered"].contains("ja3") || tls["offered"].contains("ja4"));
}

TEST(Text, TellsTheFingerprintsOnOneLine) {
  Fingerprinted seen;
  const auto line_of = [&] {
    const auto text = to_text(seen.subject, {});
    const auto begin = text.find("  JA4");
    return begin == std::string::npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
  };
  EXPECT_EQ(line_of(),
            "  JA4, JA4S    t12i010000_0123456789ab_000000000000, t120400_c030_4e8089b08790");
  EXPECT_LE(line_of().size(), 80u);
  seen.prints.server = {};
  EXPECT_EQ(line_of(), "  JA4          t12i010000_0123456789ab_000000000000");
  seen.prints.client = {};
  EXPECT_EQ(line_of(), "");
}

/// A live attempt that went as far as an evidence of the proxy.
struct AtProxy : Refused {
  explicit AtProxy(std::string proxy) {
    subject.source = {};
    subject.source.target = "rdp.example:3389";
    subject.source.proxy = std::move(proxy);
    record.evidence.resize(2);
  }
  void opening(Side side, record::ProxyOpening fact, Nanoseconds after) {
    add(Phase::kTcp, side, std::move(fact), subject.started, after);
  }
  std::string lead() {
    finish();
    auto text = to_text(subject, {.width = 1000});
    return text.substr(0, text.find('\n'));
  }
};

TEST(Text, LeadsWithTheNameOfTheProxyThatRefused) {
  AtProxy at("http://gate:8080");
  at.opening(Side::kClient, {"HTTP CONNECT", "rdp.example:3389", "", true}, 300'000);
  at.opening(Side::kServer, {"HTTP CONNECT", "", "HTTP/1.1 403 Filtered", false}, 1'300'000);
  EXPECT_EQ(at.lead(),
            "rdp.example:3389: FAILED at the proxy http://gate:8080: it said no: HTTP/1.1 403 "
            "Filtered, 1.0 ms after the request to it.");

  AtProxy refused("socks5://gate:1080");
  refused.record.evidence.resize(1);
  refused.add(Phase::kTcp, Side::kServer,
              record::Ending{Side::kServer, record::Ending::How::kRefused, 0, 0, 0, false},
              refused.subject.started, 2'000'000);
  EXPECT_NE(
      refused.lead().find("FAILED at the proxy socks5://gate:1080: it refused the connection"),
      std::string::npos)
      << refused.lead();
}

TEST(Text, DoesNotBlameTheProxyOnceItHasOpenedTheWay) {
  AtProxy at("http://gate:8080");
  at.opening(Side::kClient, {"HTTP CONNECT", "rdp.example:3389", "", true}, 300'000);
  at.opening(Side::kServer, {"HTTP CONNECT", "", "HTTP/1.1 200 OK", true}, 1'300'000);
  at.add(Phase::kTcp, Side::kServer,
         record::Ending{Side::kServer, record::Ending::How::kReset, 0, 0, 0, false},
         at.subject.started, 2'000'000);
  EXPECT_EQ(at.lead().find("the proxy"), std::string::npos) << at.lead();
  EXPECT_NE(at.lead().find("the server reset"), std::string::npos) << at.lead();
}

TEST(Text, IsAtMostEightyColumnsWideAndPlainUnlessAsked) {
  const Refused refused;
  const auto text = to_text(refused.subject, {.explain = true});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = text.find('\n', begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - begin, 80u) << text.substr(begin, end - begin);
    begin = end + 1;
  }
  EXPECT_NE(to_text(refused.subject, {.colour = true}).find("\x1b["), std::string::npos);
}

TEST(Text, ControlCharactersFromTheWireNeverReachTheTerminal) {
  Refused refused;
  refused.subject.source.file = "x\x1b[31m.pcap";
  refused.subject.remarks = {"gateway \x07\x9b"};
  const auto text = to_text(refused.subject, {.explain = true});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_EQ(text.find('\x9b'), std::string::npos);
}

TEST(Wrapping, KeepsANumberWithItsUnit) {
  std::string out;
  append_wrapped(out, "", "aaaa aaaa aaaa aaaa 0.2 ms after", 24);
  EXPECT_EQ(out, "aaaa aaaa aaaa aaaa\n0.2 ms after\n");
}

TEST(Wrapping, IndentsWhatFollowsAndLetsLongWordsBe) {
  std::string out;
  append_wrapped(out, "- ", "one two three four five 0123456789012345678901234567890123456789", 22);
  EXPECT_EQ(out, "- one two three four\n  five\n  0123456789012345678901234567890123456789\n");
}

TEST(Causes, AreShownInFull) {
  const auto* cause = diagnose::find_cause("port-closed");
  ASSERT_NE(cause, nullptr);
  const auto text = cause_to_text(*cause, 80);
  EXPECT_TRUE(text.starts_with("port-closed: "));
  for (const auto* word :
       {"looks like", "refuted by", "what to do 1. ", "fDenyTSConnections", "sources"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace rdpwhy::report
