#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "net/run_clock.h"
#include "rdpwhy/net/probe.h"

namespace rdpwhy::net {

struct Resolution {
  std::vector<asio::ip::address>
      addresses;      ///< each once, in the order in which a client tries them
  std::string error;  ///< the resolver's own words
  bool timed_out = false;
};

/// Nothing when `host` is no address.
[[nodiscard]] std::optional<asio::ip::address> literal_address(const std::string& host);

/// getaddrinfo on a thread of its own: it cannot be called off, so a thread that is still in it
/// when the deadline passes is left behind and its answer dropped.
[[nodiscard]] asio::awaitable<Resolution> resolve(std::string host, ProbeOptions::Family family,
                                                  Deadline deadline);

}  // namespace rdpwhy::net
