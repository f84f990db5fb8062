#include "rdpwhy/auth/ntlm.h"

namespace rdpwhy::auth {
namespace {

struct Product {
  std::uint8_t major;
  std::uint8_t minor;
  std::uint16_t build;
  std::string_view name;
};

// Releases that only switch on what an earlier one brought (1909, 20H2 to 22H2, 23H2, 25H2) have
// that one's NTLM and its build; their own build is listed in case something else reports it.
constexpr Product kProducts[] = {
    {5, 0, 2195, "Windows 2000"},
    {5, 1, 2600, "Windows XP"},
    {5, 2, 3790, "Windows Server 2003 or Windows XP x64"},
    {6, 0, 6000, "Windows Vista"},
    {6, 0, 6001, "Windows Server 2008 or Windows Vista SP1"},
    {6, 0, 6002, "Windows Server 2008 SP2 or Windows Vista SP2"},
    {6, 0, 6003, "Windows Server 2008 SP2"},
    {6, 1, 7600, "Windows Server 2008 R2 or Windows 7"},
    {6, 1, 7601, "Windows Server 2008 R2 SP1 or Windows 7 SP1"},
    {6, 2, 9200, "Windows Server 2012 or Windows 8"},
    {6, 3, 9600, "Windows Server 2012 R2 or Windows 8.1"},
    {10, 0, 10240, "Windows 10 1507"},
    {10, 0, 10586, "Windows 10 1511"},
    {10, 0, 14393, "Windows Server 2016 or Windows 10 1607"},
    {10, 0, 15063, "Windows 10 1703"},
    {10, 0, 16299, "Windows Server 1709 or Windows 10 1709"},
    {10, 0, 17134, "Windows Server 1803 or Windows 10 1803"},
    {10, 0, 17763, "Windows Server 2019 or Windows 10 1809"},
    {10, 0, 18362, "Windows Server or Windows 10, 1903 or 1909"},
    {10, 0, 18363, "Windows Server 1909 or Windows 10 1909"},
    {10, 0, 19041, "Windows 10 2004 to 22H2, or Windows Server 2004 or 20H2"},
    {10, 0, 19042, "Windows Server 20H2 or Windows 10 20H2"},
    {10, 0, 19043, "Windows 10 21H1"},
    {10, 0, 19044, "Windows 10 21H2"},
    {10, 0, 19045, "Windows 10 22H2"},
    {10, 0, 20348, "Windows Server 2022"},
    {10, 0, 22000, "Windows 11 21H2"},
    {10, 0, 22621, "Windows 11 22H2 or 23H2"},
    {10, 0, 22631, "Windows 11 23H2"},
    {10, 0, 25398, "Windows Server 23H2"},
    {10, 0, 26100, "Windows Server 2025, or Windows 11 24H2 or 25H2"},
    {10, 0, 26200, "Windows 11 25H2"},
};

}  // namespace

std::optional<std::string_view> windows_product(const NtlmVersion& version) {
  for (const auto& product : kProducts) {
    if (product.major == version.major && product.minor == version.minor &&
        product.build == version.build) {
      return product.name;
    }
  }
  return std::nullopt;
}

}  // namespace rdpwhy::auth
