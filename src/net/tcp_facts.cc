#include "net/tcp_facts.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace rdpwhy::net {
namespace {

TcpFacts::State state_of(std::uint8_t state) {
  switch (state) {
    case TCP_SYN_SENT:
    case TCP_SYN_RECV:
      return TcpFacts::State::kConnecting;
    case TCP_ESTABLISHED:
      return TcpFacts::State::kEstablished;
    case TCP_CLOSE_WAIT:
      return TcpFacts::State::kPeerClosed;
    case TCP_CLOSE:
      return TcpFacts::State::kGone;
    default:
      return TcpFacts::State::kOther;
  }
}

}  // namespace

std::optional<TcpFacts> tcp_facts(int socket) {
  tcp_info told{};
  socklen_t size = sizeof told;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &told, &size) != 0) return {};
  return TcpFacts{.state = state_of(told.tcpi_state),
                  .rtt_us = told.tcpi_rtt,
                  .segment_size = told.tcpi_snd_mss,
                  .retransmissions = told.tcpi_total_retrans};
}

}  // namespace rdpwhy::net
