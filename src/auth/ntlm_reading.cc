#include "auth/ntlm_reading.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::auth {
namespace {

/// Some speak neither of Unicode nor of OEM; ASCII in UTF-16LE cannot be mistaken.
bool is_utf16(ByteSpan octets, std::uint32_t flags) {
  if ((flags & ntlm_flag::kUnicode) != 0) return true;
  if ((flags & ntlm_flag::kOem) != 0 || octets.empty() || octets.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < octets.size(); i += 2) {
    if (octets[i] == 0 || octets[i] >= 0x80 || octets[i + 1] != 0) return false;
  }
  return true;
}

void read_part(Reader& r, const PayloadPart& part) {
  if (part.read) {
    part.read(r, part.length);
  } else {
    r.skip(part.length, part.name);
  }
}

/// A part whose octets another one has taken already: read once more from the whole message.
void read_overlapping(Reader& r, ByteSpan message, const PayloadPart& part) {
  r.expect(false, "overlaps with what stands before it", part.name, part.offset);
  Reader again(message);
  again.skip(part.offset, part.name);
  read_part(again, part);
  again.skip_rest(part.name);
  if (again.failed()) r.fail(*again.error());
}

void skip_unused(Reader& r, std::size_t size) {
  const auto octets = r.bytes(size, "unused");
  const bool zeros = std::ranges::all_of(octets, [](auto octet) { return octet == 0; });
  r.expect(zeros, fmt::format("{} octet{} that no field points to", size, size == 1 ? "" : "s"),
           "payload");
}

}  // namespace

void read_signature(Reader& r, std::uint32_t type) {
  const auto signature = r.bytes(kNtlmSignature.size(), "Signature");
  r.require(base::as_text(signature) == kNtlmSignature, "is not NTLMSSP", "Signature");
  const auto found = r.u32le("MessageType");
  r.require(found == type, fmt::format("is {}, not {}", found, type), "MessageType");
}

std::uint32_t read_negotiate_flags(Reader& r) {
  const auto flags = r.u32le("NegotiateFlags");
  if (r.wants_fields()) {
    r.value(fmt::format("{} {}", base::to_hex_number(flags, 8),
                        fmt::join(ntlm_flag_names(flags), ", ")));
  }
  return flags;
}

NtlmVersion read_ntlm_version(Reader& r) {
  const auto octets = r.bytes(8, "Version");
  if (octets.size() != 8) return {};
  const NtlmVersion version{.major = octets[0],
                            .minor = octets[1],
                            .build = static_cast<std::uint16_t>(octets[2] | octets[3] << 8),
                            .revision = octets[7]};
  if (r.wants_fields()) {
    const auto product = windows_product(version);
    r.value(fmt::format("{}, NTLM revision {}{}{}", version.text(), version.revision,
                        product ? ": " : "", product.value_or("")));
  }
  return version;
}

void read_part_fields(Reader& r, std::string_view fields, PayloadPart& part) {
  const auto octets = r.bytes(8, fields);
  if (octets.size() != 8) return;
  Reader f(octets);
  part.length = f.u16le("Len");
  f.u16le("MaxLen");  // to be ignored on receipt, MS-NLMP says
  part.offset = f.u32le("BufferOffset");
  if (r.wants_fields()) {
    r.value(fmt::format("{} octet{} at {}", part.length, part.length == 1 ? "" : "s", part.offset));
  }
}

std::size_t payload_begin(ByteSpan message, std::size_t least, std::span<const PayloadPart> parts) {
  auto begin = message.size();
  for (const auto& part : parts) {
    if (part.length > 0 && part.offset >= least) begin = std::min<std::size_t>(begin, part.offset);
  }
  return begin;
}

