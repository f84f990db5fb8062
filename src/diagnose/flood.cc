// Silence is told from its opposites: octets that never stop and hold no answer, other messages
// than the one that is due, and one that is never finished.
#include <fmt/format.h>

#include <algorithm>

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
        if (is_talk(e)) {
          ++talk;
          last_talk = &e;
        }
        read = std::max(read, e.where.offset + e.where.size);
        const auto* data = std::get_if<record::ApplicationData>(&e.fact);
        begun = data != nullptr && data->begins_message;
      } else if (!ending) {
        const auto* message = std::get_if<record::HandshakeMessage>(&e.fact);
        finished = finished || (message != nullptr && message->type == kFinished);
        messages = talk = 0;
        last = last_talk = nullptr;
        client = &e;
      }
    }
    octets = begun || seen < read ? 0 : seen - read;
  }

  /// Of TLS, behind its handshake. Tickets are sent at any time, and say nothing.
  static bool is_talk(const Evidence& e) {
    const auto* message = std::get_if<record::HandshakeMessage>(&e.fact);
    constexpr auto kTicket = static_cast<std::uint8_t>(tls::HandshakeType::kNewSessionTicket);
    return message != nullptr && message->type != kTicket;
  }

  static constexpr auto kFinished = static_cast<std::uint8_t>(tls::HandshakeType::kFinished);

  bool finished = false;  ///< the client's half of the handshake
  std::size_t messages = 0;
  const Evidence* last = nullptr;
  std::size_t talk = 0;  ///< of them those that are neither an answer nor expected
  const Evidence* last_talk = nullptr;
  const Evidence* client = nullptr;  ///< what the client said last
  std::uint64_t octets = 0;          ///< of records that hold no message at all
};

/// "a Heartbeat" as "Heartbeat".
std::string without_article(std::string words) {
  for (const std::string_view article : {"the ", "a ", "an "}) {
    if (words.starts_with(article)) return words.substr(article.size());
  }
  return words;
}

/// "Heartbeat (5 times), Deactivate All"
std::string kinds_in_words(const record::ServerTalk& talk) {
  constexpr std::size_t kMost = 4;
  std::string words;
  for (std::size_t i = 0; i < talk.kinds.size(); ++i) {
    if (i == kMost) return words + " and others";
    const auto& [name, count] = talk.kinds[i];
    if (i > 0) words += ", ";
    words += without_article(record::message_in_words(name));
    if (count > 1) words += fmt::format(" ({} times)", count);
  }
  return words.empty() ? "what the record had no room for" : words;
}

/// Since the client went on; all the connection's time where that is not known.
Nanoseconds talked_for(const Reading& reading, const record::ServerTalk& talk) {
  const auto end = reading.record.evidence[reading.failure()->evidence - 1].at;
  return talk.since == Moment{} ? reading.failure()->after_ns : end - talk.since;
}

/// It demands anew, and anew, and nothing comes of it: the client goes.
bool judge_reactivation(const Reading& reading, Findings& findings) {
  constexpr std::size_t kMany = 4;
  if (reading.session.is_active() || reading.failure()->by != Side::kClient) return false;
  std::size_t demands = 0;
  const Evidence* last = nullptr;
  for (const auto& e : reading.record.evidence) {
    if (e.where.side != Side::kServer || e.id > reading.failure()->evidence) continue;
    if (record::share_control_in<rdp::DemandActive>(e) == nullptr) continue;
    ++demands;
    last = &e;
  }
  if (demands < kMany) return false;
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("The server demanded {} times that the client become active, and never let "
                       "it: where the end of the handshake was due it began anew each time.",
                       demands),
           ids_with_failure(reading, {reading.session.demand_active, last}))
      .against.push_back("a server may begin anew; only how often it does is not in order");
  return true;
}

