#include "rdpwhy/capture/flows.h"

#include <utility>

#include "capture/flows_impl.h"

namespace rdpwhy::capture {
namespace {

constexpr std::uint16_t kRdpPort = 3389;
constexpr std::uint16_t kFirstUnprivilegedPort = 1024;

/// Without a SYN: a server's port tells, else whoever speaks first is the client.
bool sender_is_server(const Segment& segment) {
  const auto from = segment.from.port;
  const auto to = segment.to.port;
  if ((from == kRdpPort) != (to == kRdpPort)) return from == kRdpPort;
  if ((from < kFirstUnprivilegedPort) != (to < kFirstUnprivilegedPort)) {
    return from < kFirstUnprivilegedPort;
  }
  return false;
}

/// A bare acknowledgement, an RST or a keep-alive of a connection that nobody saw begin tells
/// nothing, and is mostly what comes after the end of one.
bool begins_nothing(const Segment& segment) {
  if (segment.syn) return segment.rst;
  if (segment.rst) return true;
  if (segment.fin) return false;
  return segment.payload_on_wire == 0 || (segment.payload_on_wire == 1 && !segment.psh);
}

}  // namespace

void Flows::Impl::segment(const Segment& segment) {
  // Which flow is idle for longest need not be known to the packet.
  constexpr std::uint64_t kTouchEvery = 1024;
  ++segments_;
  if (!waiting_.empty()) settle_longest_waiting(segment.at);
  const auto found = table_.find(key_of(segment.from), key_of(segment.to));
  auto* flow = found.flow;
  auto side = found.from;
  if (flow == nullptr) {
    if (begins_nothing(segment)) return;
    flow = begin(segment);
    side = key_of(segment.from) == flow->keys[0] ? End::kClient : End::kServer;
  } else if (flow->over) {
    after_the_end(*flow, side, segment);
    return;
  } else if (segments_ - flow->heard_of > kTouchEvery) {
    flow->heard_of = segments_;
    table_.touch(*flow);
  }
  if (segment.syn && !segment.rst) {
    const auto said = synchronize(*flow, side, segment);
    if (said == Synchronized::kAnotherConnection) begin_again(*flow, segment);
    if (said != Synchronized::kGoOn) return;
  }
  if (flow->listener) {
    take(*flow, side, segment);
  } else {
    leave_alone(*flow, side, segment);
  }
  if (held_ > limits_.most_held) evict_beyond_held(segment.at);
}

Flow* Flows::Impl::begin(const Segment& segment) {
  make_room(segment);
  const bool from_server = segment.syn ? segment.ack : sender_is_server(segment);
  auto* flow = from_server ? begin_between(segment.to, segment.from, segment.at)
                           : begin_between(segment.from, segment.to, segment.at);
  if (!segment.syn) {
    flow->late = true;
    if (flow->listener) flow->listener->begins_late(segment.at);
  }
  return flow;
}

Flow* Flows::Impl::begin_between(const Endpoint& client, const Endpoint& server, Moment at) {
  auto& flow = table_.add(client, server, at);
  flow.heard_of = segments_;
  flow.listener = host_.flow(client, server, at);
  count_held(flow);
  return &flow;
}

// The port is used again: what was is over, and the segment begins something new.
void Flows::Impl::begin_again(Flow& flow, const Segment& segment_of_next) {
  if (!flow.over) conclude(flow, segment_of_next.at);
  table_.remove(flow);
  segment(segment_of_next);
}

void Flows::Impl::make_room(const Segment& segment) {
  drop_over(segment.at);
  while (table_.live() > 0 && table_.live() >= limits_.most_flows) {
    auto& idle = *table_.longest_idle();
    conclude(idle, segment.at);
    table_.remove(idle);
  }
  if (auto* flow = table_.crowded_out(key_of(segment.from), key_of(segment.to))) {
    if (!flow->over) conclude(*flow, segment.at);
    table_.remove(*flow);
  }
}

// Late packets of a connection that is over are no new one.
void Flows::Impl::after_the_end(Flow& flow, End side, const Segment& segment) {
  if (!segment.syn || segment.rst) {
    if (flow.evicted) table_.touch_over(flow, segment.at);  // remembered as long as it talks
    return;
  }
  const auto i = index(side);
  const bool same = flow.has_syn[i] && flow.syn[i] == segment.sequence;
  if (!segment.ack) {
    if (!same) {
      begin_again(flow, segment);
    } else if (flow.refused) {
      // Windows tries again with the same number; that is a connection only once it is answered.
      flow.has_syn_again = true;
      flow.syn_again = segment.at;
    }
    return;
  }
  const bool answers =
      flow.has_syn[0] && segment.acknowledgement - flow.syn[0] - 1 <= flow.syn_size;
  if (same || side != End::kServer || (answers && !flow.has_syn_again)) return;
  if (!answers) {
    begin_again(flow, segment);
    return;
  }
  Segment again;
  again.from = flow.ends[0];
  again.to = flow.ends[1];
  again.sequence = flow.syn[0];
  again.syn = true;
  again.at = flow.syn_again;
  begin_again(flow, again);
  this->segment(segment);
}

// From outside of its own segments: those that wait are taken first.
void Flows::Impl::conclude(Flow& flow, Moment at) {
  settle(flow);
  if (!flow.over) finish(flow, at);
}

void Flows::Impl::finish(Flow& flow, Moment at) {
  if (flow.listener) {
    for (const auto side : {End::kClient, End::kServer}) {
      flow.streams[index(side)].flush(outlet(flow, side, at));
      tell_fin(flow, side, at);
    }
    flow.listener->finished(at);
    host_.done(std::move(flow.listener));
  }
  forget_waiting(flow);
  held_ -= std::exchange(flow.held, 0);
  flow.over_at = at;
  table_.retire(flow);
}

void Flows::Impl::count_held(Flow& flow) {
  const auto now = sizeof(Flow) + (flow.listener ? flow.listener->octets_held() : 0);
  held_ += now - flow.held;  // modulo 2^64: it may have shrunk
  flow.held = now;
}

// Whoever is silent for longest has the least to add.
void Flows::Impl::evict_beyond_held(Moment at) {
  while (held_ > limits_.most_held && table_.live() > 0) {
    auto& idle = *table_.longest_idle();
    conclude(idle, at);
    idle.evicted = true;
  }
  drop_over(at);
}

void Flows::Impl::drop_over(Moment now) {
  constexpr std::size_t kMostOver = 16'384;
  constexpr Nanoseconds kTimeWait = 60'000'000'000;
  while (auto* flow = table_.first_over()) {
    const auto age = now - flow->over_at;
    if (table_.over() <= kMostOver && age <= kTimeWait && age >= -kTimeWait) return;
    table_.remove(*flow);
  }
}

void Flows::Impl::icmp(const IcmpQuote& quote) {
  const auto found = table_.find(key_of(quote.from), key_of(quote.to));
  if (found.flow == nullptr || !found.flow->listener) return;
  found.flow->listener->icmp(quote);
  count_held(*found.flow);
  if (held_ > limits_.most_held) evict_beyond_held(quote.at);
}

void Flows::Impl::end(Moment at) {
  for (auto* flow : table_.live_in_order()) conclude(*flow, at);
}

Flows::Flows(Host& host, Limits limits) : impl_(std::make_unique<Impl>(host, limits)) {}
Flows::~Flows() = default;
void Flows::segment(const Segment& segment) { impl_->segment(segment); }
void Flows::icmp(const IcmpQuote& quote) { impl_->icmp(quote); }
void Flows::end(Moment at) { impl_->end(at); }

}  // namespace rdpwhy::capture
