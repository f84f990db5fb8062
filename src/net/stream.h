#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <functional>

#include "net/run_clock.h"
#include "net/tap.h"
#include "rdpwhy/base/wiped_bytes.h"
#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::net {

/// How long we wait for the peer's end of a connection that we have ended.
inline constexpr auto kDrain = std::chrono::seconds(1);

/// A connected socket whose every octet and ending passes the tap.
class Stream {
 public:
  /// What waiting for the peer brought.
  enum class Got {
    kOctets,
    kEnding,   ///< closed or reset, now or before
    kNothing,  ///< the deadline passed
    kTooMuch,  ///< the peer has sent more than any handshake needs
  };
  /// Reads octets on, behind the dissector.
  using Reader = std::function<void(ByteSpan)>;

  Stream(asio::ip::tcp::socket& socket, Tap& tap, const RunClock& clock);

  void read_by(Reader reader) { reader_ = std::move(reader); }
  [[nodiscard]] asio::awaitable<Got> receive(Deadline deadline);
  /// Without waiting: what is there already.
  Got look();
  /// False when the octets could not all be written: an ending stands in the record, or the
  /// deadline passed.
  [[nodiscard]] asio::awaitable<bool> send(ByteSpan octets, Deadline deadline);
  /// The next `send` goes out in small pieces with a pause after each: no segment has all of it.
  void split_next() { splits_next_ = true; }
  /// Stops sending, drains to the peer's end or until `deadline`, closes. Never a reset of ours as
  /// long as the peer stops sending.
  [[nodiscard]] asio::awaitable<void> close_in_order(Deadline deadline);

  [[nodiscard]] bool ended_by_peer() const { return closed_by_peer_ || reset_ || given_up_; }
  [[nodiscard]] bool reset_by_peer() const { return reset_; }
  /// The peer ended the connection before we did.
  [[nodiscard]] bool left_unasked() const { return left_unasked_; }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] Tap& tap() { return tap_; }
  [[nodiscard]] std::optional<std::uint32_t> retransmissions() const { return retransmissions_; }

 private:
  asio::awaitable<bool> write(ByteSpan octets, Deadline deadline);
  Got take(long count, int error);
  void note_reset();
  /// Errors that are ICMP's or the kernel's patience, not the peer's; false when it is another one.
  bool note_network(int error);

  static constexpr std::uint64_t kMostReceived = 4u << 20;

  asio::ip::tcp::socket& socket_;
  Tap& tap_;
  const RunClock& clock_;
  Reader reader_;
  base::WipedBytes buffer_;  ///< in the clear a redirection's password may stand in it
  bool splits_next_ = false;
  std::uint64_t received_ = 0;
  bool closed_by_peer_ = false;
  bool reset_ = false;
  bool given_up_ = false;                 ///< by the kernel, which repeated in vain
  std::optional<std::uint64_t> lost_at_;  ///< octets received when ICMP first spoke of this silence
  bool left_unasked_ = false;
  std::optional<std::uint32_t> retransmissions_;
};

}  // namespace rdpwhy::net
