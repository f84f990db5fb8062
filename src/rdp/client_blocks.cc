#include "rdpwhy/rdp/client_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rdp/block_reading.h"
#include "rdpwhy/base/hex.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kClientNameSize = 32;
constexpr std::size_t kImeFileNameSize = 64;
constexpr std::size_t kDigProductIdSize = 64;
constexpr std::size_t kChannelNameSize = 8;
constexpr std::size_t kChannelSize = 12;
constexpr std::size_t kMonitorSize = 20;
constexpr std::uint32_t kMonitorAttributesSize = 20;

constexpr std::pair<std::uint16_t, std::string_view> kEarlyCapabilities[] = {
    {0x0001, "SUPPORT_ERRINFO_PDU"},
    {0x0002, "WANT_32BPP_SESSION"},
    {0x0004, "SUPPORT_STATUSINFO_PDU"},
    {0x0008, "STRONG_ASYMMETRIC_KEYS"},
    {0x0010, "UNUSED"},
    {0x0020, "VALID_CONNECTION_TYPE"},
    {0x0040, "SUPPORT_MONITOR_LAYOUT_PDU"},
    {0x0080, "SUPPORT_NETCHAR_AUTODETECT"},
    {0x0100, "SUPPORT_DYNVC_GFX_PROTOCOL"},
    {0x0200, "SUPPORT_DYNAMIC_TIME_ZONE"},
    {0x0400, "SUPPORT_HEARTBEAT_PDU"},
    {0x0800, "SUPPORT_SKIP_CHANNELJOIN"},
};

ClientCoreData read_core(Reader& r) {
  ClientCoreData core;
  core.version = r.u32le("version");
  core.desktop_width = r.u16le("desktopWidth");
  if (r.wants_fields()) r.value(std::to_string(core.desktop_width));
  core.desktop_height = r.u16le("desktopHeight");
  if (r.wants_fields()) r.value(std::to_string(core.desktop_height));
  core.color_depth = r.u16le("colorDepth");
  core.sas_sequence = r.u16le("SASSequence");
  core.keyboard_layout = r.u32le("keyboardLayout");
  core.client_build = r.u32le("clientBuild");
  if (r.wants_fields()) r.value(std::to_string(core.client_build));
  core.client_name = read_fixed_utf16(r, kClientNameSize, "clientName");
  core.keyboard_type = r.u32le("keyboardType");
  core.keyboard_sub_type = r.u32le("keyboardSubType");
  core.keyboard_function_key = r.u32le("keyboardFunctionKey");
  core.ime_file_name = read_fixed_utf16(r, kImeFileNameSize, "imeFileName");
  read_optional(r, core.post_beta2_color_depth, "postBeta2ColorDepth");
  read_optional(r, core.client_product_id, "clientProductId");
  read_optional(r, core.serial_number, "serialNumber");
  read_optional(r, core.high_color_depth, "highColorDepth");
  read_optional(r, core.supported_color_depths, "supportedColorDepths");
  read_optional(r, core.early_capability_flags, "earlyCapabilityFlags");
  if (core.early_capability_flags && r.wants_fields()) {
    r.value(fmt::format("{} {}", base::to_hex_number(*core.early_capability_flags, 4),
                        fmt::join(early_capability_names(*core.early_capability_flags), " | ")));
  }
  if (r.more())
    core.client_dig_product_id = read_fixed_utf16(r, kDigProductIdSize, "clientDigProductId");
  read_optional(r, core.connection_type, "connectionType");
  read_optional(r, core.pad1, "pad1octet");
  read_optional(r, core.server_selected_protocol, "serverSelectedProtocol");
  read_optional(r, core.desktop_physical_width, "desktopPhysicalWidth");
  read_optional(r, core.desktop_physical_height, "desktopPhysicalHeight");
  read_optional(r, core.desktop_orientation, "desktopOrientation");
  read_optional(r, core.desktop_scale_factor, "desktopScaleFactor");
  read_optional(r, core.device_scale_factor, "deviceScaleFactor");
  return core;
}

bool write_dig_product_id(Writer& w, const std::optional<std::string>& id) {
  if (!id) return false;
  write_fixed_utf16(w, *id, kDigProductIdSize);
  return true;
}

