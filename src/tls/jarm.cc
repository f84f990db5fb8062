#include "rdpwhy/tls/jarm.h"

#include <algorithm>

#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/writer.h"
#include "rdpwhy/tls/handshake.h"
#include "rdpwhy/tls/record_layer.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::tls {
namespace {

enum class Order { kForward, kReverse, kTopHalf, kBottomHalf, kMiddleOut };

/// What one hello differs in from the others.
struct Recipe {
  std::uint16_t record_version;
  std::uint16_t hello_version;
  bool tls13_suites;
  Order suites;
  bool grease;
  bool rare_protocols;           ///< without those that everybody speaks
  std::uint16_t newest_version;  ///< in supported_versions; 0: without that extension
  Order lists;                   ///< of protocols and versions
};

constexpr std::array<Recipe, kJarmHellos> kRecipes = {{
    {0x0303, 0x0303, true, Order::kForward, false, false, 0x0303, Order::kReverse},
    {0x0303, 0x0303, true, Order::kReverse, false, false, 0x0303, Order::kForward},
    {0x0303, 0x0303, true, Order::kTopHalf, false, false, 0, Order::kForward},
    {0x0303, 0x0303, true, Order::kBottomHalf, false, true, 0, Order::kForward},
    {0x0303, 0x0303, true, Order::kMiddleOut, true, true, 0, Order::kReverse},
    {0x0302, 0x0302, true, Order::kForward, false, false, 0, Order::kForward},
    {0x0301, 0x0303, true, Order::kForward, false, false, 0x0304, Order::kReverse},
    {0x0301, 0x0303, true, Order::kReverse, false, false, 0x0304, Order::kForward},
    {0x0301, 0x0303, false, Order::kForward, false, false, 0x0304, Order::kForward},
    {0x0301, 0x0303, true, Order::kMiddleOut, true, false, 0x0304, Order::kReverse},
}};

constexpr std::uint16_t kSuites[] = {
    0x0016, 0x0033, 0x0067, 0xC09E, 0xC0A2, 0x009E, 0x0039, 0x006B, 0xC09F, 0xC0A3, 0x009F, 0x0045,
    0x00BE, 0x0088, 0x00C4, 0x009A, 0xC008, 0xC009, 0xC023, 0xC0AC, 0xC0AE, 0xC02B, 0xC00A, 0xC024,
    0xC0AD, 0xC0AF, 0xC02C, 0xC072, 0xC073, 0xCCA9, 0x1302, 0x1301, 0xCC14, 0xC007, 0xC012, 0xC013,
    0xC027, 0xC02F, 0xC014, 0xC028, 0xC030, 0xC060, 0xC061, 0xC076, 0xC077, 0xCCA8, 0x1305, 0x1304,
    0x1303, 0xCC13, 0xC011, 0x000A, 0x002F, 0x003C, 0xC09C, 0xC0A0, 0x009C, 0x0035, 0x003D, 0xC09D,
    0xC0A1, 0x009D, 0x0041, 0x00BA, 0x0084, 0x00C0, 0x0007, 0x0004, 0x0005};

constexpr std::uint16_t kOfferedGroups[] = {0x001D, 0x0017, 0x0018, 0x0019};
constexpr std::uint16_t kOfferedSignatures[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805,
                                                0x0501, 0x0806, 0x0601, 0x0201};
constexpr std::string_view kOfferedProtocols[] = {
    "http/0.9", "http/1.0", "http/1.1", "spdy/1", "spdy/2", "spdy/3", "h2", "h2c", "hq"};
constexpr std::uint16_t kX25519 = 0x001D;

bool is_tls13_suite(std::uint16_t suite) { return suite >> 8 == 0x13; }

/// From the middle outwards, the later half first.
template <typename T>
std::vector<T> middle_out(const std::vector<T>& list) {
  std::vector<T> out;
  const auto middle = list.size() / 2;
  const bool odd = list.size() % 2 == 1;
  if (odd) out.push_back(list[middle]);
  for (std::size_t i = 1; i <= middle; ++i) {
    out.push_back(list[middle + i - (odd ? 0 : 1)]);
    out.push_back(list[middle - i]);
  }
  return out;
}

/// The middle of an odd number belongs to the top half, which begins with it and goes up.
template <typename T>
std::vector<T> ordered(std::vector<T> list, Order order) {
  const auto middle = list.begin() + static_cast<std::ptrdiff_t>((list.size() + 1) / 2);
  switch (order) {
    case Order::kForward:
      break;
    case Order::kReverse:
      std::ranges::reverse(list);
      break;
    case Order::kTopHalf:
      list.erase(middle, list.end());
      std::ranges::reverse(list);
      break;
    case Order::kBottomHalf:
      list.erase(list.begin(), middle);
      break;
    case Order::kMiddleOut:
      return middle_out(list);
  }
  return list;
}

std::uint16_t grease(std::uint8_t draw) {
  const auto octet = static_cast<std::uint16_t>((draw & 0x0F) << 4 | 0x0A);
  return static_cast<std::uint16_t>(octet << 8 | octet);
}

std::vector<std::uint16_t> suites_of(const Recipe& recipe, const JarmDraw& draw) {
  std::vector<std::uint16_t> suites(std::begin(kSuites), std::end(kSuites));
  if (!recipe.tls13_suites) std::erase_if(suites, is_tls13_suite);
  suites = ordered(std::move(suites), recipe.suites);
  if (recipe.grease) suites.insert(suites.begin(), grease(draw.grease[0]));
  return suites;
}

Bytes server_name_list(std::string_view name) {
  base::Writer w;
  {
    const auto list = w.block16be();
    w.u8(0);  // host_name
    const auto host = w.block16be();
    w.text(name);
  }
  return w.take();
}

Bytes list16(std::span<const std::uint16_t> codes) {
  base::Writer w;
  {
    const auto list = w.block16be();
    for (const auto code : codes) w.u16be(code);
  }
  return w.take();
}

Bytes protocol_list(const Recipe& recipe) {
  std::vector<std::string_view> names(std::begin(kOfferedProtocols), std::end(kOfferedProtocols));
  if (recipe.rare_protocols)
    std::erase_if(names, [](auto name) { return name == "http/1.1" || name == "h2"; });
  base::Writer w;
  {
    const auto list = w.block16be();
    for (const auto name : ordered(std::move(names), recipe.lists)) {
      const auto one = w.block8();
      w.text(name);
    }
  }
  return w.take();
}

Bytes key_shares(const Recipe& recipe, const JarmDraw& draw) {
  base::Writer w;
  {
    const auto list = w.block16be();
    if (recipe.grease) w.u16be(grease(draw.grease[2])).u16be(1).u8(0);
    w.u16be(kX25519);
    const auto key = w.block16be();
    w.bytes(draw.key);
  }
  return w.take();
}

Bytes version_list(const Recipe& recipe, const JarmDraw& draw) {
  std::vector<std::uint16_t> versions;
  for (std::uint16_t version = 0x0301; version <= recipe.newest_version; ++version)
    versions.push_back(version);
  base::Writer w;
  {
    const auto list = w.block8();
    if (recipe.grease) w.u16be(grease(draw.grease[3]));
    for (const auto version : ordered(std::move(versions), recipe.lists)) w.u16be(version);
  }
  return w.take();
}

std::vector<Extension> extensions_of(const Recipe& recipe, std::string_view server_name,
                                     const JarmDraw& draw) {
  std::vector<Extension> extensions;
  const auto add = [&](ExtensionType type, Bytes payload) {
    extensions.push_back({static_cast<std::uint16_t>(type), std::move(payload)});
  };
  using enum ExtensionType;
  if (recipe.grease) extensions.push_back({grease(draw.grease[1]), {}});
  add(kServerName, server_name_list(server_name));
  add(kExtendedMasterSecret, {});
  add(kMaxFragmentLength, {1});
  add(kRenegotiationInfo, {0});
  add(kSupportedGroups, list16(kOfferedGroups));
  add(kEcPointFormats, {1, 0});
  add(kSessionTicket, {});
  add(kAlpn, protocol_list(recipe));
  add(kSignatureAlgorithms, list16(kOfferedSignatures));
  add(kKeyShare, key_shares(recipe, draw));
  add(kPskKeyExchangeModes, {1, 1});
  if (recipe.newest_version != 0) add(kSupportedVersions, version_list(recipe, draw));
  return extensions;
}

std::string hex16(std::uint16_t code) { return base::to_hex_number(code, 4).substr(2); }

std::string joined(const std::vector<std::uint16_t>& codes) {
  std::string out;
  for (const auto code : codes) {
    if (!out.empty()) out += '-';
    out += hex16(code);
  }
  return out;
}

/// From 1 in the order of the numbers, those of TLS 1.3 last; one more for a suite that was not
/// offered.
std::size_t number_of(std::uint16_t suite) {
  if (std::ranges::find(kSuites, suite) == std::end(kSuites)) return std::size(kSuites) + 1;
  const auto key = [](std::uint16_t one) { return std::pair(is_tls13_suite(one), one); };
  return 1 + static_cast<std::size_t>(std::ranges::count_if(
                 kSuites, [&](std::uint16_t other) { return key(other) < key(suite); }));
}

/// 'b' for TLS 1.0. Numbers that the specification has no letter for count as none.
char letter_of(std::uint16_t version) {
  constexpr std::string_view kLetters = "abcdef";
  const auto minor = version & 0x0Fu;
  return minor < kLetters.size() ? kLetters[minor] : '0';
}

}  // namespace

