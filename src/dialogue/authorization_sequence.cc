#include "dialogue/authorization_sequence.h"

#include "dialogue/this_connection.h"

namespace rdpwhy::dialogue {

Step AuthorizationSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  for (const auto& e : evidence) {
    if (e.where.side != Side::kServer) continue;
    if (record::holds<auth::EarlyUserAuthorizationResult>(e.fact)) return Finish{};
    // A server that did not take the credentials says so in a TSRequest still.
    const auto* message = record::get_if<record::CredsspMessage>(&e.fact);
    if (message != nullptr && message->error_code.value_or(0) != 0) return Finish{};
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

}  // namespace rdpwhy::dialogue
