#include "net/tap.h"

#include <utility>

namespace rdpwhy::net {

using How = record::Ending::How;

void Tap::connecting(const capture::Endpoint& client, const capture::Endpoint& server, Moment at) {
  dissector_.connecting(at);
  if (capture_ == nullptr) return;
  packets_.emplace(*capture_, client, server);
  packets_->connecting(at);
}

void Tap::connected(Moment at) {
  dissector_.connected(at);
  if (packets_) packets_->connected(at);
}

void Tap::sent(ByteSpan octets, Moment at) {
  dissector_.bytes(Side::kClient, octets, at);
  packet_bytes(capture::End::kClient, octets, at);
}

void Tap::received_to_capture(ByteSpan octets, Moment at) {
  packet_bytes(capture::End::kServer, octets, at);
}

void Tap::packet_bytes(capture::End end, ByteSpan octets, Moment at) {
  if (!packets_) return;
  if (!secrets_.empty()) capture_->secrets(std::exchange(secrets_, {}));
  packets_->bytes(end, octets, at);
}

void Tap::secret(std::string_view line) {
  if (capture_ == nullptr) return;
  secrets_.append(line);
  if (!line.ends_with('\n')) secrets_.push_back('\n');
}

void Tap::ended(Side by, How how, Moment at) {
  dissector_.ended(by, how, at);
  if (!packets_) return;
  const auto end = by == Side::kClient ? capture::End::kClient : capture::End::kServer;
  switch (how) {
    case How::kClose:
      packets_->closed(end, at);
      break;
    case How::kReset:
      packets_->reset(end, at);
      break;
    case How::kRefused:
      packets_->refused(at);
      break;
    case How::kUnreachable:
    case How::kUnanswered:
    case How::kLocal:
    case How::kCaptureEnd:
      break;  // nothing on the wire
  }
}

void Tap::icmp(const capture::IcmpQuote& quote) {
  dissector_.icmp({.type = quote.type,
                   .code = quote.code,
                   .v6 = quote.v6,
                   .offender = quote.offender.text(),
                   .meaning = {}},
                  quote.at);
  if (packets_) packets_->icmp(quote);
}

}  // namespace rdpwhy::net
