#pragma once

#include <cstdint>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/wiped_bytes.h"

namespace rdpwhy::dissect {

/// The octets of one side that are not read yet. Octets that were just offered are borrowed and
/// only what is left of them at the end (`settle`) is copied, so that whole units are read where
/// they lie.
class StreamBuffer {
 public:
  /// `octets` must live until `settle`.
  void offer(ByteSpan octets) {
    if (own_.empty()) {
      view_ = octets;
      return;
    }
    drop_consumed();
    own_.insert(own_.end(), octets.begin(), octets.end());
    view_ = own_;
  }

  /// Octets that the capture does not hold, as zeros: only inside a unit whose size is known.
  void fill(std::size_t count) {
    settle();
    drop_consumed();
    own_.resize(own_.size() + count);
    view_ = own_;
    missing_ += static_cast<std::uint32_t>(count);
  }

  [[nodiscard]] ByteSpan view() const { return view_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// Octets of the next unit that are zeros in place of what the capture does not hold.
  [[nodiscard]] std::uint32_t missing() const { return missing_; }

  /// Memory that it takes while nothing is offered.
  [[nodiscard]] std::size_t octets_held() const { return own_.capacity(); }

  void consume(std::size_t count) {
    view_ = view_.subspan(count);
    offset_ += count;
    missing_ = 0;
  }

  void settle() {
    if (view_.empty()) {
      if (own_.capacity() > 0) own_ = base::WipedBytes();  // idle connections are many
    } else if (own_.empty()) {
      own_.assign(view_.begin(), view_.end());
    }
    view_ = own_.empty() ? ByteSpan{} : ByteSpan(own_).last(view_.size());
  }

  void clear() {
    own_ = base::WipedBytes();
    view_ = {};
    missing_ = 0;
  }

 private:
  void drop_consumed() {
    if (view_.size() == own_.size()) return;
    own_.erase(own_.begin(), own_.end() - static_cast<std::ptrdiff_t>(view_.size()));
    view_ = own_;
  }

  base::WipedBytes own_;  ///< in the clear a redirection's password may stand in it
  ByteSpan view_;
  std::uint64_t offset_ = 0;
  std::uint32_t missing_ = 0;
};

}  // namespace rdpwhy::dissect
