#pragma once

#include <cstdint>
#include <cstdio>
#include <random>
#include <span>

#include "dissect/inside_streams.h"
#include "oracles/oracle.h"
#include "rdpwhy/record/credssp_summary.h"
#include "rdpwhy/record/queries.h"

/// What holds of the dissector for any octets at all, however they are cut: for libFuzzer and for
/// the sweeps. A breach ends the program, as a fuzzer wants it and a test notices it.
namespace rdpwhy::dissect::oracle {

using streams::Connection;
using streams::Event;

using rdpwhy::oracle::hold;

/// How a connection is played.
struct Way {
  bool tls_only = false;
  bool late = false;
  Dissector::Options options = {};
};

/// Nothing that proves a password is in it.
inline void check_message(const record::CredsspMessage& message) {
  hold(message.tokens.size() <= 4, "tokens are bounded");
  for (const auto& token : message.tokens) {
    const auto* authenticate = std::get_if<auth::NtlmAuthenticate>(&token.message);
    if (authenticate == nullptr) continue;
    hold(authenticate->nt_response.empty() && authenticate->lm_response.empty() &&
             authenticate->encrypted_random_session_key.empty() && token.mechanism_octets.empty(),
         "no proof of a password is kept");
  }
}

/// What can be said of every record.
inline void check_record(const HandshakeRecord& record, bool ended) {
  hold(record.evidence.size() <= 600, "evidence is bounded");
  for (std::size_t i = 0; i < record.evidence.size(); ++i) {
    const auto& e = record.evidence[i];
    hold(e.id == i + 1, "ids are positions plus one");
    hold(!record::describe(e).empty(), "every evidence can be described");
    hold(e.notes.size() <= 40, "notes are bounded");
    if (const auto* m = record::get_if<record::Malformed>(&e.fact)) {
      hold(m->first.size() <= 64 && !m->what.empty(), "what is malformed is named and kept short");
    }
    if (const auto* message = record::get_if<record::CredsspMessage>(&e.fact))
      check_message(*message);
    if (e.where.layer == record::Layer::kDecrypted && e.phase > Phase::kTls)
      hold(e.where.size > 5, "what is said inside TLS stands in a record");
    if (const auto* f = std::get_if<record::ForeignProtocol>(&e.fact)) {
      hold(!f->first.empty() && f->first.size() <= 64, "another protocol's first octets are kept");
    }
  }
  const auto progress = record::progress(record);
  if (progress.failure) {
    hold(progress.failure->evidence >= 1 && progress.failure->evidence <= record.evidence.size(),
         "a failure names its evidence");
    hold(!progress.reached || *progress.reached < progress.failure->phase,
         "what failed was not reached");
  }
  (void)record::tls_summary(record);
  (void)record::credssp_summary(record);
  (void)record::rdstls_summary(record);
  hold(record::same_evidence(record, record) && record::first_difference(record, record).empty(),
       "a record equals itself");
  if (ended) {
    hold(!record.evidence.empty() &&
             std::holds_alternative<record::Ending>(record.evidence.back().fact),
         "an ending is the last evidence");
  }
}

struct Played {
  HandshakeRecord record;
  bool is_rdp = false;
};

/// Plays the events with each run of octets cut where `next_cut(size)` says (0: not at all).
template <typename NextCut>
Played play_cut(std::span<const Event> events, const Way& way, NextCut next_cut) {
  auto dissector = way.tls_only ? make_tls_dissector(way.options) : Dissector(way.options);
  if (way.late) {
    dissector.begins_late(streams::moment_of(0));
  } else {
    dissector.connecting(streams::moment_of(0));
    dissector.connected(streams::moment_of(1));
  }
  std::size_t i = 2;
  for (const auto& event : events) {
    const auto at = streams::moment_of(i++);
    if (event.what != Event::What::kBytes) {
      streams::feed(dissector, event, at);
      continue;
    }
    ByteSpan rest = event.octets;
    while (!rest.empty()) {
      const auto n = next_cut(event.side, rest.size());
      const auto part = rest.first(n == 0 ? rest.size() : std::min(n, rest.size()));
      // A copy that dies at once: views into it must not survive.
      const Bytes once = base::to_bytes(part);
      if (dissector.wants(event.side)) {
        dissector.bytes(event.side, once, at);
      } else {
        dissector.skipped(event.side, once.size(), at);
      }
      rest = rest.subspan(part.size());
    }
  }
  Played played{.record = {}, .is_rdp = dissector.is_rdp()};
  played.record = dissector.take();
  return played;
}

inline Played play_whole(std::span<const Event> events, const Way& way = {}) {
  return play_cut(events, way, [](Side, std::size_t) { return std::size_t{0}; });
}

inline void check_same(const Played& a, const Played& b) {
  const auto difference = record::first_difference(a.record, b.record);
  if (!difference.empty()) std::fprintf(stderr, "oracle: %s\n", difference.c_str());
  hold(difference.empty() && a.is_rdp == b.is_rdp,
       "equal octets make equal records however they are cut");
}

/// Whole, octet by octet and cut at random: one record.
inline void check_connection(std::span<const Event> events, const Way& way, std::uint64_t seed) {
  const auto whole = play_whole(events, way);
  const bool ended = !events.empty() && events.back().what == Event::What::kEnded;
  check_record(whole.record, ended);
  check_same(whole, play_cut(events, way, [](Side, std::size_t) { return std::size_t{1}; }));
  std::mt19937_64 random(seed);
  check_same(whole, play_cut(events, way, [&](Side, std::size_t size) {
               return static_cast<std::size_t>(1 + random() % (random() % 4 == 0 ? size : 9));
             }));
}

/// A connection out of a fuzzer's octets: a first octet of options, then pieces, each with an octet
/// for what it is, two for its size, and its octets. `opens`: some of them are said inside TLS.
inline Connection connection_of(ByteSpan input, bool opens) {
  Connection connection;
  while (input.size() >= 3 && connection.size() < 64) {
    const auto what = input[0];
    const std::size_t size =
        static_cast<std::size_t>(input[1]) | static_cast<std::size_t>(input[2] & 0x3F) << 8;
    const auto side = (what & 1) != 0 ? Side::kServer : Side::kClient;
    input = input.subspan(3);
    switch (what >> 1 & 7) {
      case 6:
        connection.push_back(streams::gap(side, size));
        break;
      case 7:
        connection.push_back(streams::ended(
            side, (what & 0x10) != 0 ? record::Ending::How::kReset : record::Ending::How::kClose));
        break;
      default: {
        const auto part = input.first(std::min(size, input.size()));
        auto octets = base::to_bytes(part);
        if (opens && (what & 0x08) != 0) octets = streams::inside(std::move(octets));
        connection.push_back({.side = side, .octets = std::move(octets)});
        input = input.subspan(part.size());
      }
    }
  }
  return connection;
}

inline void check_dissector(ByteSpan input) {
  if (input.empty()) return;
  const auto options = input[0];
  const bool opens = (options & 4) != 0;
  Way way{.tls_only = (options & 1) != 0, .late = (options & 2) != 0, .options = {}};
  auto connection = connection_of(input.subspan(1), opens);
  if (opens) {
    // Straight to what is said inside TLS, after what was selected.
    way.options = streams::opening_options();
    connection = streams::opened_connection(options >> 3 & 0x0F, std::move(connection));
  }
  check_connection(connection, way, input.size());
}

}  // namespace rdpwhy::dissect::oracle
