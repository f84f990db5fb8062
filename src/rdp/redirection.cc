#include "rdpwhy/rdp/redirection.h"

#include <fmt/format.h>

#include "rdp/bit_names.h"
#include "rdp/texts.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

using R = ServerRedirection;

constexpr std::size_t kPadSize = 8;
constexpr std::size_t kHeadSize = 4;  // Flags and Length

constexpr BitName kFlagNames[] = {
    {R::kTargetNetAddress, "LB_TARGET_NET_ADDRESS"},
    {R::kLoadBalanceInfo, "LB_LOAD_BALANCE_INFO"},
    {R::kUserName, "LB_USERNAME"},
    {R::kDomain, "LB_DOMAIN"},
    {R::kPassword, "LB_PASSWORD"},
    {R::kDontStoreUserName, "LB_DONTSTOREUSERNAME"},
    {R::kSmartcardLogon, "LB_SMARTCARD_LOGON"},
    {R::kNoRedirect, "LB_NOREDIRECT"},
    {R::kTargetFqdn, "LB_TARGET_FQDN"},
    {R::kTargetNetBiosName, "LB_TARGET_NETBIOS_NAME"},
    {R::kTargetNetAddresses, "LB_TARGET_NET_ADDRESSES"},
    {R::kClientTsvUrl, "LB_CLIENT_TSV_URL"},
    {R::kServerTsvCapable, "LB_SERVER_TSV_CAPABLE"},
    {R::kPasswordIsPkEncrypted, "LB_PASSWORD_IS_PK_ENCRYPTED"},
    {R::kRedirectionGuid, "LB_REDIRECTION_GUID"},
    {R::kTargetCertificate, "LB_TARGET_CERTIFICATE"},
};

/// Those whose field follows from its being there.
constexpr std::uint32_t kFieldFlags =
    R::kTargetNetAddress | R::kLoadBalanceInfo | R::kUserName | R::kDomain | R::kPassword |
    R::kTargetFqdn | R::kTargetNetBiosName | R::kTargetNetAddresses | R::kClientTsvUrl |
    R::kRedirectionGuid | R::kTargetCertificate;

std::string read_text(Reader& r, std::string_view length, std::string_view field) {
  return read_terminated_utf16(r, r.u32le(length), field);
}

Bytes read_octets(Reader& r, std::string_view length, std::string_view field) {
  const auto size = r.u32le(length);
  return size == 0 ? Bytes{} : base::to_bytes(r.bytes(size, field));
}

std::vector<std::string> read_addresses(Reader& r) {
  Reader scope = r.block32le("TargetNetAddresses");
  std::vector<std::string> addresses;
  auto count = scope.u32le("addressCount");
  if (scope.wants_fields()) scope.value(std::to_string(count));
  for (; count > 0 && !scope.failed(); --count) {
    auto address = read_text(scope, "addressLength", "address");
    if (!scope.failed()) addresses.push_back(std::move(address));
  }
  return addresses;
}

/// RFC 4648 4, in characters of two octets, as a null-terminated string; lines may be broken.
std::optional<Bytes> from_wide_base64(ByteSpan octets) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (std::size_t i = 0; i + 1 < octets.size(); i += 2) {
    const auto c = static_cast<char>(octets[i]);
    if (octets[i + 1] != 0) return std::nullopt;
    if (c == '\0' || c == '=') break;
    if (c == '\r' || c == '\n') continue;
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  return out;
}

/// Where the password of a packet lies, for who follows it.
struct PasswordPlace {
  ByteSpan octets;
};

