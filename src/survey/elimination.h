#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rdpwhy/survey/result.h"

namespace rdpwhy::survey {

/// Offers all that is left, takes out what the server selects, until it selects nothing: as many
/// questions as there are accepted values, and one for each batch.
class Elimination {
 public:
  Elimination() = default;
  Elimination(std::vector<std::uint16_t> all, std::size_t batch,
              std::vector<std::uint16_t> anchors = {})
      : left_(std::move(all)),
        anchors_(std::move(anchors)),
        batch_(std::max<std::size_t>(batch, 1)) {
    for (const auto anchor : anchors_) std::erase(left_, anchor);
    batches_ = (left_.size() + batch_ - 1) / batch_;
  }

  [[nodiscard]] bool is_done() const { return left_.empty(); }
  /// All stood in the first offer.
  [[nodiscard]] bool in_one_batch() const { return batches_ <= 1; }
  /// What to offer now. Anchors go behind it each time: values that are known to be accepted and
  /// without which the server refuses all others. It selects one of them when nothing else is left.
  [[nodiscard]] std::vector<std::uint16_t> offer() const {
    auto offered = batch();
    offered.insert(offered.end(), anchors_.begin(), anchors_.end());
    return offered;
  }

  void selected(std::uint16_t value, Listing& listing) {
    if (std::ranges::find(anchors_, value) != anchors_.end()) return drop_batch();
    std::erase(left_, value);
    listing.accepted.push_back(value);
  }
  void refused(const Refusal& refusal, Listing& listing) {
    listing.refusal = refusal;
    drop_batch();
  }
  void unknown(std::string_view reason, Listing& listing) {
    const auto offered = batch();
    listing.undecided.insert(listing.undecided.end(), offered.begin(), offered.end());
    listing.reason = reason;
    drop_batch();
  }
  /// Of a value that was selected although it proves nothing here.
  void drop(std::uint16_t value) { std::erase(left_, value); }
  void drop_all() { left_.clear(); }
  void stop(std::string_view reason, Listing& listing) {
    if (left_.empty()) return;
    listing.undecided.insert(listing.undecided.end(), left_.begin(), left_.end());
    listing.reason = reason;
    left_.clear();
  }

 private:
  [[nodiscard]] std::vector<std::uint16_t> batch() const {
    const auto count = std::min(batch_, left_.size());
    return {left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(count)};
  }
  void drop_batch() {
    const auto count = std::min(batch_, left_.size());
    left_.erase(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  std::vector<std::uint16_t> left_;
  std::vector<std::uint16_t> anchors_;
  std::size_t batch_ = std::numeric_limits<std::size_t>::max();
  std::size_t batches_ = 0;
};

}  // namespace rdpwhy::survey
