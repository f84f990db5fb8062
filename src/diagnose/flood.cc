// Silence is told from its opposite: octets that never stop and hold no answer.
#include <fmt/format.h>

#include "diagnose/reading.h"
#include "rdpwhy/tls/handshake.h"

namespace rdpwhy::diagnose {
namespace {

using record::EndedHow;
using record::Layer;

// No message that answers a client of RDP comes with so many others before it.
constexpr std::size_t kManyMessages = 256;
// Padding of TLS 1.3 and empty records leave no evidence; no server needs so much of them.
constexpr std::uint64_t kManyOctets = 64 * 1024;
// Behind the client's Finished a session ticket may be on its way, and not all of it here.
constexpr std::uint64_t kMostTicket = 2048;

/// What the server sent since the client last said anything.
struct SinceClient {
  explicit SinceClient(const Reading& reading) {
    std::uint64_t read = 0;
    std::uint64_t seen = 0;
    bool begun = false;  // a message of which more is due
    for (const auto& e : reading.record.evidence) {
      const bool ending = std::holds_alternative<record::Ending>(e.fact);
      if (const auto* end = std::get_if<record::Ending>(&e.fact))
        seen = std::max(seen, end->server_bytes);
      if (e.where.layer == Layer::kTransport) continue;
      if (e.where.side == Side::kServer) {
        ++messages;
        last = &e;
        read = std::max(read, e.where.offset + e.where.size);
        const auto* data = std::get_if<record::ApplicationData>(&e.fact);
        begun = data != nullptr && data->begins_message;
      } else if (!ending) {
        const auto* message = std::get_if<record::HandshakeMessage>(&e.fact);
        finished = finished || (message != nullptr && message->type == kFinished);
        messages = 0;
        last = nullptr;
      }
    }
    octets = begun || seen < read ? 0 : seen - read;
  }

  static constexpr auto kFinished = static_cast<std::uint8_t>(tls::HandshakeType::kFinished);

  bool finished = false;  ///< the client's half of the handshake
  std::size_t messages = 0;
  const Evidence* last = nullptr;
  std::uint64_t octets = 0;  ///< of records that hold no message at all
};

}  // namespace

bool judge_flood(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->by != Side::kClient || failure->phase < Phase::kTls)
    return false;
  if (failure->how != EndedHow::kClose && failure->how != EndedHow::kTimeout) return false;
  const SinceClient since(reading);
  const bool messages = since.messages >= kManyMessages;
  const bool inside = reading.reached(Phase::kTls) ? since.octets >= kManyOctets
                                                   : since.finished && since.octets > kMostTicket;
  if (!messages && !inside) return false;
  auto& finding = findings.add(
      "protocol-violation", Confidence::kLikely,
      messages
          ? fmt::format("The server was not silent: it sent message upon message, {} and more "
                        "(the last one kept: {}), and none that was due.",
                        since.messages, record::describe(*since.last))
          : fmt::format("The server was not silent: it sent {} octets of TLS records that hold "
                        "no message, and none that was due.",
                        since.octets),
      ids_with_failure(reading, {since.last}));
  finding.against.push_back(
      "each of them is allowed for itself; only their number is not in order");
  return true;
}

}  // namespace rdpwhy::diagnose
