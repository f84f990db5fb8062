#include "dialogue/finalization_sequence.h"

#include "dialogue/capabilities_sequence.h"
#include "dialogue/leave_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::dialogue {

Bytes FinalizationSequence::finalization_pdus() {
  constexpr std::uint16_t kServerChannel = 0x03EA;  // 2.2.1.14.1
  Bytes octets;
  for (const rdp::ShareDataContent& content :
       {rdp::ShareDataContent(rdp::Synchronize{.target_user = kServerChannel}),
        rdp::ShareDataContent(rdp::Control{.action = rdp::Control::kCooperate}),
        rdp::ShareDataContent(rdp::Control{.action = rdp::Control::kRequestControl}),
        rdp::ShareDataContent(rdp::FontList{})}) {
    const auto pdu =
        path_->on_io_channel(rdp::encode(content, path_->share_id(), path_->user_channel()));
    octets.insert(octets.end(), pdu.begin(), pdu.end());
  }
  return octets;
}

Step FinalizationSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (!sent_) {
    if (server_is_done(evidence)) return Finish{};
    sent_ = true;
    return Send{finalization_pdus()};
  }
  while (const auto* e = path_->next_of_server(evidence)) {
    if (auto answer = path_->answer_to_request(*e)) {
      if (server_is_done(evidence)) return Finish{};
      return Send{std::move(*answer)};
    }
    if (record::error_info_in(*e) || record::redirects(*e)) {
      return leave(std::move(path_), phase(), LeaveSequence::Why::kRefused);
    }
    if (record::share_data_in<rdp::FontMap>(*e) != nullptr) font_map_seen_ = true;
    const auto* demand = record::share_control_in<rdp::DemandActive>(*e);
    if (demand == nullptr || server_is_done(evidence)) continue;
    if (++activations_ > kMostActivations) return leave(std::move(path_), phase());
    path_->shares(demand->share_id);
    sent_ = false;
    font_map_seen_ = false;
    const auto confirm = confirm_active(*demand, path_->plan().session);
    return Send{path_->on_io_channel(rdp::encode(confirm, path_->user_channel()))};
  }
  if (server_is_done(evidence)) return Finish{};
  if (!font_map_seen_) return Await{};
  if (!std::exchange(lingered_, true)) return Linger{};
  return leave(std::move(path_), phase(), LeaveSequence::Why::kActive);
}

}  // namespace rdpwhy::dialogue
