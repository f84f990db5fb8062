#include "record/session_course.h"

#include <algorithm>
#include <array>

#include "rdpwhy/record/session_summary.h"
#include "record/session_names.h"
#include "record/session_order.h"

namespace rdpwhy::record {
namespace {

using Position = std::size_t;

constexpr std::array kPhases = {
    Phase::kMcs,         Phase::kChannels,  Phase::kSecurity,       Phase::kClientInfo,
    Phase::kAutodetect,  Phase::kLicensing, Phase::kMultitransport, Phase::kCapabilities,
    Phase::kFinalization};

class Walk {
 public:
  Walk(const HandshakeRecord& record, bool without_tls)
      : record_(record), without_tls_(without_tls) {}

  SessionCourse walk() {
    for (Position i = 0; i < record_.evidence.size(); ++i) {
      const auto& e = record_.evidence[i];
      const bool is_odd = order_.is_out_of_place(e);
      if (!is_session(e.fact)) continue;
      course_.seen = true;
      licensing_seen_ = licensing_seen_ || holds<rdp::LicensingPdu>(e.fact);
      if (is_odd) continue;
      (e.where.side == Side::kServer ? step_server(i, e) : step_client(i, e));
    }
    if (course_.seen) settle();
    return std::move(course_);
  }

 private:
  SessionStage& stage(Phase phase) {
    return stages_.at(
        static_cast<std::size_t>(std::ranges::find(kPhases, phase) - kPhases.begin()));
  }
  void pass(Phase phase, std::optional<Position> at) {
    if (at && !stage(phase).passed) stage(phase).passed = at;
  }

  void step_client(Position i, const Evidence& e) {
    if (holds<SecurityExchanged>(e.fact)) {
      exchanged_ = i;
      leave_channels(i);
    } else if (holds<rdp::ClientInfo>(e.fact)) {
      informed_ = i;
      leave_channels(i);
    } else if (holds<ClosedPayload>(e.fact)) {
      leave_channels(i);
      close(i,
            informed_ || course_.client_spoke_closed ? Phase::kCapabilities : Phase::kClientInfo);
      course_.client_spoke_closed = true;
    } else if (holds<rdp::Autodetect>(e.fact)) {
      if (!licensing_began_) detected_ = i;
    } else if (holds<rdp::MultitransportResponse>(e.fact)) {
      transported_ = i;
    } else if (share_control_in<rdp::ConfirmActive>(e) != nullptr) {
      confirmed_ = i;
    }
  }

  /// The client goes on: what it joined is enough for it.
  void leave_channels(Position i) {
    if (stage(Phase::kMcs).passed) pass(Phase::kChannels, last_channel_.value_or(i));
  }

  void step_server(Position i, const Evidence& e) {
    if (const auto* response = get_if<McsConnectResponse>(&e.fact)) {
      step_response(i, *response);
    } else if (const auto* attached = get_if<rdp::AttachUserConfirm>(&e.fact)) {
      if (attached->result == rdp::kMcsSuccessful) last_channel_ = i;
    } else if (const auto* joined = get_if<rdp::ChannelJoinConfirm>(&e.fact)) {
      step_join(i, *joined);
    } else if (holds<ClosedPayload>(e.fact)) {
      go_on();
      close(i, licensing_began_ ? Phase::kCapabilities : Phase::kLicensing);
      course_.server_answered_closed = true;
    } else if (holds<rdp::Autodetect>(e.fact)) {
      go_on();
      if (!licensing_began_) detected_ = i;
    } else if (const auto* licensing = get_if<rdp::LicensingPdu>(&e.fact)) {
      step_licensing(i, *licensing);
    } else if (holds<rdp::MultitransportRequest>(e.fact)) {
      go_on();
      transport_asked_ = true;
      transported_ = i;
    } else if (const auto* control = get_if<rdp::ShareControl>(&e.fact)) {
      step_share(i, e, *control);
    }
  }

