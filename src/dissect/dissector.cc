#include "rdpwhy/dissect/dissector.h"

#include <fmt/format.h>

#include <array>
#include <list>
#include <utility>
#include <variant>

#include "dissect/evidence_log.h"
#include "dissect/foreign_protocol.h"
#include "dissect/framing.h"
#include "dissect/icmp_meaning.h"
#include "dissect/opening_layer.h"
#include "dissect/plaintext_layer.h"
#include "dissect/session_layer.h"
#include "dissect/stream_buffer.h"
#include "dissect/tls_layer.h"
#include "dissect/x224_layer.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/record/queries.h"

namespace rdpwhy::dissect {

using record::Ending;
using record::Layer;
using record::Where;

class Dissector::Impl {
 public:
  Impl(Options options, bool tls_only)
      : options_(std::move(options)),
        session_(options_, log_),
        x224_(session_),
        inside_(log_, x224_, !tls_only),
        tls_(options_, log_, inside_),
        tls_only_(tls_only) {
    final_ = !options_.secrets_may_come;
    if (tls_only_) {
      client_.mode = Mode::kTls;
      server_.mode = Mode::kTls;
    }
  }

  void event(Side side, Moment at, record::Fact fact, bool live_only = false) {
    deliver(
        Event{.at = at, .what = std::move(fact), .where = {.side = side}, .live_only = live_only});
  }
  void connecting(Moment at) {
    last_at_ = at;
    event(Side::kClient, at, record::Connecting{});
  }
  void connected(Moment at) {
    last_at_ = at;
    event(Side::kServer, at, record::Connected{});
  }
  void begins_late(Moment at) {
    began_late_ = true;
    x224_.negotiation_may_be_unseen();
    if (last_at_ == Moment{}) last_at_ = at;
    event(Side::kNetwork, at, record::BeginsLate{});
  }
  void bytes(Side side, ByteSpan octets, Moment at);
  void gap(Side side, std::uint64_t size, Moment at);
  void ended(Side by, Ending::How how, Moment at);
  /// What no capture can show needs no place among what waits for secrets.
  void live(Phase phase, Moment at, record::Fact fact) {
    const auto running = std::exchange(log_.phase, phase);
    log_.add_live({.side = Side::kNetwork}, at, std::move(fact));
    log_.phase = running;
  }
  void not_sent(Side by, Ending::How how, Moment began, Moment at) {
    event(Side::kClient, began, record::Connecting{}, true);
    event(by, at, Ending{.by = by, .how = how}, true);
  }
  void skipped(Side side, std::uint64_t size, Moment at) {
    auto& half = this->half(side);
    half.received += size;
    last_at_ = at;
    half.last_at = at;
  }

  void secrets_changed() { drain_waiting(); }
  [[nodiscard]] bool may_be_rdp() const {
    if (x224_.is_rdp()) return true;
    // A banner that comes first does not say what the client will ask for.
    const bool foreign = client_.is_foreign || (server_.is_foreign && client_.received > 0);
    return !foreign && !x224_.is_other();
  }
  [[nodiscard]] bool is_rdp() const { return x224_.is_rdp(); }
  [[nodiscard]] bool wants(Side side) const {
    return !half(side).is_over && !half(side).is_cut_off;
  }
  [[nodiscard]] std::size_t octets_held() const {
    return sizeof(*this) + log_.octets_held() + client_.buffer.octets_held() +
           server_.buffer.octets_held() + tls_.octets_held() + inside_.octets_held() +
           waiting_octets_;
  }
  [[nodiscard]] const HandshakeRecord& record() const { return log_.record(); }
  [[nodiscard]] HandshakeRecord take() {
    final_ = true;
    drain_waiting();
    return log_.take();
  }

