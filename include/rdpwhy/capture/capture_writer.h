#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/time.h"
#include "rdpwhy/capture/flows.h"

namespace rdpwhy::capture {

/// Writes pcapng (draft-ietf-opsawg-pcapng): one section, raw IP interfaces with nanosecond times,
/// enhanced packet blocks, TLS secrets blocks ahead of the packets that need them, comments.
class CaptureWriter {
 public:
  using Sink = std::function<void(ByteSpan)>;  ///< the caller owns the file

  explicit CaptureWriter(Sink sink, std::string_view application);
  void secrets(std::string_view key_log_lines);
  void packet(ByteSpan ip_packet, Moment at, std::string_view comment = {});

 private:
  Sink sink_;
};

/// A live connection as packets: synthetic but correct IP and TCP framing (sequence numbers,
/// acknowledgements, checksums, SYN with MSS), made from what the socket said, without root. Octets larger
/// than a segment are cut.
class ConnectionWriter {
 public:
  ConnectionWriter(CaptureWriter& writer, Endpoint client, Endpoint server);
  void connecting(Moment at);
  void connected(Moment at);
  void bytes(End side, ByteSpan octets, Moment at);
  void closed(End by, Moment at);
  void reset(End by, Moment at);
  void refused(Moment at);
  void icmp(const IcmpQuote& quote);

 private:
  void segment(End from, std::uint8_t flags, ByteSpan payload, Moment at);

  CaptureWriter& writer_;
  Endpoint ends_[2];
  std::uint32_t next_[2];
  std::uint16_t id_ = 1;
};

}  // namespace rdpwhy::capture
