#include "dialogue/channels_sequence.h"

#include "dialogue/leave_sequence.h"
#include "dialogue/logon_sequence.h"
#include "dialogue/this_connection.h"
#include "rdpwhy/rdp/mcs.h"

namespace rdpwhy::dialogue {

Step ChannelsSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (!attach_sent_) {
    if (server_is_done(evidence)) return Finish{};
    attach_sent_ = true;
    auto octets = SessionPath::framed(rdp::ErectDomainRequest{});
    const auto attach = SessionPath::framed(rdp::AttachUserRequest{});
    octets.insert(octets.end(), attach.begin(), attach.end());
    return Send{std::move(octets)};
  }
  while (const auto* e = path_->next_of_server(evidence)) {
    if (const auto* confirm = record::get_if<rdp::AttachUserConfirm>(&e->fact)) {
      if (confirm->result != rdp::kMcsSuccessful || !confirm->initiator) return Finish{};
      path_->attached_as(*confirm->initiator);
      to_join_ = path_->channels_to_join();
      return join_next();
    }
    if (const auto* confirm = record::get_if<rdp::ChannelJoinConfirm>(&e->fact)) {
      if (confirm->result != rdp::kMcsSuccessful) {
        return leave(std::move(path_), phase(), LeaveSequence::Why::kRefused);
      }
      return join_next();
    }
  }
  if (server_is_done(evidence)) return Finish{};
  return Await{};
}

Step ChannelsSequence::join_next() {
  if (joined_ < to_join_.size()) {
    return Send{SessionPath::framed(rdp::ChannelJoinRequest{.initiator = path_->user_channel(),
                                                            .channel_id = to_join_[joined_++]})};
  }
  if (!path_->wants(Phase::kSecurity)) return leave(std::move(path_), phase());
  return Next{std::make_unique<LogonSequence>(std::move(path_))};
}

}  // namespace rdpwhy::dialogue