 private:
  struct Half {
    StreamBuffer buffer;
    Mode mode = Mode::kStart;
    std::size_t searched = 0;  ///< octets of the buffer that are no unit that is known yet
    std::uint64_t received = 0;
    bool is_cut_off = false;  ///< no further unit can be told in its stream
    bool is_over = false;     ///< nothing more of it becomes evidence
    bool is_foreign = false;  ///< speaks something else, or seems to
    Moment last_at;           ///< of its last octet
  };

  /// A whole unit, kept because it or one before it waits for secrets.
  struct WaitingUnit {
    UnitKind kind;
    base::WipedBytes octets;
    std::uint64_t offset;
    std::uint32_t missing;
  };
  struct Event {
    Moment at;
    std::variant<record::Fact, WaitingUnit> what;
    Where where = {};
    bool loses_side = false;  ///< a gap behind which nothing can be told
    bool live_only = false;
    std::vector<Note> notes = {};
    /// Of the client, of the server: octets of a unit that was incomplete at that moment.
    std::array<std::size_t, 2> begun = {};
  };

  void read_units(Half& half, Side side, Moment at);
  Cut next_cut(const Half& half, Side side) const;
  void take_mode(Half& half, UnitKind kind);
  void flush_unrecognised(Half& half, Side side);
  static std::size_t octets_begun(const Half& half) {
    return half.is_cut_off ? 0 : half.buffer.view().size();
  }

  void deliver_unit(UnitKind kind, const Unit& unit);
  void deliver(Event event);
  void drain_waiting();
  [[nodiscard]] bool tell(UnitKind kind, const Unit& unit);
  void tell(Event event);
  void tell_unreadable(UnitKind kind, const Unit& unit);
  void begin_phase(UnitKind kind);

  Half& half(Side side) { return side == Side::kServer ? server_ : client_; }
  const Half& half(Side side) const { return side == Side::kServer ? server_ : client_; }

  static constexpr std::size_t kMostWaiting = 1024;

