#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rdpwhy/base/time.h"
#include "rdpwhy/rdp/rdpeudp.h"

namespace rdpwhy::record {

/// How one transport over UDP beside an RDP connection began (MS-RDPEUDP 1.3.2.1), or did not: a
/// SYN without an answer is no failure, the session goes on over TCP. No part of the record: a
/// live run of ours never opens one.
struct UdpTransport {
  std::string client;  ///< "192.0.2.1:50000"
  std::string server;
  Moment began;                       ///< of what was seen of it first
  std::uint32_t syns = 0;             ///< the first and those sent again
  std::optional<rdp::RdpUdpSyn> syn;  ///< the first that can be read
  std::optional<Moment> answered;     ///< the first SYN+ACK
  std::optional<rdp::RdpUdpSyn> answer;
  /// Why a SYN or SYN+ACK that came cannot be read: damaged, or cut by the capture.
  std::string unreadable;

  /// UDP-L rather than UDP-R, as whoever was heard says.
  [[nodiscard]] bool lossy() const {
    const auto& told = syn ? syn : answer;
    return told && (told->flags & rdp::rdpudp_flags::kSynLossy) != 0;
  }
  friend bool operator==(const UdpTransport&, const UdpTransport&) = default;
};

}  // namespace rdpwhy::record
