#include "dialogue/rdstls_sequence.h"

#include <span>

#include "dialogue/mcs_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/auth/rdstls.h"

namespace rdpwhy::dialogue {
namespace {

constexpr std::uint32_t kSuccess = 0;  // RDSTLS_RESULT_SUCCESS

/// The server's PDU of this kind; null when it has not come.
template <typename Pdu>
const Pdu* said_by_server(std::span<const Evidence> evidence) {
  for (const auto& e : evidence) {
    if (e.where.side != Side::kServer) continue;
    const auto* pdu = record::get_if<auth::RdstlsPdu>(&e.fact);
    if (const auto* said = pdu == nullptr ? nullptr : std::get_if<Pdu>(pdu)) return said;
  }
  return nullptr;
}

}  // namespace

Step RdstlsSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (const auto* answer = said_by_server<auth::RdstlsAuthenticationResponse>(evidence)) {
    // A result that nobody asked for lets nobody in.
    const bool granted = request_sent_ && answer->result_code == kSuccess;
    constexpr auto kSelected = static_cast<std::uint32_t>(rdp::Protocol::kRdstls);
    if (!granted || plan_.depth(kSelected) < Phase::kMcs) return Finish{};
    return Next{std::make_unique<McsSequence>(std::move(plan_), kSelected)};
  }
  if (server_is_done(evidence)) return Finish{};
  if (request_sent_) return Await{};
  const auto* capabilities = said_by_server<auth::RdstlsCapabilities>(evidence);
  if (capabilities == nullptr) return Await{};
  constexpr std::uint16_t kVersion1 = 0x0001;
  if ((capabilities->supported_versions & kVersion1) == 0) return Finish{};
  return request();
}

Step RdstlsSequence::request() {
  request_sent_ = true;
  const auto& plan = *plan_.rdstls;
  const Secret none;
  const auto pdu = auth::encode(
      {.redirection_guid = plan.redirection_guid, .user_name = plan.user, .domain = plan.domain},
      plan.password == nullptr ? none : *plan.password);
  return Send{.bytes = base::to_bytes(pdu.reveal()), .is_secret = true};
}

}  // namespace rdpwhy::dialogue
