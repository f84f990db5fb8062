#include "net/drive.h"

#include <algorithm>
#include <optional>

namespace rdpwhy::net {
namespace {

using Got = Stream::Got;
using std::chrono::steady_clock;

class Drive {
 public:
  Drive(Stream& stream, std::unique_ptr<dialogue::Sequence> sequence, const DriveOptions& options,
        record::RunFacts& facts)
      : stream_(stream), sequence_(std::move(sequence)), options_(options), facts_(facts) {}

  asio::awaitable<std::expected<void, Error>> run() {
    begin_phase();
    bool more = true;
    while (more) more = co_await carry_out();
    const auto gone_by = steady_clock::now() + kDrain;
    if (tls_ && tls_->state() != State::kHandshaking && tls_->state() != State::kFailed) {
      tls_->close();
      co_await flush(gone_by);
    }
    co_await stream_.close_in_order(gone_by);
    stream_.read_by({});
    if (error_) co_return std::unexpected(*error_);
    co_return std::expected<void, Error>{};
  }

 private:
  using State = crypto::TlsSession::State;

  /// One step; false when nothing more is to be done.
  asio::awaitable<bool> carry_out() {
    // Whoever writes to a peer that has left learns nothing but a reset: look first.
    const bool too_much = stream_.look() == Got::kTooMuch;
    auto step = sequence_->next(stream_.tap().record());
    sequence_->tell(facts_);
    if (auto* next = std::get_if<dialogue::Next>(&step)) {
      sequence_ = std::move(next->sequence);
      begin_phase();
      co_return true;
    }
    if (auto* send = std::get_if<dialogue::Send>(&step)) {
      // Who is asked without end could answer without end.
      if (too_much || is_late()) co_return false;
      const bool written = co_await write(send->bytes);
      if (send->is_secret) base::wipe(send->bytes);
      co_return written;
    }
    if (auto* start = std::get_if<dialogue::StartTls>(&step)) {
      co_return co_await start_tls(std::move(start->offer));
    }
    if (std::holds_alternative<dialogue::Await>(step)) co_return co_await await_peer();
    if (auto* ask = std::get_if<dialogue::AskKerberos>(&step)) {
      co_await ask_kerberos(std::move(ask->server_token));
      co_return true;
    }
    if (auto* give_up = std::get_if<dialogue::GiveUp>(&step)) error_ = give_up->error;
    if (std::holds_alternative<dialogue::Linger>(step)) {
      const auto got = co_await receive(std::min(deadline_, steady_clock::now() + options_.linger));
      co_return got != Got::kTooMuch;
    }
    co_return false;
  }

  /// An answer that was there in time may be answered a moment later.
  bool is_late() {
    constexpr auto kMoment = std::chrono::milliseconds(250);
    if (steady_clock::now() <= deadline_ + kMoment) return false;
    facts_.missed_deadline = sequence_->phase();
    return true;
  }

  void begin_phase() {
    deadline_ = steady_clock::now() +
                std::chrono::duration_cast<steady_clock::duration>(options_.phase_timeout);
    if (options_.on_phase) options_.on_phase(sequence_->phase());
  }

  /// A phase of its own inside another: the time that it takes is not taken from that one.
  asio::awaitable<void> ask_kerberos(Bytes server_token) {
    if (options_.kerberos == nullptr) {
      sequence_->kerberos_answered({.failed = true, .words = "no Kerberos can be had here"});
      co_return;
    }
    if (options_.on_phase) options_.on_phase(Phase::kKerberos);
    const auto began = steady_clock::now();
    const auto by =
        began + std::chrono::duration_cast<steady_clock::duration>(options_.phase_timeout);
    auto taken = co_await options_.kerberos->step(std::move(server_token), by);
    for (auto& [talk, at] : taken.talks) stream_.tap().kdc(std::move(talk), at);
    sequence_->kerberos_answered(std::move(taken.answer));
    deadline_ += steady_clock::now() - began;
    if (options_.on_phase) options_.on_phase(sequence_->phase());
  }

  asio::awaitable<bool> await_peer() {
    const auto got = co_await receive(deadline_);
    if (got == Got::kNothing) facts_.missed_deadline = sequence_->phase();
    co_return got == Got::kOctets;
  }

  /// TLS has answers of its own to what comes (a renegotiation, a KeyUpdate), and what the dialogue
  /// says may have to wait for the peer's part of them: both go out at once, not with the next
  /// word.
  asio::awaitable<Got> receive(Deadline deadline) {
    if (tls_) co_await flush(deadline);
    const auto got = co_await stream_.receive(deadline);
    if (tls_ && got == Got::kOctets) co_await flush(deadline);
    co_return got;
  }

  asio::awaitable<bool> write(ByteSpan octets) {
    if (!tls_) {
      co_return co_await send(octets, deadline_);
    }
    tls_->write(octets);
    co_return co_await flush(deadline_);
  }

  asio::awaitable<bool> flush(Deadline deadline) {
    const auto octets = tls_->drain();
    if (octets.empty()) co_return true;
    co_return co_await send(octets, deadline);
  }

  asio::awaitable<bool> send(ByteSpan octets, Deadline deadline) {
    const bool sent = co_await stream_.send(octets, deadline);
    if (sent) co_return true;
    // An ending that stands in the record is for the sequence to read.
    if (stream_.ended_by_peer()) co_return true;
    facts_.missed_deadline = sequence_->phase();
    co_return false;
  }

  asio::awaitable<bool> start_tls(crypto::TlsOffer offer) {
    auto session = crypto::TlsSession::client(offer, options_.on_secret);
    if (!session) {
      error_ = session.error();
      co_return false;
    }
    tls_.emplace(*std::move(session));
    stream_.read_by([this](ByteSpan octets) {
      tls_->feed(octets);
      stream_.tap().dissector().secrets_changed();
    });
    tls_->feed({});
    if (options_.split_client_hello) stream_.split_next();
    for (;;) {
      const bool flushed = co_await flush(deadline_);
      if (!flushed) break;
      if (tls_->state() != State::kHandshaking || stream_.ended_by_peer()) break;
      const bool answered = co_await await_peer();
      if (!answered) break;
    }
    co_return !facts_.missed_deadline;
  }

  Stream& stream_;
  std::unique_ptr<dialogue::Sequence> sequence_;
  const DriveOptions& options_;
  record::RunFacts& facts_;
  Deadline deadline_;
  std::optional<crypto::TlsSession> tls_;
  std::optional<Error> error_;
};

}  // namespace

asio::awaitable<std::expected<void, Error>> drive(Stream& stream,
                                                  std::unique_ptr<dialogue::Sequence> sequence,
                                                  const DriveOptions& options,
                                                  record::RunFacts& facts) {
  Drive driven(stream, std::move(sequence), options, facts);
  co_return co_await driven.run();
}

}  // namespace rdpwhy::net
