#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"
#include "rdpwhy/base/secret.h"

namespace rdpwhy::rdp {

/// MS-RDPBCGR 2.2.1.11.1.1.1.1 TS_TIME_ZONE_INFORMATION
struct TimeZone {
  using SystemTime = std::array<std::uint16_t, 8>;  ///< year, month, day of week, day, ...

  std::int32_t bias = 0;  ///< minutes west of UTC
  std::string standard_name;
  SystemTime standard_date = {};
  std::int32_t standard_bias = 0;
  std::string daylight_name;
  SystemTime daylight_date = {};
  std::int32_t daylight_bias = 0;

  friend bool operator==(const TimeZone&, const TimeZone&) = default;
};

/// MS-RDPBCGR 2.2.1.11.1.1.1 TS_EXTENDED_INFO_PACKET. Each field from the time zone on is absent
/// where the client leaves the rest out.
struct ExtendedClientInfo {
  std::uint16_t address_family = 2;  ///< 2 IPv4, 0x17 IPv6
  std::string address;
  std::string directory;
  std::optional<TimeZone> time_zone;
  std::optional<std::uint32_t> session_id;
  std::optional<std::uint32_t> performance_flags;
  /// Octets of the cookie, which proves a logon and is not kept; 0: there is none.
  std::optional<std::uint16_t> auto_reconnect_cookie_size;
  std::optional<std::uint16_t> reserved1;
  std::optional<std::uint16_t> reserved2;
  std::optional<std::string> dynamic_dst_time_zone_key_name;
  std::optional<std::uint16_t> dynamic_daylight_time_disabled;

  friend bool operator==(const ExtendedClientInfo&, const ExtendedClientInfo&) = default;
};

/// MS-RDPBCGR 2.2.1.11.1.1 TS_INFO_PACKET, behind the security header. Texts are UTF-8; what a
/// client without INFO_UNICODE sends is of a code page of which only ASCII is known. The password
/// is kept by its size only.
struct ClientInfo {
  static constexpr std::uint32_t kMouse = 0x00000001;
  static constexpr std::uint32_t kDisableCtrlAltDel = 0x00000002;
  static constexpr std::uint32_t kAutoLogon = 0x00000008;
  static constexpr std::uint32_t kUnicode = 0x00000010;
  static constexpr std::uint32_t kMaximizeShell = 0x00000020;
  static constexpr std::uint32_t kLogonNotify = 0x00000040;
  static constexpr std::uint32_t kCompression = 0x00000080;
  static constexpr std::uint32_t kEnableWindowsKey = 0x00000100;
  static constexpr std::uint32_t kLogonErrors = 0x00010000;
  static constexpr std::uint32_t kMouseHasWheel = 0x00020000;
  static constexpr std::uint32_t kNoAudioPlayback = 0x00080000;

  std::uint32_t code_page = 0;
  std::uint32_t flags = 0;
  std::string domain;
  std::string user_name;
  std::uint16_t password_size = 0;  ///< octets, without the null character
  std::string alternate_shell;
  std::string working_dir;
  std::optional<ExtendedClientInfo> extended;

  friend bool operator==(const ClientInfo&, const ClientInfo&) = default;
};

[[nodiscard]] std::vector<std::string> client_info_flag_names(std::uint32_t flags);
[[nodiscard]] std::vector<std::string> performance_flag_names(std::uint32_t flags);

/// What follows the security header.
[[nodiscard]] std::expected<ClientInfo, DecodeError> decode_client_info(ByteSpan octets,
                                                                        Notes* notes = nullptr);
/// The password is UTF-8 and stands in place of `password_size`. Flags without INFO_UNICODE are our
/// bug: we write no code page. An auto-reconnect cookie is written as zeros of its size.
[[nodiscard]] Secret encode(const ClientInfo& info, const Secret& password);

}  // namespace rdpwhy::rdp