  void step_response(Position i, const McsConnectResponse& response) {
    if (!response.accepts()) return;
    pass(Phase::kMcs, i);
    const auto* security = response.blocks.find<rdp::ServerSecurityData>();
    encrypts_ = without_tls_ && security != nullptr && security->encryption_method != 0;
    const auto* network = response.blocks.find<rdp::ServerNetworkData>();
    const auto* message = response.blocks.find<rdp::ServerMessageChannelData>();
    if (network != nullptr) {
      to_join_ = 2 + static_cast<std::size_t>(std::ranges::count_if(
                         network->channel_ids, [](auto id) { return id != 0; }));
      if (message != nullptr && message->mcs_channel_id != 0) ++to_join_;
    }
  }

  void step_join(Position i, const rdp::ChannelJoinConfirm& joined) {
    if (joined.result != rdp::kMcsSuccessful) return;
    last_channel_ = i;
    if (std::ranges::find(joined_, joined.requested) == joined_.end())
      joined_.push_back(joined.requested);
    if (to_join_ > 0 && joined_.size() >= to_join_) pass(Phase::kChannels, i);
  }

  /// Whatever the server says now, it took what the client said before.
  void go_on() {
    pass(Phase::kSecurity, exchanged_);
    pass(Phase::kClientInfo, informed_);
  }

  void step_licensing(Position i, const rdp::LicensingPdu& pdu) {
    go_on();
    if (!licensing_began_) pass(Phase::kAutodetect, detected_);
    licensing_began_ = true;
    const auto* error = pdu.error();
    const bool granted = error != nullptr ? error->error_code == rdp::LicensingError::kValidClient
                                          : std::holds_alternative<rdp::IssuedLicense>(pdu.message);
    if (granted) pass(Phase::kLicensing, i);
  }

  void step_share(Position i, const Evidence& e, const rdp::ShareControl& control) {
    if (std::holds_alternative<rdp::DemandActive>(control.content)) {
      go_on();
      pass(Phase::kAutodetect, detected_);
      pass(Phase::kMultitransport, transported_);
      if (!licensing_seen_) stage(Phase::kLicensing).skipped = true;
      return;
    }
    const bool goes_on = share_data_in<rdp::Synchronize>(e) != nullptr ||
                         share_data_in<rdp::Control>(e) != nullptr ||
                         share_data_in<rdp::FontMap>(e) != nullptr;
    if (!goes_on) return;
    pass(Phase::kCapabilities, confirmed_);
    if (share_data_in<rdp::FontMap>(e) != nullptr && !fonts_mapped_) fonts_mapped_ = i;
  }

  void close(Position, Phase phase) {
    if (!closed_from_ || phase < *closed_from_) closed_from_ = phase;
  }

  void settle() {
    stage(Phase::kSecurity).skipped = !encrypts_ && !exchanged_;
    // Nobody is active who never said so.
    if (confirmed_ || course_.client_spoke_closed || !order_.sees_client())
      pass(Phase::kFinalization, fonts_mapped_);
    // What comes later shows that what comes earlier was done, though it was not seen.
    std::optional<Position> shown;
    for (auto one = stages_.rbegin(); one != stages_.rend(); ++one) {
      if (one->passed) shown = one->passed;
      if (!one->passed && !one->skipped && shown && applies(one->phase)) one->passed = shown;
    }
    for (auto& one : stages_) {
      if (closed_from_ && one.phase >= *closed_from_) {
        one.passed.reset();
        one.encrypted = !one.skipped;
      }
      if (applies(one.phase)) course_.stages.push_back(one);
    }
  }

  [[nodiscard]] bool applies(Phase phase) const {
    if (phase == Phase::kAutodetect) return detected_.has_value();
    if (phase == Phase::kMultitransport) return transport_asked_;
    return true;
  }

  static constexpr std::array<SessionStage, kPhases.size()> blank_stages() {
    std::array<SessionStage, kPhases.size()> stages{};
    for (std::size_t i = 0; i < stages.size(); ++i) stages[i].phase = kPhases[i];
    return stages;
  }

