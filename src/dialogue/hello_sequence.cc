#include "dialogue/hello_sequence.h"

#include <optional>
#include <span>

#include "dialogue/this_connection.h"
#include "rdpwhy/tls/alert.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::dialogue {
namespace {

/// The version in force once the server's answer is complete; nothing as long as more of it is due.
std::optional<std::uint16_t> answered_in(std::span<const Evidence> evidence) {
  std::optional<std::uint16_t> version;
  for (const auto& e : evidence) {
    if (e.where.side != Side::kServer) continue;
    if (const auto* hello = record::get_if<tls::ServerHello>(&e.fact)) {
      version = hello->version();
      // What follows in TLS 1.3 is under keys that nobody here has.
      if (hello->hello_retry_request || tls::is_tls13(*version)) return version;
    }
    const auto* message = std::get_if<record::HandshakeMessage>(&e.fact);
    const bool is_done =
        message != nullptr &&
        message->type == static_cast<std::uint8_t>(tls::HandshakeType::kServerHelloDone);
    // A ChangeCipherSpec here resumes a session that we never had; there is no more to wait for.
    if (version && (is_done || std::holds_alternative<record::ChangeCipherSpec>(e.fact)))
      return version;
  }
  return std::nullopt;
}

/// RFC 5246 7.2.2, RFC 8446 6.1 user_canceled: the handshake ends for reasons of ours. Fatal,
/// since a warning alone leaves some servers waiting.
Bytes parting_alert(std::uint16_t version) {
  constexpr std::uint8_t kUserCanceled = 90;
  constexpr std::uint16_t kTls12 = 0x0303;
  const auto alert =
      tls::encode(tls::Alert{.level = tls::Alert::kFatal, .description = kUserCanceled});
  return tls::encode_record(tls::ContentType::kAlert, tls::is_tls13(version) ? kTls12 : version,
                            alert);
}

}  // namespace

Step HelloSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (state_ == State::kLeft || server_is_done(evidence)) return Finish{};
  if (state_ == State::kHelloDue) {
    state_ = State::kAwaited;
    return Send{client_hello_};
  }
  const auto version = answered_in(evidence);
  if (!version) return Await{};
  state_ = State::kLeft;
  return Send{parting_alert(*version)};
}

}  // namespace rdpwhy::dialogue