  Options options_;
  EvidenceLog log_;
  OpeningLayer opening_;
  SessionLayer session_;
  X224Layer x224_;
  PlaintextLayer inside_;
  TlsLayer tls_;
  Half client_, server_;
  bool tls_only_;
  bool began_late_ = false;
  bool final_ = false;        ///< secrets that are not there will not come
  Moment last_at_;            ///< of the last octet of either side
  std::list<Event> waiting_;  ///< in order; the first waits for secrets
  std::size_t waiting_octets_ = 0;
};

// --- framing: octets to units -------------------------------------------------------------------

void Dissector::Impl::bytes(Side side, ByteSpan octets, Moment at) {
  if (octets.empty()) return;
  auto& half = this->half(side);
  half.received += octets.size();
  last_at_ = at;
  half.last_at = at;
  if (half.is_over || half.is_cut_off) return;
  half.buffer.offer(octets);
  read_units(half, side, at);
  half.buffer.settle();
}

Cut Dissector::Impl::next_cut(const Half& half, Side side) const {
  return cut_unit(half.buffer.view(),
                  {.side = side,
                   .mode = half.mode,
                   .began_late = began_late_,
                   .tls_may_begin = side == Side::kClient ? x224_.requested() || began_late_ : true,
                   .fast_path_may_come = x224_.is_plain() && x224_.spoke_data(side),
                   .ssl2_may_come = side == Side::kClient && !tls_.spoke(side),
                   .searched = half.searched},
                  opening_);
}

void Dissector::Impl::read_units(Half& half, Side side, Moment at) {
  while (!half.is_over && !half.is_cut_off && !half.buffer.view().empty()) {
    const auto view = half.buffer.view();
    const auto cut = next_cut(half, side);
    if (cut.kind == UnitKind::kForeign) half.is_foreign = true;
    half.searched = cut.kind == UnitKind::kUndecided ? view.size() : 0;
    if (cut.size > view.size() || cut.kind == UnitKind::kUndecided) return;
    take_mode(half, cut.kind);
    deliver_unit(cut.kind, {.side = side,
                            .offset = half.buffer.offset(),
                            .octets = view.first(cut.size),
                            .at = at,
                            .missing = half.buffer.missing()});
    half.buffer.consume(cut.size);
  }
  if (half.is_over || half.is_cut_off) half.buffer.clear();
}

void Dissector::Impl::take_mode(Half& half, UnitKind kind) {
  switch (kind) {
    case UnitKind::kTpkt:
      if (half.mode == Mode::kStart) half.mode = Mode::kTpkt;
      break;
    case UnitKind::kRecord:
    case UnitKind::kSsl2Hello:
      half.mode = Mode::kTls;
      break;
    case UnitKind::kForeign:
    case UnitKind::kBadTpkt:
    case UnitKind::kBadRecord:
    case UnitKind::kOpaque:
      half.is_cut_off = true;
      break;
    case UnitKind::kOpening:
    case UnitKind::kFastPath:
    case UnitKind::kUndecided:
      break;
  }
}

/// The stream will not grow any more: what was waited for to name it by is all there is.
void Dissector::Impl::flush_unrecognised(Half& half, Side side) {
  if (half.is_over || half.is_cut_off || half.buffer.view().empty()) return;
  const auto cut = next_cut(half, side);
  const bool half_an_opening = cut.kind == UnitKind::kUndecided && half.mode == Mode::kStart &&
                               half.buffer.view()[0] != rdp::TpktHeader::kVersion && !began_late_;
  if (cut.kind != UnitKind::kForeign && !half_an_opening) return;
  half.is_cut_off = true;
  deliver_unit(UnitKind::kForeign, {.side = side,
                                    .offset = half.buffer.offset(),
                                    .octets = half.buffer.view(),
                                    .at = half.last_at,
                                    .missing = half.buffer.missing()});
  half.buffer.clear();
}

void Dissector::Impl::gap(Side side, std::uint64_t size, Moment at) {
  auto& half = this->half(side);
  if (half.is_over || half.is_cut_off) return;
  const auto view = half.buffer.view();
  const auto cut = view.empty() ? Cut{} : next_cut(half, side);
  const bool inside = size > 0 && cut.kind != UnitKind::kUndecided &&
                      cut.kind != UnitKind::kForeign && cut.size - view.size() >= size;
  Event event{
      .at = at,
      .what = record::Fact(record::Gap{size}),
      .where = {.side = side,
                .layer = Layer::kWire,
                .offset = half.buffer.offset() + view.size(),
                .size = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, UINT32_MAX))},
      .loses_side = !inside};
  if (!inside) {
    event.notes.push_back(
        {.text = fmt::format("what follows of the {}'s octets cannot be told apart",
                             record::name_of(side))});
    half.is_cut_off = true;
    half.buffer.clear();
    x224_.negotiation_may_be_unseen();
    session_.lost(side);
  }
  deliver(std::move(event));
  if (!inside) return;
  half.buffer.fill(static_cast<std::size_t>(size));
  read_units(half, side, at);
  half.buffer.settle();
}

void Dissector::Impl::ended(Side by, Ending::How how, Moment at) {
  flush_unrecognised(client_, Side::kClient);
  flush_unrecognised(server_, Side::kServer);
  const Ending ending{.by = by,
                      .how = how,
                      .silence = last_at_ == Moment{} ? 0 : at - last_at_,
                      .client_bytes = client_.received,
                      .server_bytes = server_.received};
  deliver(Event{.at = at,
                .what = record::Fact(ending),
                .where = {.side = by},
                .begun = {octets_begun(client_), octets_begun(server_)}});
}

// --- in order: units and events, behind whatever waits for secrets -------------------------------

void Dissector::Impl::deliver_unit(UnitKind kind, const Unit& unit) {
  if (waiting_.empty() && tell(kind, unit)) return;
  waiting_octets_ += unit.octets.size();
  waiting_.push_back({.at = unit.at,
                      .what = WaitingUnit{.kind = kind,
                                          .octets = {unit.octets.begin(), unit.octets.end()},
                                          .offset = unit.offset,
                                          .missing = unit.missing},
                      .where = {.side = unit.side}});
  if (waiting_.size() > kMostWaiting || waiting_octets_ > kMostBuffered) {
    final_ = true;  // nobody waits that long for a key
    drain_waiting();
  }
}

