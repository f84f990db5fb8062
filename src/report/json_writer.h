#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
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

/// Writes JSON member by member and adds it to a string of somebody else's: a tree of 90,000
/// reports costs more to build and take down again than to print.
///
/// Every value leaves a comma behind it, and the bracket that closes takes the place of the last
/// one: so nothing has to be asked before a value is written.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) { grow(0); }
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;
  ~JsonWriter() {
    drop_comma();
    out_.append(buffer_.get(), size());
  }

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  // Inlined so that the key is stored as the constant that it is.
  [[gnu::always_inline]] void key(JsonKey key) {
    const auto name = key.name();
    char* at = room(name.size() + 3);
    *at++ = '"';
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    *at++ = '"';
    *at++ = ':';
    at_ = at;
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

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(at_ - buffer_.get()); }
  /// Where `count` octets and the comma behind them can be written.
  [[nodiscard]] char* room(std::size_t count) {
    if (static_cast<std::size_t>(end_ - at_) <= count) grow(count);
    return at_;
  }
  void grow(std::size_t count);
  void end_value(char* end) {
    *end = ',';
    at_ = end + 1;
  }
  void drop_comma() {
    if (at_ != buffer_.get() && at_[-1] == ',') --at_;
  }

  void open(char bracket) { *room(1) = bracket, ++at_; }
  void close(char bracket) {
    drop_comma();
    char* at = room(1);
    *at = bracket;
    end_value(at + 1);
  }
  void word(std::string_view text) {
    char* at = room(text.size());
    end_value(at + text.copy(at, text.size()));
  }
  template <typename Number>
  void digits(Number value) {
    char* at = room(kMostDigits);
    end_value(std::to_chars(at, at + kMostDigits, value).ptr);
  }
  void escaped(std::string_view utf8);

  std::string& out_;
  std::unique_ptr<char[]> buffer_;
  char* at_ = nullptr;   ///< behind what was written
  char* end_ = nullptr;  ///< of the buffer
};

}  // namespace rdpwhy::report
