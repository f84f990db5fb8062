#include "net/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/error_queue.h"
#include "net/tcp_facts.h"
#include "net/waiting.h"

namespace rdpwhy::net {

using Socket = asio::ip::tcp::socket;
using How = record::Ending::How;

Stream::Stream(Socket& socket, Tap& tap, const RunClock& clock)
    : socket_(socket), tap_(tap), clock_(clock), buffer_(32 * 1024) {
  // The reset can have come together with the connection.
  for (auto i = tap.record().evidence.size(); i > 0; --i) {
    const auto& fact = tap.record().evidence[i - 1].fact;
    if (std::holds_alternative<record::Connected>(fact)) break;
    const auto* ending = std::get_if<record::Ending>(&fact);
    reset_ = reset_ || (ending != nullptr && ending->how == How::kReset);
  }
}

asio::awaitable<Stream::Got> Stream::receive(Deadline deadline) {
  for (;;) {
    const auto got = look();
    // A peer that never pauses must not outlast the deadline: what it said is in the record. What
    // was there in time may be read a moment later.
    constexpr auto kMoment = std::chrono::milliseconds(50);
    const bool late = std::chrono::steady_clock::now() > deadline + kMoment;
    if (got == Got::kOctets && late) co_return Got::kNothing;
    if (got != Got::kNothing) co_return got;
    const bool ready = co_await wait_until_ready(socket_, Socket::wait_read, deadline);
    if (!ready) co_return look();  // what came in the same instant counts
  }
}

Stream::Got Stream::look() {
  if (ended_by_peer()) return Got::kEnding;
  const auto count = ::recv(socket_.native_handle(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  return take(count, count < 0 ? errno : 0);
}

Stream::Got Stream::take(long count, int error) {
  const auto now = clock_.now();
  if (count > 0) {
    const ByteSpan octets(buffer_.data(), static_cast<std::size_t>(count));
    received_ += octets.size();
    tap_.received(octets, now);
    if (reader_) reader_(octets);
    tap_.received_to_capture(octets, now);
    return received_ > kMostReceived ? Got::kTooMuch : Got::kOctets;
  }
  if (count == 0) {
    closed_by_peer_ = true;
    tap_.ended(Side::kServer, How::kClose, now);
    return Got::kEnding;
  }
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return Got::kNothing;
  if (note_network(error)) return given_up_ ? Got::kEnding : Got::kNothing;
  note_reset();
  return Got::kEnding;
}

void Stream::note_reset() {
  if (reset_) return;
  reset_ = true;
  tap_.ended(Side::kServer, How::kReset, clock_.now());
}

bool Stream::note_network(int error) {
  const int fd = socket_.native_handle();
  asio::error_code failed;
  const bool v6 = socket_.local_endpoint(failed).address().is_v6();
  const auto icmp = icmp_behind(error, v6);
  if (!icmp && error != ETIMEDOUT) return false;
  const auto now = clock_.now();
  const auto told = tcp_facts(fd);
  if (told && told->state == TcpFacts::State::kGone) {
    given_up_ = true;
    tap_.ended(Side::kNetwork, icmp ? How::kUnreachable : How::kUnanswered, now);
    return true;
  }
  // TCP goes on after an ICMP error, and each repetition may bring another one.
  if (icmp && lost_at_ != received_) tap_.icmp_told(*icmp, now);
  lost_at_ = received_;
  return true;
}

asio::awaitable<bool> Stream::send(ByteSpan octets, Deadline deadline) {
  if (reset_ || given_up_) co_return false;
  tap_.sent(octets, clock_.now());
  if (!std::exchange(splits_next_, false)) co_return co_await write(octets, deadline);
  constexpr std::size_t kPieces = 8;
  constexpr auto kPause = std::chrono::milliseconds(30);
  const auto piece = std::max<std::size_t>(1, octets.size() / kPieces);
  while (!octets.empty()) {
    const auto size = std::min(piece, octets.size());
    const bool written = co_await write(octets.first(size), deadline);
    if (!written) co_return false;
    octets = octets.subspan(size);
    if (!octets.empty()) co_await wait_until(std::chrono::steady_clock::now() + kPause);
  }
  co_return true;
}

asio::awaitable<bool> Stream::write(ByteSpan octets, Deadline deadline) {
  while (!octets.empty()) {
    const auto count =
        ::send(socket_.native_handle(), octets.data(), octets.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      octets = octets.subspan(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      const bool ready = co_await wait_until_ready(socket_, Socket::wait_write, deadline);
      if (!ready) co_return false;
      continue;
    }
    if (note_network(errno)) {
      if (given_up_) co_return false;
      continue;
    }
    // The failed write took the socket's error away: what the peer sent before its reset can still
    // be read, and the end of that says nothing any more.
    while (!closed_by_peer_) {
      const auto left =
          ::recv(socket_.native_handle(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (left <= 0 || take(left, 0) == Got::kTooMuch) break;
    }
    note_reset();
    co_return false;
  }
  co_return true;
}

asio::awaitable<void> Stream::close_in_order(Deadline deadline) {
  const int fd = socket_.native_handle();
  left_unasked_ = ended_by_peer();
  const auto told = tcp_facts(fd);
  if (told) retransmissions_ = told->retransmissions;
  if (told && told->state == TcpFacts::State::kGone) {
    // It may have closed without our having looked since.
    while (look() == Got::kOctets) {
    }
    // Closed by the peer and gone: a reset followed, in answer to something that we sent.
    if (closed_by_peer_) note_reset();
  }
  if (!reset_ && !given_up_ && ::shutdown(fd, SHUT_WR) == 0) {
    tap_.ended(Side::kClient, How::kClose, clock_.now());
    while (!ended_by_peer()) {
      const auto got = co_await receive(deadline);
      if (got == Got::kNothing || got == Got::kTooMuch) break;
    }
  }
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace rdpwhy::net
