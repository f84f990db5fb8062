#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"
#include "rdpwhy/net/target.h"

namespace rdpwhy::net {
namespace {

constexpr std::size_t kLargestFile = 1u << 20;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// mstsc writes UTF-16LE with a mark; editors and portals write UTF-8 with or without one.
std::string to_utf8(std::string_view octets) {
  const auto big_endian = [](std::string_view text) {
    Bytes swapped(text.begin(), text.end());
    for (std::size_t i = 0; i + 1 < swapped.size(); i += 2) std::swap(swapped[i], swapped[i + 1]);
    return base::utf16le_to_utf8(swapped);
  };
  if (octets.starts_with("\xFF\xFE"))
    return base::utf16le_to_utf8(base::as_bytes(octets.substr(2)));
  if (octets.starts_with("\xFE\xFF")) return big_endian(octets.substr(2));
  if (octets.starts_with("\xEF\xBB\xBF")) return std::string(octets.substr(3));
  // Without a mark: the first character of a setting's name is ASCII.
  if (octets.size() >= 2 && octets[0] != 0 && octets[1] == 0) {
    return base::utf16le_to_utf8(base::as_bytes(octets));
  }
  if (octets.size() >= 2 && octets[0] == 0 && octets[1] != 0) return big_endian(octets);
  return std::string(octets);
}

struct Setting {
  std::string type;  ///< "s" text, "i" number, "b" octets; lower case
  std::string value;
};

struct Settings {
  std::map<std::string, Setting> values;  ///< by lower-case name; the last one counts

  /// A text of 192 and a number of that value are different things: the type has to fit.
  const std::string* value(const std::string& name, std::string_view type) const {
    const auto found = values.find(name);
    if (found == values.end() || found->second.type != type) return nullptr;
    return found->second.value.empty() ? nullptr : &found->second.value;
  }
  const std::string* text(const std::string& name) const { return value(name, "s"); }
  std::optional<int> number(const std::string& name) const {
    const auto* digits = value(name, "i");
    return digits == nullptr ? std::nullopt : parsed(*digits);
  }
  static std::optional<int> parsed(std::string_view digits) {
    int result = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result);
    if (error != std::errc{} || end != digits.data() + digits.size()) return {};
    return result;
  }
};

/// What is read here and is not what it has to be is passed over, but not in silence.
void remark_on_what_is_passed_over(const Settings& settings, std::vector<std::string>& remarks) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"full address", "s"},
      {"alternate full address", "s"},
      {"server port", "i"},
      {"gatewayhostname", "s"},
      {"gatewayusagemethod", "i"},
      {"enablecredsspsupport", "i"},
      {"authentication level", "i"},
      {"loadbalanceinfo", "s"},
      {"username", "s"},
      {"domain", "s"},
      {"use redirection server name", "i"}};
  for (const auto& [name, type] : kTypes) {
    const auto found = settings.values.find(std::string(name));
    if (found == settings.values.end()) continue;
    const auto& [given, value] = found->second;
    if (given != type) {
      remarks.push_back(std::string(name) + " has the type \"" + base::printable(given) +
                        "\" where \"" + std::string(type) + "\" is due, so it is passed over");
    } else if (type == "i" && !value.empty() && !Settings::parsed(value)) {
      remarks.push_back(std::string(name) + " is \"" + base::printable(value) +
                        "\", which is no number, so it is passed over");
    }
  }
}

/// Lines of the form "name:type:value"; whatever else stands there is passed over, as mstsc does.
Settings read_settings(std::string_view text) {
  Settings settings;
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto name_end = line.find(':');
    if (name_end == std::string_view::npos) continue;
    const auto type_end = line.find(':', name_end + 1);
    if (type_end == std::string_view::npos) continue;
    settings.values[lower(trimmed(line.substr(0, name_end)))] = {
        .type = lower(trimmed(line.substr(name_end + 1, type_end - name_end - 1))),
        .value = std::string(trimmed(line.substr(type_end + 1)))};
  }
  return settings;
}

