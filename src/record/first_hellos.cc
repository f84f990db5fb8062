#include "rdpwhy/record/fingerprints.h"

namespace rdpwhy::record {
namespace {

/// What was seen of one connection up to its hellos.
class Walk {
 public:
  void see(const Evidence& e) {
    const bool by_client = e.where.side == Side::kClient;
    if (const auto* client = get_if<tls::ClientHello>(&e.fact)) {
      if (by_client && !client_over_) found.client = client;
      client_over_ = client_over_ || by_client;
    } else if (const auto* server = get_if<tls::ServerHello>(&e.fact)) {
      if (!by_client && !server_over_) found.server = server;
      // A client that is answered has spoken before.
      server_over_ = server_over_ || !by_client;
      client_over_ = client_over_ || !by_client;
    } else if (std::holds_alternative<Gap>(e.fact)) {
      (by_client ? client_over_ : server_over_) = true;
    } else if (std::holds_alternative<BeginsLate>(e.fact)) {
      client_over_ = server_over_ = true;
    } else if (holds<rdp::ConnectionConfirm>(e.fact) && found.client == nullptr) {
      // TLS begins behind it, however much was missed before.
      client_over_ = server_over_ = false;
    }
  }

  FirstHellos found;

 private:
  bool client_over_ = false;
  bool server_over_ = false;
};

}  // namespace

FirstHellos first_hellos(const HandshakeRecord& record) {
  Walk walk;
  for (const auto& e : record.evidence) {
    walk.see(e);
    if (walk.found.client != nullptr && walk.found.server != nullptr) break;
  }
  return walk.found;
}

}  // namespace rdpwhy::record
