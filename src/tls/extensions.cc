#include "tls/extensions.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "rdpwhy/base/hex.h"
#include "rdpwhy/tls/registry.h"
#include "tls/reading.h"

namespace rdpwhy::tls {
namespace {

void read_payload(Reader& r, ExtensionType type, Place place, ExtensionReadings& readings);

/// The types of one list so far. Hellos have a dozen; a hostile one has 16,000 and must not cost
/// the square.
class SeenTypes {
 public:
  /// False when it stood there already.
  bool insert(std::uint16_t type) {
    if (many_) {
      if ((*many_)[type]) return false;
      (*many_)[type] = true;
      return true;
    }
    const auto known = std::span(few_).first(size_);
    if (std::ranges::find(known, type) != known.end()) return false;
    if (size_ < few_.size()) {
      few_[size_++] = type;
      return true;
    }
    many_.emplace(65536);
    for (const auto one : few_) (*many_)[one] = true;
    (*many_)[type] = true;
    return true;
  }

 private:
  std::array<std::uint16_t, 32> few_;
  std::size_t size_ = 0;
  std::optional<std::vector<bool>> many_;
};

}  // namespace

std::vector<Extension> read_extensions(Reader& r, Place place, ExtensionReadings* readings) {
  std::vector<Extension> extensions;
  Reader list = r.block16be("extensions");
  ExtensionReadings unwanted;
  extensions.reserve(std::min<std::size_t>(list.left() / 4, 32));
  SeenTypes seen;
  while (list.more()) {
    const auto at = list.offset();
    const auto type = read_named(list, "extension_type", extension_name);
    const auto size = list.u16be("extension_data");
    if (list.wants_fields()) list.value(std::to_string(size) + " octets");
    const auto payload = list.peek(size);
    Reader inner = list.isolated(size, extension_name(type).value_or("extension_data"));
    if (list.failed()) break;
    extensions.push_back({type, base::to_bytes(payload)});

    const auto name = [type] { return name_or_hex(extension_name(type), type); };
    // Which of two counts nobody says: both are kept, the first is read.
    if (!seen.insert(type)) {
      if (list.notes() != nullptr) {
        list.notes()->add_anomaly(at, "extension_type", "extension " + name() + " stands twice");
      }
      inner.skip_rest("extension_data");
      continue;
    }
    auto& into = readings != nullptr ? *readings : unwanted;
    read_payload(inner, static_cast<ExtensionType>(type), place, into);
    inner.close();
    if (inner.failed() && list.notes() != nullptr) {
      list.notes()->add_anomaly(inner.error()->offset, name(),
                                "malformed extension " + name() + ": " + inner.error()->message());
    }
  }
  return extensions;
}

void write_extensions(base::Writer& w, const std::vector<Extension>& extensions) {
  const auto list = w.block16be();
  for (const auto& extension : extensions) {
    w.u16be(extension.type);
    const auto payload = w.block16be();
    w.bytes(extension.payload);
  }
}

bool has(const std::vector<Extension>& extensions, ExtensionType type) {
  return std::ranges::any_of(extensions, [type](const Extension& extension) {
    return extension.type == static_cast<std::uint16_t>(type);
  });
}

namespace {

bool looks_like_address(std::string_view name) {
  if (name.find(':') != std::string_view::npos) return true;
  return !name.empty() && name.find_first_not_of("0123456789.") == std::string_view::npos &&
         std::ranges::count(name, '.') == 3;
}

void judge_host_name(Reader& r, std::string_view name) {
  r.expect(!name.empty(), "the name is empty", "HostName");
  r.expect(!looks_like_address(name), "an address stands where only DNS names may", "HostName");
  r.expect(!name.ends_with('.'), "the name ends with a dot", "HostName");
  r.expect(std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7F; }),
           "the name holds octets that are no letters of a DNS name", "HostName");
}

/// RFC 6066 3 ServerNameList.
std::optional<std::string> read_server_name(Reader& r) {
  std::optional<std::string> server_name;
  Reader list = r.block16be("server_name_list");
  list.expect(list.more(), "the list is empty", "server_name_list");
  while (list.more()) {
    const auto type = list.u8("name_type");
    if (list.wants_fields() && type == 0) list.value("0x00 host_name");
    const auto name = read_opaque16(list, "HostName");
    if (list.failed()) break;
    show_text(list, name);
    list.expect(type == 0, "a name_type other than host_name", "name_type");
    if (type != 0) continue;
    list.expect(!server_name, "more than one host_name", "server_name_list");
    if (server_name) continue;
    judge_host_name(list, base::as_text(name));
    server_name = base::as_text(name);
  }
  return server_name;
}

