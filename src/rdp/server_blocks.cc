#include "rdpwhy/rdp/server_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "rdp/block_reading.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/rdp/negotiation.h"

namespace rdpwhy::rdp {
namespace {

// MS-RDPBCGR 2.2.1.4.2: 0x00080005 is RDP 10.0, each further one the next minor version.
constexpr std::pair<std::uint32_t, std::string_view> kVersions[] = {
    {0x00080001, "RDP 4.0"},   {0x00080004, "RDP 5.0 to 8.1"}, {0x00080005, "RDP 10.0"},
    {0x00080006, "RDP 10.1"},  {0x00080007, "RDP 10.2"},       {0x00080008, "RDP 10.3"},
    {0x00080009, "RDP 10.4"},  {0x0008000A, "RDP 10.5"},       {0x0008000B, "RDP 10.6"},
    {0x0008000C, "RDP 10.7"},  {0x0008000D, "RDP 10.8"},       {0x0008000E, "RDP 10.9"},
    {0x0008000F, "RDP 10.10"}, {0x00080010, "RDP 10.11"},      {0x00080011, "RDP 10.12"},
};

constexpr std::pair<std::uint32_t, std::string_view> kMethods[] = {
    {0x00, "ENCRYPTION_METHOD_NONE"},   {0x01, "ENCRYPTION_METHOD_40BIT"},
    {0x02, "ENCRYPTION_METHOD_128BIT"}, {0x08, "ENCRYPTION_METHOD_56BIT"},
    {0x10, "ENCRYPTION_METHOD_FIPS"},
};

constexpr std::string_view kLevels[] = {"ENCRYPTION_LEVEL_NONE", "ENCRYPTION_LEVEL_LOW",
                                        "ENCRYPTION_LEVEL_CLIENT_COMPATIBLE",
                                        "ENCRYPTION_LEVEL_HIGH", "ENCRYPTION_LEVEL_FIPS"};

std::optional<std::string_view> name_in(
    std::span<const std::pair<std::uint32_t, std::string_view>> table, std::uint32_t number) {
  for (const auto& [known, name] : table) {
    if (known == number) return name;
  }
  return std::nullopt;
}

void show(Reader& r, std::uint32_t number, std::optional<std::string_view> name) {
  if (!r.wants_fields()) return;
  r.value(fmt::format("{} {}", base::to_hex_number(number, 8), name.value_or("unknown")));
}

ServerCoreData read_core(Reader& r) {
  ServerCoreData core{.version = r.u32le("version")};
  show(r, core.version, rdp_version_name(core.version));
  read_optional(r, core.client_requested_protocols, "clientRequestedProtocols");
  read_optional(r, core.early_capability_flags, "earlyCapabilityFlags");
  return core;
}

void write(Writer& w, const ServerCoreData& core) {
  w.u32le(core.version);
  (void)(write_optional(w, core.client_requested_protocols) &&
         write_optional(w, core.early_capability_flags));
}

ServerSecurityData read_security(Reader& r) {
  ServerSecurityData security;
  security.encryption_method = r.u32le("encryptionMethod");
  show(r, security.encryption_method, encryption_method_name(security.encryption_method));
  security.encryption_level = r.u32le("encryptionLevel");
  show(r, security.encryption_level, encryption_level_name(security.encryption_level));
  if (!r.more()) return security;
  const auto random = r.u32le("serverRandomLen");
  if (r.wants_fields()) r.value(std::to_string(random));
  const auto certificate = r.u32le("serverCertLen");
  if (r.wants_fields()) r.value(std::to_string(certificate));
  security.server_random = base::to_bytes(r.bytes(random, "serverRandom"));
  security.server_certificate = base::to_bytes(r.bytes(certificate, "serverCertificate"));
  return security;
}

void write(Writer& w, const ServerSecurityData& security) {
  w.u32le(security.encryption_method).u32le(security.encryption_level);
  if (!security.server_random && !security.server_certificate) return;
  const Bytes none;
  const auto& random = security.server_random ? *security.server_random : none;
  const auto& certificate = security.server_certificate ? *security.server_certificate : none;
  w.u32le(static_cast<std::uint32_t>(random.size()));
  w.u32le(static_cast<std::uint32_t>(certificate.size()));
  w.bytes(random).bytes(certificate);
}

ServerNetworkData read_network(Reader& r) {
  ServerNetworkData network{.mcs_channel_id = r.u16le("MCSChannelId")};
  if (r.wants_fields()) r.value(std::to_string(network.mcs_channel_id));
  const auto count = r.u16le("channelCount");
  if (r.wants_fields()) r.value(std::to_string(count));
  r.expect(count <= ClientNetworkData::kMostChannels, "is more than 31", "channelCount");
  network.channel_ids.reserve(std::min<std::size_t>(count, r.left() / 2));
  for (unsigned i = 0; i < count && !r.failed(); ++i) {
    network.channel_ids.push_back(r.u16le("channelId"));
    if (r.wants_fields()) r.value(std::to_string(network.channel_ids.back()));
  }
  // An odd number of channels is filled up to four octets; not everybody does.
  if (count % 2 == 1 && r.left() >= 2) r.skip(2, "Pad");
  return network;
}

void write(Writer& w, const ServerNetworkData& network) {
  w.u16le(network.mcs_channel_id).u16le(static_cast<std::uint16_t>(network.channel_ids.size()));
  for (const auto id : network.channel_ids) w.u16le(id);
  if (network.channel_ids.size() % 2 == 1) w.zeros(2);
}

ServerMessageChannelData read_message_channel(Reader& r) {
  ServerMessageChannelData data{.mcs_channel_id = r.u16le("MCSChannelID")};
  if (r.wants_fields()) r.value(std::to_string(data.mcs_channel_id));
  return data;
}

void write(Writer& w, const ServerMessageChannelData& data) { w.u16le(data.mcs_channel_id); }
void write(Writer& w, const ServerMultitransportChannelData& data) { w.u32le(data.flags); }
void write(Writer& w, const UnknownBlock& block) { w.bytes(block.body); }

std::string_view name_of(std::uint16_t type) {
  switch (type) {
    case ServerCoreData::kType:
      return "SC_CORE";
    case ServerSecurityData::kType:
      return "SC_SECURITY";
    case ServerNetworkData::kType:
      return "SC_NET";
    case ServerMessageChannelData::kType:
      return "SC_MCS_MSGCHANNEL";
    case ServerMultitransportChannelData::kType:
      return "SC_MULTITRANSPORT";
    default:
      return "unknown block";
  }
}

ServerBlock read_body(Reader& r, std::uint16_t type) {
  switch (type) {
    case ServerCoreData::kType:
      return read_core(r);
    case ServerSecurityData::kType:
      return read_security(r);
    case ServerNetworkData::kType:
      return read_network(r);
    case ServerMessageChannelData::kType:
      return read_message_channel(r);
    case ServerMultitransportChannelData::kType:
      return ServerMultitransportChannelData{.flags = r.u32le("flags")};
    default:
      return read_unknown_block(r, type);
  }
}

}  // namespace

std::optional<std::string_view> rdp_version_name(std::uint32_t version) {
  return name_in(kVersions, version);
}

std::optional<std::string_view> encryption_method_name(std::uint32_t method) {
  return name_in(kMethods, method);
}

std::optional<std::string_view> encryption_level_name(std::uint32_t level) {
  if (level >= std::size(kLevels)) return std::nullopt;
  return kLevels[level];
}

std::expected<ServerBlocks, DecodeError> decode_server_blocks(ByteSpan user_data, Notes* notes) {
  Reader r(user_data, notes);
  auto blocks = read_blocks<ServerBlocks>(r, name_of, read_body);
  return r.finish(std::move(blocks));
}

Bytes encode(const ServerBlocks& blocks) {
  return encode_blocks(blocks, [](Writer& w, const auto& block) { write(w, block); });
}

}  // namespace rdpwhy::rdp
