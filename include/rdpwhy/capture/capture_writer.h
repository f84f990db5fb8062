#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/time.h"
#include "rdpwhy/capture/flows.h"
#include "rdpwhy/capture/segment.h"

namespace rdpwhy::capture {

/// Writes pcapng (draft-ietf-opsawg-pcapng): one section with one raw IP interface in nanoseconds,
/// enhanced packet blocks, comments, TLS secrets blocks. Secrets given before the packets that need
/// them stand ahead of them, as tshark wants it; CaptureReader finds them anywhere.
class CaptureWriter {
 public:
  using Sink = std::function<void(ByteSpan)>;  ///< the caller owns the file; called once per block

  explicit CaptureWriter(Sink sink, std::string_view application);
  /// Lines of an NSS key log ("CLIENT_RANDOM ...").
  void secrets(std::string_view key_log_lines);
  /// `at` before 1970 is written as 1970; a comment is cut at 65,000 octets.
  void packet(ByteSpan ip_packet, Moment at, std::string_view comment = {});

 private:
  Sink sink_;
};

/// A live connection as packets: synthetic but correct IP and TCP framing (sequence numbers,
/// acknowledgements, checksums, SYN with MSS), made from what the socket said, without root. Octets
/// larger than a segment are cut. What could not have been on the wire (octets behind a FIN or RST)
/// is left out.
class ConnectionWriter {
 public:
  /// An IPv4 end opposite to an IPv6 one is written as an IPv4-mapped address.
  ConnectionWriter(CaptureWriter& writer, Endpoint client, Endpoint server);
  void connecting(Moment at);  ///< SYN; again: the same SYN once more
  void connected(Moment at);   ///< SYN-ACK and the ACK to it
  void bytes(End side, ByteSpan octets, Moment at);
  void closed(End by, Moment at);  ///< FIN and the ACK to it
  void reset(End by, Moment at);   ///< RST
  void refused(Moment at);         ///< RST to the SYN
  /// An ICMP error that quotes the last packet of `quote.from`; left out where there is none, or
  /// where the offender is of the other IP version.
  void icmp(const IcmpQuote& quote);

 private:
  void begin(Moment at);
  void segment(End from, std::uint8_t flags, ByteSpan payload, Moment at);

  CaptureWriter& writer_;
  Endpoint ends_[2];
  std::uint32_t next_[2] = {0, 0};  ///< sequence number of the next octet
  std::uint16_t id_ = 1;
  bool begun_ = false;
  bool connected_ = false;
  bool over_ = false;
  bool closed_[2] = {false, false};
  Bytes last_[2];  ///< beginning of the last packet of each end, for ICMP errors to quote
};

}  // namespace rdpwhy::capture
