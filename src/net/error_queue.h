#pragma once

#include <optional>
#include <vector>

#include "rdpwhy/capture/segment.h"
#include "rdpwhy/record/facts.h"

namespace rdpwhy::net {

/// Has the kernel queue ICMP errors of this socket (Linux 5.9 and newer do so for a TCP SYN). Once
/// it is connected, the same setting makes each ICMP error the errno of one read or write, which is
/// no end of the connection: `icmp_behind`. Without it nothing would be told until the kernel's own
/// retransmissions end, in a quarter of an hour.
void set_error_queue(int socket, bool v6);

/// The ICMP error that an errno on an open connection stands for, as far as it can be known:
/// several share one errno (Linux icmp_err_convert), and the sender is not told. Nothing: another
/// error.
[[nodiscard]] std::optional<record::IcmpError> icmp_behind(int error, bool v6);

/// Takes all that is queued.
[[nodiscard]] std::vector<capture::IcmpQuote> read_error_queue(int socket,
                                                               const capture::Endpoint& client,
                                                               const capture::Endpoint& server,
                                                               Moment at);

}  // namespace rdpwhy::net
