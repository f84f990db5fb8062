#include "rdpwhy/rdp/client_info.h"

#include <fmt/format.h>

#include <algorithm>

#include "rdp/bit_names.h"
#include "rdp/texts.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/base/writer.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::size_t kZoneNameSize = 64;
constexpr std::size_t kUnit = 2;
constexpr std::uint16_t kFamilyIpv4 = 2;
constexpr std::uint16_t kFamilyIpv6 = 0x17;
constexpr std::uint16_t kAutoReconnectCookieSize = 28;

constexpr BitName kFlagNames[] = {
    {ClientInfo::kMouse, "INFO_MOUSE"},
    {ClientInfo::kDisableCtrlAltDel, "INFO_DISABLECTRLALTDEL"},
    {ClientInfo::kAutoLogon, "INFO_AUTOLOGON"},
    {ClientInfo::kUnicode, "INFO_UNICODE"},
    {ClientInfo::kMaximizeShell, "INFO_MAXIMIZESHELL"},
    {ClientInfo::kLogonNotify, "INFO_LOGONNOTIFY"},
    {ClientInfo::kCompression, "INFO_COMPRESSION"},
    {ClientInfo::kEnableWindowsKey, "INFO_ENABLEWINDOWSKEY"},
    {0x00002000, "INFO_REMOTECONSOLEAUDIO"},
    {0x00004000, "INFO_FORCE_ENCRYPTED_CS_PDU"},
    {0x00008000, "INFO_RAIL"},
    {ClientInfo::kLogonErrors, "INFO_LOGONERRORS"},
    {ClientInfo::kMouseHasWheel, "INFO_MOUSE_HAS_WHEEL"},
    {0x00040000, "INFO_PASSWORD_IS_SC_PIN"},
    {ClientInfo::kNoAudioPlayback, "INFO_NOAUDIOPLAYBACK"},
    {0x00100000, "INFO_USING_SAVED_CREDS"},
    {0x00200000, "INFO_AUDIOCAPTURE"},
    {0x00400000, "INFO_VIDEO_DISABLE"},
    {0x00800000, "INFO_RESERVED1"},
    {0x01000000, "INFO_RESERVED2"},
    {0x02000000, "INFO_HIDEF_RAIL_SUPPORTED"},
};
constexpr std::uint32_t kCompressionTypeMask = 0x00001E00;

constexpr BitName kPerformanceNames[] = {
    {0x00000001, "PERF_DISABLE_WALLPAPER"},
    {0x00000002, "PERF_DISABLE_FULLWINDOWDRAG"},
    {0x00000004, "PERF_DISABLE_MENUANIMATIONS"},
    {0x00000008, "PERF_DISABLE_THEMING"},
    {0x00000010, "PERF_RESERVED1"},
    {0x00000020, "PERF_DISABLE_CURSOR_SHADOW"},
    {0x00000040, "PERF_DISABLE_CURSORSETTINGS"},
    {0x00000080, "PERF_ENABLE_FONT_SMOOTHING"},
    {0x00000100, "PERF_ENABLE_DESKTOP_COMPOSITION"},
    {0x80000000, "PERF_RESERVED2"},
};

/// The five texts of the fixed part are all measured first and then stand one behind the other,
/// each with a null character that its size does not count.
struct TextReader {
  Reader& r;
  bool is_unicode;

  [[nodiscard]] std::size_t unit() const { return is_unicode ? kUnit : 1; }

  void end(std::string_view field) {
    const auto octets = r.bytes(unit(), field);
    r.expect(std::ranges::all_of(octets, [](auto octet) { return octet == 0; }),
             "is not ended by a null character", field);
  }
  std::string text(std::size_t size, std::string_view field) {
    auto text = is_unicode ? read_utf16(r, size, field) : read_ansi(r, size, field);
    end(field);
    return text;
  }
};

/// Sizes are counted with the null character, which some clients leave out.
std::string read_extended_text(Reader& r, std::string_view length, std::string_view field) {
  const auto size = r.u16le(length);
  return read_terminated_utf16(r, size, field);
}

TimeZone::SystemTime read_system_time(Reader& r, std::string_view field) {
  TimeZone::SystemTime time = {};
  Reader scope = r.block(kUnit * time.size(), field);
  for (auto& part : time) part = scope.u16le(field);
  return time;
}

