#include "dialogue/x224_sequence.h"

#include "dialogue/hello_sequence.h"
#include "dialogue/mcs_sequence.h"
#include "dialogue/this_connection.h"
#include "dialogue/tls_sequence.h"
#include "rdpwhy/rdp/tpkt.h"

namespace rdpwhy::dialogue {
namespace {

/// MS-RDPBCGR 5.4.5: every one of the enhanced security protocols begins with TLS. A selection that
/// was not offered is the server's error, and what it does next is worth seeing all the same.
bool begins_with_tls(std::uint32_t selected_protocol) {
  switch (static_cast<rdp::Protocol>(selected_protocol)) {
    case rdp::Protocol::kSsl:
    case rdp::Protocol::kHybrid:
    case rdp::Protocol::kRdstls:
    case rdp::Protocol::kHybridEx:
    case rdp::Protocol::kRdsAad:
      return true;
  }
  return false;
}

}  // namespace

Step X224Sequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (!request_sent_) {
    // A banner of another protocol is no reason not to ask: what the record shows must not depend
    // on which of the two was faster.
    if (server_has_left(evidence)) return Finish{};
    request_sent_ = true;
    return Send{rdp::encode_tpkt(rdp::encode(plan_.request))};
  }
  for (const auto& e : evidence) {
    if (e.where.side != Side::kServer) continue;
    if (const auto* confirm = std::get_if<rdp::ConnectionConfirm>(&e.fact)) return after(*confirm);
    // Neither is an answer to a Connection Request.
    if (std::holds_alternative<rdp::DataTpdu>(e.fact)) return Finish{};
    if (std::holds_alternative<record::TlsAlert>(e.fact)) return Finish{};
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

Step X224Sequence::after(const rdp::ConnectionConfirm& confirm) {
  if (confirm.failure() != nullptr) return Finish{};
  // Without RDP_NEG_RSP the server is older than that, or was not asked: PROTOCOL_RDP.
  const auto* response = confirm.response();
  const auto selected = response == nullptr ? 0 : response->selected_protocol;
  const auto depth = plan_.depth(selected);
  if (selected == 0) {
    if (depth < Phase::kMcs) return Finish{};
    return Next{std::make_unique<McsSequence>(plan_, selected)};
  }
  if (depth < Phase::kTls || !begins_with_tls(selected)) return Finish{};
  if (!plan_.client_hello.empty()) return Next{std::make_unique<HelloSequence>(plan_.client_hello)};
  return Next{std::make_unique<TlsSequence>(plan_)};
}

}  // namespace rdpwhy::dialogue
