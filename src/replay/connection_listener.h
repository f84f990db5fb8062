#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "rdpwhy/capture/flows.h"
#include "rdpwhy/dissect/dissector.h"
#include "rdpwhy/replay/replay.h"

namespace rdpwhy::replay {

/// One flow of the capture on its way through a dissector. A flow that cannot be RDP is let go at
/// its first octets, so that the bulk of a capture costs next to nothing.
class ConnectionListener final : public capture::FlowListener {
 public:
  enum class Verdict {
    kOpen,     ///< nothing can be said yet
    kNotOurs,  ///< another protocol
    kRdp,
    kAttempt,  ///< at port 3389, and never said anything that only RDP says
    kEmpty,    ///< at port 3389, not an octet, closed by the client itself
  };
  using OnVerdict = std::function<void(ConnectionListener&)>;

  ConnectionListener(std::uint64_t place, const capture::Endpoint& client,
                     const capture::Endpoint& server, Moment started,
                     const dissect::Dissector::Options& options, OnVerdict on_verdict);

  void connecting(Moment at) override;
  void connected(Moment at) override;
  void begins_late(Moment at) override;
  void bytes(capture::End side, ByteSpan octets, Moment at) override;
  void gap(capture::End side, std::uint64_t size, Moment at) override;
  void closed(capture::End by, Moment at) override;
  void reset(capture::End by, Moment at) override;
  void refused(Moment at) override;
  void icmp(const capture::IcmpQuote& quote) override;
  void finished(Moment at) override;
  [[nodiscard]] bool wants(capture::End side) const override;
  void skipped(capture::End side, std::uint64_t size, Moment at) override;
  [[nodiscard]] std::size_t octets_held() const override {
    return sizeof(*this) + (dissector_ ? dissector_->octets_held() : 0);
  }

  /// Where it stands among all flows, by beginning.
  [[nodiscard]] std::uint64_t place() const { return place_; }
  [[nodiscard]] Verdict verdict() const { return verdict_; }
  [[nodiscard]] const capture::Endpoint& client() const { return client_; }
  [[nodiscard]] const capture::Endpoint& server() const { return server_; }
  /// For kRdp, kAttempt and kEmpty, once finished.
  [[nodiscard]] ReplayedConnection take();

 private:
  [[nodiscard]] bool can_begin_rdp(capture::End side, ByteSpan octets) const;
  void begin_dissecting();
  void let_go();
  void end(Side by, record::Ending::How how, Moment at);
  void end_at_finish(Moment at);
  void settle(Verdict verdict);

  std::uint64_t place_;
  capture::Endpoint client_;
  capture::Endpoint server_;
  Moment started_;
  const dissect::Dissector::Options& options_;
  OnVerdict on_verdict_;
  bool at_rdp_port_;
  bool late_ = false;
  bool spoke_ = false;
  bool ended_ = false;
  bool left_by_client_ = false;  ///< the first ending was the client's
  bool unreachable_ = false;
  std::optional<Moment> syn_, syn_ack_;
  std::optional<dissect::Dissector> dissector_;
  Verdict verdict_ = Verdict::kOpen;
};

}  // namespace rdpwhy::replay