TimeZone read_time_zone(Reader& r) {
  TimeZone zone;
  zone.bias = static_cast<std::int32_t>(r.u32le("Bias"));
  if (r.wants_fields()) r.value(fmt::format("{} minutes", zone.bias));
  zone.standard_name = read_padded_utf16(r, kZoneNameSize, "StandardName");
  zone.standard_date = read_system_time(r, "StandardDate");
  zone.standard_bias = static_cast<std::int32_t>(r.u32le("StandardBias"));
  zone.daylight_name = read_padded_utf16(r, kZoneNameSize, "DaylightName");
  zone.daylight_date = read_system_time(r, "DaylightDate");
  zone.daylight_bias = static_cast<std::int32_t>(r.u32le("DaylightBias"));
  return zone;
}

void read_auto_reconnect_cookie(Reader& r, ExtendedClientInfo& info) {
  const auto size = r.u16le("cbAutoReconnectCookie");
  info.auto_reconnect_cookie_size = size;
  if (size == 0) return;
  r.expect(size == kAutoReconnectCookieSize, fmt::format("is {}, not 0 or 28", size),
           "cbAutoReconnectCookie");
  r.skip(size, "autoReconnectCookie");
}

/// Clients of every age end somewhere in here.
void read_optional_tail(Reader& r, ExtendedClientInfo& info) {
  if (r.more()) info.time_zone = read_time_zone(r);
  if (r.more()) info.session_id = r.u32le("clientSessionId");
  if (r.more()) {
    info.performance_flags = r.u32le("performanceFlags");
    if (r.wants_fields()) r.value(bits_text(*info.performance_flags, 8, kPerformanceNames));
  }
  if (r.more()) read_auto_reconnect_cookie(r, info);
  if (r.more()) info.reserved1 = r.u16le("reserved1");
  if (r.more()) info.reserved2 = r.u16le("reserved2");
  if (r.more()) {
    const auto size = r.u16le("cbDynamicDSTTimeZoneKeyName");
    info.dynamic_dst_time_zone_key_name = read_utf16(r, size, "dynamicDSTTimeZoneKeyName");
  }
  if (r.more()) info.dynamic_daylight_time_disabled = r.u16le("dynamicDaylightTimeDisabled");
  const auto left = r.left();
  if (left == 0) return;
  r.skip_rest("unknown");
  r.expect(false, fmt::format("{} octets follow the last field that is known", left), "unknown");
}

ExtendedClientInfo read_extended(Reader& r) {
  ExtendedClientInfo info;
  info.address_family = r.u16le("clientAddressFamily");
  r.expect(info.address_family == kFamilyIpv4 || info.address_family == kFamilyIpv6,
           fmt::format("is {}, neither AF_INET nor AF_INET6", info.address_family),
           "clientAddressFamily");
  info.address = read_extended_text(r, "cbClientAddress", "clientAddress");
  info.directory = read_extended_text(r, "cbClientDir", "clientDir");
  read_optional_tail(r, info);
  return info;
}

std::string flags_text(std::uint32_t flags) {
  auto text = bits_text(flags & ~kCompressionTypeMask, 8, kFlagNames);
  if (const auto type = flags & kCompressionTypeMask; type != 0) {
    text += fmt::format(", compression type {}", type >> 9);
  }
  return text;
}

void write_time_zone(Writer& w, const TimeZone& zone) {
  const auto write_date = [&](const TimeZone::SystemTime& time) {
    for (const auto part : time) w.u16le(part);
  };
  w.u32le(static_cast<std::uint32_t>(zone.bias));
  write_padded_utf16(w, zone.standard_name, kZoneNameSize);
  write_date(zone.standard_date);
  w.u32le(static_cast<std::uint32_t>(zone.standard_bias));
  write_padded_utf16(w, zone.daylight_name, kZoneNameSize);
  write_date(zone.daylight_date);
  w.u32le(static_cast<std::uint32_t>(zone.daylight_bias));
}

void write_extended_text(Writer& w, std::string_view text) {
  const auto length = w.block16le();
  write_terminated_utf16(w, text);
}

