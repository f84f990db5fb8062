#include "dissect/framing.h"

#include <fmt/format.h>

#include "dissect/foreign_protocol.h"
#include "rdpwhy/rdp/fast_path.h"
#include "rdpwhy/rdp/tpkt.h"
#include "rdpwhy/rdp/x224.h"
#include "rdpwhy/tls/record_layer.h"

namespace rdpwhy::dissect {
namespace {

constexpr std::uint8_t kTlsMajor = 3;

bool is_content_type(std::uint8_t octet) { return octet >= 20 && octet <= 24; }

Cut undecided(std::size_t needed) { return {UnitKind::kUndecided, needed}; }

Cut foreign(ByteSpan view) { return {UnitKind::kForeign, octets_to_recognise(view)}; }

Cut cut_record(ByteSpan view) {
  if (view.size() < 2) return undecided(2);
  if (view[1] != kTlsMajor) return foreign(view);
  const auto header = tls::decode_record_header(view);
  if (!header) return undecided(tls::RecordHeader::kSize);
  if (!tls::plausible(*header)) return {UnitKind::kBadRecord, tls::RecordHeader::kSize};
  return {UnitKind::kRecord, tls::RecordHeader::kSize + header->length};
}

Cut cut_ssl2(ByteSpan view) {
  constexpr std::size_t kTelling = 5;
  if (view.size() < kTelling) return undecided(kTelling);
  if (!tls::looks_like_ssl2_hello(view)) return foreign(view);
  return {UnitKind::kSsl2Hello, 2u + static_cast<std::size_t>((view[0] & 0x7F) << 8 | view[1])};
}

Cut cut_start(ByteSpan view, const Expectation& expected, const OpeningLayer& opening) {
  if (!expected.began_late) {
    const auto cut = opening.cut(expected.side, view, expected.searched);
    if (cut.kind == OpeningLayer::Cut::Kind::kUnit) return {UnitKind::kOpening, cut.size};
    if (cut.kind == OpeningLayer::Cut::Kind::kNeedMore) return undecided(view.size() + 1);
    return foreign(view);
  }
  // The middle of a stream: only what is surely a record is read on from.
  if (!is_content_type(view[0])) return {UnitKind::kOpaque, 1};
  const auto cut = cut_record(view);
  return cut.kind == UnitKind::kForeign || cut.kind == UnitKind::kBadRecord
             ? Cut{UnitKind::kOpaque, 1}
             : cut;
}

Cut cut_behind_tpkt(ByteSpan view, const Expectation& expected) {
  if (expected.fast_path_may_come) {
    const auto cut = cut_fast_path(view);
    return cut.kind == UnitKind::kOpaque && !expected.began_late ? foreign(view) : cut;
  }
  if (expected.tls_may_begin && is_content_type(view[0])) return cut_record(view);
  if (expected.ssl2_may_come && (view[0] & 0x80) != 0) return cut_ssl2(view);
  return foreign(view);
}

}  // namespace

Cut cut_fast_path(ByteSpan view) {
  if (!rdp::begins_fast_path(view[0])) return {UnitKind::kOpaque, 1};
  const auto header = rdp::decode_fast_path_header(view);
  if (!header) return {UnitKind::kOpaque, 1};
  if (!*header) return undecided(view.size() + 1);
  return {UnitKind::kFastPath, (*header)->length};
}

Cut cut_tpkt(ByteSpan view) {
  constexpr std::size_t kLeast = rdp::TpktHeader::kSize + 3;
  constexpr std::size_t kCodeEnd = rdp::TpktHeader::kSize + 2;
  constexpr std::size_t kMostHeaderTpdu = 2048;
  const auto header = rdp::decode_tpkt_header(view);
  if (!header) return undecided(rdp::TpktHeader::kSize);
  if (header->length < kLeast) return {UnitKind::kBadTpkt, rdp::TpktHeader::kSize};
  if (header->length > kMostHeaderTpdu) {
    if (view.size() < kCodeEnd) return undecided(kCodeEnd);
    if ((view[kCodeEnd - 1] & 0xF0) != static_cast<std::uint8_t>(rdp::TpduCode::kData)) {
      return {UnitKind::kBadTpkt, kCodeEnd};
    }
  }
  return {UnitKind::kTpkt, header->length};
}

record::Malformed malformed_tpkt(ByteSpan octets, std::size_t most_first) {
  const auto header = rdp::decode_tpkt_header(octets);
  const auto length = header ? header->length : std::uint16_t{0};
  return {.what = "TPKT",
          .error = {.field = "length",
                    .offset = 2,
                    .text = fmt::format("{} octets, no such PDU is that {}", length,
                                        length < 16 ? "short" : "long")},
          .first = first_octets(octets, most_first)};
}

Cut cut_unit(ByteSpan view, const Expectation& expected, const OpeningLayer& opening) {
  // No TLS content type is 3, so a TPKT can be told from a record wherever it stands (xrdp answers
  // a ClientHello with one).
  if (view[0] == rdp::TpktHeader::kVersion) return cut_tpkt(view);
  switch (expected.mode) {
    case Mode::kStart:
      return cut_start(view, expected, opening);
    case Mode::kTpkt:
      return cut_behind_tpkt(view, expected);
    case Mode::kTls:
      if (is_content_type(view[0])) return cut_record(view);
      if (expected.ssl2_may_come && (view[0] & 0x80) != 0) return cut_ssl2(view);
      return foreign(view);
  }
  return foreign(view);
}

}  // namespace rdpwhy::dissect
