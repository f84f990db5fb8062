#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <expected>
#include <optional>
#include <vector>

#include "net/run_clock.h"
#include "net/tap.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/record/handshake_record.h"

namespace rdpwhy::net {

/// What became of one attempt at one address; it stands in the record already.
struct Attempt {
  bool connected = false;
  bool missed_deadline = false;
};

/// Connects `socket`, which is opened here, and tells `tap` what happens. errno alone cannot tell a
/// reset from an ICMP error or from an address that answers no ARP, so the error queue is asked
/// (ip(7), IP_RECVERR). `segment_size` goes into the SYN (tcp(7), TCP_MAXSEG). An Error is about
/// us: no descriptors left.
[[nodiscard]] asio::awaitable<std::expected<Attempt, Error>> connect(
    asio::ip::tcp::socket& socket, const asio::ip::tcp::endpoint& server, Tap& tap,
    const RunClock& clock, record::RunFacts& facts, Deadline deadline,
    std::optional<int> segment_size = {});

}  // namespace rdpwhy::net