/// RFC 7301 3.1 ProtocolNameList.
std::vector<std::string> read_protocol_names(Reader& r) {
  std::vector<std::string> names;
  Reader list = r.block16be("protocol_name_list");
  list.expect(list.more(), "the list is empty", "protocol_name_list");
  while (list.more()) {
    const auto name = read_opaque8(list, "ProtocolName");
    if (list.failed()) break;
    show_text(list, name);
    list.expect(!name.empty(), "the name is empty", "ProtocolName");
    names.emplace_back(base::as_text(name));
  }
  return names;
}

std::vector<std::uint16_t> read_list16(Reader& r, std::string_view field, std::string_view item,
                                       Naming name) {
  Reader list = r.block16be(field);
  list.expect(list.more(), "the list is empty", field);
  return read_items16(list, item, name);
}

std::vector<std::uint8_t> read_list8(Reader& r, std::string_view field, std::string_view item) {
  Reader list = r.block8(field);
  list.expect(list.more(), "the list is empty", field);
  return read_items8(list, item);
}

KeyShare read_key_share_entry(Reader& r) {
  KeyShare share;
  share.group = read_named(r, "group", group_name);
  share.size = static_cast<std::uint16_t>(read_opaque16(r, "key_exchange").size());
  r.expect(r.failed() || share.size != 0, "the key is empty", "key_exchange");
  return share;
}

/// RFC 8446 4.2.8 KeyShareClientHello, KeyShareHelloRetryRequest, KeyShareServerHello.
std::vector<KeyShare> read_key_share(Reader& r, Place place) {
  std::vector<KeyShare> shares;
  if (place == Place::kServerHello) {
    shares.push_back(read_key_share_entry(r));
  } else if (place == Place::kHelloRetryRequest) {
    shares.push_back({read_named(r, "selected_group", group_name), 0});
  } else {
    Reader list = r.block16be("client_shares");  // empty: the client asks for a HelloRetryRequest
    while (list.more()) shares.push_back(read_key_share_entry(list));
  }
  return shares;
}

std::vector<std::uint16_t> read_supported_versions(Reader& r, Place place) {
  if (place != Place::kClientHello) return {read_version(r, "selected_version")};
  std::vector<std::uint16_t> versions;
  Reader list = r.block8("versions");
  list.expect(list.more(), "the list is empty", "versions");
  list.expect(list.left() % 2 == 0, "odd length of a list of two-octet items", "versions");
  versions.reserve(list.left() / 2);
  while (list.left() >= 2) versions.push_back(read_version(list, "ProtocolVersion"));
  if (list.more()) list.skip_rest("versions");
  return versions;
}

/// RFC 8446 4.2.11 OfferedPsks.
void read_offered_psks(Reader& r) {
  std::size_t identities_seen = 0;
  std::size_t binders_seen = 0;
  {
    Reader identities = r.block16be("identities");
    while (identities.more()) {
      read_opaque16(identities, "identity");
      identities.u32be("obfuscated_ticket_age");
      ++identities_seen;
    }
  }
  {
    Reader binders = r.block16be("binders");
    while (binders.more()) {
      read_opaque8(binders, "PskBinderEntry");
      ++binders_seen;
    }
  }
  r.expect(identities_seen != 0, "the list is empty", "identities");
  r.expect(identities_seen == binders_seen, "as many binders as identities are due", "binders");
}

/// RFC 6066 8 CertificateStatusRequest.
void read_status_request(Reader& r) {
  const auto type = r.u8("status_type");
  if (type != 1) return r.skip_rest("request");
  if (r.wants_fields()) r.value("0x01 ocsp");
  read_opaque16(r, "responder_id_list");
  read_opaque16(r, "request_extensions");
}

std::uint32_t read_authorities(Reader& r) {
  std::uint32_t count = 0;
  Reader list = r.block16be("certificate_authorities");
  while (list.more()) {
    read_opaque16(list, "DistinguishedName");
    if (!list.failed()) ++count;
  }
  return count;
}

void expect_empty(Reader& r) {
  r.expect(!r.more(), "the extension should be empty", "extension_data");
  if (r.more()) r.skip_rest("extension_data");
}

/// Keeps a reading only if the payload was the grammar it should be.
template <typename T>
void keep(Reader& r, std::optional<T>& member, T reading) {
  r.close();
  if (!r.failed()) member = std::move(reading);
}

