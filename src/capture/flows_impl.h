#pragma once

#include "capture/flow_table.h"
#include "rdpwhy/capture/flows.h"

namespace rdpwhy::capture {

/// How the segments of many flows become events. One function per thing that a segment can say.
class Flows::Impl {
 public:
  Impl(Host& host, Limits limits) : host_(host), limits_(limits) {}

  void segment(const Segment& segment);
  void icmp(const IcmpQuote& quote);
  void end(Moment at);

 private:
  // Which flow a segment belongs to (flows.cc).
  Flow* begin(const Segment& segment);
  Flow* begin_between(const Endpoint& client, const Endpoint& server, Moment at);
  void begin_again(Flow& flow, const Segment& segment);
  void make_room(const Segment& segment);
  void after_the_end(Flow& flow, End side, const Segment& segment);
  void conclude(Flow& flow, Moment at);
  void finish(Flow& flow, Moment at);
  void drop_over(Moment now);
  void count_held(Flow& flow);
  void evict_beyond_held(Moment at);

  // What a segment says about its flow (flow_segments.cc).
  enum class Synchronized { kGoOn, kNothingNew, kAnotherConnection };
  Synchronized synchronize(Flow& flow, End side, const Segment& segment);
  Synchronized first_half(Flow& flow, End side, const Segment& segment);
  Synchronized second_half(Flow& flow, End side, const Segment& segment);
  void leave_alone(Flow& flow, End side, const Segment& segment);
  void take_now(Flow& flow, End side, const Segment& segment);
  void acknowledge(Flow& flow, End side, const Segment& segment);
  void payload(Flow& flow, End side, const Segment& segment);
  void reset(Flow& flow, End side, const Segment& segment);
  void connect(Flow& flow, Moment at);
  void keep_syn_payload(Flow& flow, const Segment& segment);
  void forget_waiting(Flow& flow);
  void tell_fin(Flow& flow, End side, Moment at);
  [[nodiscard]] Outlet outlet(Flow& flow, End side, Moment at);

  // Packets that stand in the capture ahead of what they answer (flow_disorder.cc).
  void take(Flow& flow, End side, const Segment& segment);
  [[nodiscard]] static bool shows_missing(const Flow& flow, End side, const Segment& segment);
  [[nodiscard]] static bool fills(const Flow& flow, End side, const Segment& segment);
  [[nodiscard]] bool out_of_patience(const Flow& flow, Moment now) const;
  void wait(Flow& flow, End side, const Segment& segment);
  void take_ahead(Flow& flow, End side, const Segment& segment);
  bool take_ahead_from_queue(Flow& flow);
  void take_first_waiting(Flow& flow);
  void drain(Flow& flow, Moment now);
  void settle(Flow& flow);
  void settle_longest_waiting(Moment now);
  void forget_queue(Flow& flow);

  Host& host_;
  Limits limits_;
  FlowTable table_;
  std::size_t buffered_ = 0;
  std::size_t held_ = 0;
  std::uint64_t segments_ = 0;
  std::list<Flow*> waiting_;  ///< where something waits, the longest in front
};

[[nodiscard]] constexpr End other(End side) {
  return side == End::kClient ? End::kServer : End::kClient;
}
[[nodiscard]] constexpr std::size_t index(End side) { return static_cast<std::size_t>(side); }

}  // namespace rdpwhy::capture
