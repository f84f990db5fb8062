#pragma once

#include <vector>

#include "rdpwhy/record/udp_transport.h"
#include "report/json_writer.h"

// What a report says of the transports over UDP that were begun beside a captured connection.
namespace rdpwhy::report {

/// A connection has one or two of them; whoever makes a report of thousands does it on purpose.
inline constexpr std::size_t kMostUdpTransports = 32;

/// The member "udp", only where there was one. `started`: of the connection.
void write_udp(JsonWriter& w, const std::vector<record::UdpTransport>& transports, Moment started);

}  // namespace rdpwhy::report
