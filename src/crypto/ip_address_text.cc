#include "crypto/ip_address_text.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>

namespace rdpwhy::crypto {

namespace {

std::string ipv6_text(ByteSpan octets) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = octets[2 * i] * 256U + octets[2 * i + 1];
  // RFC 5952 4.2: the first of the longest runs of two zero groups or more becomes "::"
  std::size_t run_at = 8;
  std::size_t run_size = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > run_size) {
      run_at = i;
      run_size = end - i;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == run_at) {
      text += "::";
      i += run_size - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[i]);
  }
  return text;
}

}  // namespace

std::string ip_address_text(ByteSpan octets) {
  if (octets.size() == 4) {
    return fmt::format("{}.{}.{}.{}", octets[0], octets[1], octets[2], octets[3]);
  }
  return octets.size() == 16 ? ipv6_text(octets) : std::string();
}

std::optional<Bytes> parse_ip_address(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  text = text.substr(0, text.find('%'));
  if (text.empty() || text.size() > 64 || text.find('\0') != std::string_view::npos) return {};
  ASN1_OCTET_STRING* octets = a2i_IPADDRESS(std::string(text).c_str());
  ERR_clear_error();
  if (octets == nullptr) return {};
  const auto* begin = ASN1_STRING_get0_data(octets);
  Bytes address(begin, begin + ASN1_STRING_length(octets));
  ASN1_OCTET_STRING_free(octets);
  return address;
}

}  // namespace rdpwhy::crypto
