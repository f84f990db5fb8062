#include "cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "cli/console.h"
#include "rdpwhy/tls/registry.h"

namespace rdpwhy::cli {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> out;
  while (true) {
    const auto at = text.find_first_of(separators);
    const auto part = text.substr(0, at);
    if (!part.empty()) out.push_back(part);
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Numbers of a registry by name or as they are; `complaint` begins what is said otherwise.
template <typename CodeOf>
std::expected<std::vector<std::uint16_t>, Error> parse_codes(std::string_view text,
                                                             std::string_view complaint,
                                                             CodeOf code_of) {
  std::vector<std::uint16_t> out;
  for (const auto part : split(text, ",: ")) {
    std::optional<std::uint16_t> code = code_of(part);
    if (!code) {
      const auto number = parse_number(part);
      if (number && *number <= 0xFFFF) code = static_cast<std::uint16_t>(*number);
    }
    if (!code) return std::unexpected(Error{fmt::format("{} is called \"{}\"", complaint, part)});
    out.push_back(*code);
  }
  if (out.empty()) return std::unexpected(Error{fmt::format("{} is given", complaint)});
  return out;
}

/// "--name=" gives an empty value, which CLI11 takes for none: it gets two words.
Arguments with_empty_values_kept(const Arguments& arguments) {
  Arguments out;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (*word == "--") {
      out.insert(out.end(), word, arguments.end());
      break;
    }
    const bool empty_value = word->starts_with("--") && word->find('=') == word->size() - 1;
    out.push_back(empty_value ? word->substr(0, word->size() - 1) : *word);
    if (empty_value) out.emplace_back();
  }
  return out;
}

/// The first option that was given an empty value and has no meaning for it.
const CLI::Option* option_without_value(const CLI::App& app) {
  static constexpr std::string_view kMayBeEmpty[] = {"--cookie", "--server-name", "--user",
                                                     "--domain"};
  for (const auto* option : app.get_options()) {
    const bool may_be_empty = std::ranges::count(kMayBeEmpty, option->get_name()) != 0;
    if (!option->nonpositional() || may_be_empty || option->count() == 0) continue;
    if (std::ranges::count(option->results(), std::string()) != 0) return option;
  }
  return nullptr;
}

}  // namespace

std::optional<int> parse(CLI::App& app, const Arguments& arguments) {
  try {
    auto words = with_empty_values_kept(arguments);
    std::ranges::reverse(words);
    app.parse(std::move(words));
    if (const auto* option = option_without_value(app))
      return usage_error(app, fmt::format("{}: nothing given", option->get_name()));
    return {};
  } catch (const CLI::CallForHelp&) {
    results().write(app.help());
    return finish_results(kComplete);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error.what());
  }
}

int usage_error(const CLI::App& app, std::string_view text) {
  talk(fmt::format("{} ({} --help tells more)", text, app.get_name()));
  return kUsage;
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  if (text.starts_with('-')) {  // an NTSTATUS as a signed number: -1073741715 is 0xc000006d
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return static_cast<std::uint32_t>(value);
  }
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

void declare_saw(CLI::App& app, std::string& typed) {
  app.add_option("--saw", typed, "what mstsc showed: CODE[,EXTENDED], as in 0x904,0x7");
}

std::expected<std::optional<diagnose::Saw>, Error> parse_saw(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto parts = split(text, ",: ");
  if (parts.empty() || parts.size() > 2) {
    return std::unexpected(Error{fmt::format(
        "--saw takes a code and perhaps an extended one, as in 0x904,0x7, not \"{}\"", text)});
  }
  diagnose::Saw saw;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = parts[i].starts_with('-') ? std::nullopt : parse_number(parts[i]);
    if (!number) return std::unexpected(Error{fmt::format("--saw: \"{}\" is no code", parts[i])});
    if (i == 0) {
      if (const auto meant = meant_as_hex(parts[i], codes::Family::kMstsc)) {
        return std::unexpected(
            Error{fmt::format("--saw: mstsc has no code {}; did you mean {}?", *number, *meant)});
      }
      saw.code = *number;
    }
    if (i == 1) saw.extended = *number;
  }
  return saw;
}

std::optional<std::string> meant_as_hex(std::string_view typed, codes::Family family) {
  const auto decimal = parse_number(typed);
  if (!decimal || codes::find(family, *decimal) != nullptr) return {};
  const auto hex = fmt::format("0x{}", typed);
  const auto number = parse_number(hex);
  if (!number || codes::find(family, *number) == nullptr) return {};
  return hex;
}

std::expected<std::optional<rdp::NegotiationRequest>, Error> parse_security(std::string_view text) {
  const auto folded = lower(text);
  const auto parts = split(folded, ",");
  rdp::NegotiationRequest request;
  for (const auto part : parts) {
    if (part == "none") {
      if (parts.size() > 1) return std::unexpected(Error{"--security: none stands alone"});
      return std::optional<rdp::NegotiationRequest>{};
    }
    if (part == "rdp") continue;  // the absence of bits
    const auto bit = part == "tls"      ? rdp::Protocol::kSsl
                     : part == "nla"    ? rdp::Protocol::kHybrid
                     : part == "ext"    ? rdp::Protocol::kHybridEx
                     : part == "rdstls" ? rdp::Protocol::kRdstls
                                        : rdp::Protocol{};
    if (bit == rdp::Protocol{}) {
      return std::unexpected(Error{
          fmt::format("--security knows rdp, tls, nla, ext, rdstls and none, not \"{}\"", part)});
    }
    request.requested.bits |= static_cast<std::uint32_t>(bit);
  }
  if (parts.empty()) return std::unexpected(Error{"--security: nothing given"});
  return std::optional(request);
}

std::expected<std::uint32_t, Error> parse_encryption_methods(std::string_view text) {
  const auto folded = lower(text);
  const auto parts = split(folded, ",");
  std::uint32_t methods = 0;
  for (const auto part : parts) {
    if (part == "none" && parts.size() == 1) return 0U;
    if (part == "none") return std::unexpected(Error{"--encryption-methods: none stands alone"});
    const std::uint32_t bit = part == "40"     ? 0x01
                              : part == "128"  ? 0x02
                              : part == "56"   ? 0x08
                              : part == "fips" ? 0x10
                                               : 0;
    if (bit == 0) {
      return std::unexpected(Error{
          fmt::format("--encryption-methods knows 40, 56, 128, fips and none, not \"{}\"", part)});
    }
    methods |= bit;
  }
  if (parts.empty()) return std::unexpected(Error{"--encryption-methods: nothing given"});
  return methods;
}

std::expected<std::uint16_t, Error> parse_tls_version(std::string_view text) {
  auto name = lower(text);
  for (const std::string_view prefix : {"tls", "v", "-"}) {
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
  }
  if (name == "1.0" || name == "1") return std::uint16_t{0x0301};
  if (name == "1.1") return std::uint16_t{0x0302};
  if (name == "1.2") return std::uint16_t{0x0303};
  if (name == "1.3") return std::uint16_t{0x0304};
  return std::unexpected(
      Error{fmt::format("TLS versions are 1.0, 1.1, 1.2 and 1.3, not \"{}\"", text)});
}

std::expected<std::vector<std::uint16_t>, Error> parse_ciphers(std::string_view text) {
  return parse_codes(text, "--ciphers: no cipher suite", tls::cipher_suite_code);
}

std::expected<std::vector<std::uint16_t>, Error> parse_signature_algorithms(std::string_view text) {
  return parse_codes(text, "--signature-algorithms: no signature algorithm",
                     tls::signature_scheme_code);
}

}  // namespace rdpwhy::cli
