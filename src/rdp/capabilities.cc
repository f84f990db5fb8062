#include "rdpwhy/rdp/capabilities.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdp/bit_names.h"
#include "rdp/capability_layouts.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kMostNumber = 4;
constexpr std::size_t kGuidSize = 16;
constexpr std::size_t kLeastCodec = kGuidSize + 3;

constexpr BitName kExtraFlagNames[] = {
    {kFastPathOutputSupported, "FASTPATH_OUTPUT_SUPPORTED"},
    {kNoBitmapCompressionHeader, "NO_BITMAP_COMPRESSION_HDR"},
    {kLongCredentialsSupported, "LONG_CREDENTIALS_SUPPORTED"},
    {kAutoReconnectSupported, "AUTORECONNECT_SUPPORTED"},
    {kEncSaltedChecksum, "ENC_SALTED_CHECKSUM"},
};

std::uint32_t little_endian(ByteSpan octets) {
  std::uint32_t value = 0;
  for (std::size_t i = octets.size(); i-- > 0;) value = value << 8 | octets[i];
  return value;
}

/// A GUID as Windows writes it: three numbers in little-endian order, then octets.
std::string guid_text(ByteSpan guid) {
  return fmt::format("{:08x}-{:04x}-{:04x}-{}-{}", little_endian(guid.first(4)),
                     little_endian(guid.subspan(4, 2)), little_endian(guid.subspan(6, 2)),
                     base::to_hex(guid.subspan(8, 2)), base::to_hex(guid.subspan(10, 6)));
}

/// Where a field's octets stand in the body; nothing for a name that the layout does not have.
struct Place {
  std::size_t at;
  std::size_t size;
};
std::optional<Place> place_of(std::uint16_t type, std::string_view name) {
  const auto* layout = capability_layout(type);
  if (layout == nullptr) return std::nullopt;
  std::size_t at = 0;
  for (const auto& field : layout->fields) {
    if (field.name == name) return Place{at, field.size};
    at += field.size;
  }
  return std::nullopt;
}

void read_field(Reader& r, const CapabilityField& field) {
  switch (field.size) {
    case 1:
      r.u8(field.name);
      break;
    case 2:
      r.u16le(field.name);
      break;
    case 4:
      r.u32le(field.name);
      break;
    default:
      r.skip(field.size, field.name);
  }
}

void read_codec(Reader& r) {
  const auto guid = r.bytes(kGuidSize, "codecGUID");
  if (r.wants_fields() && !guid.empty()) r.value(guid_text(guid));
  r.u8("codecID");
  const auto size = r.u16le("codecPropertiesLength");
  if (size > 0) r.skip(size, "codecProperties");
}

void read_codecs(Reader& r, std::uint8_t count) {
  for (; count > 0 && r.more(); --count) read_codec(r);
}

/// A set may be shorter or longer than its layout: a newer or an older peer, or a faulty one. It is
/// kept as it is either way.
void note_fields(Reader& body, const CapabilityLayout& layout) {
  const auto size = body.left();
  const auto count = size > 0 ? body.peek(1)[0] : std::uint8_t{0};
  for (const auto& field : layout.fields) {
    if (body.left() < field.size) break;
    read_field(body, field);
  }
  if (layout.goes_on) read_codecs(body, count);
  const bool was_cut = body.failed();
  const auto left = body.left();
  if (left > 0) body.skip_rest("unknown");
  if (body.notes() == nullptr) return;
  const auto odd = [&](std::string text) {
    body.notes()->add_anomaly(body.offset(), "capabilityData", std::move(text));
  };
  if (was_cut) odd(fmt::format("{}: {}", layout.name, body.error()->message()));
  if (size < layout.least) {
    odd(fmt::format("{} has {} octets, {} are its fields", layout.name, size, layout.least));
  } else if (left > 0) {
    odd(fmt::format("{} goes on for {} octets after its last field", layout.name, left));
  }
}

