#include "rdpwhy/crypto/session_memory.h"

#include "rdpwhy/crypto/digest.h"

namespace rdpwhy::crypto {

namespace {

/// A session id must never pass for a ticket.
SessionMemory::Name name_of(std::uint8_t kind, ByteSpan octets) {
  Bytes all;
  all.reserve(octets.size() + 1);
  all.push_back(kind);
  all.insert(all.end(), octets.begin(), octets.end());
  return sha256(all);
}

}  // namespace

SessionMemory::Name SessionMemory::of_session_id(ByteSpan session_id) {
  return name_of(0, session_id);
}
SessionMemory::Name SessionMemory::of_ticket(ByteSpan ticket) { return name_of(1, ticket); }

void SessionMemory::remember(const Name& name, ByteSpan master_secret) {
  const auto [place, is_new] = sessions_.try_emplace(name);
  place->second = Secret(base::to_bytes(master_secret));
  if (!is_new) return;
  order_.push_back(place);
  if (order_.size() <= kMostSessions) return;
  sessions_.erase(order_.front());
  order_.pop_front();
}

std::optional<ByteSpan> SessionMemory::master_secret(const Name& name) const {
  const auto found = sessions_.find(name);
  if (found == sessions_.end()) return {};
  return found->second.reveal();
}

}  // namespace rdpwhy::crypto
