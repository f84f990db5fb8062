#include "rdpwhy/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace rdpwhy::net {

using std::chrono::steady_clock;

/// Readable from the moment of `raise` on, for every poll that watches it.
class StopSignal {
 public:
  StopSignal() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal() { ::close(descriptor_); }

  void raise() const { eventfd_write(descriptor_, 1); }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

namespace {

std::unexpected<Error> failed(std::string_view what) {
  return std::unexpected(Error{std::generic_category().message(errno)}.in(what));
}

/// Milliseconds for poll(), rounded up; -1: for ever.
int poll_time(std::optional<steady_clock::time_point> end) {
  if (!end) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*end - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// True when `socket` is ready; false when stopped or the time is over.
bool wait_for(int socket, short events, const StopSignal& stop,
              std::optional<steady_clock::time_point> end) {
  for (;;) {
    std::array<pollfd, 2> watched = {{{.fd = socket, .events = events, .revents = 0},
                                      {.fd = stop.descriptor(), .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(watched.data(), watched.size(), poll_time(end));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || watched[1].revents != 0) return false;
    return watched[0].revents != 0;
  }
}

}  // namespace

AcceptedConnection::AcceptedConnection(int socket, std::shared_ptr<StopSignal> stop,
                                       steady_clock::time_point end)
    : socket_(socket), stop_(std::move(stop)), end_(end) {}

AcceptedConnection::AcceptedConnection(AcceptedConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), stop_(std::move(other.stop_)), end_(other.end_) {}

AcceptedConnection::~AcceptedConnection() {
  if (socket_ >= 0) ::close(socket_);
}

bool AcceptedConnection::wait(short events, steady_clock::time_point end) const {
  return socket_ >= 0 && wait_for(socket_, events, *stop_, end);
}

std::optional<Bytes> AcceptedConnection::read() {
  Bytes octets(16 * 1024);
  while (wait(POLLIN, end_)) {
    const auto count = ::recv(socket_, octets.data(), octets.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) return {};
    octets.resize(static_cast<std::size_t>(count));
    return octets;
  }
  return {};
}

bool AcceptedConnection::write(ByteSpan octets) {
  while (!octets.empty()) {
    if (!wait(POLLOUT, end_)) return false;
    const auto count = ::send(socket_, octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) return false;
    octets = octets.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

void AcceptedConnection::finish_sending() { ::shutdown(socket_, SHUT_WR); }

void AcceptedConnection::drain() {
  while (read()) {
  }
}

void AcceptedConnection::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(socket_, -1));
}

int AcceptedConnection::segment_size() const {
  int size = 0;
  socklen_t length = sizeof size;
  return ::getsockopt(socket_, IPPROTO_TCP, TCP_MAXSEG, &size, &length) == 0 ? size : 0;
}

bool AcceptedConnection::pause(std::chrono::milliseconds time) {
  const auto end = std::min(end_, steady_clock::now() + time);
  // Octets of the peer are of no interest here, its end is.
  return !wait(POLLRDHUP, end) && steady_clock::now() >= end && end < end_;
}

std::expected<Listener, Error> Listener::open(std::uint16_t port,
                                              std::chrono::milliseconds lifetime,
                                              Loopback loopback) {
  const int family = loopback == Loopback::kV4 ? AF_INET : AF_INET6;
  const int socket = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return failed("cannot open a socket");
  Listener listener(socket, port, lifetime);  // closes it on every way out
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  auto* address = family == AF_INET ? reinterpret_cast<sockaddr*>(&v4)  // as the socket API demands
                                    : reinterpret_cast<sockaddr*>(&v6);
  socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
  constexpr int kBacklog = 64;
  if (::bind(socket, address, size) != 0 || ::listen(socket, kBacklog) != 0 ||
      ::getsockname(socket, address, &size) != 0) {
    return failed("cannot listen on port " + std::to_string(port));
  }
  listener.port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
  return listener;
}

Listener::Listener(int socket, std::uint16_t port, std::chrono::milliseconds lifetime)
    : socket_(socket), port_(port), lifetime_(lifetime), stop_(std::make_shared<StopSignal>()) {}

Listener::Listener(Listener&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      port_(other.port_),
      lifetime_(other.lifetime_),
      stop_(other.stop_) {}

Listener::~Listener() {
  if (socket_ >= 0) ::close(socket_);
}

std::optional<AcceptedConnection> Listener::accept() {
  while (wait_for(socket_, POLLIN, *stop_, {})) {
    const int socket = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) {
      if (errno == EMFILE || errno == ENFILE) return {};
      continue;  // the peer left before we came
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return AcceptedConnection(socket, stop_, steady_clock::now() + lifetime_);
  }
  return {};
}

void Listener::stop() { stop_->raise(); }

}  // namespace rdpwhy::net
