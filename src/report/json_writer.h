#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "rdpwhy/base/time.h"

namespace rdpwhy::report {

/// Octets of unknown origin as UTF-8: what is valid stays, every other octet becomes the text
/// "\xNN".
[[nodiscard]] std::string valid_utf8(std::string_view text);
[[nodiscard]] bool is_valid_utf8(std::string_view text);

/// The name of a member: a literal in our own source, so that nothing in it is ever escaped.
class JsonKey {
 public:
  consteval JsonKey(const char* literal) : name_(literal) {  // NOLINT: a literal is a key
    for (const char c : name_) {
      if (c < ' ' || c > '~' || c == '"' || c == '\\') throw "a key needs no escaping";
    }
  }
  [[nodiscard]] constexpr std::string_view name() const { return name_; }

 private:
  std::string_view name_;
};

/// Writes JSON straight into a string that somebody else owns, member by member: a tree of 90,000
/// reports costs more to build and take down again than to print. The string is the buffer: it is
/// grown ahead and cut to its true size at the end, so that an octet costs one store.
///
/// Commas come by themselves: one is due before whatever does not stand directly behind an opening
/// bracket or a colon.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out), begin_(out.size()), size_(out.size()) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;
  ~JsonWriter() { out_.resize(size_); }

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  void key(JsonKey key) {
    const auto name = key.name();
    char* at = begin_value(name.size() + 3);
    *at++ = '"';
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    *at++ = '"';
    *at++ = ':';
    end_value(at);
  }
  void text(std::string_view value);  ///< made valid UTF-8
  void number(std::uint64_t value) { digits(value); }
  void integer(std::int64_t value) { digits(value); }
  void boolean(bool value) { word(value ? "true" : "false"); }
  void null() { word("null"); }
  /// A duration in milliseconds with at most three decimals.
  void milliseconds(Nanoseconds ns);

  // Members in one go.
  void member(JsonKey name, std::string_view value) { key(name), text(value); }
  void member(JsonKey name, const char* value) { key(name), text(value); }
  void member(JsonKey name, bool value) { key(name), boolean(value); }
  void member_number(JsonKey name, std::uint64_t value) { key(name), number(value); }
  void member_null(JsonKey name) { key(name), null(); }
  template <typename Texts>
  void member_texts(JsonKey name, const Texts& values) {
    key(name);
    begin_array();
    for (const auto& value : values) text(value);
    end_array();
  }

 private:
  static constexpr std::size_t kMostDigits = 24;

  /// Room for `count` octets and a comma, which is put there where one is due.
  char* begin_value(std::size_t count) {
    if (out_.size() - size_ <= count) grow(count);
    char* at = out_.data() + size_;
    if (size_ == begin_) return at;
    const char last = at[-1];
    if (last != '{' && last != '[' && last != ':') *at++ = ',';
    return at;
  }
  void end_value(const char* end) { size_ = static_cast<std::size_t>(end - out_.data()); }
  void grow(std::size_t count);

  void open(char bracket) {
    char* at = begin_value(1);
    *at++ = bracket;
    end_value(at);
  }
  void close(char bracket) {
    if (out_.size() == size_) grow(1);
    out_[size_++] = bracket;
  }
  void word(std::string_view text) {
    char* at = begin_value(text.size());
    std::memcpy(at, text.data(), text.size());
    end_value(at + text.size());
  }
  template <typename Number>
  void digits(Number value) {
    char* at = begin_value(kMostDigits);
    end_value(std::to_chars(at, at + kMostDigits, value).ptr);
  }
  void escaped(std::string_view utf8);

  std::string& out_;
  std::size_t begin_;
  std::size_t size_;
};

}  // namespace rdpwhy::report
