#include "net/kerberos_names.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace rdpwhy::net {
namespace {

std::string in_case(std::string_view text, char first, char last, int shift) {
  std::string result(text);
  for (char& c : result) {
    if (c >= first && c <= last) c = static_cast<char>(c + shift);
  }
  return result;
}
std::string upper(std::string_view text) { return in_case(text, 'a', 'z', 'A' - 'a'); }
std::string lower(std::string_view text) { return in_case(text, 'A', 'Z', 'a' - 'A'); }

std::string without_last_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return lower(host);
}

/// Empty: there is none.
std::string default_realm(const Krb5& krb5) {
  char* found = nullptr;
  if (krb5_get_default_realm(krb5.get(), &found) != 0) return {};
  std::string realm = found;
  krb5_free_default_realm(krb5.get(), found);
  return realm;
}

/// What [domain_realm] says of the host; empty: nothing.
std::string mapped_realm(const Krb5& krb5, const std::string& host) {
  char** found = nullptr;
  if (krb5_get_host_realm(krb5.get(), host.c_str(), &found) != 0 || found == nullptr) return {};
  std::string realm = found[0] == nullptr ? "" : found[0];
  krb5_free_host_realm(krb5.get(), found);
  return realm;
}

/// "\" and "@" inside a name are no separators.
std::string escaped(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '\\' || c == '@' || c == '/') result.push_back('\\');
    result.push_back(c);
  }
  return result;
}

ClientNames::Name plain(std::string_view user, const std::string& realm) {
  return {.text = escaped(user) + "@" + escaped(realm), .enterprise = false, .realm = realm};
}

/// The realm of DOMAIN in DOMAIN\name: a NetBIOS name is mostly the first label of the realm's.
std::string realm_of_domain(const std::string& domain, const std::string& own) {
  const auto name = upper(domain);
  const bool is_short = domain.find('.') == std::string::npos;
  if (is_short && upper(own.substr(0, own.find('.'))) == name) return own;
  return upper(own) == name ? own : name;
}

/// The realm of a user who names none.
std::string realm_at_host(const Krb5& krb5, const KerberosErrand& errand, const std::string& own) {
  const auto host = without_last_dot(errand.host);
  if (auto mapped = mapped_realm(krb5, host); !mapped.empty()) return mapped;
  if (own.empty()) return {};
  const bool host_is_inside = host.ends_with("." + lower(own));
  return errand.insists || host_is_inside ? own : std::string();
}

}  // namespace

ClientNames client_names(const Krb5& krb5, const KerberosErrand& errand) {
  const auto own = default_realm(krb5);
  if (const auto at = errand.user.rfind('@'); at != std::string::npos) {
    const auto suffix = errand.user.substr(at + 1);
    const auto realm = realm_of_domain(suffix, own);
    ClientNames result{.names = {plain(errand.user.substr(0, at), realm)}, .why = {}};
    if (!own.empty() && own != realm) {
      result.names.push_back(
          {.text = errand.user + "@" + escaped(own), .enterprise = true, .realm = own});
    }
    return result;
  }
  if (errand.domain == ".") {
    return {.names = {}, .why = "the user is a local one of the server, of whom no KDC knows"};
  }
  if (!errand.domain.empty()) {
    return {.names = {plain(errand.user, realm_of_domain(errand.domain, own))}, .why = {}};
  }
  if (const auto realm = realm_at_host(krb5, errand, own); !realm.empty()) {
    return {.names = {plain(errand.user, realm)}, .why = {}};
  }
  std::string why = "no Kerberos realm is known for the user: name the domain";
  if (!own.empty()) {
    why = "the user names no domain, and the default realm " + own +
          " is not known to be that of the host: name the domain, or insist on Kerberos";
  }
  return {.names = {}, .why = why + remark_on_configuration()};
}

krb5_error_code service_name(const Krb5& krb5, const std::string& host, Krb5Principal& service) {
  const auto name = without_last_dot(host);
  // KRB5_NT_UNKNOWN keeps the library from asking DNS for the host's canonical name.
  const auto code =
      krb5_sname_to_principal(krb5.get(), name.c_str(), "TERMSRV", KRB5_NT_UNKNOWN, service.out());
  if (code == 0) service->type = KRB5_NT_SRV_INST;
  return code;
}

std::string remark_on_configuration() {
  const char* chosen = std::getenv("KRB5_CONFIG");
  const std::string_view files = chosen != nullptr ? chosen : "/etc/krb5.conf";
  std::string first(files.substr(0, files.find(':')));
  if (files.find(':') != std::string_view::npos || ::access(first.c_str(), R_OK) == 0) return {};
  return " (there is no " + first + ")";
}

}  // namespace rdpwhy::net