void write_extended(Writer& w, const ExtendedClientInfo& info) {
  w.u16le(info.address_family);
  write_extended_text(w, info.address);
  write_extended_text(w, info.directory);
  if (!info.time_zone) return;
  write_time_zone(w, *info.time_zone);
  if (!info.session_id) return;
  w.u32le(*info.session_id);
  if (!info.performance_flags) return;
  w.u32le(*info.performance_flags);
  if (!info.auto_reconnect_cookie_size) return;
  w.u16le(*info.auto_reconnect_cookie_size).zeros(*info.auto_reconnect_cookie_size);
  if (!info.reserved1) return;
  w.u16le(*info.reserved1);
  if (!info.reserved2) return;
  w.u16le(*info.reserved2);
  if (!info.dynamic_dst_time_zone_key_name) return;
  {
    const auto length = w.block16le();
    write_utf16(w, *info.dynamic_dst_time_zone_key_name);
  }
  if (info.dynamic_daylight_time_disabled) w.u16le(*info.dynamic_daylight_time_disabled);
}

std::uint16_t size_of(std::string_view text) {
  const auto size = base::utf8_to_utf16le(text).size();
  RDPWHY_CHECK(size <= 0xFFFF);
  return static_cast<std::uint16_t>(size);
}

}  // namespace

std::vector<std::string> client_info_flag_names(std::uint32_t flags) {
  return names_of_bits(flags, kFlagNames);
}

std::vector<std::string> performance_flag_names(std::uint32_t flags) {
  return names_of_bits(flags, kPerformanceNames);
}

std::expected<ClientInfo, DecodeError> decode_client_info(ByteSpan octets, Notes* notes) {
  Reader r(octets, notes);
  ClientInfo info;
  info.code_page = r.u32le("CodePage");
  info.flags = r.u32le("flags");
  if (r.wants_fields()) r.value(flags_text(info.flags));
  const auto domain = r.u16le("cbDomain");
  const auto user_name = r.u16le("cbUserName");
  info.password_size = r.u16le("cbPassword");
  const auto alternate_shell = r.u16le("cbAlternateShell");
  const auto working_dir = r.u16le("cbWorkingDir");
  TextReader texts{r, (info.flags & ClientInfo::kUnicode) != 0};
  info.domain = texts.text(domain, "Domain");
  info.user_name = texts.text(user_name, "UserName");
  // Its octets are shown in a dump, since whoever asks for one has them; nothing is kept.
  if (info.password_size > 0) r.skip(info.password_size, "Password");
  texts.end("Password");
  info.alternate_shell = texts.text(alternate_shell, "AlternateShell");
  info.working_dir = texts.text(working_dir, "WorkingDir");
  if (r.more()) {
    Reader extra = r.block(r.left(), "extraInfo");
    info.extended = read_extended(extra);
  }
  return r.finish(std::move(info));
}

Secret encode(const ClientInfo& info, const Secret& password) {
  RDPWHY_CHECK((info.flags & ClientInfo::kUnicode) != 0);
  const Secret wide(base::utf8_to_utf16le(base::as_text(password.reveal())));
  RDPWHY_CHECK(wide.reveal().size() <= 0xFFFF);
  Writer head;
  head.u32le(info.code_page).u32le(info.flags);
  head.u16le(size_of(info.domain)).u16le(size_of(info.user_name));
  head.u16le(static_cast<std::uint16_t>(wide.reveal().size()));
  head.u16le(size_of(info.alternate_shell)).u16le(size_of(info.working_dir));
  write_terminated_utf16(head, info.domain);
  write_terminated_utf16(head, info.user_name);
  Writer tail;
  tail.u16le(0);
  write_terminated_utf16(tail, info.alternate_shell);
  write_terminated_utf16(tail, info.working_dir);
  if (info.extended) write_extended(tail, *info.extended);
  // The password goes straight to its place: a buffer that grew would leave a copy behind.
  Bytes octets;
  octets.reserve(head.size() + wide.reveal().size() + tail.size());
  for (const auto part : {head.view(), wide.reveal(), tail.view()}) {
    octets.insert(octets.end(), part.begin(), part.end());
  }
  return Secret(std::move(octets));
}

}  // namespace rdpwhy::rdp
