#include "capture/fragments.h"

#include <algorithm>

namespace rdpwhy::capture {
namespace {

constexpr std::size_t kMostDatagrams = 256;
constexpr std::size_t kMostOctets = 4 * 1024 * 1024;
constexpr std::size_t kMostRanges = 64;
constexpr std::uint32_t kLargestDatagram = 65'535;
constexpr Nanoseconds kOldest = 30'000'000'000;

}  // namespace

void FrameDecoder::Fragments::drop(Datagrams::iterator datagram) {
  octets_ -= datagram->octets.size();
  datagrams_.erase(datagram);
}

void FrameDecoder::Fragments::drop_old(Moment now) {
  while (!datagrams_.empty()) {
    const auto age = now - datagrams_.front().first;
    const bool too_old = age > kOldest || age < -kOldest;
    if (!too_old && datagrams_.size() <= kMostDatagrams && octets_ <= kMostOctets) return;
    drop(datagrams_.begin());
  }
}

FrameDecoder::Fragments::Datagrams::iterator FrameDecoder::Fragments::datagram_of(
    const Fragment& fragment) {
  const auto found = std::ranges::find(datagrams_, fragment.key, &Datagram::key);
  if (found != datagrams_.end()) return found;
  datagrams_.push_back({fragment.key, fragment.at, {}, {}, std::nullopt});
  return std::prev(datagrams_.end());
}

// Copies what is not there yet and merges the ranges.
void FrameDecoder::Fragments::place(Datagram& datagram, const Fragment& fragment) {
  const auto begin = fragment.offset;
  const auto end = begin + static_cast<std::uint32_t>(fragment.payload.size());
  if (datagram.octets.size() < end) datagram.octets.resize(end);
  const auto copy = [&](std::uint32_t from, std::uint32_t to) {
    if (from >= to) return;
    std::copy(fragment.payload.begin() + (from - begin), fragment.payload.begin() + (to - begin),
              datagram.octets.begin() + from);
  };
  std::vector<Range> merged;
  merged.reserve(datagram.ranges.size() + 1);
  Range grown{begin, end};
  auto uncopied = begin;
  for (const auto& range : datagram.ranges) {
    if (range.end < begin || range.begin > end) {
      merged.push_back(range);
      continue;
    }
    copy(uncopied, std::min(range.begin, end));
    uncopied = std::max(uncopied, range.end);
    grown = {std::min(grown.begin, range.begin), std::max(grown.end, range.end)};
  }
  copy(uncopied, end);
  merged.push_back(grown);
  std::ranges::sort(merged, {}, &Range::begin);
  datagram.ranges = std::move(merged);
}

std::optional<ByteSpan> FrameDecoder::Fragments::add(const Fragment& fragment) {
  const auto end = fragment.offset + fragment.payload.size();
  // RFC 791 3.2: all but the last are multiples of 8; "ping of death" ends beyond 65,535.
  if (fragment.payload.empty() || end > kLargestDatagram) return std::nullopt;
  if (fragment.more && fragment.payload.size() % 8 != 0) return std::nullopt;
  drop_old(fragment.at);
  const auto datagram = datagram_of(fragment);
  if (datagram->ranges.size() >= kMostRanges) {
    drop(datagram);
    return std::nullopt;
  }
  const auto size_before = datagram->octets.size();
  place(*datagram, fragment);
  octets_ += datagram->octets.size() - size_before;
  if (!fragment.more && !datagram->size) datagram->size = static_cast<std::uint32_t>(end);

  const auto& first = datagram->ranges.front();
  if (!datagram->size || first.begin != 0 || first.end < *datagram->size) {
    drop_old(fragment.at);
    return std::nullopt;
  }
  const auto size = *datagram->size;
  octets_ -= datagram->octets.size();
  complete_ = std::move(datagram->octets);
  datagrams_.erase(datagram);
  return ByteSpan(complete_).first(size);
}

}  // namespace rdpwhy::capture
