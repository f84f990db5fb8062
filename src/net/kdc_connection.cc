#include "net/kdc_connection.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <system_error>
#include <utility>

namespace rdpwhy::net {
namespace {

using std::chrono::steady_clock;

/// Tickets with a PAC of many groups stay far below.
constexpr std::uint32_t kMostAnswer = 1u << 20;

std::string words_of(int error) { return std::generic_category().message(error); }

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace

std::optional<KdcEndpoint> answering_kdc(std::string_view trace_line) {
  constexpr std::string_view kAnswer = "Received answer (";
  const auto answer = trace_line.find(kAnswer);
  if (answer == std::string_view::npos) return {};
  auto from = trace_line.substr(answer);
  constexpr std::string_view kFrom = ") from ";
  const auto at = from.find(kFrom);
  if (at == std::string_view::npos) return {};
  from.remove_prefix(at + kFrom.size());
  while (!from.empty() && from.back() == '\n') from.remove_suffix(1);
  const bool direct = from.starts_with("stream ") || from.starts_with("dgram ");
  if (!direct) return {};
  from.remove_prefix(from.find(' ') + 1);
  const auto colon = from.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return {};
  KdcEndpoint kdc{.address = std::string(from.substr(0, colon))};
  const auto port = from.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), kdc.port);
  if (error != std::errc{} || end != port.data() + port.size() || kdc.port == 0) return {};
  return kdc;
}

std::expected<KdcConnection, std::string> KdcConnection::open(const KdcEndpoint& kdc,
                                                              Deadline deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto port = std::to_string(kdc.port);
  if (const int status = getaddrinfo(kdc.address.c_str(), port.c_str(), &hints, &found);
      status != 0) {
    return std::unexpected(std::string(gai_strerror(status)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return std::unexpected(words_of(errno));
  KdcConnection connection(socket);
  if (::connect(socket, found->ai_addr, found->ai_addrlen) == 0) return connection;
  if (errno != EINPROGRESS) return std::unexpected(words_of(errno));
  if (!connection.wait(POLLOUT, deadline)) return std::unexpected(words_of(ETIMEDOUT));
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return std::unexpected(words_of(error));
  return connection;
}

KdcConnection::KdcConnection(KdcConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)) {}

KdcConnection::~KdcConnection() {
  if (socket_ >= 0) ::close(socket_);
}

std::optional<Bytes> KdcConnection::exchange(ByteSpan message, Deadline deadline) {
  const auto size = static_cast<std::uint32_t>(message.size());
  Bytes framed = {static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
                  static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  framed.insert(framed.end(), message.begin(), message.end());
  if (!write(framed, deadline)) return {};
  std::uint8_t length[4] = {};
  if (!read(length, deadline)) return {};
  const auto answer_size = static_cast<std::uint32_t>(length[0]) << 24 |
                           static_cast<std::uint32_t>(length[1]) << 16 |
                           static_cast<std::uint32_t>(length[2]) << 8 | length[3];
  if (answer_size == 0 || answer_size > kMostAnswer) return {};
  Bytes answer(answer_size);
  if (!read(answer, deadline)) return {};
  return answer;
}

bool KdcConnection::wait(short events, Deadline deadline) const {
  for (;;) {
    pollfd watched{.fd = socket_, .events = events, .revents = 0};
    const int ready = ::poll(&watched, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool KdcConnection::write(ByteSpan octets, Deadline deadline) {
  while (!octets.empty()) {
    const auto count = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (count > 0) {
      octets = octets.subspan(static_cast<std::size_t>(count));
    } else if (errno != EINTR && (errno != EAGAIN || !wait(POLLOUT, deadline))) {
      return false;
    }
  }
  return true;
}

bool KdcConnection::read(std::span<std::uint8_t> octets, Deadline deadline) {
  while (!octets.empty()) {
    if (steady_clock::now() > deadline) return false;
    const auto count = ::recv(socket_, octets.data(), octets.size(), 0);
    if (count > 0) {
      octets = octets.subspan(static_cast<std::size_t>(count));
    } else if (count == 0 || (errno != EINTR && (errno != EAGAIN || !wait(POLLIN, deadline)))) {
      return false;
    }
  }
  return true;
}

}  // namespace rdpwhy::net
