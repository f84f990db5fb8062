#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>

#include "rdpwhy/base/error.h"
#include "rdpwhy/base/secret.h"

// Where a password comes from: a file, standard input, the environment, the terminal. Never an
// argument, which every user of the machine can read. From the first octet on it lies in Secrets
// and buffers that are wiped, in a process that leaves no core.
namespace rdpwhy::cli {

/// Octets of UTF-8; longer than any password that Windows takes (127 characters).
inline constexpr std::size_t kLongestPassword = 512;

/// The first thing in main: takes RDPWHY_PASSWORD out of the environment, so that neither a child
/// nor /proc/PID/environ shows it.
void hide_environment_password();

/// What was hidden, once; nothing when it was not set, or empty.
[[nodiscard]] std::optional<Secret> environment_password();

/// One line of UTF-8, not empty; its LF or CRLF, or a byte order mark, does not belong to it. "-"
/// is standard input, of which one line is read. Pipes are waited for: `--password-file <(pass show
/// rdp)`.
[[nodiscard]] std::expected<Secret, Error> password_from_file(const std::string& path);

/// Whether somebody sits at standard input.
[[nodiscard]] bool can_prompt();

/// Asks on stderr, reads from the terminal without echo.
[[nodiscard]] std::expected<Secret, Error> prompt_for_password(const std::string& user);

/// Of a password from wherever: too long, no UTF-8, more than a line.
[[nodiscard]] std::expected<void, Error> check_password(const Secret& password);

/// No core dumps, no debugger of other users, and no swapping where that is free.
void protect_memory();

}  // namespace rdpwhy::cli
