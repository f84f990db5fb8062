#include "rdpwhy/asn1/der.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::asn1 {
namespace {

constexpr std::size_t kMostIdentifierOctets = 3;  // numbers up to 16,383; MCS has 101 to 104
constexpr std::size_t kMostLengthOctets = 8;      // leading zeros included
constexpr std::uint64_t kMostLength = 0xFFFF'FFFF;
constexpr std::uint8_t kConstructed = 0x20;

DecodeError bad(std::string_view field, std::string text) {
  return {
      .kind = DecodeError::Kind::kBadValue, .field = std::string(field), .text = std::move(text)};
}

/// X.690 8.1.2.4: octets with the high bit go on.
std::expected<std::optional<std::pair<Tag, std::size_t>>, DecodeError> decode_tag(
    ByteSpan begin, std::string_view field) {
  if (begin.empty()) return std::nullopt;
  std::uint32_t octets = begin[0];
  if ((octets & 0x1F) != 0x1F) return std::pair(Tag{octets}, std::size_t{1});
  for (std::size_t size = 2; size <= kMostIdentifierOctets; ++size) {
    if (begin.size() < size) return std::nullopt;
    octets = octets << 8 | begin[size - 1];
    if ((begin[size - 1] & 0x80) == 0) return std::pair(Tag{octets}, size);
  }
  return std::unexpected(bad(field, "a tag number of more than 14 bits"));
}

/// The header that begins where `r` stands, its octets not yet taken; nothing when `r` has failed.
std::optional<Header> header_at(Reader& r, std::string_view field) {
  if (r.failed()) return std::nullopt;
  const auto ahead = r.peek(kMostIdentifierOctets + 1 + kMostLengthOctets);
  auto header = decode_header(ahead, field);
  if (!header) {
    header.error().offset = r.offset();
    r.fail(std::move(header.error()));
    return std::nullopt;
  }
  if (!*header) {  // one octet more, at least
    r.skip(ahead.size() + 1, field);
    return std::nullopt;
  }
  return **header;
}

/// The same for an element that must have that tag.
std::optional<Header> header_at(Reader& r, Tag tag, std::string_view field,
                                LengthForm form = LengthForm::kShortest) {
  const auto header = header_at(r, field);
  if (!header) return std::nullopt;
  if (header->tag != tag) {
    r.require(false, fmt::format("is {}, not {}", tag_name(header->tag), tag_name(tag)), field,
              r.offset());
    return std::nullopt;
  }
  r.expect(header->minimal || form == LengthForm::kAny,
           "its length is written longer than DER has it", field, r.offset());
  return header;
}

/// X.690 8.3 with at most 32 bits of value and sign, or with 33 for what is unsigned.
std::int64_t read_integer(Reader& r, std::string_view field, Tag tag, std::int64_t least,
                          std::int64_t most) {
  const auto at = r.offset();
  const auto content = read_primitive(r, tag, field);
  if (r.failed()) return 0;
  if (content.empty()) {
    r.require(false, "an INTEGER without octets", field, at);
    return 0;
  }
  const auto sign = static_cast<std::uint8_t>((content[0] & 0x80) != 0 ? 0xFF : 0);
  auto digits = content;
  while (digits.size() > 1 && digits[0] == sign && ((digits[1] ^ sign) & 0x80) == 0) {
    digits = digits.subspan(1);
  }
  r.expect(digits.size() == content.size(), "an INTEGER written longer than DER has it", field, at);
  std::uint64_t value = sign == 0 ? 0 : ~std::uint64_t{0};
  for (const auto octet : digits.first(std::min<std::size_t>(digits.size(), 8))) {
    value = value << 8 | octet;
  }
  const auto number = static_cast<std::int64_t>(value);
  if (digits.size() > 8 || number < least || number > most) {
    r.require(false,
              fmt::format("0x{} does not lie between {} and {}",
                          base::to_hex(digits.first(std::min<std::size_t>(digits.size(), 9))),
                          least, most),
              field, at);
    return 0;
  }
  if (r.wants_fields()) {
    r.value(number < 0 || number > 0xFFFF
                ? fmt::format("{} ({})", number,
                              base::to_hex_number(static_cast<std::uint32_t>(number), 8))
                : fmt::format("{}", number));
  }
  return number;
}

/// X.690 8.19; nothing when the octets are no OBJECT IDENTIFIER that we can hold.
std::optional<std::string> dotted(ByteSpan content, bool& minimal) {
  constexpr std::uint64_t kAlmostFull = ~std::uint64_t{0} >> 7;
  if (content.empty() || (content.back() & 0x80) != 0) return std::nullopt;
  std::string text;
  std::uint64_t arc = 0;
  bool begins = true;
  for (const auto octet : content) {
    if (begins && octet == 0x80) minimal = false;
    if (arc > kAlmostFull) return std::nullopt;
    arc = arc << 7 | (octet & 0x7F);
    begins = (octet & 0x80) == 0;
    if (!begins) continue;
    if (text.empty()) {
      const auto first = std::min<std::uint64_t>(arc / 40, 2);
      text = fmt::format("{}.{}", first, arc - 40 * first);
    } else {
      text += fmt::format(".{}", arc);
    }
    arc = 0;
  }
  return text;
}

/// Two decimal digits at `at`, -1 for anything else.
int two_digits(std::string_view text, std::size_t at) {
  if (text.size() < at + 2) return -1;
  const auto digit = [&](std::size_t i) {
    return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : -1;
  };
  const int tens = digit(at);
  const int ones = digit(at + 1);
  return tens < 0 || ones < 0 ? -1 : 10 * tens + ones;
}

struct Civil {
  int year, month, day, hour, minute, second;
};

std::optional<Moment> moment_of(std::string_view text) {
  const Civil c{100 * two_digits(text, 0) + two_digits(text, 2),
                two_digits(text, 4),
                two_digits(text, 6),
                two_digits(text, 8),
                two_digits(text, 10),
                two_digits(text, 12)};
  const bool digits = two_digits(text, 0) >= 0 && two_digits(text, 2) >= 0;
  if (!digits || c.month < 1 || c.month > 12 || c.day < 1 || c.day > 31 || c.hour < 0 ||
      c.hour > 23 || c.minute < 0 || c.minute > 59 || c.second < 0 || c.second > 60) {
    return std::nullopt;
  }
  auto rest = text.substr(14);
  Nanoseconds fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    Nanoseconds unit = 100'000'000;
    if (rest.empty() || rest[0] < '0' || rest[0] > '9') return std::nullopt;
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1), unit /= 10) {
      fraction += (rest[0] - '0') * unit;
    }
  }
  if (rest != "Z") return std::nullopt;
  // Years that a Moment does not reach: the last second before its end, which is written back as
  // read.
  constexpr std::int64_t kMostSeconds = INT64_MAX / 1'000'000'000 - 1;
  const auto seconds = base::seconds_from_civil(c.year, c.month, c.day, c.hour, c.minute, c.second);
  const auto held = std::clamp(seconds, -kMostSeconds, kMostSeconds);
  return Moment{base::from_seconds(held).ns + fraction};
}

}  // namespace

