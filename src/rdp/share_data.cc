#include "rdpwhy/rdp/share_data.h"

#include <fmt/format.h>

#include <utility>

#include "rdp/bit_names.h"
#include "rdp/texts.h"
#include "rdpwhy/base/check.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/codes/codes.h"

namespace rdpwhy::rdp {
namespace {

constexpr std::uint16_t kSynchronizeMessage = 1;  // SYNCMSGTYPE_SYNC
constexpr std::uint16_t kCountedHeader = 4;       // of the header, in uncompressedLength
constexpr std::size_t kMonitorSize = 20;
constexpr std::size_t kDomainSize = 52;
constexpr std::size_t kUserNameSize = 512;
constexpr std::uint16_t kLogonVersion = 1;
constexpr std::uint32_t kFieldAutoReconnectCookie = 1;
constexpr std::uint32_t kFieldLogonErrors = 2;
constexpr std::size_t kLogonErrorSize = 8;

constexpr std::uint8_t number(ShareDataType type) { return static_cast<std::uint8_t>(type); }

constexpr BitName kTypeNames[] = {
    {0x02, "PDUTYPE2_UPDATE"},
    {0x14, "PDUTYPE2_CONTROL"},
    {0x1B, "PDUTYPE2_POINTER"},
    {0x1C, "PDUTYPE2_INPUT"},
    {0x1F, "PDUTYPE2_SYNCHRONIZE"},
    {0x21, "PDUTYPE2_REFRESH_RECT"},
    {0x22, "PDUTYPE2_PLAY_SOUND"},
    {0x23, "PDUTYPE2_SUPPRESS_OUTPUT"},
    {0x24, "PDUTYPE2_SHUTDOWN_REQUEST"},
    {0x25, "PDUTYPE2_SHUTDOWN_DENIED"},
    {0x26, "PDUTYPE2_SAVE_SESSION_INFO"},
    {0x27, "PDUTYPE2_FONTLIST"},
    {0x28, "PDUTYPE2_FONTMAP"},
    {0x29, "PDUTYPE2_SET_KEYBOARD_INDICATORS"},
    {0x2B, "PDUTYPE2_BITMAPCACHE_PERSISTENT_LIST"},
    {0x2C, "PDUTYPE2_BITMAPCACHE_ERROR_PDU"},
    {0x2D, "PDUTYPE2_SET_KEYBOARD_IME_STATUS"},
    {0x2E, "PDUTYPE2_OFFSCRCACHE_ERROR_PDU"},
    {0x2F, "PDUTYPE2_SET_ERROR_INFO_PDU"},
    {0x30, "PDUTYPE2_DRAWNINEGRID_ERROR_PDU"},
    {0x31, "PDUTYPE2_DRAWGDIPLUS_ERROR_PDU"},
    {0x32, "PDUTYPE2_ARC_STATUS_PDU"},
    {0x36, "PDUTYPE2_STATUS_INFO_PDU"},
    {0x37, "PDUTYPE2_MONITOR_LAYOUT_PDU"},
    {0x38, "PDUTYPE2_FRAME_ACKNOWLEDGE"},
};

constexpr BitName kActionNames[] = {
    {Control::kRequestControl, "CTRLACTION_REQUEST_CONTROL"},
    {Control::kGrantedControl, "CTRLACTION_GRANTED_CONTROL"},
    {Control::kDetach, "CTRLACTION_DETACH"},
    {Control::kCooperate, "CTRLACTION_COOPERATE"},
};

constexpr BitName kStatusNames[] = {
    {0x401, "TS_STATUS_FINDING_DESTINATION"},
    {0x402, "TS_STATUS_LOADING_DESTINATION"},
    {0x403, "TS_STATUS_BRINGING_SESSION_ONLINE"},
    {0x404, "TS_STATUS_REDIRECTING_TO_DESTINATION"},
    {0x501, "TS_STATUS_VM_LOADING"},
    {0x502, "TS_STATUS_VM_WAKING"},
    {0x503, "TS_STATUS_VM_STARTING"},
    {0x504, "TS_STATUS_VM_STARTING_MONITORING"},
    {0x505, "TS_STATUS_VM_RETRYING_MONITORING"},
};

constexpr BitName kInfoTypeNames[] = {
    {SaveSessionInfo::kLogon, "INFOTYPE_LOGON"},
    {SaveSessionInfo::kLogonLong, "INFOTYPE_LOGON_LONG"},
    {SaveSessionInfo::kPlainNotify, "INFOTYPE_LOGON_PLAINNOTIFY"},
    {SaveSessionInfo::kLogonExtended, "INFOTYPE_LOGON_EXTENDED_INFO"},
};

constexpr BitName kFieldNames[] = {
    {kFieldAutoReconnectCookie, "LOGON_EX_AUTORECONNECTCOOKIE"},
    {kFieldLogonErrors, "LOGON_EX_LOGONERRORS"},
};

std::optional<std::string_view> named(std::uint32_t value, std::span<const BitName> table) {
  const auto name = name_of_number(value, table);
  if (name.empty()) return std::nullopt;
  return name;
}

Synchronize read_synchronize(Reader& r) {
  const auto message = r.u16le("messageType");
  r.expect(message == kSynchronizeMessage, fmt::format("is {}, not 1", message), "messageType");
  return {.target_user = r.u16le("targetUser")};
}

Control read_control(Reader& r) {
  Control pdu;
  pdu.action = r.u16le("action");
  if (r.wants_fields()) r.value(number_text(pdu.action, 4, kActionNames));
  pdu.grant_id = r.u16le("grantId");
  pdu.control_id = r.u32le("controlId");
  return pdu;
}

FontList read_font_list(Reader& r) {
  FontList pdu;
  pdu.number_fonts = r.u16le("numberFonts");
  pdu.total_number_fonts = r.u16le("totalNumFonts");
  pdu.list_flags = r.u16le("listFlags");
  pdu.entry_size = r.u16le("entrySize");
  return pdu;
}

FontMap read_font_map(Reader& r) {
  FontMap pdu;
  if (!r.more()) {
    r.expect(false, "has no content", "numberEntries", r.offset());
    return pdu;
  }
  pdu.number_entries = r.u16le("numberEntries");
  pdu.total_number_entries = r.u16le("totalNumEntries");
  pdu.map_flags = r.u16le("mapFlags");
  pdu.entry_size = r.u16le("entrySize");
  return pdu;
}

SetErrorInfo read_set_error_info(Reader& r) {
  const SetErrorInfo pdu{.error_info = r.u32le("errorInfo")};
  if (r.wants_fields()) {
    const auto name = codes::name(codes::Family::kErrorInfo, pdu.error_info);
    r.value(fmt::format("{} {}", base::to_hex_number(pdu.error_info, 8), name.value_or("unknown")));
  }
  return pdu;
}

/// 2.2.10.1.1.1 TS_LOGON_INFO. The sizes count what of the fixed fields is used.
void read_logon(Reader& r, SaveSessionInfo& pdu) {
  r.u32le("cbDomain");
  pdu.domain = read_padded_utf16(r, kDomainSize, "Domain");
  r.u32le("cbUserName");
  pdu.user_name = read_padded_utf16(r, kUserNameSize, "UserName");
  pdu.session_id = r.u32le("SessionId");
}

/// 2.2.10.1.1.2 TS_LOGON_INFO_VERSION_2. Size leaves the padding out, by Windows' own habit.
void read_logon_long(Reader& r, SaveSessionInfo& pdu) {
  const auto version = r.u16le("Version");
  r.expect(version == kLogonVersion, fmt::format("is {}, not 1", version), "Version");
  r.u32le("Size");
  pdu.session_id = r.u32le("SessionId");
  const auto domain = r.u32le("cbDomain");
  const auto user_name = r.u32le("cbUserName");
  constexpr std::size_t kPad = 558;
  r.skip(kPad, "Pad");
  pdu.domain = read_terminated_utf16(r, domain, "Domain");
  pdu.user_name = read_terminated_utf16(r, user_name, "UserName");
}

/// 2.2.10.1.1.4 TS_LOGON_INFO_EXTENDED
void read_logon_extended(Reader& r, SaveSessionInfo& pdu) {
  r.u16le("Length");
  const auto present = r.u32le("FieldsPresent");
  if (r.wants_fields()) r.value(bits_text(present, 8, kFieldNames));
  if ((present & kFieldAutoReconnectCookie) != 0) {
    pdu.auto_reconnect_cookie_size = r.u32le("cbFieldData");
    if (pdu.auto_reconnect_cookie_size > 0) {
      r.skip(pdu.auto_reconnect_cookie_size, "AutoReconnectCookie");
    }
  }
  if ((present & kFieldLogonErrors) == 0) return;
  const auto size = r.u32le("cbFieldData");
  r.require(size >= kLogonErrorSize, fmt::format("is {}, and the field has 8 octets", size),
            "cbFieldData");
  Reader field = r.body(size, "LogonErrors");
  SaveSessionInfo::LogonError error;
  error.notification_type = field.u32le("ErrorNotificationType");
  error.notification_data = field.u32le("ErrorNotificationData");
  pdu.logon_error = error;
  if (field.more()) field.skip_rest("unknown");
}

SaveSessionInfo read_save_session_info(Reader& r) {
  SaveSessionInfo pdu;
  pdu.info_type = r.u32le("infoType");
  if (r.wants_fields()) r.value(number_text(pdu.info_type, 8, kInfoTypeNames));
  switch (pdu.info_type) {
    case SaveSessionInfo::kLogon:
      read_logon(r, pdu);
      break;
    case SaveSessionInfo::kLogonLong:
      read_logon_long(r, pdu);
      break;
    case SaveSessionInfo::kLogonExtended:
      read_logon_extended(r, pdu);
      if (r.more()) r.skip_rest("Pad");
      break;
    default:
      if (r.more()) r.skip_rest("infoData");
  }
  return pdu;
}

MonitorLayout read_monitor_layout(Reader& r) {
  const MonitorLayout pdu{.monitor_count = r.u32le("monitorCount")};
  const auto size = std::uint64_t{pdu.monitor_count} * kMonitorSize;
  Reader monitors = r.body(size, "monitorDefArray");
  if (monitors.more()) monitors.skip_rest("monitorDefArray");
  return pdu;
}

ShareDataContent read_content(Reader& r, std::uint8_t type) {
  switch (ShareDataType{type}) {
    case ShareDataType::kSynchronize:
      return read_synchronize(r);
    case ShareDataType::kControl:
      return read_control(r);
    case ShareDataType::kFontList:
      return read_font_list(r);
    case ShareDataType::kFontMap:
      return read_font_map(r);
    case ShareDataType::kSetErrorInfo:
      return read_set_error_info(r);
    case ShareDataType::kSaveSessionInfo:
      return read_save_session_info(r);
    case ShareDataType::kShutdownRequest:
      return ShutdownRequest{};
    case ShareDataType::kShutdownDenied:
      return ShutdownDenied{};
    case ShareDataType::kAutoReconnectStatus:
      return AutoReconnectStatus{.status = r.u32le("arcStatus")};
    case ShareDataType::kStatusInfo: {
      const StatusInfo pdu{.status_code = r.u32le("statusCode")};
      if (r.wants_fields()) r.value(number_text(pdu.status_code, 8, kStatusNames));
      return pdu;
    }
    case ShareDataType::kMonitorLayout:
      return read_monitor_layout(r);
    default:
      if (r.more()) r.skip_rest("content");
      return OtherShareData{};
  }
}

/// Writes what it can and says which type that is.
struct ContentWriter {
  Writer& w;

