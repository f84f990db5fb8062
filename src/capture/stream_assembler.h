#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "rdpwhy/capture/flows.h"

namespace rdpwhy::capture {

/// Where the octets of one side go, and what bounds hold on the way.
struct Outlet {
  FlowListener& listener;
  End side;
  Moment at;
  std::size_t most_out_of_order;
  std::size_t most_buffered;
  std::size_t& buffered;  ///< octets that wait in all flows together
};

/// One side's sequence space (RFC 9293 3.4), put in order. Offsets count octets from the one behind
/// the SYN and do not wrap.
class StreamAssembler {
 public:
  /// The first octet's sequence number. `certain` when a SYN told it: then nothing moves it any
  /// more.
  void begin(std::uint32_t sequence, bool certain);
  [[nodiscard]] bool begun() const { return begun_; }
  [[nodiscard]] bool certain() const { return certain_; }
  [[nodiscard]] bool untouched() const { return next_ == 0 && pieces_.empty(); }
  [[nodiscard]] std::uint32_t first_sequence() const { return first_; }

  /// Where a sequence number stands; negative before the first octet.
  [[nodiscard]] std::int64_t offset_of(std::uint32_t sequence) const {
    const auto ahead =
        static_cast<std::int32_t>(sequence - (first_ + static_cast<std::uint32_t>(next_)));
    return static_cast<std::int64_t>(next_) + ahead;
  }
  [[nodiscard]] std::uint64_t next() const { return next_; }

  /// `on_wire` octets from `sequence` on, of which `octets` were captured.
  void accept(std::uint32_t sequence, ByteSpan octets, std::uint32_t on_wire, const Outlet& outlet);
  /// The FIN stands at this sequence number.
  void end_at(std::uint32_t sequence);

  /// How far an acknowledgement shows octets that have not been seen; 0 when it shows none.
  [[nodiscard]] std::uint64_t missing_before(std::uint32_t acknowledgement) const;
  /// What is missing up to there will not come: told as gaps, and what stands between is delivered.
  void give_up_to(std::uint64_t offset, const Outlet& outlet);
  /// Nothing more will come: gaps are told for every hole, and all that waits is delivered.
  void flush(const Outlet& outlet);
  /// Octets that nobody will take any more.
  void forget(std::size_t& buffered);

  /// All up to the FIN was delivered.
  [[nodiscard]] bool at_fin() const { return fin_ && next_ == *fin_; }

 private:
  struct Piece {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;      ///< on the wire
    std::uint64_t captured = 0;  ///< fewer where the snap length cut
    Bytes octets;                ///< what was captured, or none where nobody wants it
    [[nodiscard]] std::uint64_t end() const { return offset + size; }
    [[nodiscard]] std::size_t cost() const { return octets.size() + kPieceCost; }
  };
  // An attacker's pieces of one octet each must not be cheaper than they are.
  static constexpr std::size_t kPieceCost = 64;
  static constexpr std::int64_t kLargestWindow = std::int64_t{1} << 30U;  // RFC 7323 2.3

  void deliver(ByteSpan octets, std::uint64_t on_wire, const Outlet& outlet);
  void keep(std::uint64_t offset, ByteSpan octets, std::uint64_t on_wire, const Outlet& outlet);
  void keep_in_hole(std::size_t before, std::uint64_t offset, ByteSpan octets,
                    std::uint64_t on_wire, const Outlet& outlet);
  /// When a hole is not waited for any longer; never, unless told.
  struct Patience {
    std::uint64_t given_up_to = 0;  ///< nothing is missing before this offset any more
    std::size_t most_kept = std::numeric_limits<std::size_t>::max();
  };
  void deliver_until(const Patience& patience, const Outlet& outlet);
  void gap_to(std::uint64_t offset, const Outlet& outlet);

  std::uint32_t first_ = 0;
  bool begun_ = false;
  bool certain_ = false;
  std::uint64_t next_ = 0;
  std::optional<std::uint64_t> fin_;
  std::vector<Piece> pieces_;  ///< sorted, apart from each other, all beyond next_
  std::size_t kept_ = 0;       ///< cost of the pieces
};

}  // namespace rdpwhy::capture
