#pragma once

#include <cstddef>
#include <cstdint>

#include "dissect/opening_layer.h"

namespace rdpwhy::dissect {

/// What one unit of a stream is, by its first octets.
enum class UnitKind : std::uint8_t {
  kUndecided,  ///< more octets are needed to tell
  kTpkt,
  kOpening,  ///< of a proxy, or its answer
  kRecord,   ///< TLS
  kSsl2Hello,
  kForeign,    ///< another protocol, or none that we know
  kBadTpkt,    ///< begins as a TPKT and cannot be one
  kBadRecord,  ///< begins as a TLS record and cannot be one
  kFastPath,   ///< RDP: drawing and input of an active session
  kOpaque,     ///< nothing that can be said anything about: the middle of a stream
};

/// How far one side got.
enum class Mode : std::uint8_t {
  kStart,  ///< nothing read yet, or the opening of a proxy
  kTpkt,   ///< TPKTs, and TLS once it begins
  kTls,
};

struct Cut {
  UnitKind kind = UnitKind::kUndecided;
  std::size_t size = 0;  ///< octets of the unit; more than are there: wait for them
};

/// What decides how octets are to be read, beside the octets themselves.
struct Expectation {
  Side side = Side::kClient;
  Mode mode = Mode::kStart;
  bool began_late = false;     ///< the first octets may be the middle of anything
  bool tls_may_begin = false;  ///< in kTpkt
  bool fast_path_may_come = false;
  bool ssl2_may_come = false;
  std::size_t searched =
      0;  ///< octets that did not tell what they are when they were all there was
};

/// The fast-path PDU that begins here (MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2), or kOpaque.
[[nodiscard]] Cut cut_fast_path(ByteSpan view);

/// The TPKT that begins here. Connection Requests, Confirms and Disconnect Requests are all header,
/// whose length is one octet: a TPKT that claims far more lies, and waiting for the rest would take
/// for ever.
[[nodiscard]] Cut cut_tpkt(ByteSpan view);
/// What is wrong with a kBadTpkt.
[[nodiscard]] record::Malformed malformed_tpkt(ByteSpan octets,
                                               std::size_t most_first = EvidenceLog::kMostFirst);

/// The same answer for the same octets however many of them are there (I3): only kUndecided becomes
/// something else, and a size that was told stays.
[[nodiscard]] Cut cut_unit(ByteSpan view, const Expectation& expected, const OpeningLayer& opening);

}  // namespace rdpwhy::dissect