std::string tag_name(Tag tag) {
  constexpr std::pair<Tag, std::string_view> kNames[] = {
      {kBoolean, "BOOLEAN"},
      {kInteger, "INTEGER"},
      {kBitString, "BIT STRING"},
      {kOctetString, "OCTET STRING"},
      {kNull, "NULL"},
      {kObjectIdentifier, "OBJECT IDENTIFIER"},
      {kEnumerated, "ENUMERATED"},
      {kUtf8String, "UTF8String"},
      {kGeneralizedTime, "GeneralizedTime"},
      {kGeneralString, "GeneralString"},
      {kSequence, "SEQUENCE"},
      {kSet, "SET"},
  };
  for (const auto& [known, name] : kNames) {
    if (known == tag) return std::string(name);
  }
  if (tag.octets <= 0xFF && (tag.octets & 0x1F) != 0x1F) {
    if ((tag.octets & 0xE0) == 0xA0) return fmt::format("[{}]", tag.octets & 0x1F);
    if ((tag.octets & 0xE0) == 0x60) return fmt::format("[APPLICATION {}]", tag.octets & 0x1F);
  }
  return fmt::format("the tag {}", base::to_hex_number(tag.octets, 2));
}

std::expected<std::optional<Header>, DecodeError> decode_header(ByteSpan begin,
                                                                std::string_view field) {
  const auto tag = decode_tag(begin, field);
  if (!tag) return std::unexpected(tag.error());
  if (!*tag) return std::nullopt;
  Header header{.tag = (*tag)->first};
  const auto at = (*tag)->second;
  if (begin.size() <= at) return std::nullopt;
  const std::uint8_t first = begin[at];
  if (first < 0x80) {
    header.size = static_cast<std::uint8_t>(at + 1);
    header.length = first;
    return header;
  }
  if (first == 0x80) {
    return std::unexpected(bad(field, "an indefinite length, which DER does not have"));
  }
  const std::size_t octets = first & 0x7F;
  if (octets > kMostLengthOctets) {
    return std::unexpected(bad(field, fmt::format("a length of {} octets", octets)));
  }
  // What is too long already is said before the rest of it is there.
  for (std::size_t i = 0; i < octets && at + 1 + i < begin.size(); ++i) {
    header.length = header.length << 8 | begin[at + 1 + i];
    const auto to_come = octets - 1 - i;
    if (to_come >= 4 ? header.length > 0 : header.length > kMostLength >> 8 * to_come) {
      return std::unexpected(bad(field, "a length of 4 GiB or more"));
    }
  }
  if (begin.size() < at + 1 + octets) return std::nullopt;
  header.size = static_cast<std::uint8_t>(at + 1 + octets);
  header.minimal = header.length >= 0x80 && begin[at + 1] != 0;
  return header;
}

