#include <algorithm>

#include "capture/flows_impl.h"

// An acknowledgement of octets that have not been seen: either they are not in the capture, or the
// capture has it ahead of them, which happens where packets of two queues or interfaces meet (a
// real Windows capture has large segments a dozen packets behind the small ones that follow them).
// So from such a segment on everything of the flow waits for a while: what fills the hole is taken
// first.
namespace rdpwhy::capture {
namespace {

constexpr std::size_t kMostWaiting = 256;               // segments of one flow
constexpr std::uint64_t kMostSegmentsMeanwhile = 4096;  // of the whole capture
constexpr Nanoseconds kLongestWait = 1'000'000'000;
constexpr std::size_t kMostFlowsWaiting = 1024;

}  // namespace

bool Flows::Impl::shows_missing(const Flow& flow, End side, const Segment& segment) {
  return segment.ack && !segment.syn && !segment.rst &&
         flow.streams[index(other(side))].missing_before(segment.acknowledgement) > 0;
}

/// Whether it brings octets that the first of those waiting acknowledges.
bool Flows::Impl::fills(const Flow& flow, End side, const Segment& segment) {
  const auto& front = flow.waiting->queue.front();
  if (side == front.side || segment.rst || segment.syn || segment.payload_on_wire == 0)
    return false;
  const auto& stream = flow.streams[index(side)];
  const auto next = static_cast<std::int64_t>(stream.next());
  const auto offset = stream.offset_of(segment.sequence);
  return offset <= next && offset + static_cast<std::int64_t>(segment.payload_on_wire) > next;
}

bool Flows::Impl::out_of_patience(const Flow& flow, Moment now) const {
  const auto& waiting = *flow.waiting;
  const auto& front = waiting.queue.front();
  const auto age = now - front.segment.at;
  return waiting.queue.size() > kMostWaiting || waiting.octets > limits_.most_out_of_order ||
         buffered_ > limits_.most_buffered || segments_ - front.since > kMostSegmentsMeanwhile ||
         age > kLongestWait || age < -kLongestWait;
}

void Flows::Impl::take(Flow& flow, End side, const Segment& segment) {
  if (!flow.waiting) {
    if (!shows_missing(flow, side, segment)) {
      take_now(flow, side, segment);
      return;
    }
    flow.waiting = std::make_unique<Waiting>();
    flow.waiting->place = waiting_.insert(waiting_.end(), &flow);
    wait(flow, side, segment);
    if (waiting_.size() > kMostFlowsWaiting) settle(*waiting_.front());
    return;
  }
  if (fills(flow, side, segment)) {
    take_ahead(flow, side, segment);
    drain(flow, segment.at);
  } else {
    wait(flow, side, segment);
    if (out_of_patience(flow, segment.at)) drain(flow, segment.at);
  }
}

void Flows::Impl::wait(Flow& flow, End side, const Segment& segment) {
  auto& waiting = *flow.waiting;
  auto& made = waiting.queue.emplace_back(
      WaitingSegment{segment, base::to_bytes(segment.payload), side, segments_});
  made.segment.payload = made.payload;
  waiting.octets += made.payload.size();
  buffered_ += made.payload.size();
}

// Its acknowledgement is left out: it may speak of octets that still wait.
void Flows::Impl::take_ahead(Flow& flow, End side, const Segment& segment) {
  flow.waiting->not_before = std::max(flow.waiting->not_before, segment.at);
  payload(flow, side, segment);
}

bool Flows::Impl::take_ahead_from_queue(Flow& flow) {
  for (auto& entry : flow.waiting->queue) {
    if (!fills(flow, entry.side, entry.segment)) continue;
    take_ahead(flow, entry.side, entry.segment);
    entry.segment.payload = {};  // only its acknowledgement is left
    entry.segment.sequence += entry.segment.payload_on_wire;
    entry.segment.payload_on_wire = 0;
    return true;
  }
  return false;
}

void Flows::Impl::take_first_waiting(Flow& flow) {
  auto& waiting = *flow.waiting;
  auto first = std::move(waiting.queue.front());
  waiting.queue.pop_front();
  waiting.octets -= first.payload.size();
  buffered_ -= first.payload.size();
  // A view of moved octets: a vector's stay where they are.
  first.segment.at = std::max(first.segment.at, waiting.not_before);
  waiting_.splice(waiting_.end(), waiting_, waiting.place);
  take_now(flow, first.side, first.segment);
}

void Flows::Impl::drain(Flow& flow, Moment now) {
  while (flow.waiting && !flow.waiting->queue.empty()) {
    const auto& front = flow.waiting->queue.front();
    if (shows_missing(flow, front.side, front.segment) && !out_of_patience(flow, now)) {
      if (!take_ahead_from_queue(flow)) return;
      continue;
    }
    take_first_waiting(flow);
  }
  if (flow.waiting) forget_queue(flow);
}

void Flows::Impl::settle(Flow& flow) {
  while (flow.waiting && !flow.waiting->queue.empty()) {
    const auto& front = flow.waiting->queue.front();
    if (shows_missing(flow, front.side, front.segment) && take_ahead_from_queue(flow)) continue;
    take_first_waiting(flow);
  }
  if (flow.waiting) forget_queue(flow);
}

void Flows::Impl::settle_longest_waiting(Moment now) {
  auto& flow = *waiting_.front();
  if (out_of_patience(flow, now)) drain(flow, now);
}

void Flows::Impl::forget_queue(Flow& flow) {
  buffered_ -= flow.waiting->octets;
  waiting_.erase(flow.waiting->place);
  flow.waiting.reset();
}

}  // namespace rdpwhy::capture
