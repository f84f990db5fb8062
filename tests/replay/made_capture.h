#pragma once

#include <deque>

#include "dissect/streams.h"
#include "rdpwhy/capture/capture_writer.h"
#include "rdpwhy/replay/replay.h"

// Captures made of hand-made connections.
namespace rdpwhy::replay::made {

inline capture::Endpoint endpoint(std::uint8_t host, std::uint16_t port) {
  capture::Endpoint e;
  e.address.octets[0] = 10;
  e.address.octets[3] = host;
  e.port = port;
  return e;
}

/// A capture in the making; one ConnectionWriter per connection, to be used in any order.
class Capture {
 public:
  capture::ConnectionWriter& connection(std::uint8_t client, std::uint16_t port,
                                        std::uint16_t server_port = 3389) {
    return connections_.emplace_back(writer_, endpoint(client, port), endpoint(200, server_port));
  }
  /// A new moment, a millisecond after the last one.
  Moment tick(Nanoseconds after = 1'000'000) { return {now_ += after}; }
  [[nodiscard]] ByteSpan octets() const { return octets_; }
  void packet(ByteSpan ip_packet, Moment at) { writer_.packet(ip_packet, at); }
  void secrets(std::string_view key_log_lines) { writer_.secrets(key_log_lines); }

  capture::ConnectionWriter& open(std::uint8_t client, std::uint16_t port,
                                  std::uint16_t server_port = 3389) {
    auto& made = connection(client, port, server_port);
    made.connecting(tick());
    made.connected(tick());
    return made;
  }
  void play(capture::ConnectionWriter& on, const dissect::streams::Connection& events) {
    using What = dissect::streams::Event::What;
    for (const auto& event : events) {
      const auto end = event.side == Side::kServer ? capture::End::kServer : capture::End::kClient;
      if (event.what == What::kBytes) on.bytes(end, event.octets, tick());
      if (event.what == What::kEnded && event.how == record::Ending::How::kReset)
        on.reset(end, tick());
      if (event.what == What::kEnded && event.how == record::Ending::How::kClose)
        on.closed(end, tick());
    }
  }

 private:
  Bytes octets_;
  capture::CaptureWriter writer_{
      [this](ByteSpan block) { octets_.insert(octets_.end(), block.begin(), block.end()); },
      "test"};
  std::deque<capture::ConnectionWriter> connections_;
  Nanoseconds now_ = 1'700'000'000'000'000'000;
};

inline std::vector<ReplayedConnection> replayed(ByteSpan capture,
                                                const ReplayOptions& options = {}) {
  std::vector<ReplayedConnection> out;
  const auto summary =
      replay(capture, options, [&](ReplayedConnection c) { out.push_back(std::move(c)); });
  if (summary && summary->connections != out.size()) out.clear();
  return out;
}

}  // namespace rdpwhy::replay::made
