#include "net/connecting.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/address.h"
#include "net/error_queue.h"
#include "net/tcp_facts.h"
#include "net/waiting.h"

namespace rdpwhy::net {
namespace {

using How = record::Ending::How;

struct Verdict {
  Side by = Side::kNetwork;
  How how = How::kUnreachable;
};

/// What an attempt ended in. `from_here`: an ICMP error that our own kernel made, of that code.
Verdict judge(int error, const std::vector<capture::IcmpQuote>& quotes,
              const capture::Endpoint& client, const capture::Endpoint& server) {
  for (const auto& quote : quotes) {
    if (quote.offender != client.address || quote.offender == server.address) continue;
    // Our own kernel speaks: "host unreachable" when nobody answers ARP or neighbour solicitation
    // (RFC 792, RFC 4443 3.1), anything else when a local rule rejects.
    const bool no_neighbour =
        quote.v6 ? quote.type == 1 && quote.code == 3 : quote.type == 3 && quote.code == 1;
    return no_neighbour ? Verdict{} : Verdict{Side::kClient, How::kLocal};
  }
  if (!quotes.empty()) return {};
  switch (error) {
    case ECONNREFUSED:
      return {Side::kServer, How::kRefused};
    case ETIMEDOUT:
      return {Side::kNetwork, How::kUnanswered};
    case EPERM:
    case EACCES:
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
    case EINVAL:  // a blackhole route
      return {Side::kClient, How::kLocal};
    default:
      return {};
  }
}

capture::Endpoint local_end(int socket, bool v6) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  // sockaddr_storage stands for every address family: the one cast that the socket API demands.
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    if (const auto endpoint = endpoint_of(address)) return *endpoint;
  }
  capture::Endpoint none;
  none.address.v6 = v6;
  return none;
}

int pending_error(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

/// One attempt whose SYN is out.
class Connecting {
 public:
  Connecting(asio::ip::tcp::socket& socket, const capture::Endpoint& server, Tap& tap,
             const RunClock& clock, record::RunFacts& facts, Moment began)
      : socket_(socket),
        fd_(socket.native_handle()),
        client_(local_end(fd_, server.address.v6)),
        server_(server),
        tap_(tap),
        clock_(clock),
        facts_(facts) {
    tap_.connecting(client_, server_, began);
  }

  asio::awaitable<Attempt> wait(Deadline deadline) {
    for (;;) {
      const bool ready =
          co_await wait_until_ready(socket_, asio::ip::tcp::socket::wait_write, deadline);
      const auto now = clock_.now();
      const auto told = tcp_facts(fd_);
      // The socket's own error is taken away by asking for it, so the state comes first.
      const bool connecting = !told || told->state == TcpFacts::State::kConnecting;
      if (told) facts_.syn_retransmissions = told->retransmissions;
      take_quotes(now);
      if (told && !connecting && told->state != TcpFacts::State::kGone) co_return up(*told, now);
      if (!connecting) {
        const int error = pending_error(fd_);
        if (error == ECONNRESET || error == EPIPE) co_return up_and_reset(*told, now);
        co_return down(error, now);
      }
      // The kernel gives an attempt up on its first ICMP error, except when that comes while it
      // still holds the socket for the SYN itself: on fast links we do it in its place.
      if (!quotes_.empty()) co_return down(0, now);
      if (!ready) co_return timed_out(now);
    }
  }

 private:
  void take_quotes(Moment now) {
    for (const auto& quote : read_error_queue(fd_, client_, server_, now)) {
      if (quotes_.size() >= kMostQuotes) return;
      quotes_.push_back(quote);
      tap_.icmp(quote);
    }
  }

  Attempt up(const TcpFacts& told, Moment now) {
    tap_.connected(now);
    facts_.local_address = client_.text();
    facts_.rtt_us = told.rtt_us;
    facts_.segment_size = told.segment_size;
    return {.connected = true};
  }

  /// The handshake was complete and the reset came before we looked.
  Attempt up_and_reset(const TcpFacts& told, Moment now) {
    const auto attempt = up(told, now);
    tap_.ended(Side::kServer, How::kReset, now);
    return attempt;
  }

  Attempt down(int error, Moment now) {
    const auto verdict = judge(error, quotes_, client_, server_);
    tap_.ended(verdict.by, verdict.how, now);
    return {.missed_deadline = verdict.how == How::kUnanswered};
  }

  Attempt timed_out(Moment now) {
    tap_.ended(Side::kNetwork, How::kUnanswered, now);
    return {.missed_deadline = true};
  }

  static constexpr std::size_t kMostQuotes = 8;

  asio::ip::tcp::socket& socket_;
  int fd_;
  capture::Endpoint client_;
  capture::Endpoint server_;
  Tap& tap_;
  const RunClock& clock_;
  record::RunFacts& facts_;
  std::vector<capture::IcmpQuote> quotes_;
};

bool is_about_us(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

asio::awaitable<std::expected<Attempt, Error>> connect(asio::ip::tcp::socket& socket,
                                                       const asio::ip::tcp::endpoint& server,
                                                       Tap& tap, const RunClock& clock,
                                                       record::RunFacts& facts, Deadline deadline,
                                                       std::optional<int> segment_size) {
  const auto began = clock.now();
  asio::error_code failed;
  socket.open(server.protocol(), failed);
  if (failed && is_about_us(failed.value())) {
    co_return std::unexpected(Error{failed.message()}.in("cannot open a socket"));
  }
  int error = failed.value();
  if (!failed) {
    const int fd = socket.native_handle();
    socket.native_non_blocking(true, failed);
    set_error_queue(fd, server.address().is_v6());
    const int no_delay = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
    if (segment_size) {
      const int size = *segment_size;
      setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof size);
    }
    error = ::connect(fd, server.data(), static_cast<socklen_t>(server.size())) == 0 ? EINPROGRESS
                                                                                     : errno;
  }
  if (error != EINPROGRESS) {  // no SYN went out
    const auto verdict = judge(error, {}, {}, endpoint_of(server));
    tap.not_sent(verdict.by, verdict.how, began, clock.now());
    co_return Attempt{};
  }
  Connecting attempt(socket, endpoint_of(server), tap, clock, facts, began);
  co_return co_await attempt.wait(deadline);
}

}  // namespace rdpwhy::net
