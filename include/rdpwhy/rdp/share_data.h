#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/reader.h"
#include "rdpwhy/base/writer.h"

// What a Share Data Header (MS-RDPBCGR 2.2.8.1.1.1.2) can announce.
namespace rdpwhy::rdp {

/// 2.2.8.1.1.1.2 TS_SHAREDATAHEADER, pduType2: those whose content is read.
enum class ShareDataType : std::uint8_t {
  kUpdate = 0x02,
  kControl = 0x14,
  kPointer = 0x1B,
  kInput = 0x1C,
  kSynchronize = 0x1F,
  kShutdownRequest = 0x24,
  kShutdownDenied = 0x25,
  kSaveSessionInfo = 0x26,
  kFontList = 0x27,
  kFontMap = 0x28,
  kPersistentKeyList = 0x2B,
  kSetErrorInfo = 0x2F,
  kAutoReconnectStatus = 0x32,
  kStatusInfo = 0x36,
  kMonitorLayout = 0x37,
};
/// "PDUTYPE2_SYNCHRONIZE", ...; nothing for an unknown one.
[[nodiscard]] std::optional<std::string_view> share_data_type_name(std::uint8_t type);

/// 2.2.1.14.1 TS_SYNCHRONIZE_PDU
struct Synchronize {
  std::uint16_t target_user = 0;
  friend bool operator==(const Synchronize&, const Synchronize&) = default;
};

/// 2.2.1.15.1 TS_CONTROL_PDU
struct Control {
  static constexpr std::uint16_t kRequestControl = 1;
  static constexpr std::uint16_t kGrantedControl = 2;
  static constexpr std::uint16_t kDetach = 3;
  static constexpr std::uint16_t kCooperate = 4;
  std::uint16_t action = 0;
  std::uint16_t grant_id = 0;
  std::uint32_t control_id = 0;
  friend bool operator==(const Control&, const Control&) = default;
};
/// "CTRLACTION_COOPERATE", ...
[[nodiscard]] std::optional<std::string_view> control_action_name(std::uint16_t action);

/// 2.2.1.18.1 TS_FONT_LIST_PDU
struct FontList {
  std::uint16_t number_fonts = 0;
  std::uint16_t total_number_fonts = 0;
  std::uint16_t list_flags = 3;  ///< FONTLIST_FIRST | FONTLIST_LAST
  std::uint16_t entry_size = 0x32;
  friend bool operator==(const FontList&, const FontList&) = default;
};

/// 2.2.1.22.1 TS_FONT_MAP_PDU. Some servers send it without content.
struct FontMap {
  std::uint16_t number_entries = 0;
  std::uint16_t total_number_entries = 0;
  std::uint16_t map_flags = 3;
  std::uint16_t entry_size = 4;
  friend bool operator==(const FontMap&, const FontMap&) = default;
};

/// 2.2.5.1.1 TS_SET_ERROR_INFO_PDU. Named by codes::Family::kErrorInfo.
struct SetErrorInfo {
  std::uint32_t error_info = 0;
  friend bool operator==(const SetErrorInfo&, const SetErrorInfo&) = default;
};

/// 2.2.10.1.1 TS_SAVE_SESSION_INFO_PDU_DATA. The auto-reconnect cookie proves a logon and is kept
/// by size only.
struct SaveSessionInfo {
  static constexpr std::uint32_t kLogon = 0;
  static constexpr std::uint32_t kLogonLong = 1;
  static constexpr std::uint32_t kPlainNotify = 2;
  static constexpr std::uint32_t kLogonExtended = 3;
  /// 2.2.10.1.1.4.1.1 TS_LOGON_ERRORS_INFO
  struct LogonError {
    std::uint32_t notification_type = 0;
    std::uint32_t notification_data = 0;
    friend bool operator==(const LogonError&, const LogonError&) = default;
  };

  std::uint32_t info_type = 0;
  std::string domain;
  std::string user_name;
  std::optional<std::uint32_t> session_id;
  std::uint32_t auto_reconnect_cookie_size = 0;
  std::optional<LogonError> logon_error;
  friend bool operator==(const SaveSessionInfo&, const SaveSessionInfo&) = default;
};

/// 2.2.2.1 TS_SHUTDOWN_REQ_PDU
struct ShutdownRequest {
  friend bool operator==(const ShutdownRequest&, const ShutdownRequest&) = default;
};

/// 2.2.2.2 TS_SHUTDOWN_DENIED_PDU
struct ShutdownDenied {
  friend bool operator==(const ShutdownDenied&, const ShutdownDenied&) = default;
};

/// 2.2.4.1.1 TS_AUTORECONNECT_STATUS_PDU
struct AutoReconnectStatus {
  std::uint32_t status = 0;
  friend bool operator==(const AutoReconnectStatus&, const AutoReconnectStatus&) = default;
};

/// 2.2.5.2 TS_STATUS_INFO_PDU
struct StatusInfo {
  std::uint32_t status_code = 0;
  friend bool operator==(const StatusInfo&, const StatusInfo&) = default;
};
/// "TS_STATUS_FINDING_DESTINATION", ...
[[nodiscard]] std::optional<std::string_view> status_info_name(std::uint32_t code);

/// 2.2.12.1 TS_MONITOR_LAYOUT_PDU
struct MonitorLayout {
  std::uint32_t monitor_count = 0;  ///< as announced; all of them are there
  friend bool operator==(const MonitorLayout&, const MonitorLayout&) = default;
};

/// Any other type, or compressed content: known by its header.
struct OtherShareData {
  friend bool operator==(const OtherShareData&, const OtherShareData&) = default;
};

using ShareDataContent =
    std::variant<OtherShareData, Synchronize, Control, FontList, FontMap, SetErrorInfo,
                 SaveSessionInfo, ShutdownRequest, ShutdownDenied, AutoReconnectStatus, StatusInfo,
                 MonitorLayout>;

/// 2.2.8.1.1.1.2 TS_SHAREDATAHEADER, behind the share control header, and what it announces.
struct ShareData {
  static constexpr std::uint8_t kPacketCompressed = 0x20;

  std::uint32_t share_id = 0;
  std::uint8_t stream_id = 1;
  std::uint16_t uncompressed_length = 0;  ///< as the header says
  std::uint8_t type = 0;                  ///< pduType2
  std::uint8_t compressed_type = 0;
  std::uint16_t compressed_length = 0;
  std::uint32_t content_size = 0;  ///< octets behind this header
  ShareDataContent content;

  [[nodiscard]] bool is_compressed() const { return (compressed_type & kPacketCompressed) != 0; }
  friend bool operator==(const ShareData&, const ShareData&) = default;
};

/// All of `r`: the header and its content.
[[nodiscard]] ShareData read_share_data(Reader& r);

/// The header's lengths and type follow from the content. Only what a client or a test's server
/// sends is written: SaveSessionInfo, MonitorLayout and OtherShareData are our bug.
void write_share_data(Writer& w, std::uint32_t share_id, const ShareDataContent& content);

}  // namespace rdpwhy::rdp