void Dissector::Impl::deliver(Event event) {
  if (waiting_.empty()) {
    tell(std::move(event));
  } else {
    waiting_.push_back(std::move(event));
  }
}

void Dissector::Impl::drain_waiting() {
  while (!waiting_.empty()) {
    auto& event = waiting_.front();
    if (const auto* kept = std::get_if<WaitingUnit>(&event.what)) {
      const Unit unit{.side = event.where.side,
                      .offset = kept->offset,
                      .octets = kept->octets,
                      .at = event.at,
                      .missing = kept->missing};
      if (!tell(kept->kind, unit)) return;
      waiting_octets_ -= kept->octets.size();
    } else {
      tell(std::move(event));
    }
    waiting_.pop_front();
  }
}

/// False when the unit has to wait for secrets.
bool Dissector::Impl::tell(UnitKind kind, const Unit& unit) {
  auto& half = this->half(unit.side);
  if (half.is_over) return true;
  begin_phase(kind);
  switch (kind) {
    case UnitKind::kOpening:
      opening_.read(unit, log_);
      break;
    case UnitKind::kTpkt:
      x224_.read(unit, log_);
      tls_.set_phase_behind(x224_.selects_tls() ? x224_.phase_behind() : Phase::kTls);
      if (x224_.is_exhausted(unit.side)) half.is_over = true;
      break;
    case UnitKind::kRecord:
      if (tls_.read(unit, final_) == TlsLayer::Outcome::kWaitsForSecrets) return false;
      if (tls_.is_exhausted(unit.side) || inside_.is_exhausted(unit.side)) half.is_over = true;
      break;
    case UnitKind::kSsl2Hello:
      tls_.read_ssl2_hello(unit);
      break;
    case UnitKind::kForeign:
    case UnitKind::kBadTpkt:
    case UnitKind::kBadRecord:
      tell_unreadable(kind, unit);
      break;
    case UnitKind::kFastPath:
      session_.read_fast_path(unit);
      break;
    case UnitKind::kOpaque:
    case UnitKind::kUndecided:
      break;
  }
  if (log_.full()) {
    client_.is_over = true;
    server_.is_over = true;
  }
  return true;
}

void Dissector::Impl::begin_phase(UnitKind kind) {
  if (kind == UnitKind::kOpening || log_.phase != Phase::kTcp) return;
  const bool is_record = kind == UnitKind::kRecord || kind == UnitKind::kSsl2Hello;
  log_.phase = tls_only_ || is_record ? Phase::kTls : Phase::kX224;
}

void Dissector::Impl::tell_unreadable(UnitKind kind, const Unit& unit) {
  auto first = first_octets(unit.octets);
  if (kind == UnitKind::kBadTpkt) {
    half(unit.side).is_foreign = !x224_.requested();
    log_.add(unit.where(), unit.at, malformed_tpkt(unit.octets));
  } else if (kind == UnitKind::kBadRecord) {
    log_.add(
        unit.where(), unit.at,
        record::Malformed{.what = "TLS record",
                          .error = {.field = "length",
                                    .offset = 3,
                                    .text = fmt::format("{} octets, more than a record may have",
                                                        unit.octets[3] << 8 | unit.octets[4])},
                          .first = std::move(first)});
  } else {
    const auto name = recognise_protocol(unit.octets, unit.side);
    if (name.empty() && log_.phase == Phase::kTls) {
      log_.add(
          unit.where(), unit.at,
          record::Malformed{.what = "TLS record",
                            .error = {.field = "type",
                                      .text = fmt::format("{} is no content type", unit.octets[0])},
                            .first = std::move(first)});
    } else {
      log_.add(unit.where(), unit.at,
               record::ForeignProtocol{.protocol = std::string(name), .first = std::move(first)});
    }
  }
  half(unit.side).is_over = true;
}