void read_fields(Reader& r, R& packet, PasswordPlace* place) {
  const auto has = [&](std::uint32_t flag) { return (packet.flags & flag) != 0 && !r.failed(); };
  if (has(R::kTargetNetAddress)) {
    packet.target_net_address = read_text(r, "TargetNetAddressLength", "TargetNetAddress");
  }
  if (has(R::kLoadBalanceInfo)) {
    packet.load_balance_info = read_octets(r, "LoadBalanceInfoLength", "LoadBalanceInfo");
    if (r.wants_fields()) {
      r.value('"' + base::printable(base::as_text(*packet.load_balance_info)) + '"');
    }
  }
  if (has(R::kUserName)) packet.user_name = read_text(r, "UserNameLength", "UserName");
  if (has(R::kDomain)) packet.domain = read_text(r, "DomainLength", "Domain");
  if (has(R::kPassword)) {
    packet.password_size = r.u32le("PasswordLength");
    const auto octets =
        *packet.password_size > 0 ? r.bytes(*packet.password_size, "Password") : ByteSpan{};
    if (place != nullptr) place->octets = octets;
  }
  if (has(R::kTargetFqdn)) packet.target_fqdn = read_text(r, "TargetFQDNLength", "TargetFQDN");
  if (has(R::kTargetNetBiosName)) {
    packet.target_netbios_name = read_text(r, "TargetNetBiosNameLength", "TargetNetBiosName");
  }
  if (has(R::kClientTsvUrl)) packet.tsv_url = read_octets(r, "TsvUrlLength", "TsvUrl");
  if (has(R::kRedirectionGuid)) {
    const auto size = r.u32le("RedirectionGuidLength");
    packet.redirection_guid = read_utf16(r, size, "RedirectionGuid");
  }
  if (has(R::kTargetCertificate)) {
    packet.target_certificate = read_octets(r, "TargetCertificateLength", "TargetCertificate");
  }
  if (has(R::kTargetNetAddresses)) packet.target_net_addresses = read_addresses(r);
}

/// What stands behind the last field: nothing, the 8 octets of Pad, or less in some packets.
void read_pad(Reader& r, R& packet) {
  const auto left = r.left();
  if (left == 0) return;
  packet.has_pad = left == kPadSize;
  r.skip_rest(packet.has_pad ? "Pad" : "unknown");
  r.expect(packet.has_pad, fmt::format("{} octets follow the last field", left), "unknown");
}

R read_packet(Reader& r, PasswordPlace* place) {
  R packet;
  const auto flags = r.u16le("Flags");
  if (flags != R::kSecRedirectionPacket && !r.failed()) {
    r.require(false, base::to_hex_number(flags, 4) + " is not SEC_REDIRECTION_PKT (0x0400)",
              "Flags");
  }
  const auto length = r.u16le("Length");
  r.require(length >= kHeadSize, fmt::format("{} octets leave no room for the packet", length),
            "Length");
  const auto rest = r.failed() ? 0u : length - kHeadSize;
  Reader body = r.body(rest, "RDP_SERVER_REDIRECTION_PACKET");
  packet.session_id = body.u32le("SessionID");
  packet.flags = body.u32le("RedirFlags");
  if (body.wants_fields()) body.value(bits_text(packet.flags, 8, kFlagNames));
  read_fields(body, packet, place);
  read_pad(body, packet);
  return packet;
}

void write_text(Writer& w, const std::optional<std::string>& text) {
  if (!text) return;
  Writer octets;
  write_terminated_utf16(octets, *text);
  w.u32le(static_cast<std::uint32_t>(octets.size())).bytes(octets.view());
}

void write_octets(Writer& w, const std::optional<Bytes>& octets) {
  if (octets) w.u32le(static_cast<std::uint32_t>(octets->size())).bytes(*octets);
}

std::uint32_t flags_of(const R& packet) {
  auto flags = packet.flags & ~kFieldFlags;
  const auto add = [&](bool is_there, std::uint32_t flag) { flags |= is_there ? flag : 0; };
  add(packet.target_net_address.has_value(), R::kTargetNetAddress);
  add(packet.load_balance_info.has_value(), R::kLoadBalanceInfo);
  add(packet.user_name.has_value(), R::kUserName);
  add(packet.domain.has_value(), R::kDomain);
  add(packet.password_size.has_value(), R::kPassword);
  add(packet.target_fqdn.has_value(), R::kTargetFqdn);
  add(packet.target_netbios_name.has_value(), R::kTargetNetBiosName);
  add(packet.tsv_url.has_value(), R::kClientTsvUrl);
  add(packet.redirection_guid.has_value(), R::kRedirectionGuid);
  add(packet.target_certificate.has_value(), R::kTargetCertificate);
  add(packet.target_net_addresses.has_value(), R::kTargetNetAddresses);
  return flags;
}

