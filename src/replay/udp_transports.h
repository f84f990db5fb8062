#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "rdpwhy/capture/segment.h"
#include "rdpwhy/record/udp_transport.h"

namespace rdpwhy::replay {

/// The transports over UDP that begin in a capture, each with the RDP connection that it belongs
/// to: the newest one between the same two hosts and to the same port, which is where a client
/// opens them (MS-RDPEMT 1.3.2).
///
/// A datagram that is neither SYN nor SYN+ACK is only looked at; its transport is not followed.
class UdpTransports {
 public:
  /// Transports that are kept at a time.
  static constexpr std::size_t kMost = 16'384;

  /// Whether the datagram begins a transport, or answers to that.
  [[nodiscard]] static bool concerns(const capture::Datagram& datagram);
  /// Its client's end and its server's.
  struct Ends {
    capture::Endpoint client;
    capture::Endpoint server;
    friend auto operator<=>(const Ends&, const Ends&) = default;
  };
  [[nodiscard]] static Ends ends_of(const capture::Datagram& datagram);

  /// `place` of the connection that it belongs to; nothing where none is known.
  void add(const capture::Datagram& datagram, std::optional<std::uint64_t> place);
  /// Those of one connection, in the order in which they began. They are not kept.
  [[nodiscard]] std::vector<record::UdpTransport> take(std::uint64_t place);
  /// Those that nobody took, in the order in which they began.
  [[nodiscard]] std::vector<record::UdpTransport> take_rest();
  /// Transports beyond kMost.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  /// A transport's number is the client's initial sequence number: an answer repeats it.
  struct Key {
    std::uint64_t place = 0;
    Ends ends;
    std::uint32_t number = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, record::UdpTransport> transports_;
  std::uint64_t left_out_ = 0;
};

}  // namespace rdpwhy::replay
