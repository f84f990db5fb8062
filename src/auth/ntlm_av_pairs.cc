#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "auth/ntlm_reading.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::auth {
namespace {

std::string_view name_of(std::uint16_t id) {
  constexpr std::string_view kNames[] = {
      "MsvAvEOL",           "MsvAvNbComputerName", "MsvAvNbDomainName",   "MsvAvDnsComputerName",
      "MsvAvDnsDomainName", "MsvAvDnsTreeName",    "MsvAvFlags",          "MsvAvTimestamp",
      "MsvAvSingleHost",    "MsvAvTargetName",     "MsvAvChannelBindings"};
  return id < std::size(kNames) ? kNames[id] : "AvPair";
}

bool is_text(AvId id) {
  switch (id) {
    case AvId::kNbComputerName:
    case AvId::kNbDomainName:
    case AvId::kDnsComputerName:
    case AvId::kDnsDomainName:
    case AvId::kDnsTreeName:
    case AvId::kTargetName:
      return true;
    default:
      return false;
  }
}

std::optional<std::uint64_t> little_endian(const AvPair* pair, std::size_t size) {
  if (pair == nullptr || pair->value.size() != size) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | pair->value[i];
  return value;
}

std::string shown(const AvPair& pair) {
  const auto id = static_cast<AvId>(pair.id);
  if (id == AvId::kEol && pair.value.empty()) return {};
  if (is_text(id)) return '"' + base::printable(base::utf16le_to_utf8(pair.value)) + '"';
  if (const auto flags = little_endian(&pair, 4); flags && id == AvId::kFlags) {
    return base::to_hex_number(*flags, 8);
  }
  if (const auto time = little_endian(&pair, 8); time && id == AvId::kTimestamp) {
    return base::to_rfc3339(moment_of_filetime(*time), 6);
  }
  return fmt::format("id {}, {} octets", pair.id, pair.value.size());
}

AvPair read_av_pair(Reader& list) {
  constexpr std::size_t kHeader = 4;
  const auto at = list.offset();
  const auto header = list.peek(kHeader);
  if (header.size() < kHeader) {
    list.skip(kHeader, "AV_PAIR");
    return {};
  }
  const auto id = static_cast<std::uint16_t>(header[0] | header[1] << 8);
  const auto length = static_cast<std::size_t>(header[2] | header[3] << 8);
  const auto name = name_of(id);
  const auto octets = list.bytes(kHeader + length, name);
  if (list.failed()) return {};
  AvPair pair{.id = id, .value = base::to_bytes(octets.subspan(kHeader))};
  if (list.wants_fields()) list.value(shown(pair));
  const auto known = static_cast<AvId>(id);
  list.expect(!is_text(known) || pair.value.size() % 2 == 0, "an odd number of octets for UTF-16",
              name, at);
  list.expect(known != AvId::kFlags || pair.value.size() == 4, "does not have four octets", name,
              at);
  list.expect(known != AvId::kTimestamp || pair.value.size() == 8, "does not have eight octets",
              name, at);
  return pair;
}

}  // namespace

AvPairs read_av_pairs(Reader& list) {
  AvPairs pairs;
  bool ended = false;
  while (list.more() && !ended) {
    const auto at = list.offset();
    auto pair = read_av_pair(list);
    ended = pair.id == static_cast<std::uint16_t>(AvId::kEol);
    list.expect(!ended || pair.value.empty(), "has a value", "MsvAvEOL", at);
    if (ended || list.failed()) continue;
    if (pairs.find(static_cast<AvId>(pair.id)) != nullptr) {
      list.expect(false, "stands twice", name_of(pair.id), at);
    }
    pairs.pairs.push_back(std::move(pair));
  }
  list.expect(ended, "is not there: the list ends without it", "MsvAvEOL", list.offset());
  if (list.more()) {
    const auto behind = list.rest("padding");
    list.expect(std::ranges::all_of(behind, [](auto octet) { return octet == 0; }),
                fmt::format("{} octets behind it", behind.size()), "MsvAvEOL");
  }
  return pairs;
}

const AvPair* AvPairs::find(AvId id) const {
  const auto found = std::ranges::find(pairs, static_cast<std::uint16_t>(id), &AvPair::id);
  return found == pairs.end() ? nullptr : &*found;
}

std::optional<std::string> AvPairs::text(AvId id) const {
  const auto* pair = find(id);
  if (pair == nullptr) return std::nullopt;
  return base::utf16le_to_utf8(pair->value);
}

std::optional<std::uint32_t> AvPairs::flags() const {
  const auto value = little_endian(find(AvId::kFlags), 4);
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint64_t> AvPairs::timestamp() const {
  return little_endian(find(AvId::kTimestamp), 8);
}

std::expected<AvPairs, DecodeError> decode_av_pairs(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  auto pairs = read_av_pairs(r);
  return r.finish(std::move(pairs));
}

Bytes encode(const AvPairs& pairs) {
  Writer w;
  for (const auto& [id, value] : pairs.pairs) {
    RDPWHY_CHECK(id != static_cast<std::uint16_t>(AvId::kEol) && value.size() <= 0xFFFF);
    w.u16le(id);
    const auto size = w.block16le();
    w.bytes(value);
  }
  w.u16le(static_cast<std::uint16_t>(AvId::kEol)).u16le(0);
  return w.take();
}

namespace {

// 1601-01-01 to 1970-01-01.
constexpr std::int64_t kEpochInFiletime = 116'444'736'000'000'000;

}  // namespace

Moment moment_of_filetime(std::uint64_t filetime) {
  constexpr auto kMost = static_cast<std::uint64_t>(kEpochInFiletime + INT64_MAX / 100);
  constexpr auto kLeast = static_cast<std::uint64_t>(kEpochInFiletime + INT64_MIN / 100);
  const auto held = std::clamp(filetime, kLeast, kMost);  // years 1677 to 2262
  return {(static_cast<std::int64_t>(held) - kEpochInFiletime) * 100};
}

std::uint64_t filetime_of(Moment moment) {
  const auto ticks = moment.ns / 100 - (moment.ns % 100 < 0 ? 1 : 0);
  return static_cast<std::uint64_t>(kEpochInFiletime + ticks);
}

}  // namespace rdpwhy::auth
