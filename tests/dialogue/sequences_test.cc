#include <gtest/gtest.h>

#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/dialogue/sequence.h"
#include "rdpwhy/rdp/tpkt.h"

namespace rdpwhy::dialogue {
namespace {

/// A record as the dissector would have built it.
class Told {
 public:
  Told() { add(Side::kClient, record::Connecting{}).add(Side::kServer, record::Connected{}); }
  Told& add(Side side, record::Fact fact) {
    record_.evidence.push_back({.id = static_cast<record::EvidenceId>(record_.evidence.size() + 1),
                                .where = {.side = side},
                                .fact = std::move(fact)});
    return *this;
  }
  Told& ended(Side by) {
    return add(by, record::Ending{.by = by, .how = record::Ending::How::kClose});
  }
  Told& selected(std::uint32_t protocol) {
    return add(Side::kServer, rdp::ConnectionConfirm{.negotiation = rdp::NegotiationResponse{
                                                         .selected_protocol = protocol}});
  }
  operator const HandshakeRecord&() const { return record_; }

 private:
  HandshakeRecord record_;
};

template <typename T>
bool is(const Step& step) {
  return std::holds_alternative<T>(step);
}

/// An X.224 sequence whose request is out.
std::unique_ptr<Sequence> asked(const ProbePlan& plan = {}) {
  auto sequence = start(plan);
  EXPECT_TRUE(is<Send>(sequence->next(Told())));
  return sequence;
}

TEST(MstscRequest, OffersTlsAndNlaWithTheUserAsCookie) {
  const auto request = ProbePlan::mstsc_request("rdpwhy");
  EXPECT_EQ(request.cookie, "rdpwhy");
  EXPECT_FALSE(request.routing_token);
  ASSERT_TRUE(request.negotiation);
  EXPECT_EQ(request.negotiation->requested.bits, 0x0Bu);
  EXPECT_EQ(request.negotiation->flags, 0);
  EXPECT_FALSE(request.correlation);
}

TEST(MstscRequest, CutsTheUserAfterNineCharacters) {
  EXPECT_EQ(ProbePlan::mstsc_request("Administrator").cookie, "Administr");
  EXPECT_EQ(ProbePlan::mstsc_request("LAB\\administrator").cookie, "LAB\\admin");
}

TEST(X224Sequence, SendsTheRequestOnceAndWaits) {
  const ProbePlan plan;
  auto sequence = start(plan);
  EXPECT_EQ(sequence->phase(), Phase::kX224);
  const auto step = sequence->next(Told());
  ASSERT_TRUE(is<Send>(step));
  EXPECT_EQ(std::get<Send>(step).bytes, rdp::encode_tpkt(rdp::encode(plan.request)));
  EXPECT_TRUE(is<Await>(sequence->next(Told().add(Side::kClient, plan.request))));
}

TEST(X224Sequence, SendsNothingToAPeerThatHasLeft) {
  EXPECT_TRUE(is<Finish>(start({})->next(Told().ended(Side::kServer))));
}

TEST(X224Sequence, AsksAlsoAPeerWhoseBannerCameFirst) {
  auto sequence = start({});
  const auto told = Told().add(Side::kServer, record::ForeignProtocol{.protocol = "SSH"});
  EXPECT_TRUE(is<Send>(sequence->next(told)));
  EXPECT_TRUE(is<Finish>(sequence->next(told)));
}

TEST(X224Sequence, AnEndingOfAnotherAddressIsNotThisConnections) {
  HandshakeRecord record;
  record.evidence.push_back({.fact = record::Connecting{}});
  record.evidence.push_back(
      {.fact = record::Ending{.by = Side::kServer, .how = record::Ending::How::kRefused}});
  record.evidence.push_back({.fact = record::Connecting{}});
  record.evidence.push_back({.fact = record::Connected{}});
  EXPECT_TRUE(is<Send>(start({})->next(record)));
}

TEST(X224Sequence, EverySelectionThatBeginsWithTlsLeadsToTls) {
  for (const std::uint32_t protocol : {0x01u, 0x02u, 0x04u, 0x08u, 0x10u}) {
    auto step = asked()->next(Told().selected(protocol));
    ASSERT_TRUE(is<Next>(step)) << protocol;
    EXPECT_EQ(std::get<Next>(step).sequence->phase(), Phase::kTls);
  }
}

TEST(X224Sequence, RdpSecurityAndUnknownSelectionsEndIt) {
  for (const std::uint32_t protocol : {0x00u, 0x03u, 0x40u, 0x80000000u}) {
    EXPECT_TRUE(is<Finish>(asked()->next(Told().selected(protocol)))) << protocol;
  }
}

TEST(X224Sequence, AConfirmWithoutNegotiationOrWithAFailureEndsIt) {
  EXPECT_TRUE(is<Finish>(asked()->next(Told().add(Side::kServer, rdp::ConnectionConfirm{}))));
  const rdp::ConnectionConfirm refusal{.negotiation = rdp::NegotiationFailure{.failure_code = 5}};
  EXPECT_TRUE(is<Finish>(asked()->next(Told().add(Side::kServer, refusal))));
}

TEST(X224Sequence, GoesNoFartherThanAsked) {
  const ProbePlan plan{.until = Phase::kX224};
  EXPECT_TRUE(is<Finish>(asked(plan)->next(Told().selected(1))));
}

TEST(X224Sequence, WhatIsNoAnswerEndsIt) {
  EXPECT_TRUE(is<Finish>(asked()->next(Told().ended(Side::kServer))));
  EXPECT_TRUE(is<Finish>(asked()->next(Told().add(Side::kServer, record::Malformed{}))));
  EXPECT_TRUE(is<Finish>(asked()->next(Told().add(Side::kServer, record::ForeignProtocol{}))));
  EXPECT_TRUE(is<Finish>(asked()->next(Told().add(Side::kServer, rdp::DisconnectRequest{}))));
  EXPECT_TRUE(is<Finish>(asked()->next(Told().add(Side::kServer, rdp::DataTpdu{}))));
  EXPECT_TRUE(is<Finish>(asked()->next(Told().add(Side::kServer, record::TlsAlert{}))));
}

std::unique_ptr<Sequence> tls_sequence(const ProbePlan& plan = {}) {
  auto step = asked(plan)->next(Told().selected(1));
  return std::move(std::get<Next>(step).sequence);
}

Told after_handshake(std::uint16_t version) {
  Told told;
  told.selected(1).add(Side::kClient, tls::ClientHello{});
  tls::ServerHello hello;
  hello.legacy_version = 0x0303;
  hello.selected_version = version;
  told.add(Side::kServer, hello).add(Side::kServer, record::HandshakeMessage{.type = 20});
  return told;
}

TEST(TlsSequence, StartsTlsWithThePlansOffer) {
  ProbePlan plan;
  plan.tls.server_name = "host.example";
  auto step = tls_sequence(plan)->next(Told().selected(1));
  ASSERT_TRUE(is<StartTls>(step));
  EXPECT_EQ(std::get<StartTls>(step).offer.server_name, "host.example");
}

TEST(TlsSequence, DoesNotStartWithAServerThatHasLeft) {
  EXPECT_TRUE(is<Finish>(tls_sequence()->next(Told().selected(1).ended(Side::kServer))));
}

TEST(TlsSequence, WaitsAMomentForTheServersVerdictInTls13) {
  auto sequence = tls_sequence();
  ASSERT_TRUE(is<StartTls>(sequence->next(Told().selected(1))));
  auto told = after_handshake(0x0304);
  told.add(Side::kClient, record::HandshakeMessage{.type = 20});
  EXPECT_TRUE(is<Linger>(sequence->next(told)));
  EXPECT_TRUE(is<Finish>(sequence->next(told))) << "once only";
}

TEST(TlsSequence, DoesNotWaitWhenTheVerdictIsThere) {
  for (const bool ticket : {true, false}) {
    auto sequence = tls_sequence();
    ASSERT_TRUE(is<StartTls>(sequence->next(Told().selected(1))));
    auto told = after_handshake(0x0304);
    told.add(Side::kClient, record::HandshakeMessage{.type = 20});
    if (ticket) {
      told.add(Side::kServer, record::HandshakeMessage{.type = 4});
    } else {
      told.add(Side::kServer, record::TlsAlert{tls::Alert{.level = 2, .description = 116}});
    }
    EXPECT_TRUE(is<Finish>(sequence->next(told)));
  }
}

TEST(TlsSequence, DoesNotWaitInOlderVersions) {
  auto sequence = tls_sequence();
  ASSERT_TRUE(is<StartTls>(sequence->next(Told().selected(1))));
  auto told = after_handshake(0x0303);
  told.add(Side::kClient, record::ChangeCipherSpec{});
  EXPECT_TRUE(is<Finish>(sequence->next(told)));
}

TEST(TlsSequence, OnlyACompleteHandshakeLeadsToCredssp) {
  ProbePlan plan;
  plan.until = Phase::kAuthorization;
  const auto hybrid = static_cast<std::uint32_t>(rdp::Protocol::kHybrid);
  const auto after = [&](const HandshakeRecord& record) {
    auto first = asked(plan)->next(Told().selected(hybrid));
    auto sequence = std::move(std::get<Next>(first).sequence);
    EXPECT_TRUE(is<StartTls>(sequence->next(Told().selected(hybrid))));
    return sequence->next(record);
  };
  tls::ServerHello hello;
  hello.legacy_version = 0x0303;
  auto told = Told()
                  .selected(hybrid)
                  .add(Side::kServer, hello)
                  .add(Side::kClient, record::ChangeCipherSpec{})
                  .add(Side::kClient, record::ProtectedRecord{.type = 22});
  EXPECT_TRUE(is<Finish>(after(told))) << "the server's Finished is missing";
  told.add(Side::kServer, record::ChangeCipherSpec{});
  EXPECT_TRUE(is<Finish>(after(told))) << "still missing";
  told.add(Side::kServer, record::ProtectedRecord{.type = 22});
  auto step = after(told);
  ASSERT_TRUE(is<Next>(step));
  EXPECT_EQ(std::get<Next>(step).sequence->phase(), Phase::kCredssp);
  told.add(Side::kClient, record::TlsAlert{});
  EXPECT_TRUE(is<Finish>(after(told))) << "we gave up";
}

}  // namespace
}  // namespace rdpwhy::dialogue
