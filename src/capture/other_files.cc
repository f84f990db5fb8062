#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "capture/file_format.h"
#include "capture/octet_order.h"

namespace rdpwhy::capture {
namespace {

struct Magic {
  std::string_view octets;
  std::string_view name;
};

// string_view literals with zeros inside need their size told.
constexpr std::string_view operator""_m(const char* text, std::size_t size) { return {text, size}; }

constexpr auto kMagics = std::to_array<Magic>({
    {"\x1F\x8B"_m, "gzip-compressed; unpack it first (gunzip)"},
    {"\x28\xB5\x2F\xFD"_m, "zstd-compressed; unpack it first (unzstd)"},
    {"\xFD"
     "7zXZ\0"_m,
     "xz-compressed; unpack it first (unxz)"},
    {"BZh"_m, "bzip2-compressed; unpack it first (bunzip2)"},
    {"\x04\x22\x4D\x18"_m, "lz4-compressed; unpack it first (unlz4)"},
    {"PK\x03\x04"_m, "a zip archive; unpack it first"},
    {"7z\xBC\xAF\x27\x1C"_m, "a 7z archive; unpack it first"},
    {"MSCF"_m, "a Windows cabinet; unpack it first"},
    {"\x7F"
     "ELF"_m,
     "a program (ELF), not a capture"},
    {"MZ"_m, "a Windows program, not a capture"},
    {"%PDF-"_m, "a PDF document, not a capture"},
    {"\x89PNG"_m, "a picture (PNG), not a capture"},
    {"\xFF\xD8\xFF"_m, "a picture (JPEG), not a capture"},
    {"SQLite format 3"_m, "a database (SQLite), not a capture"},
    {"GMBU"_m, "a Network Monitor 2 capture; save it as pcapng (editcap)"},
    {"RTSS"_m, "a Network Monitor 1 capture; save it as pcapng (editcap)"},
    {"snoop\0\0\0"_m, "a snoop capture; save it as pcapng (editcap)"},
    {"btsnoop\0"_m, "a Bluetooth capture (btsnoop), which holds no RDP"},
    {"TRSNIFF data    \x1A"_m, "a Sniffer capture; save it as pcapng (editcap)"},
    {"XCP\0"_m, "a NetXray capture; save it as pcapng (editcap)"},
    {"\xA1\xB2\xC3\xD5"_m, "an unknown form of pcap; save it as pcapng (editcap)"},
    {"\xD5\xC3\xB2\xA1"_m, "an unknown form of pcap; save it as pcapng (editcap)"},
    {"\x1C\x00\x01\xAC"_m, "an IXIA form of pcap; save it as pcapng (editcap)"},
    {"\xAC\x01\x00\x1C"_m, "an IXIA form of pcap; save it as pcapng (editcap)"},
    {"\x1C\x00\x01\xAB"_m, "an IXIA form of pcap; save it as pcapng (editcap)"},
    {"\xAB\x01\x00\x1C"_m, "an IXIA form of pcap; save it as pcapng (editcap)"},
    {"\xA1\xE2\xCB\x12"_m, "a Navtel form of pcap; save it as pcapng (editcap)"},
    {"\x12\xCB\xE2\xA1"_m, "a Navtel form of pcap; save it as pcapng (editcap)"},
});

bool begins_with(std::string_view text, std::string_view lower_case) {
  return text.size() >= lower_case.size() &&
         std::equal(lower_case.begin(), lower_case.end(), text.begin(), [](char a, char b) {
           return a == std::tolower(static_cast<unsigned char>(b));
         });
}

/// A Windows event trace begins with a buffer header of 72 octets; the first event in it is a
/// system trace header (1 or 2 with the marker flags 0xC0). Neither has a magic number.
bool is_event_trace(ByteSpan file) {
  if (file.size() < 0x4C) return false;
  const auto size = load32(file.data(), false);
  return size >= 1024 && size <= 16U * 1024 * 1024 && size % 512 == 0 && file[0x4B] == 0xC0 &&
         (file[0x4A] == 1 || file[0x4A] == 2);
}

/// Endace's records begin without a magic number: the type, the record's and the frame's length
/// must agree for two records.
bool is_erf(ByteSpan file) {
  std::size_t position = 0;
  for (int record = 0; record < 2; ++record) {
    if (file.size() - position < 18) return false;
    const auto* at = file.data() + position;
    const auto type = at[8] & 0x7FU;
    const std::size_t record_size = load16be(at + 10);
    const std::size_t frame_size = load16be(at + 14);
    if (type == 0 || type > 27 || record_size < 16 || frame_size == 0) return false;
    if (record_size > 16 + frame_size + 64 || record_size > file.size() - position) return false;
    position += record_size;
    if (position == file.size()) return true;
  }
  return true;
}

bool is_text(ByteSpan start) {
  return std::ranges::all_of(start, [](std::uint8_t octet) {
    return octet >= 0x80 || (octet >= 0x20 && octet != 0x7F) || (octet >= '\t' && octet <= '\r') ||
           octet == 0x1B;
  });
}

std::string name_of_text(std::string_view text) {
  const auto start = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (begins_with(start, "<!doctype html") || begins_with(start, "<html")) {
    return "an HTML page, not a capture";
  }
  if (begins_with(start, "<?xml") || begins_with(start, "<pdml"))
    return "an XML file, not a capture";
  if (begins_with(start, "client_random ") || begins_with(start, "client_handshake_traffic") ||
      begins_with(start, "server_handshake_traffic") || begins_with(start, "# ssl/tls secrets")) {
    return "a TLS key log, not a capture; give it beside one";
  }
  if (begins_with(start, "full address:") || text.find("full address:s:") != text.npos) {
    return "an .rdp file, not a capture";
  }
  return "a text file, not a capture";
}

}  // namespace

std::string name_of_other_file(ByteSpan file) {
  if (file.empty()) return "an empty file";
  const auto text = base::as_text(file);
  for (const auto& magic : kMagics) {
    if (text.starts_with(magic.octets)) return std::string(magic.name);
  }
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return "a text file (UTF-16), not a capture";
  }
  const auto start = file.first(std::min<std::size_t>(file.size(), 512));
  if (is_text(start)) return name_of_text(base::as_text(start));
  if (is_event_trace(file)) {
    return "a Windows event trace (ETL), not a capture; convert it with etl2pcapng or pktmon";
  }
  if (file.size() > 262 && text.substr(257, 5) == "ustar") return "a tar archive; unpack it first";
  if (file.size() < 24) {
    return fmt::format("too short for a capture: {} octet{}", file.size(),
                       file.size() == 1 ? "" : "s");
  }
  if (is_erf(file)) return "an ERF capture; save it as pcapng (editcap)";
  return fmt::format("neither pcap nor pcapng: begins with {:02x} {:02x} {:02x} {:02x}", file[0],
                     file[1], file[2], file[3]);
}

}  // namespace rdpwhy::capture