void write(Writer& w, const ClientCoreData& core) {
  w.u32le(core.version).u16le(core.desktop_width).u16le(core.desktop_height);
  w.u16le(core.color_depth).u16le(core.sas_sequence);
  w.u32le(core.keyboard_layout).u32le(core.client_build);
  write_fixed_utf16(w, core.client_name, kClientNameSize);
  w.u32le(core.keyboard_type).u32le(core.keyboard_sub_type).u32le(core.keyboard_function_key);
  write_fixed_utf16(w, core.ime_file_name, kImeFileNameSize);
  // The first that is absent ends the block.
  (void)(write_optional(w, core.post_beta2_color_depth) &&
         write_optional(w, core.client_product_id) && write_optional(w, core.serial_number) &&
         write_optional(w, core.high_color_depth) &&
         write_optional(w, core.supported_color_depths) &&
         write_optional(w, core.early_capability_flags) &&
         write_dig_product_id(w, core.client_dig_product_id) &&
         write_optional(w, core.connection_type) && write_optional(w, core.pad1) &&
         write_optional(w, core.server_selected_protocol) &&
         write_optional(w, core.desktop_physical_width) &&
         write_optional(w, core.desktop_physical_height) &&
         write_optional(w, core.desktop_orientation) &&
         write_optional(w, core.desktop_scale_factor) &&
         write_optional(w, core.device_scale_factor));
}

ClientSecurityData read_security(Reader& r) {
  ClientSecurityData security;
  security.encryption_methods = r.u32le("encryptionMethods");
  security.ext_encryption_methods = r.u32le("extEncryptionMethods");
  return security;
}

void write(Writer& w, const ClientSecurityData& security) {
  w.u32le(security.encryption_methods).u32le(security.ext_encryption_methods);
}

// A count of elements of `size` octets each: never more than there are.
std::uint32_t read_count(Reader& r, std::string_view field, std::size_t size) {
  const auto count = r.u32le(field);
  if (r.wants_fields()) r.value(std::to_string(count));
  if (r.failed() || count <= r.left() / size) return count;
  r.require(false, fmt::format("is {}, and there are {} octets for them", count, r.left()), field);
  return 0;
}

ClientNetworkData read_network(Reader& r) {
  ClientNetworkData network;
  const auto count = read_count(r, "channelCount", kChannelSize);
  r.expect(count <= ClientNetworkData::kMostChannels, "is more than 31", "channelCount");
  network.channels.reserve(count);
  for (std::uint32_t i = 0; i < count && !r.failed(); ++i) {
    auto& channel = network.channels.emplace_back();
    channel.name = read_fixed_octets(r, kChannelNameSize, "name");
    channel.options = r.u32le("options");
  }
  return network;
}

void write(Writer& w, const ClientNetworkData& network) {
  w.u32le(static_cast<std::uint32_t>(network.channels.size()));
  for (const auto& channel : network.channels) {
    write_fixed_octets(w, channel.name, kChannelNameSize);
    w.u32le(channel.options);
  }
}

ClientClusterData read_cluster(Reader& r) {
  ClientClusterData cluster;
  cluster.flags = r.u32le("Flags");
  cluster.redirected_session_id = r.u32le("RedirectedSessionID");
  return cluster;
}

void write(Writer& w, const ClientClusterData& cluster) {
  w.u32le(cluster.flags).u32le(cluster.redirected_session_id);
}

std::int32_t read_signed(Reader& r, std::string_view field) {
  const auto value = static_cast<std::int32_t>(r.u32le(field));
  if (r.wants_fields()) r.value(std::to_string(value));
  return value;
}

ClientMonitorData read_monitors(Reader& r) {
  ClientMonitorData data{.flags = r.u32le("flags")};
  const auto count = read_count(r, "monitorCount", kMonitorSize);
  r.expect(count <= ClientMonitorData::kMostMonitors, "is more than 16", "monitorCount");
  data.monitors.reserve(count);
  for (std::uint32_t i = 0; i < count && !r.failed(); ++i) {
    auto& monitor = data.monitors.emplace_back();
    monitor.left = read_signed(r, "left");
    monitor.top = read_signed(r, "top");
    monitor.right = read_signed(r, "right");
    monitor.bottom = read_signed(r, "bottom");
    monitor.flags = r.u32le("flags");
  }
  return data;
}

void write(Writer& w, const ClientMonitorData& data) {
  w.u32le(data.flags).u32le(static_cast<std::uint32_t>(data.monitors.size()));
  for (const auto& monitor : data.monitors) {
    for (const auto edge : {monitor.left, monitor.top, monitor.right, monitor.bottom}) {
      w.u32le(static_cast<std::uint32_t>(edge));
    }
    w.u32le(monitor.flags);
  }
}

