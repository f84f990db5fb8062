#include <algorithm>

#include "rdpwhy/record/queries.h"
#include "rdpwhy/record/session_summary.h"
#include "record/session_order.h"

namespace rdpwhy::record {
namespace {

/// What the client says because it was asked does not bring it further.
bool goes_on(const Evidence& e) {
  if (e.where.side != Side::kClient || !is_session(e.fact)) return false;
  return !holds<rdp::Autodetect>(e.fact) && !holds<rdp::MultitransportResponse>(e.fact) &&
         !holds<FastPathPdu>(e.fact) && !holds<ChannelData>(e.fact);
}

/// Of the server: brings nobody further, however often it comes.
bool is_beside(const Evidence& e) {
  if (const auto* control = get_if<rdp::ShareControl>(&e.fact)) {
    if (std::holds_alternative<rdp::ShareData>(control->content)) {
      return share_data_in<rdp::Synchronize>(e) == nullptr &&
             share_data_in<rdp::Control>(e) == nullptr && share_data_in<rdp::FontMap>(e) == nullptr;
    }
    return !std::holds_alternative<rdp::DemandActive>(control->content);
  }
  return holds<rdp::Autodetect>(e.fact) || holds<rdp::MultitransportRequest>(e.fact) ||
         holds<rdp::Heartbeat>(e.fact) || holds<rdp::OtherDomainPdu>(e.fact) ||
         holds<ChannelData>(e.fact) || holds<FastPathPdu>(e.fact);
}

class TalkReading {
 public:
  explicit TalkReading(const HandshakeRecord& record) : record_(record) {}

  ServerTalk read(EvidenceId end) {
    SessionOrder order;
    for (const auto& e : record_.evidence) {
      const bool is_odd = order.is_out_of_place(e);
      if (const auto* ending = std::get_if<Ending>(&e.fact)) {
        if (e.id < end) continue;  // of another address
        // When those came is not known: only where the talk goes on they are a part of it.
        if (ending->silence < kSilenceOfTimeout) talk_.messages += ending->server_untold;
        break;
      }
      if (e.id < end && goes_on(e)) {
        answered_.clear();
        begin(e);
      }
      if (e.id <= end && e.where.side == Side::kServer) hear(e, is_odd);
    }
    return std::move(talk_);
  }

 private:
  void begin(const Evidence& e) {
    talk_.kinds.clear();
    talk_.messages = 0;
    talk_.last = nullptr;
    talk_.since = e.at;
  }

  void hear(const Evidence& e, bool is_odd) {
    if (!is_session(e.fact)) return;
    const auto name = message_name(record_, e);
    if (!name) return;
    // What is due brings it further; the same once more does not.
    if (!is_odd && !is_beside(e) && std::ranges::find(answered_, *name) == answered_.end()) {
      answered_.push_back(*name);
      begin(e);
      return;
    }
    ++talk_.messages;
    talk_.last = &e;
    const auto kind = std::ranges::find(talk_.kinds, *name, &ServerTalk::Kind::name);
    if (kind == talk_.kinds.end()) {
      talk_.kinds.push_back({.name = *name, .count = 1});
    } else {
      ++kind->count;
    }
  }

  const HandshakeRecord& record_;
  ServerTalk talk_;
  std::vector<std::string> answered_;  ///< since the client went on: what was due
};

}  // namespace

std::optional<ServerTalk> server_talk(const HandshakeRecord& record, const Failure& failure) {
  if (failure.phase < Phase::kMcs || failure.by != Side::kClient || failure.evidence == 0)
    return {};
  const bool hung_up = failure.how == EndedHow::kTimeout || failure.how == EndedHow::kClose ||
                       failure.how == EndedHow::kReset;
  if (!hung_up) return {};
  return TalkReading(record).read(failure.evidence);
}

}  // namespace rdpwhy::record
