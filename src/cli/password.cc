#include "cli/password.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/hex.h"
#include "rdpwhy/base/utf16.h"

namespace rdpwhy::cli {
namespace {

constexpr const char* kVariable = "RDPWHY_PASSWORD";

std::optional<Secret> hidden;  // NOLINT: between main and the one who asks for it

/// Room for the longest password, a byte order mark before it, its CRLF and one octet that is too
/// many.
class LineBuffer {
 public:
  LineBuffer() = default;
  LineBuffer(const LineBuffer&) = delete;
  LineBuffer& operator=(const LineBuffer&) = delete;
  ~LineBuffer() { base::wipe(octets_); }

  [[nodiscard]] std::span<std::uint8_t> room() { return std::span(octets_).subspan(size_); }
  void grow(std::size_t count) { size_ += count; }
  [[nodiscard]] ByteSpan octets() const { return {octets_.data(), size_}; }
  [[nodiscard]] bool has_line() const {
    return std::ranges::find(octets(), '\n') != octets().end();
  }

 private:
  std::array<std::uint8_t, kLongestPassword + 6> octets_{};
  std::size_t size_ = 0;
};

Error too_long() { return Error{fmt::format("it is longer than {} octets", kLongestPassword)}; }

/// By its mark of order, or as ASCII of two octets each.
bool is_utf16(ByteSpan line) {
  if (line.size() < 2) return false;
  if ((line[0] == 0xFF && line[1] == 0xFE) || (line[0] == 0xFE && line[1] == 0xFF)) return true;
  if (line.size() % 2 != 0 || (line[0] == 0) == (line[1] == 0)) return false;
  const std::size_t zero = line[0] == 0 ? 0 : 1;
  for (auto i = zero; i < line.size(); i += 2) {
    if (line[i] != 0 || line[i ^ 1] == 0) return false;
  }
  return true;
}

/// The one line of the buffer as a password.
std::expected<Secret, Error> password_in(const LineBuffer& buffer) {
  auto line = buffer.octets();
  constexpr std::array<std::uint8_t, 3> kMark = {0xEF, 0xBB, 0xBF};
  // Editors put it there, nobody types it: sent along, it would cost the one attempt.
  if (line.size() >= kMark.size() && std::ranges::equal(line.first(kMark.size()), kMark))
    line = line.subspan(kMark.size());
  if (!line.empty() && line.back() == '\n') line = line.first(line.size() - 1);
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  if (line.empty()) return std::unexpected(Error{"it is empty"});
  if (is_utf16(line))
    return std::unexpected(Error{"it is UTF-16, as some editors save it: save it as UTF-8"});
  Secret password{Bytes(line.begin(), line.end())};
  if (const auto good = check_password(password); !good) return std::unexpected(good.error());
  return password;
}

/// To the end of what `descriptor` gives, or of its first line.
std::expected<void, Error> fill(LineBuffer& buffer, int descriptor, bool first_line_only) {
  while (!buffer.room().empty() && !(first_line_only && buffer.has_line())) {
    const auto room = buffer.room();
    const auto got = ::read(descriptor, room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(Error{std::strerror(errno)});
    if (got == 0) break;
    buffer.grow(static_cast<std::size_t>(got));
  }
  return {};
}

// --- the terminal
// ---------------------------------------------------------------------------------

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int signal) { interrupted = signal; }

constexpr std::array kInterrupts = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/// No echo, and whatever ends the program meanwhile leaves the terminal as it was.
class SilentTerminal {
 public:
  SilentTerminal() {
    interrupted = 0;
    silent_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!silent_) return;
    sigset_t blocked;
    ::sigemptyset(&blocked);
    struct sigaction action{};
    action.sa_handler = on_interrupt;
    for (std::size_t i = 0; i < kInterrupts.size(); ++i) {
      ::sigaddset(&blocked, kInterrupts[i]);
      ::sigaction(kInterrupts[i], &action, &actions_[i]);
    }
    ::sigprocmask(SIG_BLOCK, &blocked, &mask_);
    auto quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    quiet.c_lflag |= ICANON | ISIG;
    quiet.c_cc[VSUSP] = _POSIX_VDISABLE;  // a shell must not get a silent terminal back
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    if (!silent_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    for (std::size_t i = 0; i < kInterrupts.size(); ++i) {
      ::sigaction(kInterrupts[i], &actions_[i], nullptr);
    }
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    if (interrupted != 0) ::raise(interrupted);
  }

