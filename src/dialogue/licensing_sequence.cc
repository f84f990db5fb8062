#include "dialogue/licensing_sequence.h"

#include "dialogue/capabilities_sequence.h"
#include "dialogue/leave_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::dialogue {
namespace {

constexpr std::uint32_t kStatusValidClient = 7;

}  // namespace

Step LicensingSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  while (const auto* e = path_->next_of_server(evidence)) {
    if (auto answer = path_->answer_to_request(*e)) {
      if (server_is_done(evidence)) return Finish{};
      return Send{std::move(*answer)};
    }
    if (record::error_info_in(*e) || record::redirection_in(*e) != nullptr) {
      return leave(std::move(path_), phase(), LeaveSequence::Why::kRefused);
    }
    // Without any licensing: some servers go straight on.
    if (const auto* demand = record::share_control_in<rdp::DemandActive>(*e)) {
      if (!path_->wants(Phase::kCapabilities)) return leave(std::move(path_), phase());
      return Next{std::make_unique<CapabilitiesSequence>(std::move(path_), *demand)};
    }
    const auto* pdu = record::get_if<rdp::LicensingPdu>(&e->fact);
    if (pdu == nullptr) continue;
    if (const auto* error = std::get_if<rdp::LicensingError>(&pdu->message)) {
      return error->error_code == kStatusValidClient
                 ? go_on()
                 : leave(std::move(path_), phase(), LeaveSequence::Why::kRefused);
    }
    if (std::holds_alternative<rdp::LicenseRequest>(pdu->message)) {
      return leave(std::move(path_), phase());
    }
    return go_on();  // a licence nobody asked for
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

Step LicensingSequence::go_on() {
  if (!path_->wants(Phase::kMultitransport)) return leave(std::move(path_), phase());
  return Next{std::make_unique<CapabilitiesSequence>(std::move(path_))};
}

}  // namespace rdpwhy::dialogue
