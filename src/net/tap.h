#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "rdpwhy/capture/capture_writer.h"
#include "rdpwhy/dissect/dissector.h"

namespace rdpwhy::net {

/// Where everything that happens to the connection is told: to the dissector, and with the same
/// Moment to the capture, so that the replay of the capture gives the same evidence (I4).
class Tap {
 public:
  Tap(dissect::Dissector& dissector, capture::CaptureWriter* capture)
      : dissector_(dissector), capture_(capture) {}

  /// The first SYN, between these two ends.
  void connecting(const capture::Endpoint& client, const capture::Endpoint& server, Moment at);
  void connected(Moment at);
  void sent(ByteSpan octets, Moment at);
  /// The capture hears of received octets later (`received_to_capture`): secrets that they yield
  /// must stand ahead of them there.
  void received(ByteSpan octets, Moment at) { dissector_.bytes(Side::kServer, octets, at); }
  void received_to_capture(ByteSpan octets, Moment at);
  void ended(Side by, record::Ending::How how, Moment at);
  void icmp(const capture::IcmpQuote& quote);
  /// Live only: not on this connection, so nothing for the capture.
  void kdc(record::KdcTalk talk, Moment at) { dissector_.kdc(std::move(talk), at); }
  /// What no capture of ours shows, for want of a packet to write.
  void not_sent(Side by, record::Ending::How how, Moment began, Moment at) {
    dissector_.not_sent(by, how, began, at);
  }
  void icmp_told(record::IcmpError error, Moment at) { dissector_.icmp_told(std::move(error), at); }
  /// A line of the key log; stands in the capture ahead of the next packet.
  void secret(std::string_view line);

  [[nodiscard]] dissect::Dissector& dissector() { return dissector_; }
  [[nodiscard]] const HandshakeRecord& record() const { return dissector_.record(); }

 private:
  void packet_bytes(capture::End end, ByteSpan octets, Moment at);

  dissect::Dissector& dissector_;
  capture::CaptureWriter* capture_;
  std::optional<capture::ConnectionWriter> packets_;
  std::string secrets_;  ///< lines that the capture has still to hear of
};

}  // namespace rdpwhy::net
