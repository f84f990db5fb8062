#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "rdpwhy/capture/capture_reader.h"

namespace rdpwhy::capture {

/// Captures made from the per-processor buffers of a Windows event trace have packets hundreds of
/// places behind the ones that answer them, with the right time. This puts them in order of time
/// again, within a window; equal times keep the file's order.
class TimeOrder {
 public:
  /// Told of every packet's time in a first pass.
  void see(Moment at) {
    if (at < latest_) {
      longest_run_ = std::max(longest_run_, ++run_);
    } else {
      latest_ = at;
      run_ = 0;
    }
  }

  [[nodiscard]] bool disordered() const { return longest_run_ > 0; }
  /// A clock that was set back looks alike at first, but never catches up soon.
  [[nodiscard]] bool mendable() const { return longest_run_ < kWindow; }

  /// The next packet of `source` in order of time.
  template <typename Source>
  [[nodiscard]] std::optional<Packet> next(Source&& source) {
    while (!source_is_dry_ && heap_.size() < kWindow) {
      const auto packet = source();
      if (!packet) {
        source_is_dry_ = true;
        break;
      }
      heap_.push_back({*packet, count_++});
      std::ranges::push_heap(heap_, Later{});
    }
    if (heap_.empty()) return std::nullopt;
    std::ranges::pop_heap(heap_, Later{});
    const auto packet = heap_.back().packet;
    heap_.pop_back();
    return packet;
  }

 private:
  static constexpr std::size_t kWindow = 16'384;

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
  std::size_t run_ = 0;
  std::size_t longest_run_ = 0;
  std::vector<Entry> heap_;
  std::uint64_t count_ = 0;
  bool source_is_dry_ = false;
};

}  // namespace rdpwhy::capture
