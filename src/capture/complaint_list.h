#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rdpwhy::capture {

/// What was odd about a file. Bounded: a file that is wrong in every packet says so once per kind.
class ComplaintList {
 public:
  void add(std::string text) {
    if (list_.size() < kMost) {
      list_.push_back(std::move(text));
    } else if (list_.size() == kMost) {
      list_.emplace_back("more than this is odd about the file; the rest is not listed");
    }
  }

  /// True the first time that this kind is met.
  [[nodiscard]] bool first(std::string_view kind) {
    return kinds_.size() < kMostKinds && kinds_.emplace(kind).second;
  }

  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

 private:
  static constexpr std::size_t kMost = 32;
  static constexpr std::size_t kMostKinds = 256;

  std::vector<std::string> list_;
  std::set<std::string, std::less<>> kinds_;
};

}  // namespace rdpwhy::capture
