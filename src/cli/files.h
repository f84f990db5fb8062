#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>

#include "cli/console.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"

namespace rdpwhy::cli {

/// A regular file mapped into memory for reading, whatever its size. If it shrinks while it is
/// read, the missing pages read as zeros instead of killing the program, and `shrank` says so.
class MappedFile {
 public:
  [[nodiscard]] static std::expected<MappedFile, Error> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  [[nodiscard]] ByteSpan octets() const { return {begin_, size_}; }
  /// What lies before `offset` need not stay in memory; who looks there again reads it again.
  void release_before(std::size_t offset);
  [[nodiscard]] bool shrank() const;

 private:
  MappedFile(const std::uint8_t* begin, std::size_t size) : begin_(begin), size_(size) {}
  const std::uint8_t* begin_ = nullptr;
  std::size_t size_ = 0;
  std::size_t released_ = 0;
};

/// All of a regular file of at most `most` octets.
[[nodiscard]] std::expected<std::string, Error> read_small_file(const std::string& path,
                                                                std::size_t most);

enum class Existing { kReplace, kAppend };
/// A file that only its owner may read: key logs and captures hold secrets. A character device such
/// as /dev/null will do as well; a pipe, which can wait for ever, will not.
[[nodiscard]] std::expected<std::unique_ptr<Sink>, Error> create_private_file(
    const std::string& path, Existing existing);

}  // namespace rdpwhy::cli