void Dissector::Impl::tell(Event event) {
  auto& fact = std::get<record::Fact>(event.what);
  if (auto* ending = std::get_if<Ending>(&fact)) {
    const auto begun = [&](Side side) -> std::size_t {
      if (half(side).is_over) return 0;
      return event.begun.at(side == Side::kServer ? 1 : 0) + tls_.octets_begun(side) +
             inside_.octets_begun(side);
    };
    const auto inside = [&](Side side) { return begun(side) > 0; };
    ending->mid_message = ending->by == Side::kNetwork
                              ? inside(Side::kClient) || inside(Side::kServer)
                              : inside(ending->by);
    ending->server_unfinished = static_cast<std::uint32_t>(begun(Side::kServer));
    ending->server_untold = session_.untold(Side::kServer);
    if (log_.phase == Phase::kTcp && ending->client_bytes + ending->server_bytes > 0 &&
        record::first<record::ProxyOpening>(log_.record()) == nullptr) {
      log_.phase = tls_only_ ? Phase::kTls : Phase::kX224;
    }
  }
  const auto side = event.where.side;
  log_.add_event(event.where, event.at, std::move(fact), std::move(event.notes), event.live_only);
  if (event.loses_side) half(side).is_over = true;
}

// --- the front ----------------------------------------------------------------------------------

Dissector::Dissector(Options options) : Dissector(std::move(options), false) {}
Dissector::Dissector(Options options, bool tls_only)
    : impl_(std::make_unique<Impl>(std::move(options), tls_only)) {}
Dissector::~Dissector() = default;
Dissector::Dissector(Dissector&&) noexcept = default;
Dissector& Dissector::operator=(Dissector&&) noexcept = default;

void Dissector::connecting(Moment at) { impl_->connecting(at); }
void Dissector::connected(Moment at) { impl_->connected(at); }
void Dissector::begins_late(Moment at) { impl_->begins_late(at); }
void Dissector::bytes(Side side, ByteSpan octets, Moment at) { impl_->bytes(side, octets, at); }
void Dissector::gap(Side side, std::uint64_t size, Moment at) { impl_->gap(side, size, at); }
void Dissector::ended(Side by, Ending::How how, Moment at) { impl_->ended(by, how, at); }
void Dissector::icmp(record::IcmpError error, Moment at) {
  if (error.meaning.empty()) error.meaning = icmp_meaning(error);
  impl_->event(Side::kNetwork, at, std::move(error));
}
void Dissector::resolved(record::Resolved resolved, Moment at) {
  impl_->live(Phase::kResolve, at, std::move(resolved));
}
void Dissector::kdc(record::KdcTalk talk, Moment at) {
  impl_->live(Phase::kKerberos, at, std::move(talk));
}
void Dissector::not_sent(Side by, Ending::How how, Moment began, Moment at) {
  impl_->not_sent(by, how, began, at);
}
void Dissector::icmp_told(record::IcmpError error, Moment at) {
  impl_->event(Side::kNetwork, at, std::move(error), true);
}
void Dissector::secrets_changed() { impl_->secrets_changed(); }
bool Dissector::may_be_rdp() const { return impl_->may_be_rdp(); }
bool Dissector::is_rdp() const { return impl_->is_rdp(); }
bool Dissector::wants(Side side) const { return impl_->wants(side); }
void Dissector::skipped(Side side, std::uint64_t size, Moment at) {
  impl_->skipped(side, size, at);
}
std::size_t Dissector::octets_held() const { return impl_->octets_held(); }
const HandshakeRecord& Dissector::record() const { return impl_->record(); }
HandshakeRecord Dissector::take() { return impl_->take(); }

Dissector make_tls_dissector(Dissector::Options options) {
  return Dissector(std::move(options), true);
}

}  // namespace rdpwhy::dissect