Bytes jarm_hello(std::size_t number, std::string_view server_name, const JarmDraw& draw) {
  RDPWHY_CHECK(number < kRecipes.size());
  const auto& recipe = kRecipes[number];
  ClientHello hello;
  hello.legacy_version = recipe.hello_version;
  hello.random = draw.random;
  hello.session_id.assign(draw.session_id.begin(), draw.session_id.end());
  hello.cipher_suites = suites_of(recipe, draw);
  hello.compression_methods = {0};
  hello.has_extensions = true;
  hello.extensions = extensions_of(recipe, server_name, draw);
  return encode_record(ContentType::kHandshake, recipe.record_version,
                       encode_handshake(HandshakeType::kClientHello, encode(hello)));
}

JarmAnswer jarm_answer(const ServerHello& hello) {
  JarmAnswer answer{.cipher_suite = hello.cipher_suite,
                    .legacy_version = hello.legacy_version,
                    .protocol = hello.alpn.value_or(""),
                    .extensions = {}};
  answer.extensions.reserve(hello.extensions.size());
  for (const auto& extension : hello.extensions) answer.extensions.push_back(extension.type);
  return answer;
}

std::optional<JarmAnswer> jarm_answer(ByteSpan octets) {
  const auto record = decode_record_header(octets);
  if (!record || record->content() != ContentType::kHandshake) return {};
  octets = octets.subspan(RecordHeader::kSize);
  octets = octets.first(std::min<std::size_t>(octets.size(), record->length));
  const auto message = decode_handshake_header(octets);
  if (!message || message->type != static_cast<std::uint8_t>(HandshakeType::kServerHello))
    return {};
  octets = octets.subspan(HandshakeHeader::kSize);
  if (octets.size() < message->length) return {};
  const auto hello = decode_server_hello(octets.first(message->length));
  if (!hello) return {};
  return jarm_answer(*hello);
}

std::string text_of(const std::optional<JarmAnswer>& answer) {
  if (!answer) return "|||";
  return hex16(answer->cipher_suite) + '|' + hex16(answer->legacy_version) + '|' +
         answer->protocol + '|' + joined(answer->extensions);
}

JarmText jarm_text(JarmAnswers answers) {
  JarmText text;
  for (const auto& answer : answers) {
    if (!answer) {
      text.suites += "000";
      continue;
    }
    text.suites += base::to_hex_number(number_of(answer->cipher_suite), 2).substr(2);
    text.suites += letter_of(answer->legacy_version);
    text.extensions += answer->protocol + joined(answer->extensions);
  }
  return text;
}

}  // namespace rdpwhy::tls
