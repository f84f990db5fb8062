#include "dialogue/licensing_sequence.h"

#include "dialogue/capabilities_sequence.h"
#include "dialogue/leave_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/rdp/licensing.h"
#include "rdpwhy/rdp/security_header.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::dialogue {

Step LicensingSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  while (const auto* e = path_->next_of_server(evidence)) {
    if (auto answer = path_->answer_to_request(*e)) {
      if (server_is_done(evidence)) return Finish{};
      return Send{std::move(*answer)};
    }
    if (record::error_info_in(*e) || record::redirects(*e)) {
      return leave(std::move(path_), phase(), LeaveSequence::Why::kRefused);
    }
    // Without any licensing: some servers go straight on.
    if (const auto* demand = record::share_control_in<rdp::DemandActive>(*e)) {
      if (!path_->wants(Phase::kCapabilities)) return leave(std::move(path_), phase());
      return Next{std::make_unique<CapabilitiesSequence>(std::move(path_), *demand)};
    }
    const auto* pdu = record::get_if<rdp::LicensingPdu>(&e->fact);
    if (pdu == nullptr) continue;
    if (server_is_done(evidence) && pdu->error() == nullptr) return Finish{};
    if (auto step = step_after(*pdu)) return std::move(*step);
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

void LicensingSequence::tell(record::RunFacts& facts) const {
  if (own_stop_) facts.own_stop = own_stop_;
}

std::optional<Step> LicensingSequence::step_after(const rdp::LicensingPdu& pdu) {
  if (const auto* error = pdu.error()) {
    if (error->error_code == rdp::LicensingError::kValidClient) return go_on();
    return leave(std::move(path_), phase(), LeaveSequence::Why::kRefused);
  }
  if (const auto* asked = pdu.request()) return request(*asked);
  if (const auto* challenge = std::get_if<rdp::PlatformChallenge>(&pdu.message)) {
    return respond(*challenge);
  }
  if (std::holds_alternative<rdp::IssuedLicense>(pdu.message)) return go_on();
  return std::nullopt;  // what no server says: the deadline decides
}

Step LicensingSequence::request(const rdp::LicenseRequest& asked) {
  if (!path_->plan().session.request_license) {
    return stop(Why::kLicenseNotRequested,
                "the server asks for a licence request, which was not allowed");
  }
  const auto packet = exchange_.request(asked, path_->server_certificate());
  if (!packet) {
    return stop(Why::kLicensingNotPossible,
                "the licence request of the server comes with no RSA key that can be used");
  }
  return Send{path_->with_header(rdp::security_flags::kLicensePacket, *packet, false)};
}

Step LicensingSequence::respond(const rdp::PlatformChallenge& challenge) {
  const auto packet = exchange_.respond(challenge);
  if (!packet) {
    return stop(Why::kLicensingNotPossible,
                "the MAC of the platform challenge does not verify with the keys agreed on");
  }
  return Send{path_->with_header(rdp::security_flags::kLicensePacket, *packet, false)};
}

Step LicensingSequence::stop(Why why, std::string words) {
  own_stop_ = {.why = why, .words = std::move(words)};
  return leave(std::move(path_), phase());
}

Step LicensingSequence::go_on() {
  if (!path_->wants(Phase::kMultitransport)) return leave(std::move(path_), phase());
  return Next{std::make_unique<CapabilitiesSequence>(std::move(path_))};
}

}  // namespace rdpwhy::dialogue
