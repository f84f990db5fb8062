#pragma once

#include <algorithm>

#include "oracles/oracle.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/survey/answer.h"
#include "rdpwhy/survey/plan.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::survey::oracle {

using rdpwhy::oracle::hold;

/// Hands octets out, piece by piece; when they are used up, empty ones.
class Pieces {
 public:
  explicit Pieces(ByteSpan octets) : left_(octets) {}

  std::uint8_t octet() {
    if (left_.empty()) return 0;
    const auto octet = left_.front();
    left_ = left_.subspan(1);
    return octet;
  }
  ByteSpan piece(std::size_t most) {
    const auto size = std::min(most, left_.size());
    const auto piece = left_.first(size);
    left_ = left_.subspan(size);
    return piece;
  }
  [[nodiscard]] bool is_empty() const { return left_.empty(); }

 private:
  ByteSpan left_;
};

/// What a server that may say anything makes of one question.
inline Answer answer_with(Pieces& pieces, const Question& question) {
  using How = record::Ending::How;
  dissect::Dissector dissector({.read_certificate = {}, .make_opener = {}});
  Moment at{1};
  dissector.connecting(at);
  const auto shape = pieces.octet();
  if (shape % 16 == 15) {
    dissector.ended(Side::kServer, How::kRefused, at);
    return answer_of(dissector.take());
  }
  dissector.connected(at);
  rdp::ConnectionRequest request;
  request.negotiation =
      rdp::NegotiationRequest{.flags = 0, .requested = {question.requested_protocols}};
  dissector.bytes(Side::kClient, rdp::encode_tpkt(rdp::encode(request)), at);
  if (shape % 16 == 14) {
    dissector.bytes(Side::kServer, pieces.piece(19), at);
  } else {
    rdp::ConnectionConfirm confirm;
    confirm.negotiation = rdp::NegotiationResponse{.flags = 0, .selected_protocol = 1};
    dissector.bytes(Side::kServer, rdp::encode_tpkt(rdp::encode(confirm)), at);
    dissector.bytes(Side::kClient, encode(question.offer, {}), at);
    dissector.bytes(Side::kServer, pieces.piece(pieces.octet() * 4U), at);
  }
  at.ns += shape % 2 == 0 ? 1'000'000 : 5'000'000'000;
  if (shape % 8 < 3) {
    dissector.ended(Side::kServer, shape % 8 == 0 ? How::kClose : How::kReset, at);
  } else {
    dissector.ended(Side::kClient, How::kClose, at);
  }
  return answer_of(dissector.take());
}

/// Whatever servers say, a survey ends within its bound, counts nothing twice, nothing that was
/// not offered, and gives a reason for what it does not know.
inline void check_survey(ByteSpan octets) {
  constexpr std::size_t kBound = 120;
  Pieces pieces(octets);
  Plan plan({.server_name = "host", .most_connections = kBound});
  std::size_t asked = 0;
  while (!plan.is_done()) {
    const auto questions = plan.next(1 + pieces.octet() % 3);
    hold(!questions.empty() || plan.is_done(), "a survey that is not over has a question");
    for (const auto& question : questions) {
      hold(++asked <= kBound, "the bound of connections holds");
      plan.take(question.id, answer_with(pieces, question));
    }
    if (pieces.is_empty() && asked > kBound / 2) plan.stop("enough");
  }
  const auto& result = plan.result();
  hold(result.asked.size() <= kBound, "no more answers than questions");
  for (const auto& finding : result.versions) {
    hold(finding.accepted.known != Known::kUnknown || !finding.accepted.reason.empty() ||
             !finding.listing.reason.empty(),
         "what is unknown has a reason");
    hold((finding.accepted.known == Known::kYes) == !finding.suites.empty(),
         "a version that is accepted has a suite");
    auto suites = finding.listing.accepted;
    std::ranges::sort(suites);
    hold(std::ranges::adjacent_find(suites) == suites.end(), "a suite is found once");
    const auto& all = finding.version == kTls13 ? suites_of_tls13() : suites_before_tls13();
    for (const auto suite : suites)
      hold(std::ranges::find(all, suite) != all.end(), "only what was offered is found");
  }
}

}  // namespace rdpwhy::survey::oracle
