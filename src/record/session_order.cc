#include "record/session_order.h"

#include "rdpwhy/record/session_summary.h"

namespace rdpwhy::record {

bool SessionOrder::is_out_of_place(const Evidence& evidence) {
  const auto& fact = evidence.fact;
  if (std::holds_alternative<Gap>(fact) || std::holds_alternative<BeginsLate>(fact)) lost_ = true;
  if (!is_session(fact)) return false;
  if (evidence.where.side == Side::kClient) {
    hear_client(evidence);
    return false;
  }
  if (began_ && !lost_ && !may_come(evidence)) return true;
  demanded_ = demanded_ || share_control_in<rdp::DemandActive>(evidence) != nullptr;
  return false;
}

void SessionOrder::hear_client(const Evidence& evidence) {
  const auto& fact = evidence.fact;
  if (holds<McsConnectInitial>(fact)) {
    began_ = true;
  } else if (holds<rdp::AttachUserRequest>(fact)) {
    attaches_ = true;
  } else if (holds<rdp::ChannelJoinRequest>(fact)) {
    joins_ = true;
  } else if (holds<rdp::ClientInfo>(fact) || holds<ClosedPayload>(fact)) {
    informed_ = true;
  }
}

bool SessionOrder::may_come(const Evidence& evidence) const {
  const auto& fact = evidence.fact;
  if (holds<rdp::AttachUserConfirm>(fact)) return attaches_;
  if (holds<rdp::ChannelJoinConfirm>(fact)) return joins_;
  const bool answers_client_info = holds<rdp::LicensingPdu>(fact) || holds<rdp::Autodetect>(fact) ||
                                   holds<rdp::MultitransportRequest>(fact) ||
                                   holds<rdp::Heartbeat>(fact) ||
                                   share_control_in<rdp::DemandActive>(evidence) != nullptr;
  if (answers_client_info) return informed_;
  const bool finalizes = share_data_in<rdp::Synchronize>(evidence) != nullptr ||
                         share_data_in<rdp::Control>(evidence) != nullptr ||
                         share_data_in<rdp::FontMap>(evidence) != nullptr;
  return !finalizes || demanded_;
}

}  // namespace rdpwhy::record