  ShareDataType operator()(const Synchronize& pdu) {
    w.u16le(kSynchronizeMessage).u16le(pdu.target_user);
    return ShareDataType::kSynchronize;
  }
  ShareDataType operator()(const Control& pdu) {
    w.u16le(pdu.action).u16le(pdu.grant_id).u32le(pdu.control_id);
    return ShareDataType::kControl;
  }
  ShareDataType operator()(const FontList& pdu) {
    w.u16le(pdu.number_fonts).u16le(pdu.total_number_fonts);
    w.u16le(pdu.list_flags).u16le(pdu.entry_size);
    return ShareDataType::kFontList;
  }
  ShareDataType operator()(const FontMap& pdu) {
    w.u16le(pdu.number_entries).u16le(pdu.total_number_entries);
    w.u16le(pdu.map_flags).u16le(pdu.entry_size);
    return ShareDataType::kFontMap;
  }
  ShareDataType operator()(const SetErrorInfo& pdu) {
    w.u32le(pdu.error_info);
    return ShareDataType::kSetErrorInfo;
  }
  ShareDataType operator()(const ShutdownRequest&) { return ShareDataType::kShutdownRequest; }
  ShareDataType operator()(const ShutdownDenied&) { return ShareDataType::kShutdownDenied; }
  ShareDataType operator()(const AutoReconnectStatus& pdu) {
    w.u32le(pdu.status);
    return ShareDataType::kAutoReconnectStatus;
  }
  ShareDataType operator()(const StatusInfo& pdu) {
    w.u32le(pdu.status_code);
    return ShareDataType::kStatusInfo;
  }
  template <typename Other>
  ShareDataType operator()(const Other&) {
    RDPWHY_CHECK(false);  // nothing that a client or a test's server sends
    std::unreachable();
  }
};

}  // namespace

std::optional<std::string_view> share_data_type_name(std::uint8_t type) {
  return named(type, kTypeNames);
}

std::optional<std::string_view> control_action_name(std::uint16_t action) {
  return named(action, kActionNames);
}

std::optional<std::string_view> status_info_name(std::uint32_t code) {
  return named(code, kStatusNames);
}

ShareData read_share_data(Reader& r) {
  ShareData pdu;
  pdu.share_id = r.u32le("shareId");
  r.u8("pad1");
  pdu.stream_id = r.u8("streamId");
  pdu.uncompressed_length = r.u16le("uncompressedLength");
  pdu.type = r.u8("pduType2");
  if (r.wants_fields()) r.value(number_text(pdu.type, 2, kTypeNames));
  pdu.compressed_type = r.u8("compressedType");
  pdu.compressed_length = r.u16le("compressedLength");
  pdu.content_size = static_cast<std::uint32_t>(r.left());
  if (pdu.is_compressed()) {
    if (r.more()) r.skip_rest("compressed content");
    return pdu;
  }
  pdu.content = read_content(r, pdu.type);
  if (const auto left = r.left(); left > 0) {
    r.skip_rest("unknown");
    r.expect(false, fmt::format("{} octets follow the last field", left), "unknown");
  }
  return pdu;
}

void write_share_data(Writer& w, std::uint32_t share_id, const ShareDataContent& content) {
  Writer octets;
  const auto type = std::visit(ContentWriter{octets}, content);
  // mstsc counts from pduType2 on, as the specification's examples show; servers count otherwise.
  const auto length = static_cast<std::uint16_t>(octets.size() + kCountedHeader);
  w.u32le(share_id).u8(0).u8(1).u16le(length);
  w.u8(number(type)).u8(0).u16le(0).bytes(octets.view());
}

}  // namespace rdpwhy::rdp
