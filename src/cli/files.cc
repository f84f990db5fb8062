#include "cli/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <utility>

namespace rdpwhy::cli {
namespace {

Error errno_error(const std::string& path, std::string_view doing) {
  return Error{fmt::format("cannot {} {}: {}", doing, path, std::strerror(errno))};
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Error not_writable(const std::string& path, mode_t mode) {
  return Error{fmt::format("cannot write {}: it is {}, not a file", path, kind_of(mode))};
}

// A mapped file that another program cuts gives SIGBUS. The handler puts a page of zeros there, so
// that the reader goes on over zeros and the one who mapped it can say what happened.
std::atomic<std::uintptr_t> mapped_begin{0};
std::atomic<std::uintptr_t> mapped_end{0};
std::atomic<bool> mapped_shrank{false};

void on_bus_error(int signal, siginfo_t* where, void*) {
  const auto at = reinterpret_cast<std::uintptr_t>(where->si_addr);
  const auto page = static_cast<std::uintptr_t>(4096);
  if (at >= mapped_begin && at < mapped_end) {
    void* start = reinterpret_cast<void*>(at & ~(page - 1));
    if (::mmap(start, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == start) {
      mapped_shrank = true;
      return;
    }
  }
  ::signal(signal, SIG_DFL);  // not ours: die of it, as without us
  ::raise(signal);
}

void watch_bus_errors() {
  static const bool kInstalled = [] {
    struct sigaction action{};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    return ::sigaction(SIGBUS, &action, nullptr) == 0;
  }();
  (void)kInstalled;
}

}  // namespace

std::expected<MappedFile, Error> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return std::unexpected(errno_error(path, "read"));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(errno_error(path, "read"));
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(Error{fmt::format("cannot read {}: it is {}, not a capture file", path,
                                             kind_of(status.st_mode))});
  }
  if (status.st_size == 0)
    return std::unexpected(Error{fmt::format("cannot read {}: the file is empty", path)});
  const auto size = static_cast<std::size_t>(status.st_size);
  void* begin = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (begin == MAP_FAILED) return std::unexpected(errno_error(path, "map"));
  ::madvise(begin, size, MADV_SEQUENTIAL);
  watch_bus_errors();
  mapped_begin = reinterpret_cast<std::uintptr_t>(begin);
  mapped_end = mapped_begin + size;
  mapped_shrank = false;
  return MappedFile(static_cast<const std::uint8_t*>(begin), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
  if (begin_ == nullptr) return;
  mapped_begin = mapped_end = 0;
  ::munmap(const_cast<std::uint8_t*>(begin_), size_);
}

void MappedFile::release_before(std::size_t offset) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto end = std::min(offset, size_) / page * page;
  if (end < released_) released_ = 0;  // it is read again from its beginning
  if (end == released_) return;
  ::madvise(const_cast<std::uint8_t*>(begin_) + released_, end - released_, MADV_DONTNEED);
  released_ = end;
}

bool MappedFile::shrank() const { return mapped_shrank; }

std::expected<std::string, Error> read_small_file(const std::string& path, std::size_t most) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return std::unexpected(errno_error(path, "read"));
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(errno_error(path, "read"));
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected(
        Error{fmt::format("cannot read {}: it is {}, not a file", path, kind_of(status.st_mode))});
  }
  std::string out;
  char chunk[16 * 1024];
  for (;;) {
    const auto got = ::read(file.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(path, "read"));
    if (got == 0) return out;
    out.append(chunk, static_cast<std::size_t>(got));
    if (out.size() > most) {
      return std::unexpected(
          Error{fmt::format("cannot read {}: it is larger than {} MiB", path, most >> 20)});
    }
  }
}

std::expected<std::unique_ptr<Sink>, Error> create_private_file(const std::string& path,
                                                                Existing existing) {
  const int how = existing == Existing::kAppend ? O_APPEND : O_TRUNC;
  // O_NONBLOCK: opening a pipe must not wait for its reader.
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | how, 0600));
  struct stat status{};
  if (file.get() < 0) {
    const int error = errno;
    if (error == ENXIO && ::stat(path.c_str(), &status) == 0) {
      return std::unexpected(not_writable(path, status.st_mode));
    }
    errno = error;
    return std::unexpected(errno_error(path, "write"));
  }
  if (::fstat(file.get(), &status) != 0) return std::unexpected(errno_error(path, "write"));
  if (S_ISCHR(status.st_mode)) {  // /dev/null, a terminal
    if (::fcntl(file.get(), F_SETFL, how & O_APPEND) != 0)
      return std::unexpected(errno_error(path, "write"));
  } else if (!S_ISREG(status.st_mode)) {
    return std::unexpected(not_writable(path, status.st_mode));
  }
  if (S_ISREG(status.st_mode) && (status.st_mode & 0077) != 0 && ::fchmod(file.get(), 0600) != 0) {
    return std::unexpected(errno_error(path, "protect"));
  }
  return std::make_unique<Sink>(file.release(), path, true);
}

}  // namespace rdpwhy::cli
