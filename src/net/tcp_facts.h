#pragma once

#include <cstdint>
#include <optional>

namespace rdpwhy::net {

/// What the kernel knows about a connection (tcp(7), TCP_INFO).
struct TcpFacts {
  enum class State { kConnecting, kEstablished, kPeerClosed, kGone, kOther };
  State state = State::kOther;
  std::uint32_t rtt_us = 0;
  std::uint32_t segment_size = 0;
  std::uint32_t retransmissions = 0;
};
[[nodiscard]] std::optional<TcpFacts> tcp_facts(int socket);

}  // namespace rdpwhy::net
