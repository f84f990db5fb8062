#include "dialogue/tls_sequence.h"

#include "dialogue/credssp_sequence.h"
#include "dialogue/mcs_sequence.h"
#include "dialogue/rdstls_sequence.h"
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

/// Both Finished are through, as far as this side can see. A deadline that passed on the way leaves
/// a handshake half done.
bool is_complete(std::span<const Evidence> evidence) {
  struct Half {
    bool ciphered = false;  // ChangeCipherSpec of TLS 1.2 and older
    bool finished = false;
  };
  Half client;
  Half server;
  bool tls13 = false;
  for (const auto& e : evidence) {
    auto& half = e.where.side == Side::kClient ? client : server;
    if (const auto* alert = std::get_if<record::TlsAlert>(&e.fact)) {
      if (e.where.side == Side::kClient || !alert->alert) return false;  // ours: OpenSSL gave up
    } else if (const auto* hello = record::get_if<tls::ServerHello>(&e.fact)) {
      tls13 = hello->version() == kTls13;
    } else if (std::holds_alternative<record::ChangeCipherSpec>(e.fact)) {
      half.ciphered = true;
    } else if (const auto* message = std::get_if<record::HandshakeMessage>(&e.fact)) {
      half.finished |= message->type == static_cast<std::uint8_t>(tls::HandshakeType::kFinished);
    } else if (std::holds_alternative<record::ProtectedRecord>(e.fact)) {
      half.finished |= tls13 || half.ciphered;  // one that stays closed to us
    }
  }
  return client.finished && server.finished;
}

/// What the server selected, when it was offered. One that selects something else gets nothing
/// behind TLS, least of all credentials.
std::optional<rdp::Protocol> selected_of_ours(std::span<const Evidence> evidence,
                                              const rdp::ConnectionRequest& request) {
  if (!request.negotiation) return std::nullopt;
  for (const auto& e : evidence) {
    const auto* confirm = std::get_if<rdp::ConnectionConfirm>(&e.fact);
    if (confirm == nullptr || confirm->response() == nullptr) continue;
    const auto selected = confirm->response()->selected_protocol;
    if ((request.negotiation->requested.bits & selected) == 0) return std::nullopt;
    return static_cast<rdp::Protocol>(selected);
  }
  return std::nullopt;
}

}  // namespace

Step TlsSequence::next(const HandshakeRecord& record) {
  const auto evidence = this_connection(record);
  if (server_is_done(evidence)) return Finish{};
  switch (state_) {
    case State::kStartDue:
      state_ = State::kHandshaken;
      return StartTls{plan_.tls};
    case State::kHandshaken:
      if (!verdict_is_open(evidence)) break;
      state_ = State::kLingered;
      return Linger{};
    case State::kLingered:
      break;
  }
  return go_behind(evidence);
}

Step TlsSequence::go_behind(std::span<const Evidence> evidence) {
  const auto selected = selected_of_ours(evidence, plan_.request);
  if (!selected || !is_complete(evidence)) return Finish{};
  const auto depth = plan_.depth(static_cast<std::uint32_t>(*selected));
  switch (*selected) {
    case rdp::Protocol::kHybrid:
    case rdp::Protocol::kHybridEx:
      if (depth < Phase::kCredssp || plan_.credssp.authentication == Authentication::kNone) break;
      return Next{std::make_unique<CredsspSequence>(std::move(plan_))};
    case rdp::Protocol::kSsl:
      if (depth < Phase::kMcs) break;
      return Next{
          std::make_unique<McsSequence>(std::move(plan_), static_cast<std::uint32_t>(*selected))};
    case rdp::Protocol::kRdstls:
      if (depth < Phase::kRdstls || !plan_.rdstls) break;  // no redirection led here
      return Next{std::make_unique<RdstlsSequence>(std::move(plan_))};
    case rdp::Protocol::kRdsAad:
      break;  // who has no token has nothing to say there
  }
  return Finish{};
}

}  // namespace rdpwhy::dialogue
