#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "rdpwhy/replay/replay.h"

namespace rdpwhy::replay {

/// Gives connections on in the order in which they began, holding back no more than kMostHeld
/// octets of memory.
class ReportOrder {
 public:
  using Sink = std::function<void(std::uint64_t place, ReplayedConnection)>;
  explicit ReportOrder(Sink sink) : sink_(std::move(sink)) {}

  /// A flow begins; its place among all.
  [[nodiscard]] std::uint64_t open();
  /// It will not be reported.
  void drop(std::uint64_t place);
  /// It is over and is reported in its turn.
  void report(std::uint64_t place, ReplayedConnection connection);
  /// It is over, and reported only if no real connection between the same two hosts turns up.
  void report_if_alone(std::uint64_t place, ReplayedConnection connection);
  /// What began at `place` between these two is RDP.
  void real(const capture::Endpoint& client, const capture::Endpoint& server, std::uint64_t place);
  /// Where the newest RDP connection between these two began; nothing where there is none.
  [[nodiscard]] std::optional<std::uint64_t> newest(const capture::Endpoint& client,
                                                    const capture::Endpoint& server) const;
  /// The time of the capture moves on.
  void advance(Moment now) { now_ = now; }
  /// The capture is over: what still waits for company has none.
  void end();

  [[nodiscard]] std::uint64_t reported() const { return reported_; }

 private:
  enum class State : std::uint8_t { kOpen, kDropped, kReady, kLonely };
  struct Slot {
    State state = State::kOpen;
    std::unique_ptr<ReplayedConnection> connection;
    std::size_t octets = 0;  ///< that it takes
  };

  void put(std::uint64_t place, State state, ReplayedConnection connection);
  void move_on();
  [[nodiscard]] bool has_company(const ReplayedConnection& connection) const;
  void give(std::uint64_t place, std::unique_ptr<ReplayedConnection> connection);

  Sink sink_;
  std::deque<Slot> slots_;
  std::uint64_t first_ = 0;  ///< place of slots_.front()
  std::size_t held_ = 0;     ///< octets in slots_
  std::uint64_t reported_ = 0;
  Moment now_;
  bool over_ = false;

  /// Between whom something is RDP, and the place of the newest. Hashed: one is added for nearly
  /// every connection.
  using Hosts = std::pair<capture::Address, capture::Endpoint>;
  struct HashOfHosts {
    std::size_t operator()(const Hosts& hosts) const;
  };
  std::unordered_map<Hosts, std::uint64_t, HashOfHosts> real_;
};

}  // namespace rdpwhy::replay
