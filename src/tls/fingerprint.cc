#include "rdpwhy/tls/fingerprint.h"

#include <algorithm>
#include <string_view>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::tls {
namespace {

constexpr std::size_t kMostOfCount = 99;

/// An extension whose payload counts, as the decoder read it.
struct Reading {
  unsigned bit = 0;                   ///< 0: only that it stands counts
  std::optional<std::size_t> octets;  ///< of the payload, all of which was read; nothing: malformed
};

template <typename Item>
Reading reading_of(unsigned bit, const std::optional<std::vector<Item>>& list, std::size_t prefix) {
  if (!list) return {bit, {}};
  return {bit, prefix + sizeof(Item) * list->size()};
}

/// ProtocolNameList of RFC 7301 3.1.
template <typename Names>
std::size_t octets_of_names(const Names& names) {
  std::size_t octets = 2;
  for (const auto& name : names) octets += 1 + name.size();
  return octets;
}

Reading reading_of(const ClientHello& hello, std::uint16_t type) {
  switch (static_cast<ExtensionType>(type)) {
    case ExtensionType::kSupportedGroups:
      return reading_of(1, hello.supported_groups, 2);
    case ExtensionType::kEcPointFormats:
      return reading_of(2, hello.ec_point_formats, 1);
    case ExtensionType::kSignatureAlgorithms:
      return reading_of(4, hello.signature_algorithms, 2);
    case ExtensionType::kSupportedVersions:
      return reading_of(8, hello.supported_versions, 1);
    case ExtensionType::kAlpn:
      if (!hello.alpn) return {16, {}};
      return {16, octets_of_names(*hello.alpn)};
    default:
      return {};
  }
}

Reading reading_of(const ServerHello& hello, std::uint16_t type) {
  switch (static_cast<ExtensionType>(type)) {
    case ExtensionType::kSupportedVersions:
      if (!hello.selected_version) return {8, {}};
      return {8, 2};
    case ExtensionType::kAlpn:
      if (!hello.alpn) return {16, {}};
      return {16, 3 + hello.alpn->size()};
    default:
      return {};
  }
}

/// Each extension whose payload counts stands once, and its reading took up all of it.
template <typename Hello>
bool is_clear(const Hello& hello) {
  unsigned seen = 0;
  return std::ranges::all_of(hello.extensions, [&](const Extension& extension) {
    const auto reading = reading_of(hello, extension.type);
    if (reading.bit == 0) return true;
    const bool again = (seen & reading.bit) != 0;
    seen |= reading.bit;
    return !again && reading.octets == extension.payload.size();
  });
}

void take_without_grease(const std::optional<std::vector<std::uint16_t>>& from,
                         std::vector<std::uint16_t>& to) {
  to.clear();
  if (from) std::ranges::remove_copy_if(*from, std::back_inserter(to), is_grease);
}

/// RFC 8701 2: names of two octets, each of them 0x?A.
bool is_grease_name(std::string_view name) {
  return name.size() == 2 &&
         is_grease(static_cast<std::uint16_t>(static_cast<std::uint8_t>(name[0]) << 8 |
                                              static_cast<std::uint8_t>(name[1])));
}

template <typename Items>
std::string joined_decimals(const Items& items) {
  std::string out;
  for (const auto item : items) {
    if (!out.empty()) out += '-';
    out += std::to_string(item);
  }
  return out;
}

std::string four_digits(std::uint16_t code) {
  const std::uint8_t octets[] = {static_cast<std::uint8_t>(code >> 8),
                                 static_cast<std::uint8_t>(code)};
  return base::to_hex(octets);
}

std::string joined_hex(const std::vector<std::uint16_t>& codes) {
  std::string out;
  out.reserve(5 * codes.size());
  for (const auto code : codes) {
    if (!out.empty()) out += ',';
    out += four_digits(code);
  }
  return out;
}

std::string two_digits(std::size_t count) {
  const auto shown = std::min(count, kMostOfCount);
  return (shown < 10 ? "0" : "") + std::to_string(shown);
}

std::string_view version_letters(std::uint16_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    case 0xFEFF:
      return "d1";
    case 0xFEFD:
      return "d2";
    case 0xFEFC:
      return "d3";
    default:
      return "00";
  }
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/// The name's first and last characters; of its hex form where either is no letter or digit.
std::string ends_of(std::string_view name) {
  if (name.empty()) return "00";
  if (is_alphanumeric(name.front()) && is_alphanumeric(name.back()))
    return {name.front(), name.back()};
  const auto hex = base::to_hex(base::as_bytes(name));
  return {hex.front(), hex.back()};
}

bool has(const std::vector<std::uint16_t>& codes, ExtensionType type) {
  return std::ranges::find(codes, static_cast<std::uint16_t>(type)) != codes.end();
}

}  // namespace

