#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"

namespace rdpwhy::net {

class StopSignal;

/// One accepted connection, for servers that serve each connection on a thread of its own. Every
/// call waits at most until the connection's lifetime is over or its listener is stopped.
class AcceptedConnection {
 public:
  /// The peer's next octets; nothing when it ended the connection, or time is over.
  [[nodiscard]] std::optional<Bytes> read();
  /// False when they could not all be written.
  bool write(ByteSpan octets);
  /// FIN: nothing more is sent.
  void finish_sending();
  /// Reads until the peer's end: who closes with octets unread sends a reset.
  void drain();
  /// RST, on purpose (SO_LINGER 0). Ends the connection.
  void reset();
  /// Octets of a segment that goes to the peer, as the two agreed (tcp(7), TCP_MAXSEG).
  [[nodiscard]] int segment_size() const;
  /// False when the time is over or the peer left meanwhile.
  bool pause(std::chrono::milliseconds time);

  AcceptedConnection(AcceptedConnection&&) noexcept;
  AcceptedConnection& operator=(AcceptedConnection&&) = delete;
  ~AcceptedConnection();

 private:
  friend class Listener;
  AcceptedConnection(int socket, std::shared_ptr<StopSignal> stop,
                     std::chrono::steady_clock::time_point end);
  bool wait(short events, std::chrono::steady_clock::time_point end) const;

  int socket_;
  std::shared_ptr<StopSignal> stop_;
  std::chrono::steady_clock::time_point end_;
};

/// A listening socket on loopback.
class Listener {
 public:
  enum class Loopback { kV4, kV6 };
  /// Port 0: any free one. Each connection lives for `lifetime` at most.
  [[nodiscard]] static std::expected<Listener, Error> open(
      std::uint16_t port, std::chrono::milliseconds lifetime = std::chrono::seconds(30),
      Loopback loopback = Loopback::kV4);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Waits for the next connection; nothing once stopped.
  [[nodiscard]] std::optional<AcceptedConnection> accept();
  /// From any thread: all that waits here or on one of the connections returns.
  void stop();

  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

 private:
  Listener(int socket, std::uint16_t port, std::chrono::milliseconds lifetime);

  int socket_;
  std::uint16_t port_;
  std::chrono::milliseconds lifetime_;
  std::shared_ptr<StopSignal> stop_;
};

}  // namespace rdpwhy::net
