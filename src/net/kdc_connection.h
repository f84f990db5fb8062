#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "net/run_clock.h"
#include "rdpwhy/base/bytes.h"

namespace rdpwhy::net {

/// Where a KDC answered, as the Kerberos library says it in its trace: the one public place that
/// tells.
struct KdcEndpoint {
  std::string address;
  std::uint16_t port = 0;
  friend bool operator==(const KdcEndpoint&, const KdcEndpoint&) = default;
};

/// "... Received answer (221 bytes) from stream 192.0.2.1:88" (or dgram). Nothing for other lines,
/// and for an answer that came through a KDC proxy (MS-KKDCP).
[[nodiscard]] std::optional<KdcEndpoint> answering_kdc(std::string_view trace_line);

/// A TCP connection to one KDC that waits, blocking, on a thread for which that is no harm. The
/// library's own transport turns to the next KDC after a second without an answer, which would try
/// a password twice; this one asks one KDC one time.
class KdcConnection {
 public:
  /// The error is what the system said.
  [[nodiscard]] static std::expected<KdcConnection, std::string> open(const KdcEndpoint& kdc,
                                                                      Deadline deadline);
  KdcConnection(KdcConnection&& other) noexcept;
  KdcConnection& operator=(KdcConnection&&) = delete;
  ~KdcConnection();

  /// Message and answer with their length in front (RFC 4120 7.2.2). Nothing: no whole answer came
  /// by the deadline.
  [[nodiscard]] std::optional<Bytes> exchange(ByteSpan message, Deadline deadline);

 private:
  explicit KdcConnection(int socket) : socket_(socket) {}
  [[nodiscard]] bool wait(short events, Deadline deadline) const;
  [[nodiscard]] bool write(ByteSpan octets, Deadline deadline);
  [[nodiscard]] bool read(std::span<std::uint8_t> octets, Deadline deadline);

  int socket_;
};

}  // namespace rdpwhy::net