/// Payloads without a member: read for their anomalies and for annotated dumps.
void read_minor_payload(Reader& r, ExtensionType type, Place place) {
  const bool client = place == Place::kClientHello;
  switch (type) {
    case ExtensionType::kMaxFragmentLength: {
      const auto code = r.u8("MaxFragmentLength");
      r.expect(code >= 1 && code <= 4, "a length that RFC 6066 does not know", "MaxFragmentLength");
      return;
    }
    case ExtensionType::kStatusRequest:
      if (client) return read_status_request(r);
      return r.skip_rest("status");  // empty until TLS 1.2, an OCSP response in TLS 1.3
    case ExtensionType::kHeartbeat: {
      const auto mode = r.u8("HeartbeatMode");
      r.expect(mode == 1 || mode == 2, "a mode that RFC 6520 does not know", "HeartbeatMode");
      return;
    }
    case ExtensionType::kPadding: {
      const auto padding = r.rest("padding");
      r.expect(std::ranges::all_of(padding, [](auto octet) { return octet == 0; }),
               "padding that is not zero", "padding");
      return;
    }
    case ExtensionType::kEncryptThenMac:
    case ExtensionType::kExtendedMasterSecret:
    case ExtensionType::kPostHandshakeAuth:
      return expect_empty(r);
    case ExtensionType::kEarlyData:
      if (place == Place::kOther && r.left() == 4) return r.skip_rest("max_early_data_size");
      return expect_empty(r);
    case ExtensionType::kPreSharedKey:
      if (client) return read_offered_psks(r);
      r.u16be("selected_identity");
      return;
    case ExtensionType::kCompressCertificate: {
      Reader list = r.block8("algorithms");
      read_items16(list, "CertificateCompressionAlgorithm", [](std::uint16_t code) {
        constexpr std::string_view kNames[] = {"zlib", "brotli", "zstd"};
        return code >= 1 && code <= 3 ? std::optional(kNames[code - 1]) : std::nullopt;
      });
      return;
    }
    case ExtensionType::kDelegatedCredential:
      if (!client) return r.skip_rest("credential");
      read_list16(r, "supported_signature_algorithms", "SignatureScheme", signature_scheme_name);
      return;
    case ExtensionType::kCookie:
      read_opaque16(r, "cookie");
      return;
    case ExtensionType::kRenegotiationInfo:
      read_opaque8(r, "renegotiated_connection");
      return;
    default:
      r.skip_rest("extension_data");
  }
}

void read_payload(Reader& r, ExtensionType type, Place place, ExtensionReadings& readings) {
  const bool client = place == Place::kClientHello;
  switch (type) {
    case ExtensionType::kServerName:
      if (!client) return expect_empty(r);
      if (auto name = read_server_name(r)) keep(r, readings.server_name, std::move(*name));
      return;
    case ExtensionType::kSupportedGroups:
      return keep(r, readings.supported_groups,
                  read_list16(r, "named_group_list", "NamedGroup", group_name));
    case ExtensionType::kEcPointFormats:
      return keep(r, readings.ec_point_formats,
                  read_list8(r, "ec_point_format_list", "ECPointFormat"));
    case ExtensionType::kSignatureAlgorithms:
      return keep(r, readings.signature_algorithms,
                  read_list16(r, "supported_signature_algorithms", "SignatureScheme",
                              signature_scheme_name));
    case ExtensionType::kSignatureAlgorithmsCert:
      return keep(r, readings.signature_algorithms_cert,
                  read_list16(r, "supported_signature_algorithms", "SignatureScheme",
                              signature_scheme_name));
    case ExtensionType::kAlpn: {
      auto names = read_protocol_names(r);
      r.expect(client || names.size() == 1, "an answer names exactly one protocol",
               "protocol_name_list");
      return keep(r, readings.alpn, std::move(names));
    }
    case ExtensionType::kSupportedVersions:
      return keep(r, readings.supported_versions, read_supported_versions(r, place));
    case ExtensionType::kKeyShare:
    case ExtensionType::kKeyShareDraft:
      return keep(r, readings.key_shares, read_key_share(r, place));
    case ExtensionType::kPskKeyExchangeModes:
      return keep(r, readings.psk_key_exchange_modes,
                  read_list8(r, "ke_modes", "PskKeyExchangeMode"));
    case ExtensionType::kRecordSizeLimit: {
      const auto limit = r.u16be("RecordSizeLimit");
      r.expect(limit >= 64, "less than 64, which RFC 8449 forbids", "RecordSizeLimit");
      return keep(r, readings.record_size_limit, limit);
    }
    case ExtensionType::kCertificateAuthorities:
      readings.authorities = read_authorities(r);
      return;
    default:
      return read_minor_payload(r, type, place);
  }
}

}  // namespace
}  // namespace rdpwhy::tls
