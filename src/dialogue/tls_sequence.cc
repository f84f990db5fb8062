#include "dialogue/tls_sequence.h"

#include "dialogue/this_connection.h"

namespace rdpwhy::dialogue {
namespace {

constexpr std::uint16_t kTls13 = 0x0304;

/// RFC 8446 4.6.1: in TLS 1.3 our Finished goes last, and only a record that the server sends after
/// it (usually NewSessionTicket) shows that it was accepted; an alert there shows that it was not.
bool verdict_is_open(std::span<const Evidence> evidence) {
  std::optional<std::uint16_t> version;
  for (const auto& e : evidence) {
    if (const auto* hello = record::get_if<tls::ServerHello>(&e.fact)) {
      if (!hello->hello_retry_request) version = hello->version();
    }
    if (std::holds_alternative<record::TlsAlert>(e.fact)) return false;
  }
  return version == kTls13 && !evidence.empty() && evidence.back().where.side == Side::kClient;
}

}  // namespace

Step TlsSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (server_is_done(evidence)) return Finish{};
  switch (state_) {
    case State::kStartDue:
      state_ = State::kHandshaken;
      return StartTls{std::move(offer_)};
    case State::kHandshaken:
      if (!verdict_is_open(evidence)) return Finish{};
      state_ = State::kLingered;
      return Linger{};
    case State::kLingered:
      break;
  }
  return Finish{};
}

}  // namespace rdpwhy::dialogue
