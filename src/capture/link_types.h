#pragma once

#include <cstdint>
#include <string_view>

namespace rdpwhy::capture {

// LINKTYPE_ values of the tcpdump registry whose frames are read.
constexpr std::uint32_t kLinkNull = 0;
constexpr std::uint32_t kLinkEthernet = 1;
constexpr std::uint32_t kLinkPpp = 9;
constexpr std::uint32_t kLinkRawBsd = 12;      // DLT_RAW of most systems, found in files
constexpr std::uint32_t kLinkRawOpenBsd = 14;  // DLT_RAW of OpenBSD
constexpr std::uint32_t kLinkPppHdlc = 50;
constexpr std::uint32_t kLinkRaw = 101;
constexpr std::uint32_t kLinkLoop = 108;
constexpr std::uint32_t kLinkLinuxCooked = 113;
constexpr std::uint32_t kLinkIpv4 = 228;
constexpr std::uint32_t kLinkIpv6 = 229;
constexpr std::uint32_t kLinkLinuxCooked2 = 276;

/// A name for those that are met in the field and not read; empty for others.
[[nodiscard]] std::string_view link_type_name(std::uint32_t link_type);

}  // namespace rdpwhy::capture