bool read_traits(const ClientHello& hello, ClientTraits& traits) {
  if (hello.ssl2_format || !is_clear(hello)) return false;
  traits.legacy_version = hello.legacy_version;
  traits.cipher_suites.clear();
  std::ranges::remove_copy_if(hello.cipher_suites, std::back_inserter(traits.cipher_suites),
                              is_grease);
  traits.extensions.clear();
  for (const auto& extension : hello.extensions)
    if (!is_grease(extension.type)) traits.extensions.push_back(extension.type);
  take_without_grease(hello.supported_groups, traits.groups);
  take_without_grease(hello.signature_algorithms, traits.signature_algorithms);
  traits.point_formats.clear();
  if (const auto& formats = hello.ec_point_formats)
    traits.point_formats.assign(formats->begin(), formats->end());
  traits.highest_version = 0;
  if (hello.supported_versions) {
    for (const auto version : *hello.supported_versions)
      if (!is_grease(version)) traits.highest_version = std::max(traits.highest_version, version);
  }
  traits.protocol.clear();
  if (hello.alpn) {
    const auto first = std::ranges::find_if_not(*hello.alpn, is_grease_name);
    if (first != hello.alpn->end()) traits.protocol = *first;
  }
  return true;
}

bool read_traits(const ServerHello& hello, ServerTraits& traits) {
  if (!is_clear(hello)) return false;
  traits.legacy_version = hello.legacy_version;
  traits.version = hello.version();
  traits.cipher_suite = hello.cipher_suite;
  traits.extensions.clear();
  for (const auto& extension : hello.extensions) traits.extensions.push_back(extension.type);
  traits.protocol = hello.alpn.value_or("");
  return true;
}

std::optional<ClientTraits> client_traits(const ClientHello& hello) {
  ClientTraits traits;
  if (!read_traits(hello, traits)) return {};
  return traits;
}

std::optional<ServerTraits> server_traits(const ServerHello& hello) {
  ServerTraits traits;
  if (!read_traits(hello, traits)) return {};
  return traits;
}

std::string ja3_text(const ClientTraits& traits) {
  return std::to_string(traits.legacy_version) + ',' + joined_decimals(traits.cipher_suites) + ',' +
         joined_decimals(traits.extensions) + ',' + joined_decimals(traits.groups) + ',' +
         joined_decimals(traits.point_formats);
}

std::string ja3s_text(const ServerTraits& traits) {
  return std::to_string(traits.legacy_version) + ',' + std::to_string(traits.cipher_suite) + ',' +
         joined_decimals(traits.extensions);
}

Ja4Text ja4_text(const ClientTraits& traits) {
  const auto version = has(traits.extensions, ExtensionType::kSupportedVersions)
                           ? traits.highest_version
                           : traits.legacy_version;
  Ja4Text text;
  text.head = "t";  // TLS over TCP
  text.head += version_letters(version);
  text.head += has(traits.extensions, ExtensionType::kServerName) ? 'd' : 'i';
  text.head += two_digits(traits.cipher_suites.size());
  text.head += two_digits(traits.extensions.size());
  text.head += ends_of(traits.protocol);

  auto suites = traits.cipher_suites;
  std::ranges::sort(suites);
  text.cipher_suites = joined_hex(suites);

  auto extensions = traits.extensions;
  std::erase(extensions, static_cast<std::uint16_t>(ExtensionType::kServerName));
  std::erase(extensions, static_cast<std::uint16_t>(ExtensionType::kAlpn));
  std::ranges::sort(extensions);
  text.extensions = joined_hex(extensions);
  if (!traits.signature_algorithms.empty())
    text.extensions += '_' + joined_hex(traits.signature_algorithms);
  return text;
}

Ja4sText ja4s_text(const ServerTraits& traits) {
  Ja4sText text;
  text.head = "t";
  text.head += version_letters(traits.version);
  text.head += two_digits(traits.extensions.size());
  text.head += ends_of(traits.protocol);
  text.head += '_' + four_digits(traits.cipher_suite);
  text.extensions = joined_hex(traits.extensions);
  return text;
}

}  // namespace rdpwhy::tls
