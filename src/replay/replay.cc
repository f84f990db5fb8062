#include "rdpwhy/replay/replay.h"

#include <memory>
#include <utility>

#include "rdpwhy/capture/capture_reader.h"
#include "rdpwhy/capture/segment.h"
#include "rdpwhy/crypto/key_log.h"
#include "rdpwhy/crypto/record_opener.h"
#include "rdpwhy/crypto/session_opener.h"
#include "replay/connection_listener.h"
#include "replay/report_order.h"
#include "replay/udp_transports.h"

namespace rdpwhy::replay {
namespace {

class ConnectionHost final : public capture::Flows::Host {
 public:
  ConnectionHost(dissect::Dissector::Options options, ReportOrder& order)
      : options_(std::move(options)), order_(order) {}

  std::unique_ptr<capture::FlowListener> flow(const capture::Endpoint& client,
                                              const capture::Endpoint& server, Moment at) override {
    ++flows_;
    return std::make_unique<ConnectionListener>(
        order_.open(), client, server, at, options_,
        [this](ConnectionListener& listener) { on_verdict(listener); });
  }

  void done(std::unique_ptr<capture::FlowListener> listener) override {
    auto& connection = static_cast<ConnectionListener&>(*listener);
    using Verdict = ConnectionListener::Verdict;
    switch (connection.verdict()) {
      case Verdict::kRdp:
      case Verdict::kAttempt:
        order_.report(connection.place(), connection.take());
        break;
      case Verdict::kEmpty:
        order_.report_if_alone(connection.place(), connection.take());
        break;
      case Verdict::kOpen:
      case Verdict::kNotOurs:
        break;  // dropped when that was known
    }
  }

  [[nodiscard]] std::uint64_t flows() const { return flows_; }

 private:
  void on_verdict(ConnectionListener& listener) {
    if (listener.verdict() == ConnectionListener::Verdict::kNotOurs) order_.drop(listener.place());
    if (listener.verdict() == ConnectionListener::Verdict::kRdp) {
      order_.real(listener.client(), listener.server(), listener.place());
    }
  }

  dissect::Dissector::Options options_;
  ReportOrder& order_;
  std::uint64_t flows_ = 0;
};

/// All secrets that there are, before the first packet is read.
void gather(crypto::KeyLog& secrets, const ReplayOptions& options,
            const capture::CaptureReader& reader) {
  secrets.add(options.key_log);
  for (const auto& block : reader.tls_key_logs()) secrets.add(block);
}

}  // namespace

std::expected<ReplaySummary, Error> replay(ByteSpan file, const ReplayOptions& options,
                                           const std::function<void(ReplayedConnection)>& sink) {
  auto reader = capture::CaptureReader::open(file, options.on_offset);
  if (!reader) return std::unexpected(std::move(reader.error()));
  crypto::KeyLog secrets;
  gather(secrets, options, *reader);
  crypto::CertificateCache certificates(options.certificate_cache ? 4096 : 0);
  crypto::ServerKeyCache server_keys(options.certificate_cache ? 1024 : 0);

  dissect::Dissector::Options dissecting{
      .read_certificate = [&](ByteSpan der) { return certificates.read(der); },
      .make_opener = {},
      .make_session_opener =
          [&] {
            return crypto::make_session_opener({.key_log = &secrets,
                                                .private_keys = options.rdp_keys,
                                                .server_keys = &server_keys});
          },
      .secrets_may_come = false};
  const bool has_keys = options.private_keys != nullptr && !options.private_keys->empty();
  crypto::SessionMemory sessions;
  const crypto::OpeningSecrets opening(secrets, options.private_keys, &sessions);
  if (!secrets.empty() || has_keys) {
    dissecting.make_opener = [&](const tls::ClientHello& client_hello,
                                 const tls::ServerHello& server_hello) {
      return crypto::make_record_opener(opening, client_hello, server_hello);
    };
  }
  UdpTransports udp;
  ReportOrder order([&](std::uint64_t place, ReplayedConnection connection) {
    connection.udp = udp.take(place);
    sink(std::move(connection));
  });
  ConnectionHost host(std::move(dissecting), order);
  capture::Flows flows(host, options.limits);
  capture::FrameDecoder frames;
  Moment last;
  while (const auto packet = reader->next()) {
    last = packet->at;
    order.advance(last);
    const auto decoded = frames.decode(*packet);
    if (decoded.segment) flows.segment(*decoded.segment);
    if (decoded.icmp) flows.icmp(*decoded.icmp);
    if (decoded.datagram && UdpTransports::concerns(*decoded.datagram)) {
      const auto ends = UdpTransports::ends_of(*decoded.datagram);
      udp.add(*decoded.datagram, order.newest(ends.client, ends.server));
    }
  }
  flows.end(last);
  order.end();
  return ReplaySummary{.packets = reader->packets(),
                       .flows = host.flows(),
                       .connections = order.reported(),
                       .complaints = reader->complaints(),
                       .udp = udp.take_rest(),
                       .udp_left_out = udp.left_out()};
}

}  // namespace rdpwhy::replay