CapabilitySet read_set(Reader& r) {
  CapabilitySet set;
  set.type = r.u16le("capabilitySetType");
  const auto* layout = capability_layout(set.type);
  if (r.wants_fields()) {
    r.value(fmt::format("{} {}", base::to_hex_number(set.type, 4),
                        layout == nullptr ? "unknown" : layout->name));
  }
  const auto length = r.u16le("lengthCapability");
  if (length < CapabilitySet::kHeaderSize && !r.failed()) {
    r.require(false, fmt::format("is {}, and the set's own header has 4 octets", length),
              "lengthCapability");
  }
  if (r.failed()) return set;
  const auto size = length - CapabilitySet::kHeaderSize;
  set.body = base::to_bytes(r.peek(size));
  Reader body = r.isolated(size, "capabilityData");
  if (layout == nullptr) {
    body.skip_rest("capabilityData");
  } else if (!r.failed()) {
    note_fields(body, *layout);
  }
  return set;
}

}  // namespace

std::optional<std::uint32_t> CapabilitySet::number(std::string_view field) const {
  const auto place = place_of(type, field);
  if (!place || place->size > kMostNumber || body.size() < place->at + place->size) {
    return std::nullopt;
  }
  return little_endian(ByteSpan(body).subspan(place->at, place->size));
}

std::optional<std::string_view> capability_type_name(std::uint16_t type) {
  const auto* layout = capability_layout(type);
  if (layout == nullptr) return std::nullopt;
  return layout->name;
}

std::vector<std::string> general_extra_flag_names(std::uint16_t flags) {
  return names_of_bits(flags, kExtraFlagNames);
}

const CapabilitySet* find(const std::vector<CapabilitySet>& sets, CapabilityType type) {
  const auto found =
      std::ranges::find(sets, static_cast<std::uint16_t>(type), &CapabilitySet::type);
  return found == sets.end() ? nullptr : &*found;
}

std::vector<BitmapCodec> bitmap_codecs(const CapabilitySet& set) {
  std::vector<BitmapCodec> codecs;
  if (set.type != static_cast<std::uint16_t>(CapabilityType::kBitmapCodecs) || set.body.empty()) {
    return codecs;
  }
  auto rest = ByteSpan(set.body).subspan(1);
  for (int count = set.body[0]; count > 0 && rest.size() >= kLeastCodec; --count) {
    const auto properties = little_endian(rest.subspan(kGuidSize + 1, 2));
    if (rest.size() < kLeastCodec + properties) break;
    codecs.push_back({.guid = guid_text(rest.first(kGuidSize)),
                      .id = rest[kGuidSize],
                      .property_octets = properties});
    rest = rest.subspan(kLeastCodec + properties);
  }
  return codecs;
}

std::vector<CapabilitySet> read_capability_sets(Reader& r, std::uint16_t count) {
  std::vector<CapabilitySet> sets;
  // No reserve: the count is the peer's, what is kept is bounded by the octets that are there.
  for (; count > 0 && !r.failed(); --count) {
    auto set = read_set(r);
    if (!r.failed()) sets.push_back(std::move(set));
  }
  return sets;
}

void write(Writer& w, const CapabilitySet& set) {
  w.u16le(set.type);
  const auto length = w.length16le_including(2);
  w.bytes(set.body);
}

CapabilitySet make_capability_set(
    CapabilityType type,
    std::initializer_list<std::pair<std::string_view, std::uint32_t>> numbers) {
  CapabilitySet set{.type = static_cast<std::uint16_t>(type)};
  std::size_t size = 0;
  for (const auto& field : capability_layout(set.type)->fields) size += field.size;
  set.body.resize(size);
  for (const auto& [name, value] : numbers) {
    const auto place = place_of(set.type, name);
    RDPWHY_CHECK(place.has_value() && place->size <= kMostNumber);
    for (std::size_t i = 0; i < place->size; ++i) {
      set.body[place->at + i] = static_cast<std::uint8_t>(value >> 8 * i);
    }
  }
  return set;
}

void set_octets(CapabilitySet& set, std::string_view field, ByteSpan octets) {
  const auto place = place_of(set.type, field);
  RDPWHY_CHECK(place.has_value() && octets.size() <= place->size &&
               set.body.size() >= place->at + place->size);
  std::ranges::copy(octets, set.body.begin() + static_cast<std::ptrdiff_t>(place->at));
}

}  // namespace rdpwhy::rdp
