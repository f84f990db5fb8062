#include "dialogue/this_connection.h"

namespace rdpwhy::dialogue {

std::span<const Evidence> this_connection(const HandshakeRecord& record) {
  const std::span<const Evidence> all(record.evidence);
  for (std::size_t i = all.size(); i > 0; --i) {
    if (std::holds_alternative<record::Connected>(all[i - 1].fact)) return all.subspan(i);
  }
  return all;
}

bool server_has_left(std::span<const Evidence> evidence) {
  for (const auto& e : evidence) {
    const auto* ending = std::get_if<record::Ending>(&e.fact);
    if (ending != nullptr && ending->by != Side::kClient) return true;
  }
  return false;
}

bool server_is_done(std::span<const Evidence> evidence) {
  if (server_has_left(evidence)) return true;
  for (const auto& e : evidence) {
    if (e.where.side != Side::kServer) continue;
    if (record::holds<record::Malformed>(e.fact) || record::holds<record::Unexpected>(e.fact) ||
        std::holds_alternative<record::ForeignProtocol>(e.fact) ||
        std::holds_alternative<rdp::DisconnectRequest>(e.fact) ||
        std::holds_alternative<rdp::DisconnectProviderUltimatum>(e.fact)) {
      return true;
    }
    if (const auto* alert = std::get_if<record::TlsAlert>(&e.fact)) {
      // RFC 8446 6.1: nothing follows a close_notify either, whenever the FIN may come.
      if (alert->alert && (alert->alert->level == tls::Alert::kFatal ||
                           alert->alert->description == tls::Alert::kCloseNotify)) {
        return true;
      }
    }
    if (const auto* opening = record::get_if<record::ProxyOpening>(&e.fact)) {
      if (!opening->granted) return true;
    }
  }
  return false;
}

}  // namespace rdpwhy::dialogue