bool next_is(const Reader& r, Tag tag) {
  const auto header = decode_header(r.peek(r.left()), {});
  return header && *header && (**header).tag == tag;
}

std::optional<unsigned> next_context_number(const Reader& r) {
  const auto ahead = r.peek(1);
  if (ahead.empty() || (ahead[0] & 0xE0) != 0xA0 || (ahead[0] & 0x1F) == 0x1F) return std::nullopt;
  return ahead[0] & 0x1Fu;
}

Reader open(Reader& r, Tag tag, std::string_view field, LengthForm form) {
  const auto header = header_at(r, tag, field, form);
  r.skip(header ? header->size : 0, field);
  if (header && r.wants_fields()) {
    r.value(fmt::format("{}, {} octet{}", tag_name(tag), header->length,
                        header->length == 1 ? "" : "s"));
  }
  return r.body(header ? header->length : 0, field);
}

ByteSpan read_primitive(Reader& r, Tag tag, std::string_view field, LengthForm form) {
  const auto header = header_at(r, tag, field, form);
  if (!header) return {};
  const auto element = r.bytes(static_cast<std::size_t>(header->size + header->length), field);
  return r.failed() ? ByteSpan{} : element.subspan(header->size);
}

ByteSpan read_any(Reader& r, std::string_view field) {
  const auto header = header_at(r, field);
  if (!header) return {};
  const auto element = r.bytes(static_cast<std::size_t>(header->size + header->length), field);
  if (r.wants_fields()) r.value(tag_name(header->tag));
  return element;
}

std::int32_t read_int32(Reader& r, std::string_view field, Tag tag) {
  return static_cast<std::int32_t>(read_integer(r, field, tag, INT32_MIN, INT32_MAX));
}

std::uint32_t read_uint32(Reader& r, std::string_view field, Tag tag) {
  return static_cast<std::uint32_t>(read_integer(r, field, tag, 0, UINT32_MAX));
}

std::uint32_t read_bits32(Reader& r, std::string_view field, Tag tag) {
  return static_cast<std::uint32_t>(read_integer(r, field, tag, INT32_MIN, UINT32_MAX));
}

std::string read_object_identifier(Reader& r, std::string_view field) {
  const auto at = r.offset();
  const auto content = read_primitive(r, kObjectIdentifier, field);
  if (r.failed()) return {};
  bool minimal = true;
  auto text = dotted(content, minimal);
  if (!text) {
    r.require(false, "is no OBJECT IDENTIFIER", field, at);
    return {};
  }
  r.expect(minimal, "an arc written longer than DER has it", field, at);
  if (r.wants_fields()) r.value(*text);
  return *std::move(text);
}

std::string read_string(Reader& r, Tag tag, std::string_view field) {
  const auto content = read_primitive(r, tag, field);
  if (r.wants_fields()) r.value('"' + base::printable(base::as_text(content)) + '"');
  return std::string(base::as_text(content));
}

Moment read_generalized_time(Reader& r, std::string_view field) {
  const auto at = r.offset();
  const auto text = base::as_text(read_primitive(r, kGeneralizedTime, field));
  if (r.failed()) return {};
  const auto moment = moment_of(text);
  if (!moment) {
    r.require(false, "is no time like 20261127231500Z", field, at);
    return {};
  }
  if (r.wants_fields()) r.value(base::to_rfc3339(*moment, text.size() > 15 ? 6 : 0));
  return *moment;
}

bool BitString::bit(std::size_t index) const {
  return index / 8 < octets.size() && (octets[index / 8] >> (7 - index % 8) & 1) != 0;
}

BitString read_bit_string(Reader& r, std::string_view field) {
  const auto at = r.offset();
  const auto content = read_primitive(r, kBitString, field);
  if (r.failed()) return {};
  if (content.empty() || content[0] > 7 || (content.size() == 1 && content[0] != 0)) {
    r.require(false, "is no BIT STRING", field, at);
    return {};
  }
  if (r.wants_fields()) r.value(fmt::format("{} bits", 8 * (content.size() - 1) - content[0]));
  return {.unused = content[0], .octets = base::to_bytes(content.subspan(1))};
}

