#pragma once

#include <vector>

#include "rdpwhy/capture/segment.h"

namespace rdpwhy::net {

/// Has the kernel queue ICMP errors of this socket (Linux 5.9 and newer do so for a TCP SYN). Call
/// it before connecting; off again once connected, since the kernel then makes every passing ICMP
/// error a failure of the next read, which no ordinary client sees.
void set_error_queue(int socket, bool v6, bool on);

/// Takes all that is queued.
[[nodiscard]] std::vector<capture::IcmpQuote> read_error_queue(int socket,
                                                               const capture::Endpoint& client,
                                                               const capture::Endpoint& server,
                                                               Moment at);

}  // namespace rdpwhy::net
