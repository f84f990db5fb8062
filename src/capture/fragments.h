#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {

/// What says that two fragments belong together: RFC 791 3.2 and RFC 8200 4.5.
struct DatagramKey {
  Address from;
  Address to;
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;
  friend bool operator==(const DatagramKey&, const DatagramKey&) = default;
};

struct Fragment {
  DatagramKey key;
  std::uint32_t offset = 0;  ///< octets
  bool more = false;         ///< MF
  ByteSpan payload;
  Moment at;
};

/// Puts IP datagrams together. Octets that came first win over later ones in the same place; what
/// does not get complete within 30 seconds, or exceeds the bounds, is dropped, the oldest first.
class FrameDecoder::Fragments {
 public:
  /// The whole payload once it is complete; holds until the next call.
  std::optional<ByteSpan> add(const Fragment& fragment);

 private:
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  struct Datagram {
    DatagramKey key;
    Moment first;
    Bytes octets;
    std::vector<Range> ranges;  ///< what is there: sorted, apart from each other
    std::optional<std::uint32_t> size;
  };
  using Datagrams = std::list<Datagram>;

  Datagrams::iterator datagram_of(const Fragment& fragment);
  void drop(Datagrams::iterator datagram);
  void drop_old(Moment now);
  static void place(Datagram& datagram, const Fragment& fragment);

  Datagrams datagrams_;  ///< the oldest in front
  std::size_t octets_ = 0;
  Bytes complete_;
};

}  // namespace rdpwhy::capture