std::expected<Target, Error> read_target(const Settings& settings,
                                         std::vector<std::string>& remarks) {
  const auto* full = settings.text("full address");
  const auto* alternate = settings.text("alternate full address");
  if (full == nullptr && alternate == nullptr) {
    return std::unexpected(Error{settings.values.contains("full address")
                                     ? "\"full address\" in the .rdp file is empty or of another "
                                       "type than s (full address:s:HOST)"
                                     : "the .rdp file has no \"full address\""});
  }
  const auto& address = alternate != nullptr ? *alternate : *full;
  auto target = parse_target(address);
  if (!target) {
    return std::unexpected(
        target.error().in(alternate != nullptr ? "alternate full address" : "full address"));
  }
  if (alternate != nullptr && full != nullptr && *full != *alternate) {
    remarks.push_back("the file names " + base::printable(*alternate) +
                      " as alternate full address, which is used instead of " +
                      base::printable(*full));
  }
  const bool port_given = target->text.size() > target->host.size() &&
                          target->text.ends_with(":" + std::to_string(target->port));
  if (const auto port = settings.number("server port")) {
    if (*port < 1 || *port > 65535) {
      return std::unexpected(Error{"server port: the port must be a number from 1 to 65535"});
    }
    if (!port_given) {
      target->port = static_cast<std::uint16_t>(*port);
    } else if (*port != target->port) {
      remarks.push_back("server port " + std::to_string(*port) +
                        " is not used, since the address "
                        "itself names port " +
                        std::to_string(target->port));
    }
  }
  return target;
}

void read_gateway(const Settings& settings, RdpFile& file) {
  if (const auto* host = settings.text("gatewayhostname")) file.gateway_host = *host;
  const auto usage = settings.number("gatewayusagemethod").value_or(0);
  file.gateway_in_use = !file.gateway_host.empty() && (usage == 1 || usage == 2);
  if (file.gateway_host.empty()) return;
  const auto name = base::printable(file.gateway_host);
  if (usage == 1) {
    file.remarks.push_back("mstsc would go through the RD Gateway " + name +
                           "; this probe goes to the target directly, so it shows another path");
  } else if (usage == 2) {
    file.remarks.push_back("mstsc would turn to the RD Gateway " + name +
                           " when the direct way fails; this probe goes the direct way only");
  } else {
    file.remarks.push_back("the RD Gateway " + name + " is named but not in use");
  }
}

void read_security(const Settings& settings, RdpFile& file) {
  file.enable_credssp = settings.number("enablecredsspsupport").value_or(1) != 0;
  if (!file.enable_credssp) {
    file.remarks.push_back(
        "enablecredsspsupport is 0: mstsc then offers TLS without NLA, which a server that "
        "requires NLA refuses");
  }
  file.authentication_level = settings.number("authentication level").value_or(-1);
  static constexpr std::string_view kMeanings[] = {
      "mstsc connects without a warning whatever the certificate",
      "mstsc does not connect when it cannot verify the certificate",
      "mstsc warns when it cannot verify the certificate",
      "mstsc asks for no server authentication"};
  if (file.authentication_level >= 0 && file.authentication_level < 4) {
    const auto level = static_cast<std::size_t>(file.authentication_level);
    file.remarks.push_back("authentication level is " + std::to_string(level) + ": " +
                           std::string(kMeanings[level]));
  }
}

}  // namespace

std::expected<RdpFile, Error> parse_rdp_file(std::string_view octets) {
  if (octets.empty()) return std::unexpected(Error{"the .rdp file is empty"});
  if (octets.size() > kLargestFile) {
    return std::unexpected(Error{"the file is larger than 1 MiB, so it is no .rdp file"});
  }
  const auto settings = read_settings(to_utf8(octets));
  if (settings.values.empty()) {
    return std::unexpected(
        Error{"no line has the form \"name:type:value\", so it is no .rdp file"});
  }
  RdpFile file;
  remark_on_what_is_passed_over(settings, file.remarks);
  auto target = read_target(settings, file.remarks);
  if (!target) return std::unexpected(target.error());
  file.target = *std::move(target);
  if (const auto* token = settings.text("loadbalanceinfo")) {
    file.routing_token = *token;
    file.remarks.push_back("loadbalanceinfo is sent as routing token in place of a cookie: " +
                           base::printable(*token));
  }
  read_security(settings, file);
  if (const auto* user = settings.text("username")) file.user_name = *user;
  if (const auto* domain = settings.text("domain")) file.domain = *domain;
  read_gateway(settings, file);
  file.use_redirection_server_name =
      settings.number("use redirection server name").value_or(0) != 0;
  if (file.use_redirection_server_name) {
    file.remarks.push_back(
        "use redirection server name is 1: after a redirection mstsc expects the certificate to "
        "bear the redirection's name instead of the target's");
  }
  return file;
}

}  // namespace rdpwhy::net
