#include "dialogue/authorization_sequence.h"

#include "dialogue/mcs_sequence.h"
#include "dialogue/this_connection.h"

namespace rdpwhy::dialogue {
namespace {

constexpr std::uint32_t kSuccess = 0;  // AUTHZ_SUCCESS

}  // namespace

Step AuthorizationSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  for (const auto& e : evidence) {
    if (e.where.side != Side::kServer) continue;
    if (const auto* result = record::get_if<auth::EarlyUserAuthorizationResult>(&e.fact)) {
      if (result->authorization_result != kSuccess || plan_.until < Phase::kMcs) return Finish{};
      return Next{std::make_unique<McsSequence>(
          std::move(plan_), static_cast<std::uint32_t>(rdp::Protocol::kHybridEx))};
    }
    // A server that did not take the credentials says so in a TSRequest still.
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    if (message != nullptr && message->error_code.value_or(0) != 0) return Finish{};
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

}  // namespace rdpwhy::dialogue
