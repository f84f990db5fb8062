#include <algorithm>
#include <string>
#include <string_view>

#include "crypto/ip_address_text.h"
#include "rdpwhy/crypto/certificate.h"

namespace rdpwhy::crypto {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view without_trailing_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

/// RFC 6125 6.4: `pattern` is a name, or "*." and a name of two labels or more.
bool matches_host(std::string_view pattern, std::string_view host) {
  pattern = without_trailing_dot(pattern);
  if (host.empty() || pattern.empty()) return false;
  if (same(pattern, host)) return true;
  if (!pattern.starts_with("*.")) return false;
  const auto parent = pattern.substr(1);  // ".example.com"
  if (parent.find('.', 1) == std::string_view::npos) return false;
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && same(parent, host.substr(dot));
}

}  // namespace

bool matches_name(const record::CertificateFacts& certificate, std::string_view name) {
  if (const auto address = parse_ip_address(name)) {
    const auto text = ip_address_text(*address);
    if (!certificate.ip_addresses.empty()) {
      return std::ranges::find(certificate.ip_addresses, text) != certificate.ip_addresses.end();
    }
    const auto common = parse_ip_address(certificate.common_name);
    return certificate.dns_names.empty() && common && ip_address_text(*common) == text;
  }
  const auto host = without_trailing_dot(name);
  if (certificate.dns_names.empty()) return matches_host(certificate.common_name, host);
  return std::ranges::any_of(certificate.dns_names, [&](const std::string& pattern) {
    return matches_host(pattern, host);
  });
}

}  // namespace rdpwhy::crypto
