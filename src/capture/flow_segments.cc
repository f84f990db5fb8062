#include <algorithm>

#include "capture/flows_impl.h"

namespace rdpwhy::capture {

Outlet Flows::Impl::outlet(Flow& flow, End side, Moment at) {
  return {.listener = *flow.listener,
          .side = side,
          .at = at,
          .most_out_of_order = limits_.most_out_of_order,
          .most_buffered = limits_.most_buffered,
          .buffered = buffered_};
}

namespace {

// RFC 5961 4.2: a server that still knows the connection before answers a SYN with a bare
// acknowledgement of its own old numbers.
bool answers_another_syn(const Flow& flow, End side, const Segment& segment) {
  return flow.syn_seen && !flow.connected && side == End::kServer && segment.ack &&
         flow.streams[0].offset_of(segment.acknowledgement) < 0;
}

}  // namespace

Flows::Impl::Synchronized Flows::Impl::synchronize(Flow& flow, End side, const Segment& segment) {
  return segment.ack ? second_half(flow, side, segment) : first_half(flow, side, segment);
}

// A SYN: the beginning, the same again, the other half of a simultaneous open, or the next
// connection.
Flows::Impl::Synchronized Flows::Impl::first_half(Flow& flow, End side, const Segment& segment) {
  const auto i = index(side);
  auto& stream = flow.streams[i];
  if (flow.has_syn[i]) {
    return flow.syn[i] == segment.sequence ? Synchronized::kNothingNew
                                           : Synchronized::kAnotherConnection;
  }
  const bool fresh = !flow.late && !flow.has_syn[index(other(side))];
  const bool simultaneous = side == End::kServer && flow.syn_seen && !flow.connected;
  if (!fresh && !simultaneous) {
    // Captured behind what it begins: packets of two interfaces are not always in order.
    const bool swapped = stream.begun() && stream.first_sequence() == segment.sequence + 1;
    return swapped ? Synchronized::kNothingNew : Synchronized::kAnotherConnection;
  }
  flow.has_syn[i] = true;
  flow.syn[i] = segment.sequence;
  stream.begin(segment.sequence + 1, true);
  if (fresh) {
    flow.syn_seen = true;
    flow.syn_size = segment.payload_on_wire;
    if (flow.listener) {
      flow.listener->connecting(segment.at);
      keep_syn_payload(flow, segment);
    }
  }
  return Synchronized::kNothingNew;
}

// A SYN-ACK: the answer, the same again, or one of a connection whose SYN was not captured.
Flows::Impl::Synchronized Flows::Impl::second_half(Flow& flow, End side, const Segment& segment) {
  const auto i = index(side);
  const auto peer = index(other(side));
  auto& stream = flow.streams[i];
  if (flow.has_syn[peer] && segment.acknowledgement - flow.syn[peer] - 1 > flow.syn_size) {
    return Synchronized::kNothingNew;  // answers another SYN: no peer would take it
  }
  if (flow.has_syn[i] && flow.syn[i] == segment.sequence) {
    if (!flow.connected && flow.listener) connect(flow, segment.at);  // of a simultaneous open
    return Synchronized::kNothingNew;
  }
  if (!stream.untouched()) return Synchronized::kAnotherConnection;
  flow.has_syn[i] = true;
  flow.syn[i] = segment.sequence;
  stream.begin(segment.sequence + 1, true);
  if (!flow.streams[peer].begun()) flow.streams[peer].begin(segment.acknowledgement, true);
  if (!flow.connected && flow.listener) connect(flow, segment.at);
  return Synchronized::kGoOn;  // it may carry octets (RFC 7413)
}

void Flows::Impl::connect(Flow& flow, Moment at) {
  flow.connected = true;
  flow.listener->connected(at);
  if (flow.syn_payload.empty()) return;
  const auto octets = std::move(flow.syn_payload);
  flow.syn_payload.clear();
  buffered_ -= octets.size();
  flow.streams[0].accept(flow.syn[0] + 1, octets, flow.syn_size, outlet(flow, End::kClient, at));
}

// Octets in a SYN (RFC 7413) count once the connection stands; a refused one never took them.
void Flows::Impl::keep_syn_payload(Flow& flow, const Segment& segment) {
  if (segment.payload.empty()) return;
  if (segment.payload.size() > limits_.most_out_of_order) return;
  if (buffered_ + segment.payload.size() > limits_.most_buffered) return;
  flow.syn_payload = base::to_bytes(segment.payload);
  buffered_ += flow.syn_payload.size();
}

void Flows::Impl::forget_waiting(Flow& flow) {
  buffered_ -= flow.syn_payload.size();
  flow.syn_payload = {};
  for (auto& stream : flow.streams) stream.forget(buffered_);
  if (flow.waiting) forget_queue(flow);
}

// Nobody listens: only its end matters, so that the next connection of these ports is seen.
void Flows::Impl::leave_alone(Flow& flow, End side, const Segment& segment) {
  if (segment.fin) flow.fin_told[index(side)] = true;
  if (segment.rst || (flow.fin_told[0] && flow.fin_told[1])) finish(flow, segment.at);
}

void Flows::Impl::take_now(Flow& flow, End side, const Segment& segment) {
  if (segment.rst) {
    reset(flow, side, segment);
    return;
  }
  if (answers_another_syn(flow, side, segment)) return;
  if (segment.ack) acknowledge(flow, side, segment);
  payload(flow, side, segment);
  if (flow.fin_told[0] && flow.fin_told[1]) finish(flow, segment.at);
}

void Flows::Impl::acknowledge(Flow& flow, End side, const Segment& segment) {
  // Whoever acknowledges without a SYN has a connection: the SYN-ACK was not captured.
  if (flow.syn_seen && !flow.connected) connect(flow, segment.at);
  const auto peer = other(side);
  auto& stream = flow.streams[index(peer)];
  if (!stream.begun()) stream.begin(segment.acknowledgement, false);
  if (const auto missing = stream.missing_before(segment.acknowledgement)) {
    stream.give_up_to(missing, outlet(flow, peer, segment.at));
    tell_fin(flow, peer, segment.at);
    count_held(flow);
  }
}

void Flows::Impl::payload(Flow& flow, End side, const Segment& segment) {
  if (segment.payload_on_wire == 0 && !segment.fin) return;
  auto& stream = flow.streams[index(side)];
  const auto sequence = segment.sequence + (segment.syn ? 1U : 0U);
  if (!stream.begun()) {
    stream.begin(sequence, false);
  } else if (!stream.certain() && stream.untouched() && segment.payload_on_wire > 1) {
    // The beginning was only guessed from an acknowledgement, and octets show up elsewhere.
    constexpr std::int64_t kFarthest = std::int64_t{1} << 24U;
    const auto offset = stream.offset_of(sequence);
    if (offset < 0 || offset > kFarthest) stream.begin(sequence, false);
  }
  if (segment.payload_on_wire > 0) {
    stream.accept(sequence, segment.payload, segment.payload_on_wire,
                  outlet(flow, side, segment.at));
  }
  if (segment.fin) stream.end_at(sequence + segment.payload_on_wire);
  tell_fin(flow, side, segment.at);
  count_held(flow);
}

void Flows::Impl::tell_fin(Flow& flow, End side, Moment at) {
  if (flow.fin_told[index(side)] || !flow.streams[index(side)].at_fin()) return;
  flow.fin_told[index(side)] = true;
  flow.listener->closed(side, at);
}

void Flows::Impl::reset(Flow& flow, End side, const Segment& segment) {
  if (flow.syn_seen && !flow.connected && side == End::kServer) {
    // RFC 9293 3.10.7.3: in SYN-SENT only an RST that acknowledges the SYN counts.
    if (!segment.ack || segment.acknowledgement - flow.syn[0] - 1 > flow.syn_size) return;
    flow.refused = true;
    flow.listener->refused(segment.at);
    finish(flow, segment.at);
    return;
  }
  // Older than the connection itself, or (RFC 5961 4.2) the answer to a challenge for the one
  // before on the same ports.
  const auto& stream = flow.streams[index(side)];
  const auto offset = stream.offset_of(segment.sequence);
  if (stream.certain() && offset < -1) return;
  if (flow.syn_seen && !flow.connected && offset > static_cast<std::int64_t>(flow.syn_size)) return;
  for (const auto end : {side, other(side)}) {
    flow.streams[index(end)].flush(outlet(flow, end, segment.at));
    tell_fin(flow, end, segment.at);
  }
  flow.listener->reset(side, segment.at);
  finish(flow, segment.at);
}

}  // namespace rdpwhy::capture
