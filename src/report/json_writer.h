#pragma once

#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "rdpwhy/base/time.h"

namespace rdpwhy::report {

/// Octets of unknown origin as UTF-8: what is valid stays, every other octet becomes the text
/// "\xNN".
[[nodiscard]] std::string valid_utf8(std::string_view text);
[[nodiscard]] bool is_valid_utf8(std::string_view text);

/// RapidJSON's output stream over a string that somebody else owns.
class AppendingStream {
 public:
  using Ch = char;
  explicit AppendingStream(std::string& out) : out_(out) {}
  void Put(char c) { out_.push_back(c); }
  void Flush() {}

 private:
  std::string& out_;
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

  void key(std::string_view name) { writer_.Key(name.data(), size_of(name)); }
  void text(std::string_view value);  ///< made valid UTF-8
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
  rapidjson::Writer<AppendingStream> writer_;
};

}  // namespace rdpwhy::report
