#include "cli/console.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::cli {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;

/// All of it, or errno.
int write_all(int descriptor, std::string_view octets) {
  while (!octets.empty()) {
    const auto written = ::write(descriptor, octets.data(), octets.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    octets.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

Sink::Sink(int descriptor, std::string name, bool owned)
    : descriptor_(descriptor), name_(std::move(name)), owned_(owned) {}

Sink::~Sink() {
  flush();
  if (owned_) ::close(descriptor_);
}

void Sink::write(std::string_view octets) {
  if (failed()) return;
  buffer_.append(octets);
  if (buffer_.size() >= kBuffer) flush();
}

bool Sink::flush() {
  if (!failed() && !buffer_.empty()) {
    if (const int error = write_all(descriptor_, buffer_); error != 0) {
      error_ = fmt::format("cannot write {}: {}", name_, std::strerror(error));
    }
  }
  buffer_.clear();
  return !failed();
}

Sink& results() {
  static Sink sink(STDOUT_FILENO, "the report", false);
  return sink;
}

int finish_results(int exit_code) {
  if (results().flush()) return exit_code;
  talk(results().error());
  return std::max<int>(exit_code, kCouldNotTry);
}

void talk(std::string_view text) {
  const auto line = fmt::format("rdpwhy: {}\n", base::printable(text));
  (void)write_all(STDERR_FILENO, line);  // nowhere left to complain
}

void talk_as_it_is(std::string_view text) { (void)write_all(STDERR_FILENO, text); }

void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. Results that are lost must be told, so nothing can be
    // written to standard output; of talk nobody can be told.
    const int how = stream == STDERR_FILENO ? O_WRONLY : O_RDONLY;
    (void)::open("/dev/null", how);
  }
}

bool colour_wanted(std::string_view choice) {
  if (choice == "always") return true;
  if (choice == "never") return false;
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

int report_width() {
  constexpr int kWidth = 80;
  constexpr int kNarrowest = 40;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kWidth;
  return std::clamp<int>(size.ws_col, kNarrowest, kWidth);
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}
ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(std::string_view text) {
  if (!terminal_) return;
  (void)write_all(STDERR_FILENO, fmt::format("\r\x1b[K{}", base::printable(text)));
  shown_ = true;
}

void ProgressLine::clear() {
  if (!shown_) return;
  (void)write_all(STDERR_FILENO, "\r\x1b[K");
  shown_ = false;
}

}  // namespace rdpwhy::cli