bool judge_session_flood(const Reading& reading, Findings& findings) {
  if (judge_reactivation(reading, findings)) return true;
  const auto talk = record::server_talk(reading.record, *reading.failure());
  if (!talk || !talk->is_flood()) return false;
  findings
      .add("protocol-violation", Confidence::kLikely,
           fmt::format("The server was not silent: {} was due, and it sent message upon message, "
                       "{} and more ({}), but not that.",
                       awaited_in_words(reading), talk->messages, kinds_in_words(*talk)),
           ids_with_failure(reading, {talk->last}))
      .against.push_back("each of them is allowed for itself; only their number is not in order");
  return true;
}

}  // namespace

bool judge_unfinished(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->by != Side::kClient || failure->how == EndedHow::kFailurePdu)
    return false;
  const auto octets = record::unfinished_octets(reading.record);
  if (octets == 0) return false;
  const auto* ending =
      reading.ending == nullptr ? nullptr : std::get_if<record::Ending>(&reading.ending->fact);
  // Its silence counts from the last octet of either side: of the client's leave, where it took it.
  const bool took_leave = std::ranges::any_of(reading.record.evidence, [&](const Evidence& e) {
    return e.where.side == Side::kClient && std::holds_alternative<record::TlsAlert>(e.fact);
  });
  const auto because = ids_with_failure(reading, {});
  auto& finding = findings.add(
      "stalled", Confidence::kPossible,
      fmt::format("{} octet{} of an answer came, and {} after {} it was still unfinished{}: it "
                  "stopped in the middle, or comes far too slowly.",
                  octets, octets == 1 ? "" : "s", duration_in_words(failure->after_ns),
                  after_in_words(*failure, "the last message"),
                  ending == nullptr || took_leave
                      ? ""
                      : fmt::format(" (the last octet came {} before the client hung up)",
                                    duration_in_words(ending->silence))),
      because);
  finding.title = "the server began an answer and did not finish it";
  findings
      .add("slow-server", Confidence::kPossible,
           "A server or path that is far too slow looks so at a deadline.", because)
      .against.push_back("how long the whole answer takes is not known: try a longer --timeout");
  return true;
}

bool judge_talk_of_tls(const Reading& reading, Findings& findings) {
  const SinceClient since(reading);
  if (since.talk == 0 || since.client == nullptr || reading.failure()->by != Side::kClient)
    return false;
  const auto end = reading.record.evidence[reading.failure()->evidence - 1].at;
  auto& finding = findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format(
          "The server was not silent, but it did not go on: in {} after {} it sent only {}{}.",
          duration_in_words(end - since.client->at), record::describe(*since.client),
          record::describe(*since.last_talk),
          since.talk > 1 ? fmt::format(" ({} times)", since.talk) : ""),
      ids_with_failure(reading, {since.client, since.last_talk}));
  finding.title = "The server talks and does not go on";
  finding.against.push_back("it may only be slow: try a longer --timeout");
  return true;
}

bool judge_talk(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure == nullptr) return false;
  const auto talk = record::server_talk(reading.record, *failure);
  if (!talk) return false;
  if (judge_unfinished(reading, findings)) return true;
  const bool waited = reading.silence() || reading.missed_deadline;
  if (!waited || talk->last == nullptr) return false;
  auto& finding = findings.add(
      "unexplained", Confidence::kPossible,
      fmt::format("The server was not silent, but it did not go on: {} was due, and in "
                  "{} it sent only {}.",
                  awaited_in_words(reading), duration_in_words(talked_for(reading, *talk)),
                  kinds_in_words(*talk)),
      ids_with_failure(reading, {talk->last}));
  finding.title = "The server talks and does not go on";
  finding.against.push_back(
      "a session that is being made can take longer than this: probe with --timeout 60");
  return true;
}

bool judge_flood(const Reading& reading, Findings& findings) {
  const auto* failure = reading.failure();
  if (failure == nullptr || failure->by != Side::kClient || failure->phase < Phase::kTls)
    return false;
  if (failure->phase >= Phase::kMcs && judge_session_flood(reading, findings)) return true;
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
