#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rdpwhy/record/handshake_record.h"
#include "rdpwhy/record/octets.h"

namespace rdpwhy::dissect {

/// One whole unit of one side's stream: a TPKT, a TLS record, the opening of a proxy. Inside TLS: a
/// message.
struct Unit {
  Side side = Side::kClient;
  std::uint64_t offset = 0;  ///< in that side's TCP stream
  ByteSpan octets;
  Moment at;                  ///< of the octets that completed it
  std::uint32_t missing = 0;  ///< octets of it that the capture does not hold (zeros here)
  std::optional<record::Where> records = {};  ///< inside TLS: the records that hold it

  [[nodiscard]] record::Where where() const {
    if (records) return *records;
    return {.side = side,
            .layer = record::Layer::kWire,
            .offset = offset,
            .size = static_cast<std::uint32_t>(octets.size())};
  }
};

/// The one place where evidence is added, and its bound. Facts come by reference and are moved
/// once: there are dozens in every connection of a capture, and each move asks what they hold.
class EvidenceLog {
 public:
  /// No handshake needs half as many; a peer can send messages for ever.
  static constexpr std::size_t kMostEvidence = 512;
  /// Endings and gaps are kept beyond that, up to here.
  static constexpr std::size_t kMostInAll = 544;
  /// Neither does any need a hundredth of this memory (record/octets.h); the last message may go
  /// beyond it.
  static constexpr std::size_t kMostOctets = std::size_t{4} << 20;
  static constexpr std::size_t kMostFirst = 64;  ///< octets kept of what was not understood

  Phase phase = Phase::kTcp;  ///< the one that is running

  void add(record::Where where, Moment at, record::Fact&& fact, std::vector<Note>&& notes = {}) {
    if (full()) return;
    append(where, at, std::move(fact), std::move(notes));
    if (full()) {
      record_.evidence.back().notes.push_back(
          {.text = "too many messages: what both sides say after this is not kept"});
    }
  }
  /// What the network does is told even when no more messages are.
  void add_event(record::Where where, Moment at, record::Fact&& fact,
                 std::vector<Note>&& notes = {}, bool live_only = false) {
    if (record_.evidence.size() >= kMostInAll) return;
    const auto octets = octets_;
    append(where, at, std::move(fact), std::move(notes));
    record_.evidence.back().live_only = live_only;
    if (live_only) octets_ = octets;  // a replay must be full at the same message
  }
  void add_live(record::Where where, Moment at, record::Fact&& fact) {
    add_event(where, at, std::move(fact), {}, true);
  }

  /// Adds evidence of that phase, whatever phase is running.
  void add_in(Phase of, record::Where where, Moment at, record::Fact&& fact,
              std::vector<Note>&& notes = {}) {
    const auto running = std::exchange(phase, of);
    add(where, at, std::move(fact), std::move(notes));
    phase = running;
  }

  [[nodiscard]] bool full() const {
    return record_.evidence.size() >= kMostEvidence || octets_ > kMostOctets;
  }
  /// Memory that the record takes.
  [[nodiscard]] std::size_t octets_held() const { return octets_; }
  /// What the last messages were, for an Unexpected.
  [[nodiscard]] std::string seen() const {
    std::string words;
    const auto& evidence = record_.evidence;
    for (auto i = evidence.size() > 2 ? evidence.size() - 2 : 0; i < evidence.size(); ++i) {
      words += (words.empty() ? "" : ", ") + record::describe(evidence[i]);
    }
    return words;
  }
  [[nodiscard]] const HandshakeRecord& record() const { return record_; }
  [[nodiscard]] HandshakeRecord take() {
    octets_ = 0;
    return std::exchange(record_, {});
  }

 private:
  void append(record::Where where, Moment at, record::Fact&& fact, std::vector<Note>&& notes) {
    auto& evidence = record_.evidence;
    if (evidence.size() == evidence.capacity()) evidence.reserve(next_capacity(evidence.size()));
    const auto id = static_cast<record::EvidenceId>(evidence.size() + 1);
    const auto& added =
        evidence.emplace_back(id, phase, where, at, std::move(fact), std::move(notes));
    octets_ += record::octets_held(added);
  }

  /// Those that get no answer say less than eight things, most others between thirty and fifty;
  /// doubling would keep room for nothing.
  static std::size_t next_capacity(std::size_t size) {
    constexpr std::size_t kBeginning = 8;
    constexpr std::size_t kMost = 48;
    return size == 0 ? kBeginning : size < kMost ? kMost : size + size / 2;
  }

  HandshakeRecord record_;
  std::size_t octets_ = 0;
};

/// Octets kept of what was not understood inside TLS, where they may be part of a proof of a
/// password.
inline constexpr std::size_t kMostFirstInsideTls = 16;

[[nodiscard]] inline Bytes first_octets(ByteSpan octets,
                                        std::size_t most = EvidenceLog::kMostFirst) {
  return base::to_bytes(octets.first(std::min(octets.size(), most)));
}

}  // namespace rdpwhy::dissect
