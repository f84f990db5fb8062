#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "cli/console.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/dialogue/credentials.h"
#include "rdpwhy/dialogue/probe_plan.h"
#include "rdpwhy/net/target.h"

// Who logs on, and how: the options, and the one attempt that comes of them.
namespace rdpwhy::cli {

/// As typed.
struct TypedLogon {
  std::optional<std::string> user, domain;
  std::string password_file;
  std::string authentication = "negotiate";
  std::uint32_t credssp_version = 6;
  bool restricted_admin = false;

  /// A password is to be used: with --user, or with --password-file for the user that the .rdp file
  /// names.
  [[nodiscard]] bool wanted() const { return user.has_value() || !password_file.empty(); }
};

void declare_logon(CLI::App& app, TypedLogon& typed);

/// Who is meant. "DOMAIN\name" is taken apart; "name@domain" stays whole, as Windows sends it.
struct UserName {
  std::string user;
  std::string domain;
  friend bool operator==(const UserName&, const UserName&) = default;
};
[[nodiscard]] std::expected<UserName, Error> parse_user(const std::string& user,
                                                        const std::optional<std::string>& domain);

/// What is wrong with these options, before anybody is asked for a password.
[[nodiscard]] std::expected<void, Error> check_logon(const TypedLogon& typed,
                                                     const net::RdpFile* hint);

/// The plan without credentials.
void apply_logon(const TypedLogon& typed, dialogue::CredsspPlan& plan);

/// Why there are no credentials, and how the program ends.
struct NoCredentials {
  Exit exit = kUsage;
  Error error;
};
/// Reads the password, from the first of: --password-file, RDPWHY_PASSWORD, the terminal. `hint`,
/// the .rdp file of the target if it is one, says who where --user does not.
[[nodiscard]] std::expected<std::shared_ptr<dialogue::OneAttempt>, NoCredentials>
obtain_credentials(const TypedLogon& typed, const net::RdpFile* hint);

}  // namespace rdpwhy::cli
