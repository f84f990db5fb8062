#include "rdpwhy/dialogue/probe_plan.h"

#include <algorithm>

#include "dialogue/tls_sequence.h"
#include "dialogue/x224_sequence.h"

namespace rdpwhy::dialogue {

rdp::ConnectionRequest ProbePlan::mstsc_request(std::string user) {
  // mstsc cuts "user" or "DOMAIN\user" after nine characters.
  constexpr std::size_t kLongestUser = 9;
  rdp::ConnectionRequest request;
  user.resize(std::min(user.size(), kLongestUser));
  request.cookie = std::move(user);
  constexpr auto kOffered = static_cast<std::uint32_t>(rdp::Protocol::kSsl) |
                            static_cast<std::uint32_t>(rdp::Protocol::kHybrid) |
                            static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  request.negotiation = rdp::NegotiationRequest{.flags = 0, .requested = {kOffered}};
  return request;
}

Phase ProbePlan::depth(std::uint32_t selected_protocol) const {
  constexpr auto kNla = static_cast<std::uint32_t>(rdp::Protocol::kHybrid) |
                        static_cast<std::uint32_t>(rdp::Protocol::kHybridEx);
  if ((selected_protocol & kNla) != 0) {
    return session.redirected_session_id ? std::min(until, Phase::kCredssp) : until;
  }
  const bool logs_on =
      rdstls && selected_protocol == static_cast<std::uint32_t>(rdp::Protocol::kRdstls);
  return logs_on ? until : until_without_nla.value_or(until);
}

namespace {

/// A probe that asks for no more than TCP has nothing to say.
class NothingToSay final : public Sequence {
 public:
  [[nodiscard]] Phase phase() const override { return Phase::kTcp; }
  [[nodiscard]] Step next(const HandshakeRecord&) override { return Finish{}; }
};

}  // namespace

std::unique_ptr<Sequence> start(const ProbePlan& plan) {
  if (std::max(plan.until, plan.until_without_nla.value_or(plan.until)) < Phase::kX224)
    return std::make_unique<NothingToSay>();
  ProbePlan asked = plan;
  if (plan.credssp.restricted_admin && asked.request.negotiation) {
    asked.request.negotiation->flags |= rdp::NegotiationRequest::kRestrictedAdminModeRequired;
  }
  return std::make_unique<X224Sequence>(std::move(asked));
}

std::unique_ptr<Sequence> start_with_tls(const ProbePlan& plan) {
  return std::make_unique<TlsSequence>(plan);
}

}  // namespace rdpwhy::dialogue