void read_payload(Reader& r, ByteSpan message, std::span<const PayloadPart> parts) {
  std::vector<const PayloadPart*> there;
  for (const auto& part : parts) {
    if (part.length > 0) there.push_back(&part);
  }
  std::ranges::sort(there, [](const PayloadPart* a, const PayloadPart* b) {
    return a->offset != b->offset ? a->offset < b->offset : a < b;  // all of one array
  });
  for (const auto* part : there) {
    if (r.failed()) return;
    const auto reach = std::uint64_t{part->offset} + part->length;
    if (reach > message.size()) {
      const auto at = std::min<std::uint64_t>(part->offset, message.size());
      r.fail({.kind = DecodeError::Kind::kTruncated,
              .field = std::string(part->name),
              .offset = at,
              .needed = reach - at,
              .left = message.size() - at});
      return;
    }
    if (part->offset < r.offset()) {
      read_overlapping(r, message, *part);
      continue;
    }
    if (part->offset > r.offset()) skip_unused(r, part->offset - r.offset());
    read_part(r, *part);
  }
  if (r.more()) skip_unused(r, r.left());
}

ByteSpan octets_of(ByteSpan message, const PayloadPart& part) {
  if (part.offset > message.size() || part.length > message.size() - part.offset) return {};
  return message.subspan(part.offset, part.length);
}

std::string text_of(ByteSpan octets, std::uint32_t flags) {
  if (is_utf16(octets, flags)) return base::utf16le_to_utf8(octets);
  std::string text;
  for (const auto octet : octets) {
    if (octet < 0x80) {
      text += static_cast<char>(octet);
    } else {
      text += "\xEF\xBF\xBD";
    }
  }
  return text;
}

std::string read_text(Reader& r, std::size_t length, std::string_view field, std::uint32_t flags) {
  const auto octets = r.bytes(length, field);
  auto text = text_of(octets, flags);
  if (r.wants_fields()) r.value('"' + base::printable(text) + '"');
  const bool odd = (flags & ntlm_flag::kUnicode) != 0 && octets.size() % 2 != 0;
  r.expect(!odd, fmt::format("has {} octets, an odd number for UTF-16", octets.size()), field);
  return text;
}

PayloadWriter::Place PayloadWriter::put(ByteSpan octets) {
  RDPWHY_CHECK(octets.size() <= 0xFFFF);
  const Place place{.length = static_cast<std::uint16_t>(octets.size()),
                    .offset = static_cast<std::uint32_t>(header_size_ + payload_.size())};
  payload_.insert(payload_.end(), octets.begin(), octets.end());
  return place;
}

void write_signature(Writer& w, std::uint32_t type) { w.text(kNtlmSignature).u32le(type); }

void write_ntlm_version(Writer& w, const NtlmVersion& version) {
  w.u8(version.major).u8(version.minor).u16le(version.build).zeros(3).u8(version.revision);
}

Bytes octets_of_text(std::string_view text, std::uint32_t flags) {
  if ((flags & ntlm_flag::kUnicode) != 0) return base::utf8_to_utf16le(text);
  // One octet that is surely not ASCII for each character that is not: which one, only the code
  // page knows.
  Bytes octets;
  for (const char c : text) {
    const auto octet = static_cast<std::uint8_t>(c);
    if ((octet & 0xC0) == 0x80) continue;  // not the first octet of a character
    octets.push_back(octet < 0x80 ? octet : 0xFF);
  }
  return octets;
}

bool is_ntlm(ByteSpan token) {
  return token.size() >= kNtlmSignature.size() &&
         base::as_text(token.first(kNtlmSignature.size())) == kNtlmSignature;
}

std::optional<std::uint32_t> ntlm_message_type(ByteSpan token) {
  if (!is_ntlm(token)) return std::nullopt;
  Reader r(token);
  r.skip(kNtlmSignature.size(), "Signature");
  const auto type = r.u32le("MessageType");
  const bool whole = !r.failed();
  r.skip_rest("message");
  return whole ? std::optional(type) : std::nullopt;
}

}  // namespace rdpwhy::auth
