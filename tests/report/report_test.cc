#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "rdpwhy/report/report.h"
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
    JsonWriter w(out);
    w.begin_array();
    w.milliseconds(ns);
    w.end_array();
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
