#pragma once

#include <rapidjson/writer.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rdpwhy/base/time.h"

namespace rdpwhy::report {

/// Octets of unknown origin as UTF-8: what is valid stays, every other octet becomes the text
/// "\xNN".
[[nodiscard]] std::string valid_utf8(std::string_view text);
[[nodiscard]] bool is_valid_utf8(std::string_view text);

/// RapidJSON's output stream over a string that somebody else owns. The string is the buffer: it is
/// grown ahead and cut to its true size at the end, so that an octet costs one store.
class AppendingStream {
 public:
  using Ch = char;
  explicit AppendingStream(std::string& out) : out_(out), size_(out.size()) {}
  AppendingStream(const AppendingStream&) = delete;
  AppendingStream& operator=(const AppendingStream&) = delete;
  ~AppendingStream() { out_.resize(size_); }

  void Put(char c) {
    reserve(1);
    put_unsafe(c);
  }
  void Flush() {}
  void reserve(std::size_t count) {
    if (out_.size() - size_ < count) out_.resize(std::max(out_.size() * 2, size_ + count + 4096));
  }
  void put_unsafe(char c) { out_[size_++] = c; }
  void put_quoted(std::string_view text) {
    reserve(text.size() + 2);
    out_[size_++] = '"';
    text.copy(out_.data() + size_, text.size());
    size_ += text.size();
    out_[size_++] = '"';
  }

 private:
  std::string& out_;
  std::size_t size_;
};

// RapidJSON's customisation points, found by argument.
inline void PutReserve(AppendingStream& stream, std::size_t count) { stream.reserve(count); }
inline void PutUnsafe(AppendingStream& stream, char c) { stream.put_unsafe(c); }

/// RapidJSON looks at every octet of a text for one to escape; most texts have none, and go as they
/// are.
class BulkWriter : public rapidjson::Writer<AppendingStream> {
 public:
  explicit BulkWriter(AppendingStream& stream) : rapidjson::Writer<AppendingStream>(stream) {}
  void clean_text(std::string_view text) {
    Prefix(rapidjson::kStringType);
    os_->put_quoted(text);
  }
};

/// Writes JSON straight into a string, member by member: a tree of 90,000 reports costs more to
/// build and take down again than to print.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : stream_(out), writer_(stream_) {}

  void begin_object() { writer_.StartObject(); }
  void end_object() { writer_.EndObject(); }
  void begin_array() { writer_.StartArray(); }
  void end_array() { writer_.EndArray(); }

  void key(std::string_view name) { writer_.clean_text(name); }  ///< of ours: nothing to escape
  void text(std::string_view value);                             ///< made valid UTF-8
  void number(std::uint64_t value) { writer_.Uint64(value); }
  void integer(std::int64_t value) { writer_.Int64(value); }
  void boolean(bool value) { writer_.Bool(value); }
  void null() { writer_.Null(); }
  /// A duration in milliseconds with at most three decimals.
  void milliseconds(Nanoseconds ns);

  // Members in one go.
  void member(std::string_view name, std::string_view value) { key(name), text(value); }
  void member(std::string_view name, const char* value) { key(name), text(value); }
  void member(std::string_view name, bool value) { key(name), boolean(value); }
  void member_number(std::string_view name, std::uint64_t value) { key(name), number(value); }
  void member_null(std::string_view name) { key(name), null(); }
  template <typename Texts>
  void member_texts(std::string_view name, const Texts& values) {
    key(name);
    begin_array();
    for (const auto& value : values) text(value);
    end_array();
  }

 private:
  static rapidjson::SizeType size_of(std::string_view s) {
    return static_cast<rapidjson::SizeType>(s.size());
  }

  AppendingStream stream_;
  BulkWriter writer_;
};

}  // namespace rdpwhy::report