// --- writing ------------------------------------------------------------------------------------

void DerWriter::append(ByteSpan octets) {
  RDPWHY_CHECK(!most_ || octets.size() <= *most_ - out_.size());
  out_.insert(out_.end(), octets.begin(), octets.end());
}

void DerWriter::tag(Tag tag) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    const auto octet = static_cast<std::uint8_t>(tag.octets >> shift);
    if (octet != 0 || shift == 0) append({&octet, 1});
  }
}

DerWriter::Scope DerWriter::open(Tag opened) {
  RDPWHY_CHECK((opened.octets & kConstructed) != 0 || opened.octets > 0xFF ||
               opened == kOctetString);
  tag(opened);
  return {*this, out_.size()};
}

// X.690 10.1: the shortest form. The content is there and makes room for its length.
void DerWriter::fill(std::size_t at) {
  std::array<std::uint8_t, 5> octets{};
  std::size_t first = octets.size();
  const auto length = out_.size() - at;
  RDPWHY_CHECK(length <= kMostLength);
  for (auto rest = length; first == octets.size() || rest != 0; rest >>= 8) {
    octets[--first] = static_cast<std::uint8_t>(rest);
  }
  if (length >= 0x80) {
    const auto count = octets.size() - first;
    octets[--first] = static_cast<std::uint8_t>(0x80 | count);
  }
  RDPWHY_CHECK(!most_ || octets.size() - first <= *most_ - out_.size());
  out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(at),
              octets.begin() + static_cast<std::ptrdiff_t>(first), octets.end());
}

DerWriter& DerWriter::primitive(Tag written, ByteSpan content) {
  tag(written);
  const auto at = out_.size();
  append(content);
  fill(at);
  return *this;
}

DerWriter& DerWriter::integer(std::int64_t value, Tag tag) {
  std::array<std::uint8_t, 8> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    octets[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (56 - 8 * i));
  }
  ByteSpan digits(octets);
  const auto sign = static_cast<std::uint8_t>(value < 0 ? 0xFF : 0);
  while (digits.size() > 1 && digits[0] == sign && ((digits[1] ^ sign) & 0x80) == 0) {
    digits = digits.subspan(1);
  }
  return primitive(tag, digits);
}

DerWriter& DerWriter::object_identifier(std::string_view dotted) {
  std::vector<std::uint64_t> arcs;
  while (!dotted.empty()) {
    std::uint64_t arc = 0;
    const auto [end, error] = std::from_chars(dotted.data(), dotted.data() + dotted.size(), arc);
    RDPWHY_CHECK(error == std::errc{});
    dotted.remove_prefix(static_cast<std::size_t>(end - dotted.data()));
    RDPWHY_CHECK(dotted.empty() || (dotted[0] == '.' && dotted.size() > 1));
    if (!dotted.empty()) dotted.remove_prefix(1);
    arcs.push_back(arc);
  }
  RDPWHY_CHECK(arcs.size() >= 2 && arcs[0] <= 2 && (arcs[0] == 2 || arcs[1] < 40));
  RDPWHY_CHECK(arcs[1] <= ~std::uint64_t{0} - 80);
  arcs[1] += 40 * arcs[0];
  Bytes content;
  for (auto arc = arcs.begin() + 1; arc != arcs.end(); ++arc) {
    int shift = 63;
    while (shift > 0 && *arc >> shift == 0) shift -= 7;
    for (; shift >= 0; shift -= 7) {
      content.push_back(static_cast<std::uint8_t>((*arc >> shift & 0x7F) | (shift > 0 ? 0x80 : 0)));
    }
  }
  return primitive(kObjectIdentifier, content);
}

DerWriter& DerWriter::generalized_time(Moment moment) {
  const auto text = base::to_rfc3339(moment, 0);  // 2026-11-27T23:15:00Z
  std::string digits;
  for (const char c : text) {
    if ((c >= '0' && c <= '9') || c == 'Z') digits += c;
  }
  return string(kGeneralizedTime, digits);
}

DerWriter& DerWriter::bit_string(const BitString& bits) {
  tag(kBitString);
  const auto at = out_.size();
  append({&bits.unused, 1});
  append(bits.octets);
  fill(at);
  return *this;
}

DerWriter& DerWriter::raw(ByteSpan octets) {
  append(octets);
  return *this;
}

}  // namespace rdpwhy::asn1