Writer written_before_password(const R& packet) {
  Writer w;
  w.u32le(packet.session_id).u32le(flags_of(packet));
  write_text(w, packet.target_net_address);
  write_octets(w, packet.load_balance_info);
  write_text(w, packet.user_name);
  write_text(w, packet.domain);
  return w;
}

Writer written_after_password(const R& packet) {
  Writer w;
  write_text(w, packet.target_fqdn);
  write_text(w, packet.target_netbios_name);
  write_octets(w, packet.tsv_url);
  if (packet.redirection_guid) {
    Writer guid;
    write_utf16(guid, *packet.redirection_guid);
    w.u32le(static_cast<std::uint32_t>(guid.size())).bytes(guid.view());
  }
  write_octets(w, packet.target_certificate);
  if (packet.target_net_addresses) {
    Writer list;
    list.u32le(static_cast<std::uint32_t>(packet.target_net_addresses->size()));
    for (const auto& address : *packet.target_net_addresses) write_text(list, address);
    w.u32le(static_cast<std::uint32_t>(list.size())).bytes(list.view());
  }
  if (packet.has_pad) w.zeros(kPadSize);
  return w;
}

}  // namespace

std::vector<std::string> redirection_flag_names(std::uint32_t flags) {
  return names_of_bits(flags, kFlagNames);
}

std::optional<Bytes> certificate_of_target(ByteSpan target_certificate) {
  constexpr std::uint32_t kCertificate = 32;  // 2.2.13.1.3 ELEMENT_TYPE_CERTIFICATE
  constexpr std::uint32_t kDer = 1;           // ENCODING_TYPE_ASN1_DER
  const auto container = from_wide_base64(target_certificate);
  if (!container) return std::nullopt;
  Reader r(*container);
  while (r.left() > 0 && !r.failed()) {
    const auto type = r.u32le("type");
    const auto encoding = r.u32le("encoding");
    const auto size = r.u32le("elementSize");
    const auto element = r.bytes(size, "elementData");
    if (!r.failed() && type == kCertificate && encoding == kDer && !element.empty())
      return base::to_bytes(element);
  }
  return std::nullopt;
}

std::string redirection_target(const ServerRedirection& redirection) {
  if (!redirection.target_net_address.value_or("").empty()) return *redirection.target_net_address;
  if (redirection.target_net_addresses && !redirection.target_net_addresses->empty()) {
    return redirection.target_net_addresses->front();
  }
  if (!redirection.target_fqdn.value_or("").empty()) return *redirection.target_fqdn;
  return redirection.target_netbios_name.value_or("");
}

ServerRedirection read_server_redirection(Reader& r) { return read_packet(r, nullptr); }

std::expected<ServerRedirection, DecodeError> decode_server_redirection(ByteSpan octets,
                                                                        Notes* notes) {
  Reader r(octets, notes);
  auto packet = read_packet(r, nullptr);
  return r.finish(std::move(packet));
}

Secret redirection_password(ByteSpan octets) {
  Reader r(octets);
  PasswordPlace place;
  const auto packet = read_packet(r, &place);
  r.skip_rest("padding of the PDU");
  if (r.failed() || !packet.password_size) return {};
  return Secret(base::to_bytes(place.octets));
}

Secret encode(const ServerRedirection& redirection, const Secret& password) {
  const auto before = written_before_password(redirection);
  const auto after = written_after_password(redirection);
  const auto blob = password.reveal();
  const bool has_password = redirection.password_size.has_value();
  const auto size = kHeadSize + before.size() + (has_password ? 4 + blob.size() : 0) + after.size();
  RDPWHY_CHECK(size <= 0xFFFF);
  Writer head;
  head.u16le(R::kSecRedirectionPacket).u16le(static_cast<std::uint16_t>(size));
  head.bytes(before.view());
  if (has_password) head.u32le(static_cast<std::uint32_t>(blob.size()));
  // The password goes straight to its place: a buffer that grew would leave a copy behind.
  auto octets = Bytes();
  octets.reserve(size);
  for (const auto part : {head.view(), has_password ? blob : ByteSpan{}, after.view()}) {
    octets.insert(octets.end(), part.begin(), part.end());
  }
  return Secret(std::move(octets));
}

}  // namespace rdpwhy::rdp
