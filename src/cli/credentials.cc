#include "cli/credentials.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/password.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::cli {
namespace {

/// Longer than any user or domain name that Windows or Kerberos know.
constexpr std::size_t kLongestName = 256;

std::expected<void, Error> check_name(const std::string& name, std::string_view what) {
  if (name.size() > kLongestName)
    return std::unexpected(Error{fmt::format("{} has at most {} octets", what, kLongestName)});
  if (!base::is_utf8(name)) return std::unexpected(Error{fmt::format("{} is not UTF-8", what)});
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; };
  if (std::ranges::any_of(name, is_control))
    return std::unexpected(Error{fmt::format("{} has a control character", what)});
  return {};
}

/// Who is meant: --user, or what the .rdp file says.
std::expected<UserName, Error> who(const TypedLogon& typed, const net::RdpFile* hint) {
  if (typed.user) return parse_user(*typed.user, typed.domain);
  if (hint != nullptr && !hint->user_name.empty()) {
    auto domain = typed.domain;
    const bool whole = hint->user_name.find_first_of("\\@") != std::string::npos;
    if (!domain && !whole && !hint->domain.empty()) domain = hint->domain;
    return parse_user(hint->user_name, domain);
  }
  return std::unexpected(Error{"whose password it is has to be said with --user"});
}

dialogue::Authentication authentication_of(std::string_view name) {
  if (name == "ntlm") return dialogue::Authentication::kNtlm;
  if (name == "kerberos") return dialogue::Authentication::kKerberos;
  if (name == "none") return dialogue::Authentication::kNone;
  return dialogue::Authentication::kNegotiate;
}

}  // namespace

void declare_logon(CLI::App& app, TypedLogon& typed) {
  const char* group = "Logging on";
  app.add_option("--user", typed.user, "log on (NLA) as NAME, DOMAIN\\NAME or NAME@DOMAIN")
      ->group(group);
  app.add_option("--domain", typed.domain, "the domain of the user")->group(group);
  app.add_option("--password-file", typed.password_file,
                 "one line of UTF-8; - is standard input. Without it: RDPWHY_PASSWORD of the "
                 "environment, or a question on the terminal")
      ->group(group);
  app.add_option("--auth", typed.authentication,
                 "negotiate (Kerberos where there is a ticket to be had, else NTLM), ntlm, "
                 "kerberos (without --user: with the tickets of the credential cache), or none: "
                 "CredSSP is not begun")
      ->check(CLI::IsMember({"negotiate", "ntlm", "kerberos", "none"}))
      ->group(group);
  app.add_flag("--restricted-admin", typed.restricted_admin,
               "ask for Restricted Admin: the server gets no password")
      ->group(group);
  app.add_option("--credssp-version", typed.credssp_version, "the version to claim, 2 to 6 (6)")
      ->check(CLI::Range(2, 6))
      ->group(group);
}

std::expected<UserName, Error> parse_user(const std::string& user,
                                          const std::optional<std::string>& domain) {
  UserName name{.user = user, .domain = domain.value_or("")};
  const auto slash = user.find('\\');
  const bool has_domain = slash != std::string::npos || user.find('@') != std::string::npos;
  if (has_domain && domain) {
    return std::unexpected(
        Error{fmt::format("--domain says the domain again that \"{}\" names already", user)});
  }
  if (slash != std::string::npos) {
    name = {.user = user.substr(slash + 1), .domain = user.substr(0, slash)};
    if (name.domain.empty() || name.user.find('\\') != std::string::npos)
      return std::unexpected(Error{"a user with a domain is written DOMAIN\\NAME"});
  }
  if (name.user.empty()) return std::unexpected(Error{"the user's name is empty"});
  if (slash == std::string::npos && (name.user.front() == '@' || name.user.back() == '@'))
    return std::unexpected(Error{"a user with a domain behind the name is written NAME@DOMAIN"});
  for (const auto& [text, what] :
       {std::pair{&name.user, "the user's name"}, {&name.domain, "the domain"}}) {
    if (const auto good = check_name(*text, what); !good) return std::unexpected(good.error());
  }
  return name;
}

std::expected<void, Error> check_logon(const TypedLogon& typed, const net::RdpFile* hint) {
  if (!typed.wanted()) {
    if (typed.domain) return std::unexpected(Error{"--domain needs --user"});
    return {};
  }
  if (typed.authentication == "none")
    return std::unexpected(
        Error{"--auth none logs nobody on: --user and --password-file have no "
              "place beside it"});
  if (const auto name = who(typed, hint); !name) return std::unexpected(name.error());
  return {};
}

void apply_logon(const TypedLogon& typed, dialogue::CredsspPlan& plan) {
  plan.authentication = authentication_of(typed.authentication);
  plan.version = typed.credssp_version;
  plan.restricted_admin = typed.restricted_admin;
}

std::expected<std::shared_ptr<dialogue::OneAttempt>, NoCredentials> obtain_credentials(
    const TypedLogon& typed, const net::RdpFile* hint) {
  auto name = who(typed, hint);
  if (!name) return std::unexpected(NoCredentials{kUsage, name.error()});
  const auto as_attempt = [&](Secret password) {
    return std::make_shared<dialogue::OneAttempt>(
        dialogue::Credentials{std::move(name->user), std::move(name->domain), std::move(password)});
  };
  if (!typed.password_file.empty()) {
    auto password = password_from_file(typed.password_file);
    if (!password) return std::unexpected(NoCredentials{kCouldNotTry, password.error()});
    return as_attempt(std::move(*password));
  }
  if (auto password = environment_password()) {
    const auto good = check_password(*password);
    if (!good) {
      return std::unexpected(
          NoCredentials{kCouldNotTry, good.error().in("cannot use RDPWHY_PASSWORD")});
    }
    return as_attempt(std::move(*password));
  }
  if (!can_prompt()) {
    return std::unexpected(
        NoCredentials{kUsage, Error{"--user needs a password: --password-file, RDPWHY_PASSWORD in "
                                    "the environment, or a terminal to ask on"}});
  }
  auto password = prompt_for_password(typed.user.value_or(name->user));
  if (!password) return std::unexpected(NoCredentials{kCouldNotTry, password.error()});
  return as_attempt(std::move(*password));
}

}  // namespace rdpwhy::cli
