#pragma once

#include <cstdint>
#include <memory>

#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {

enum class End : std::uint8_t { kClient, kServer };

/// What the owner of one flow hears, in order of time. The flow calls; the listener may say that it
/// does not need one side's octets any more.
class FlowListener {
 public:
  virtual ~FlowListener() = default;
  virtual void connecting(Moment) {}   // SYN
  virtual void connected(Moment) {}    // SYN-ACK
  virtual void begins_late(Moment) {}  // neither was seen
  virtual void bytes(End side, ByteSpan octets, Moment at) = 0;
  virtual void gap(End side, std::uint64_t size, Moment at) = 0;
  virtual void closed(End by, Moment at) = 0;  // FIN, in stream order
  virtual void reset(End by, Moment at) = 0;   // RST
  virtual void refused(Moment) {}              // RST to the SYN
  virtual void icmp(const IcmpQuote&) {}
  virtual void finished(
      Moment at) = 0;  // nothing more will come: closed, port reused, capture end, evicted
  /// False: octets of this side are only counted and told by `skipped`.
  [[nodiscard]] virtual bool wants(End) const { return true; }
  virtual void skipped(End, std::uint64_t /*size*/, Moment) {}
  /// Memory that it takes now, near enough. Asked after whatever it hears.
  [[nodiscard]] virtual std::size_t octets_held() const { return 0; }
};

/// TCP reassembly of many flows: retransmission, overlap (first octets win), reordering, sequence
/// wrap, gaps (told once the other side's acknowledgement or a bound shows that the octets will not
/// come), half- close, port reuse, flows that begin in the middle. Memory is bounded per flow and
/// in all, that of the listeners included: too much of it, and the flows that were silent for
/// longest are evicted. That is told by `finished`, and what still comes of such a flow begins
/// nothing.
///
/// Octets come with the time of the packet that completes them. An acknowledgement of octets that
/// were not seen makes the flow's segments wait for a while (256 of its own, 4,096 of the capture,
/// one second): in disordered captures what it acknowledges stands behind it. A flow that is over
/// is remembered for a minute of capture time, so that its late packets begin nothing.
class Flows {
 public:
  /// Makes the listener of a new flow, or null to leave it alone for good. Client is the sender of
  /// the SYN; without one, the end opposite to port 3389 or else to a port below 1024, else the
  /// sender of the first octets. A bare acknowledgement, RST or keep-alive begins no flow.
  class Host {
   public:
    virtual ~Host() = default;
    virtual std::unique_ptr<FlowListener> flow(const Endpoint& client, const Endpoint& server,
                                               Moment at) = 0;
    /// The flow is over; the listener heard `finished` and comes back to whoever wants to keep it.
    virtual void done(std::unique_ptr<FlowListener> listener) = 0;
  };
  struct Limits {
    std::size_t most_flows = 262'144;
    std::size_t most_out_of_order = 256 * 1024;    ///< octets per side and flow
    std::size_t most_buffered = 32 * 1024 * 1024;  ///< octets in all
    /// Octets of memory of all open flows and their listeners, without those that are buffered.
    std::size_t most_held = 128 * 1024 * 1024;
  };

  Flows(Host& host, Limits limits);
  ~Flows();
  void segment(const Segment& segment);
  void icmp(const IcmpQuote& quote);
  /// The capture is over: every open flow hears `finished` in the order in which it began.
  void end(Moment at);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdpwhy::capture
