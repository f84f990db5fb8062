#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "rdpwhy/capture/capture_reader.h"

namespace rdpwhy::capture {

/// Captures made from the per-processor buffers of a Windows event trace have packets hundreds of
/// places behind the ones that answer them, with the right time. This puts them in order of time
/// again, within a window; equal times keep the file's order. A clock that was set back looks alike
/// at first, but never catches up soon: what it stamps is left where it stands.
///
/// It is told of every packet's time well before it reads the packet, since only what follows tells
/// the two apart. Most files are in order, and pass through untouched.
class TimeOrder {
 public:
  static constexpr std::size_t kWindow = 16'384;
  /// How many packets beyond those read by `next` have to be seen, unless the file has no more.
  static constexpr std::uint64_t kAhead = 2 * kWindow;

  void see(Moment at) {
    if (at >= latest_) {
      if (run_ > 0) caught_up();
      latest_ = at;
    } else {
      latest_in_run_ = run_ == 0 ? at : std::max(latest_in_run_, at);
      if (++run_ == kWindow) set_back();
    }
    ++seen_;
  }
  /// There are no more packets to be seen.
  void seen_all() {
    if (run_ > 0) caught_up();
  }

  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  [[nodiscard]] std::uint64_t read() const { return read_; }
  [[nodiscard]] bool disordered() const { return mend_from_.has_value(); }
  [[nodiscard]] bool was_set_back() const { return was_set_back_; }

  /// The next packet of `source` in order of time.
  template <typename Source>
  [[nodiscard]] std::optional<Packet> next(Source&& source) {
    if (!mend_from_ || read_ + kWindow < *mend_from_) {
      ++read_;
      return source();
    }
    while (heap_.size() < kWindow && !source_is_dry_ && !waits_for_set_back()) {
      const auto packet = source();
      if (!packet) {
        source_is_dry_ = true;
        break;
      }
      heap_.push_back({*packet, read_++});
      std::ranges::push_heap(heap_, Later{});
    }
    if (heap_.empty()) return std::nullopt;
    std::ranges::pop_heap(heap_, Later{});
    const auto packet = heap_.back().packet;
    heap_.pop_back();
    return packet;
  }

 private:
  void caught_up() {
    if (!mend_from_) mend_from_ = seen_ - run_;
    run_ = 0;
  }
  void set_back() {
    set_backs_.push_back(seen_ + 1 - kWindow);
    was_set_back_ = true;
    latest_ = latest_in_run_;
    run_ = 0;
  }
  /// What was stamped before the clock was set back goes first, all of it.
  [[nodiscard]] bool waits_for_set_back() {
    while (!set_backs_.empty() && set_backs_.front() < read_) set_backs_.pop_front();
    return !set_backs_.empty() && set_backs_.front() == read_ && !heap_.empty();
  }

  struct Entry {
    Packet packet;
    std::uint64_t place = 0;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.packet.at != b.packet.at ? a.packet.at > b.packet.at : a.place > b.place;
    }
  };

  Moment latest_{INT64_MIN};
  Moment latest_in_run_;
  std::size_t run_ = 0;  ///< packets behind latest_, one after the other
  std::uint64_t seen_ = 0;
  std::uint64_t read_ = 0;
  std::optional<std::uint64_t> mend_from_;  ///< the first packet that is out of order
  std::deque<std::uint64_t> set_backs_;     ///< the first packets behind them, not read yet
  bool was_set_back_ = false;
  std::vector<Entry> heap_;
  bool source_is_dry_ = false;
};

}  // namespace rdpwhy::capture