  /// False when a signal came first.
  [[nodiscard]] bool wait() const {
    while (interrupted == 0) {
      fd_set readable;
      FD_ZERO(&readable);
      FD_SET(STDIN_FILENO, &readable);
      if (::pselect(STDIN_FILENO + 1, &readable, nullptr, nullptr, nullptr, &mask_) > 0)
        return true;
      if (errno != EINTR) break;
    }
    return false;
  }
  [[nodiscard]] bool works() const { return silent_; }

 private:
  bool silent_ = false;
  termios before_{};
  sigset_t mask_{};
  std::array<struct sigaction, kInterrupts.size()> actions_{};
};

void say(std::string_view text) {
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void hide_environment_password() {
  char* value = std::getenv(kVariable);
  if (value == nullptr) return;
  const std::size_t size = std::strlen(value);
  if (size > 0) {
    protect_memory();
    hidden.emplace(std::string_view(value, size));
    base::wipe({reinterpret_cast<std::uint8_t*>(value), size});
  }
  ::unsetenv(kVariable);
}

std::optional<Secret> environment_password() { return std::exchange(hidden, std::nullopt); }

std::expected<void, Error> check_password(const Secret& password) {
  const auto text = base::as_text(password.reveal());
  if (text.size() > kLongestPassword) return std::unexpected(too_long());
  if (text.find('\n') != std::string_view::npos)
    return std::unexpected(Error{"it has more than one line"});
  if (text.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos)
    return std::unexpected(Error{"it has a carriage return or a NUL inside"});
  if (!base::is_utf8(text)) return std::unexpected(Error{"it is not UTF-8"});
  return {};
}

std::expected<Secret, Error> password_from_file(const std::string& path) {
  protect_memory();
  const bool standard_input = path == "-";
  const std::string name =
      standard_input ? "the password on standard input" : "the password in " + path;
  if (standard_input && can_prompt()) return prompt_for_password("");
  const int descriptor =
      standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) {
    return std::unexpected(Error{fmt::format("cannot read {}: {}", path, std::strerror(errno))});
  }
  LineBuffer buffer;
  const auto filled = fill(buffer, descriptor, standard_input);
  if (!standard_input) ::close(descriptor);
  if (!filled) return std::unexpected(filled.error().in("cannot read " + name));
  auto password = password_in(buffer);
  if (!password) return std::unexpected(password.error().in("cannot use " + name));
  return password;
}

bool can_prompt() { return ::isatty(STDIN_FILENO) == 1; }

std::expected<Secret, Error> prompt_for_password(const std::string& user) {
  protect_memory();
  LineBuffer buffer;
  {
    const SilentTerminal terminal;
    if (!terminal.works()) return std::unexpected(Error{"cannot silence the terminal"});
    say(user.empty() ? "Password: " : fmt::format("Password for {}: ", base::printable(user)));
    const bool ready = terminal.wait();
    const auto filled = ready ? fill(buffer, STDIN_FILENO, true) : std::expected<void, Error>{};
    say("\n");
    if (!filled) return std::unexpected(filled.error().in("cannot read the password"));
  }
  if (buffer.octets().empty() || buffer.octets().front() == '\n') {
    return std::unexpected(Error{"no password was typed"});
  }
  auto password = password_in(buffer);
  if (!password) return std::unexpected(password.error().in("cannot use the password"));
  const auto typed = password->reveal();
  if (std::ranges::any_of(typed, [](std::uint8_t c) { return c < 0x20 || c == 0x7F; })) {
    return std::unexpected(Error{"cannot use the password: a key that is no character was typed"});
  }
  return password;
}

void protect_memory() {
  // Also where core_pattern is a pipe, which RLIMIT_CORE does not bind.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // Locking all that is and comes costs nothing with MCL_ONFAULT, but under a limit later
  // allocations would fail: then not at all.
  rlimit locked{};
  if (::getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_cur == RLIM_INFINITY) {
    ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
  }
}

}  // namespace rdpwhy::cli
