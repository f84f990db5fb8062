#include "net/proxy_dialogue.h"

#include <arpa/inet.h>

#include <string>

#include "rdpwhy/base/writer.h"

namespace rdpwhy::net {
namespace {

constexpr std::uint8_t kSocksVersion = 5;
constexpr std::uint8_t kNoAuthentication = 0;

/// What the proxy said so far; octets behind its answer belong to the server and stand in the
/// record.
class ProxyAnswer {
 public:
  ProxyAnswer(Stream& stream, Deadline deadline) : stream_(stream), deadline_(deadline) {
    stream_.read_by([this](ByteSpan octets) {
      // A proxy that talks for ever is no proxy.
      if (octets_.size() < kMost) octets_.insert(octets_.end(), octets.begin(), octets.end());
    });
  }
  ProxyAnswer(const ProxyAnswer&) = delete;
  ProxyAnswer& operator=(const ProxyAnswer&) = delete;
  ~ProxyAnswer() { stream_.read_by({}); }

  /// Waits for so many octets in all.
  asio::awaitable<bool> wait_for(std::size_t size) {
    while (octets_.size() < size) {
      const bool more = co_await receive();
      if (!more) co_return false;
    }
    co_return true;
  }

  asio::awaitable<bool> wait_for_header_end() {
    while (!base::as_text(octets_).contains("\r\n\r\n")) {
      if (octets_.size() >= kMost) co_return false;
      const bool more = co_await receive();
      if (!more) co_return false;
    }
    co_return true;
  }

  /// The verdict when it is not granted.
  [[nodiscard]] ProxyVerdict refusal() const {
    return silent_ ? ProxyVerdict::kSilent : ProxyVerdict::kRefused;
  }
  [[nodiscard]] std::uint8_t at(std::size_t i) const { return octets_[i]; }
  [[nodiscard]] std::string_view text() const { return base::as_text(octets_); }

 private:
  asio::awaitable<bool> receive() {
    const auto got = co_await stream_.receive(deadline_);
    silent_ = got == Stream::Got::kNothing;
    co_return got == Stream::Got::kOctets;
  }

  static constexpr std::size_t kMost = 16 * 1024;

  Stream& stream_;
  Deadline deadline_;
  Bytes octets_;
  bool silent_ = false;
};

Bytes socks_request(const Target& target) {
  Writer w;
  w.u8(kSocksVersion).u8(1).u8(0);  // CONNECT
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, target.host.c_str(), &v4) == 1) {
    w.u8(1).u32be(ntohl(v4.s_addr));
  } else if (inet_pton(AF_INET6, target.host.c_str(), &v6) == 1) {
    w.u8(4).bytes({v6.s6_addr, 16});
  } else {
    w.u8(3);
    const auto name = w.block8();
    w.text(target.host);
  }
  w.u16be(target.port);
  return w.take();
}

asio::awaitable<ProxyVerdict> open_through_socks(Stream& stream, const Target& target,
                                                 Deadline deadline) {
  ProxyAnswer answer(stream, deadline);
  const Bytes greeting = {kSocksVersion, 1, kNoAuthentication};
  bool done = co_await stream.send(greeting, deadline);
  if (done) done = co_await answer.wait_for(2);
  if (!done) co_return answer.refusal();
  if (answer.at(0) != kSocksVersion || answer.at(1) != kNoAuthentication)
    co_return answer.refusal();
  const auto request = socks_request(target);
  done = co_await stream.send(request, deadline);
  if (done) done = co_await answer.wait_for(2 + 5);
  if (!done) co_return answer.refusal();
  if (answer.at(2) != kSocksVersion || answer.at(3) != 0) co_return answer.refusal();
  const auto type = answer.at(5);
  const std::size_t address = type == 1 ? 4u : type == 4 ? 16u : 1u + answer.at(6);
  done = co_await answer.wait_for(2 + 4 + address + 2);
  co_return done ? ProxyVerdict::kGranted : answer.refusal();
}

asio::awaitable<ProxyVerdict> open_through_http(Stream& stream, const Target& target,
                                                Deadline deadline) {
  ProxyAnswer answer(stream, deadline);
  const bool v6 = target.host.contains(':');
  const auto where =
      (v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port);
  const auto request = "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n\r\n";
  bool done = co_await stream.send(base::as_bytes(request), deadline);
  if (done) done = co_await answer.wait_for_header_end();
  if (!done) co_return answer.refusal();
  const auto status = answer.text().substr(0, answer.text().find("\r\n"));
  // "HTTP/1.1 200 Connection established": any 2xx grants.
  const bool granted =
      status.starts_with("HTTP/1.") && status.size() >= 12 && status[8] == ' ' && status[9] == '2';
  co_return granted ? ProxyVerdict::kGranted : ProxyVerdict::kRefused;
}

}  // namespace

asio::awaitable<ProxyVerdict> open_through_proxy(Stream& stream, Proxy::Kind kind,
                                                 const Target& target, Deadline deadline) {
  if (kind == Proxy::Kind::kSocks5) co_return co_await open_through_socks(stream, target, deadline);
  co_return co_await open_through_http(stream, target, deadline);
}

}  // namespace rdpwhy::net
