#pragma once

#include <string>
#include <string_view>

namespace rdpwhy::cli {

/// The contract's exit codes.
enum Exit : int {
  kComplete = 0,
  kFailed = 1,
  kUsage = 2,
  kCouldNotTry = 3,
  kDiffers = 4,
  kOurBug = 70
};

/// A file descriptor that results go to, buffered; the first error sticks and is told once.
class Sink {
 public:
  Sink(int descriptor, std::string name, bool owned);
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink();

  void write(std::string_view octets);
  /// False: something could not be written, and `error` says what.
  bool flush();
  [[nodiscard]] bool failed() const { return !error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  int descriptor_;
  std::string name_;
  bool owned_;
  std::string buffer_;
  std::string error_;
};

/// Standard output: results and nothing else.
[[nodiscard]] Sink& results();

/// Flushes standard output; an error there is told on stderr and becomes exit code 3.
[[nodiscard]] int finish_results(int exit_code);

/// One line of talk on stderr: "rdpwhy: text". Control characters are made visible.
void talk(std::string_view text);

/// Text of our own in several lines, on stderr.
void talk_as_it_is(std::string_view text);

/// First in main: a standard stream that is closed stays useless, but no file that is opened later
/// takes its number and gets what was meant for it.
void occupy_closed_streams();

/// --color auto|always|never with NO_COLOR (no-color.org): for what goes to standard output.
[[nodiscard]] bool colour_wanted(std::string_view choice);

/// How wide reports may be: 80 columns, or the terminal where that is narrower.
[[nodiscard]] int report_width();

/// One line on stderr that overwrites itself; nothing where stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  void show(std::string_view text);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace rdpwhy::cli