ClientMonitorExtendedData read_monitors_extended(Reader& r) {
  ClientMonitorExtendedData data{.flags = r.u32le("flags")};
  const auto size = r.u32le("monitorAttributeSize");
  r.require(size == kMonitorAttributesSize, "is not 20", "monitorAttributeSize");
  const auto count = read_count(r, "monitorCount", kMonitorAttributesSize);
  r.expect(count <= ClientMonitorData::kMostMonitors, "is more than 16", "monitorCount");
  data.monitors.reserve(count);
  for (std::uint32_t i = 0; i < count && !r.failed(); ++i) {
    auto& monitor = data.monitors.emplace_back();
    monitor.physical_width = r.u32le("physicalWidth");
    monitor.physical_height = r.u32le("physicalHeight");
    monitor.orientation = r.u32le("orientation");
    monitor.desktop_scale_factor = r.u32le("desktopScaleFactor");
    monitor.device_scale_factor = r.u32le("deviceScaleFactor");
  }
  return data;
}

void write(Writer& w, const ClientMonitorExtendedData& data) {
  w.u32le(data.flags).u32le(kMonitorAttributesSize);
  w.u32le(static_cast<std::uint32_t>(data.monitors.size()));
  for (const auto& monitor : data.monitors) {
    w.u32le(monitor.physical_width).u32le(monitor.physical_height).u32le(monitor.orientation);
    w.u32le(monitor.desktop_scale_factor).u32le(monitor.device_scale_factor);
  }
}

void write(Writer& w, const ClientMessageChannelData& data) { w.u32le(data.flags); }
void write(Writer& w, const ClientMultitransportChannelData& data) { w.u32le(data.flags); }
void write(Writer& w, const UnknownBlock& block) { w.bytes(block.body); }

std::string_view name_of(std::uint16_t type) {
  switch (type) {
    case ClientCoreData::kType:
      return "CS_CORE";
    case ClientSecurityData::kType:
      return "CS_SECURITY";
    case ClientNetworkData::kType:
      return "CS_NET";
    case ClientClusterData::kType:
      return "CS_CLUSTER";
    case ClientMonitorData::kType:
      return "CS_MONITOR";
    case ClientMessageChannelData::kType:
      return "CS_MCS_MSGCHANNEL";
    case ClientMonitorExtendedData::kType:
      return "CS_MONITOR_EX";
    case ClientMultitransportChannelData::kType:
      return "CS_MULTITRANSPORT";
    default:
      return "unknown block";
  }
}

ClientBlock read_body(Reader& r, std::uint16_t type) {
  switch (type) {
    case ClientCoreData::kType:
      return read_core(r);
    case ClientSecurityData::kType:
      return read_security(r);
    case ClientNetworkData::kType:
      return read_network(r);
    case ClientClusterData::kType:
      return read_cluster(r);
    case ClientMonitorData::kType:
      return read_monitors(r);
    case ClientMessageChannelData::kType:
      return ClientMessageChannelData{.flags = r.u32le("flags")};
    case ClientMonitorExtendedData::kType:
      return read_monitors_extended(r);
    case ClientMultitransportChannelData::kType:
      return ClientMultitransportChannelData{.flags = r.u32le("flags")};
    default:
      return read_unknown_block(r, type);
  }
}

}  // namespace

std::vector<std::string> early_capability_names(std::uint16_t flags) {
  std::vector<std::string> names;
  for (const auto& [bit, name] : kEarlyCapabilities) {
    if ((flags & bit) == 0) continue;
    names.emplace_back(name);
    flags = static_cast<std::uint16_t>(flags & ~bit);
  }
  if (flags != 0) names.push_back(base::to_hex_number(flags));
  return names;
}

std::expected<ClientBlocks, DecodeError> decode_client_blocks(ByteSpan user_data, Notes* notes) {
  Reader r(user_data, notes);
  auto blocks = read_blocks<ClientBlocks>(r, name_of, read_body);
  return r.finish(std::move(blocks));
}

Bytes encode(const ClientBlocks& blocks) {
  return encode_blocks(blocks, [](Writer& w, const auto& block) { write(w, block); });
}

}  // namespace rdpwhy::rdp
