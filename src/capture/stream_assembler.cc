#include "capture/stream_assembler.h"

#include <algorithm>

#include "rdpwhy/base/check.h"

namespace rdpwhy::capture {

void StreamAssembler::begin(std::uint32_t sequence, bool certain) {
  first_ = sequence;
  begun_ = true;
  certain_ = certain;
}

void StreamAssembler::accept(std::uint32_t sequence, ByteSpan octets, std::uint32_t on_wire,
                             const Outlet& outlet) {
  const auto offset = offset_of(sequence);
  const auto ahead = offset - static_cast<std::int64_t>(next_);
  if (ahead + static_cast<std::int64_t>(on_wire) <= 0 || ahead > kLargestWindow) return;
  if (ahead > 0) {
    keep(static_cast<std::uint64_t>(offset), octets, on_wire, outlet);
    return;
  }
  auto seen = static_cast<std::uint64_t>(-ahead);
  auto end = next_ + (on_wire - seen);
  if (fin_) end = std::min(end, *fin_);  // behind the end there is nothing
  // First octets win: what waits already is delivered in its place, not this segment's copy of it.
  while (next_ < end) {
    const auto begin = next_;
    const auto limit = pieces_.empty() ? end : std::min(end, pieces_.front().offset);
    const auto there = octets.subspan(std::min<std::size_t>(seen, octets.size()));
    const auto size = limit - begin;
    deliver(there.first(std::min<std::size_t>(size, there.size())), size, outlet);
    if (!pieces_.empty()) deliver_until({}, outlet);
    seen += next_ - begin;
  }
}

void StreamAssembler::deliver(ByteSpan octets, std::uint64_t on_wire, const Outlet& outlet) {
  if (!octets.empty()) {
    if (outlet.listener.wants(outlet.side)) {
      outlet.listener.bytes(outlet.side, octets, outlet.at);
    } else {
      outlet.listener.skipped(outlet.side, octets.size(), outlet.at);
    }
  }
  next_ += octets.size();
  if (on_wire > octets.size()) gap_to(next_ + (on_wire - octets.size()), outlet);
}

void StreamAssembler::gap_to(std::uint64_t offset, const Outlet& outlet) {
  outlet.listener.gap(outlet.side, offset - next_, outlet.at);
  next_ = offset;
}

// Only what no piece covers is kept, in parts where pieces lie between.
void StreamAssembler::keep(std::uint64_t offset, ByteSpan octets, std::uint64_t on_wire,
                           const Outlet& outlet) {
  auto end = offset + on_wire;
  if (fin_) end = std::min(end, *fin_);
  auto index = static_cast<std::size_t>(std::ranges::upper_bound(pieces_, offset, {}, &Piece::end) -
                                        pieces_.begin());
  while (offset < end) {
    if (index < pieces_.size() && pieces_[index].offset <= offset) {
      const auto covered = std::min(pieces_[index].end(), end) - offset;
      octets = octets.subspan(std::min<std::size_t>(covered, octets.size()));
      offset += covered;
      ++index;
      continue;
    }
    const auto limit = index < pieces_.size() ? std::min(pieces_[index].offset, end) : end;
    const auto size = limit - offset;
    keep_in_hole(index, offset, octets.first(std::min<std::size_t>(size, octets.size())), size,
                 outlet);
    octets = octets.subspan(std::min<std::size_t>(size, octets.size()));
    offset = limit;
    ++index;
  }
  // A quarter at once: to drop one piece for each that comes would move all others each time.
  while (!pieces_.empty() &&
         (kept_ > outlet.most_out_of_order || outlet.buffered > outlet.most_buffered)) {
    deliver_until({.most_kept = kept_ - kept_ / 4 - 1}, outlet);
  }
}

void StreamAssembler::keep_in_hole(std::size_t before, std::uint64_t offset, ByteSpan octets,
                                   std::uint64_t on_wire, const Outlet& outlet) {
  Piece piece{.offset = offset, .size = on_wire, .captured = octets.size(), .octets = {}};
  if (outlet.listener.wants(outlet.side)) piece.octets = base::to_bytes(octets);
  kept_ += piece.cost();
  outlet.buffered += piece.cost();
  pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(before), std::move(piece));
}

void StreamAssembler::deliver_until(const Patience& patience, const Outlet& outlet) {
  std::size_t ready = 0;
  for (; ready < pieces_.size(); ++ready) {
    const auto& piece = pieces_[ready];
    if (piece.offset != next_) {
      if (piece.offset > patience.given_up_to && kept_ <= patience.most_kept) break;
      gap_to(piece.offset, outlet);
    }
    kept_ -= piece.cost();
    outlet.buffered -= piece.cost();
    if (piece.octets.empty() && piece.captured > 0) {
      outlet.listener.skipped(outlet.side, piece.captured, outlet.at);
      next_ += piece.captured;
      if (piece.size > piece.captured) gap_to(next_ + (piece.size - piece.captured), outlet);
    } else {
      deliver(piece.octets, piece.size, outlet);
    }
  }
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(ready));
}

void StreamAssembler::end_at(std::uint32_t sequence) {
  const auto offset = offset_of(sequence);
  if (fin_ || offset < static_cast<std::int64_t>(next_) ||
      offset - static_cast<std::int64_t>(next_) > kLargestWindow) {
    return;
  }
  // Octets behind it were seen: whatever it is, it is not the end.
  if (!pieces_.empty() && pieces_.back().end() > static_cast<std::uint64_t>(offset)) return;
  fin_ = static_cast<std::uint64_t>(offset);
}

std::uint64_t StreamAssembler::missing_before(std::uint32_t acknowledgement) const {
  if (!begun_) return 0;
  auto acknowledged = offset_of(acknowledgement);
  const auto next = static_cast<std::int64_t>(next_);
  if (acknowledged <= next || acknowledged - next > kLargestWindow) return 0;
  // The FIN counts as one.
  if (fin_) acknowledged = std::min(acknowledged, static_cast<std::int64_t>(*fin_));
  return acknowledged > next ? static_cast<std::uint64_t>(acknowledged) : 0;
}

void StreamAssembler::give_up_to(std::uint64_t offset, const Outlet& outlet) {
  if (next_ >= offset) return;
  deliver_until({.given_up_to = offset}, outlet);
  if (next_ < offset) gap_to(offset, outlet);
}

void StreamAssembler::flush(const Outlet& outlet) {
  deliver_until({.most_kept = 0}, outlet);
  RDPWHY_CHECK(kept_ == 0);
}

void StreamAssembler::forget(std::size_t& buffered) {
  buffered -= kept_;
  kept_ = 0;
  pieces_.clear();
  pieces_.shrink_to_fit();
}

}  // namespace rdpwhy::capture
