#include "rdpwhy/record/encryption_experiment.h"

#include <gtest/gtest.h>

namespace rdpwhy::record {
namespace {

using Answer = EncryptionExperiment::Answer;

/// A connection under Standard RDP Security, up to the server's answer to the settings.
class Settled {
 public:
  Settled() {
    add(Phase::kTcp, Side::kServer, Connected{});
    add(Phase::kX224, Side::kClient, rdp::ConnectionRequest{});
    add(Phase::kX224, Side::kServer, rdp::ConnectionConfirm{});
    add(Phase::kMcs, Side::kClient, McsConnectInitial{});
  }
  Settled& add(Phase phase, Side side, Fact fact) {
    const auto id = static_cast<EvidenceId>(record.evidence.size() + 1);
    record.evidence.push_back({.id = id,
                               .phase = phase,
                               .where = {.side = side, .layer = Layer::kWire, .size = 9},
                               .at = {id * 1'000'000},
                               .fact = std::move(fact)});
    return *this;
  }
  Settled& answers(std::uint32_t method, std::uint32_t level) {
    McsConnectResponse response;
    response.blocks.blocks = {
        rdp::ServerSecurityData{.encryption_method = method, .encryption_level = level}};
    return add(Phase::kMcs, Side::kServer, response);
  }
  [[nodiscard]] Answer answer_to(std::uint32_t offered) const {
    return encryption_experiment(offered, record).answer();
  }

  HandshakeRecord record;
};

TEST(EncryptionExperiment, IsTakenWhereTheServerSettlesOnWhatWasOffered) {
  const auto settled = Settled().answers(2, 3);
  EXPECT_EQ(settled.answer_to(2), Answer::kTaken);
  EXPECT_EQ(settled.answer_to(1), Answer::kAnother);
  EXPECT_EQ(settled.answer_to(0), Answer::kAnother);
  EXPECT_EQ(encryption_experiment(2, settled.record).level, 3u);
  EXPECT_EQ(Settled().answers(0, 0).answer_to(0), Answer::kTaken);
  EXPECT_EQ(Settled().answers(0, 0).answer_to(0x10), Answer::kAnother);
  EXPECT_TRUE(settles_standard_security(settled.record));
}

TEST(EncryptionExperiment, IsRefusedOnlyWhereTheServerEndsItAtTheOffer) {
  for (const auto how : {Ending::How::kClose, Ending::How::kReset}) {
    const auto left =
        Settled().add(Phase::kMcs, Side::kServer, Ending{.by = Side::kServer, .how = how});
    EXPECT_EQ(left.answer_to(1), Answer::kRefused);
    EXPECT_FALSE(settles_standard_security(left.record));
  }
  McsConnectResponse no;
  no.result = 14;
  EXPECT_EQ(Settled().add(Phase::kMcs, Side::kServer, no).answer_to(1), Answer::kRefused);
}

TEST(EncryptionExperiment, SilenceAndEarlierEndingsTellNothing) {
  auto silent = Settled().add(Phase::kMcs, Side::kClient,
                              Ending{.by = Side::kClient, .how = Ending::How::kClose});
  silent.record.evidence.back().at.ns += 5'000'000'000;
  EXPECT_EQ(silent.answer_to(1), Answer::kUnknown);
  HandshakeRecord nothing;
  EXPECT_EQ(encryption_experiment(1, nothing).answer(), Answer::kUnknown);
  EXPECT_FALSE(settles_standard_security(nothing));
  Settled before;
  before.record.evidence.resize(2);
  before.add(Phase::kX224, Side::kServer, Ending{.by = Side::kServer, .how = Ending::How::kReset});
  EXPECT_EQ(before.answer_to(1), Answer::kUnknown);
}

}  // namespace
}  // namespace rdpwhy::record
