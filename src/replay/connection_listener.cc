#include "replay/connection_listener.h"

#include <utility>

#include "rdpwhy/record/queries.h"

namespace rdpwhy::replay {

using capture::End;
using record::Ending;

namespace {

constexpr std::uint16_t kRdpPort = 3389;

Side side_of(End end) { return end == End::kServer ? Side::kServer : Side::kClient; }

}  // namespace

ConnectionListener::ConnectionListener(std::uint64_t place, const capture::Endpoint& client,
                                       const capture::Endpoint& server, Moment started,
                                       const dissect::Dissector::Options& options,
                                       OnVerdict on_verdict)
    : place_(place),
      client_(client),
      server_(server),
      started_(started),
      options_(options),
      on_verdict_(std::move(on_verdict)),
      at_rdp_port_(server.port == kRdpPort) {}

void ConnectionListener::connecting(Moment at) {
  syn_ = at;
  if (dissector_) dissector_->connecting(at);
}

void ConnectionListener::connected(Moment at) {
  syn_ack_ = at;
  if (dissector_) dissector_->connected(at);
}

void ConnectionListener::begins_late(Moment at) {
  late_ = true;
  if (dissector_) dissector_->begins_late(at);
}

/// The first octet of a flow that leads to RDP: a TPKT, or the opening of a proxy.
bool ConnectionListener::can_begin_rdp(End side, ByteSpan octets) const {
  if (at_rdp_port_) return true;
  // A banner of the server does not say what the client will ask for.
  if (side == End::kServer && !late_) return true;
  const auto first = octets[0];
  if (first == 3) return side == End::kClient || late_;
  return !late_ && side == End::kClient &&
         (first == 4 || first == 5 || first == 'C' || first == 'P' || first == '\r');
}

void ConnectionListener::begin_dissecting() {
  dissector_.emplace(options_);
  if (late_) dissector_->begins_late(started_);
  if (syn_) dissector_->connecting(*syn_);
  if (syn_ack_) dissector_->connected(*syn_ack_);
}

void ConnectionListener::let_go() {
  dissector_.reset();
  settle(Verdict::kNotOurs);
}

void ConnectionListener::settle(Verdict verdict) {
  if (std::exchange(verdict_, verdict) != verdict) on_verdict_(*this);
}

void ConnectionListener::bytes(End side, ByteSpan octets, Moment at) {
  if (verdict_ == Verdict::kNotOurs || octets.empty()) return;
  if (!dissector_) {
    if (!spoke_ && !can_begin_rdp(side, octets)) {
      let_go();
      return;
    }
    begin_dissecting();
  }
  spoke_ = true;
  dissector_->bytes(side_of(side), octets, at);
  if (verdict_ == Verdict::kRdp) return;
  if (dissector_->is_rdp()) {
    settle(Verdict::kRdp);
  } else if (!at_rdp_port_ && !dissector_->may_be_rdp()) {
    let_go();
  }
}

void ConnectionListener::gap(End side, std::uint64_t size, Moment at) {
  if (verdict_ == Verdict::kNotOurs) return;
  if (!spoke_ && !at_rdp_port_) {  // its first octets are not in the capture
    let_go();
    return;
  }
  if (!dissector_) begin_dissecting();
  spoke_ = true;
  dissector_->gap(side_of(side), size, at);
}

bool ConnectionListener::wants(End side) const {
  if (verdict_ == Verdict::kNotOurs) return false;
  return !dissector_ || dissector_->wants(side_of(side));
}

void ConnectionListener::skipped(End side, std::uint64_t size, Moment at) {
  if (dissector_) dissector_->skipped(side_of(side), size, at);
}

void ConnectionListener::end(Side by, Ending::How how, Moment at) {
  if (verdict_ == Verdict::kNotOurs) return;
  if (!std::exchange(ended_, true)) left_by_client_ = by == Side::kClient;
  if (!dissector_ && at_rdp_port_) begin_dissecting();
  if (dissector_) dissector_->ended(by, how, at);
}

void ConnectionListener::closed(End by, Moment at) { end(side_of(by), Ending::How::kClose, at); }
void ConnectionListener::reset(End by, Moment at) { end(side_of(by), Ending::How::kReset, at); }
void ConnectionListener::refused(Moment at) { end(Side::kServer, Ending::How::kRefused, at); }

void ConnectionListener::icmp(const capture::IcmpQuote& quote) {
  if (verdict_ == Verdict::kNotOurs) return;
  if (!dissector_ && at_rdp_port_) begin_dissecting();
  if (!dissector_) return;
  if (!syn_ack_ && !late_) unreachable_ = true;
  dissector_->icmp({.type = quote.type,
                    .code = quote.code,
                    .v6 = quote.v6,
                    .offender = quote.offender.text(),
                    .meaning = {}},
                   quote.at);
}

/// Nothing more will come and nobody ended it: what a capture can say of that.
void ConnectionListener::end_at_finish(Moment at) {
  if (ended_) return;
  auto how = Ending::How::kCaptureEnd;
  if (syn_ && !syn_ack_ && !spoke_) {
    // A client sends its SYN again after a second; a capture that ends sooner shows nothing.
    if (unreachable_) {
      how = Ending::How::kUnreachable;
    } else if (at - *syn_ >= record::kSilenceOfTimeout) {
      how = Ending::How::kUnanswered;
    }
  }
  end(Side::kNetwork, how, at);
}

void ConnectionListener::finished(Moment at) {
  if (verdict_ == Verdict::kNotOurs) return;
  end_at_finish(at);
  if (verdict_ == Verdict::kRdp) {
    on_verdict_(*this);
  } else if (!at_rdp_port_ || !dissector_) {
    let_go();
  } else {
    settle(!spoke_ && syn_ack_ && left_by_client_ ? Verdict::kEmpty : Verdict::kAttempt);
  }
}

ReplayedConnection ConnectionListener::take() {
  return {.number = 0,
          .client = client_,
          .server = server_,
          .started = started_,
          .record = dissector_->take()};
}

}  // namespace rdpwhy::replay
