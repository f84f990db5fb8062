#include "dialogue/leave_sequence.h"

#include "dialogue/this_connection.h"
#include "rdpwhy/rdp/mcs.h"
#include "rdpwhy/rdp/share_control.h"

namespace rdpwhy::dialogue {
namespace {

constexpr std::uint8_t kUserRequested = 3;  // T.125 rn-user-requested

}  // namespace

Step LeaveSequence::next(const HandshakeRecord& record) {
  if (server_is_done(this_connection(record))) return Finish{};
  switch (state_) {
    case State::kListening:
      state_ = why_ == Why::kActive ? State::kShutdownDue : State::kUltimatumDue;
      if (why_ == Why::kRefused) return Linger{};
      return next(record);
    case State::kShutdownDue: {
      state_ = State::kShutdownSent;
      const auto pdu =
          rdp::encode(rdp::ShutdownRequest{}, path_->share_id(), path_->user_channel());
      return Send{path_->on_io_channel(pdu)};
    }
    case State::kShutdownSent:
      // An ultimatum ends it; Shutdown Denied asks for ours. Some servers say neither.
      state_ = State::kUltimatumDue;
      return Linger{};
    case State::kUltimatumDue:
      state_ = State::kOver;
      return Send{SessionPath::framed(rdp::DisconnectProviderUltimatum{.reason = kUserRequested})};
    case State::kOver:
      break;
  }
  return Finish{};
}

Step leave(SessionPathPtr path, Phase phase, LeaveSequence::Why why) {
  if (!path->is_attached()) return Finish{};
  return Next{std::make_unique<LeaveSequence>(std::move(path), phase, why)};
}

}  // namespace rdpwhy::dialogue