  const HandshakeRecord& record_;
  bool without_tls_;
  SessionCourse course_;
  std::array<SessionStage, kPhases.size()> stages_ = blank_stages();
  SessionOrder order_;
  std::optional<Position> exchanged_, informed_, detected_, transported_, confirmed_, fonts_mapped_;
  std::optional<Position> last_channel_;  ///< the last confirm that granted something
  std::vector<std::uint16_t> joined_;
  std::size_t to_join_ = 0;  ///< 0: unknown
  bool encrypts_ = false;
  bool licensing_seen_ = false;
  bool licensing_began_ = false;  ///< in its place
  bool transport_asked_ = false;
  std::optional<Phase> closed_from_;
};

/// MS-RDPBCGR 2.2.14.1: the others only begin a measurement, or are what is measured.
bool asks_for_answer(const rdp::Autodetect& request) {
  using A = rdp::Autodetect;
  switch (request.type) {
    case A::kBandwidthStartConnectTime:
    case A::kBandwidthStartReliable:
    case A::kBandwidthStartLossy:
    case A::kBandwidthPayload:
      return false;
    default:
      return request.is_request();
  }
}

}  // namespace

SessionCourse read_session_course(const HandshakeRecord& record, bool without_tls) {
  return Walk(record, without_tls).walk();
}

std::optional<bool> server_due_after(const Evidence& evidence) {
  const auto& fact = evidence.fact;
  if (!is_session(fact)) return {};
  if (evidence.where.side == Side::kClient) {
    // These are answered by nothing of their own.
    if (holds<rdp::ErectDomainRequest>(fact) || holds<SecurityExchanged>(fact) ||
        holds<rdp::MultitransportResponse>(fact) || holds<ChannelData>(fact) ||
        holds<FastPathPdu>(fact)) {
      return {};
    }
    return true;
  }
  if (const auto* licensing = get_if<rdp::LicensingPdu>(&fact)) {
    // Behind the end of licensing the server speaks again.
    const auto* error = licensing->error();
    const bool over =
        error != nullptr || std::holds_alternative<rdp::IssuedLicense>(licensing->message);
    return over;
  }
  if (holds<rdp::MultitransportRequest>(fact)) return true;
  if (share_data_in<rdp::Synchronize>(evidence) != nullptr ||
      share_data_in<rdp::Control>(evidence) != nullptr) {
    return true;  // up to its Font Map
  }
  if (share_control_in<rdp::DeactivateAll>(evidence) != nullptr) return true;  // it demands anew
  // What neither goes on nor asks for anything leaves due what was due.
  if (const auto* pdu = get_if<rdp::Autodetect>(&fact); pdu != nullptr && !asks_for_answer(*pdu))
    return {};
  const bool besides =
      (holds<rdp::ShareControl>(fact) && share_control_in<rdp::DemandActive>(evidence) == nullptr &&
       share_data_in<rdp::FontMap>(evidence) == nullptr) ||
      holds<ChannelData>(fact) || holds<FastPathPdu>(fact) || holds<rdp::Heartbeat>(fact) ||
      holds<rdp::OtherDomainPdu>(fact);
  if (besides) return {};
  return false;
}

SessionRefusal session_refusal(const Evidence& evidence) {
  const auto& fact = evidence.fact;
  const bool server = evidence.where.side == Side::kServer;
  if (const auto* response = get_if<McsConnectResponse>(&fact))
    return response->accepts() ? SessionRefusal::kNone : SessionRefusal::kForGood;
  if (const auto* attached = get_if<rdp::AttachUserConfirm>(&fact))
    return attached->result == 0 ? SessionRefusal::kNone : SessionRefusal::kForGood;
  if (const auto* joined = get_if<rdp::ChannelJoinConfirm>(&fact))
    return joined->result == 0 ? SessionRefusal::kNone : SessionRefusal::kUnlessMoreComes;
  if (const auto* licensing = get_if<rdp::LicensingPdu>(&fact)) {
    const auto* error = licensing->error();
    if (error == nullptr || error->error_code == rdp::LicensingError::kValidClient)
      return SessionRefusal::kNone;
    constexpr std::uint32_t kTotalAbort = 1;  // MS-RDPBCGR 2.2.1.12.1.3 ST_TOTAL_ABORT
    return server && error->state_transition == kTotalAbort ? SessionRefusal::kForGood
                                                            : SessionRefusal::kUnlessMoreComes;
  }
  if (redirects(evidence) || error_info_in(evidence)) return SessionRefusal::kForGood;
  return SessionRefusal::kNone;
}

}  // namespace rdpwhy::record
