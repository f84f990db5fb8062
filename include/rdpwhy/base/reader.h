#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/base/error.h"
#include "rdpwhy/base/notes.h"

namespace rdpwhy::base {

/// A sticky, named reader over one message.
///
/// Each read names its field in the specification's spelling. The first failure sticks: later reads
/// give zero or an empty view, and one check stands at the end (`finish`). `require` is for what
/// makes going on senseless, `expect` for what is odd but seen in the field: noted, and read on.
///
/// A length-prefixed part is a Reader of its own (`block16be`), which shares the failure state with
/// the reader it came from and must be consumed entirely: what is left when it is closed, destroyed
/// or overtaken by `finish` is a failure, unless `rest` or `skip_rest` took it.
///
/// Field names are kept by reference until the reader is gone: literals, not texts made on the way.
/// Nothing is allocated while all goes well and no fields are wanted.
class Reader {
 public:
  /// `notes` may be null: then anomalies and fields are not kept.
  explicit Reader(ByteSpan bytes, Notes* notes = nullptr)
      : bytes_(bytes), state_(&own_), own_{notes, {}, this} {}

  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Reader(Reader&&) = delete;  // children point into their parent
  Reader& operator=(Reader&&) = delete;
  ~Reader() { close(); }

  std::uint8_t u8(std::string_view field) { return static_cast<std::uint8_t>(be(field, 1)); }
  std::uint16_t u16be(std::string_view field) { return static_cast<std::uint16_t>(be(field, 2)); }
  std::uint32_t u24be(std::string_view field) { return static_cast<std::uint32_t>(be(field, 3)); }
  std::uint32_t u32be(std::string_view field) { return static_cast<std::uint32_t>(be(field, 4)); }
  std::uint64_t u64be(std::string_view field) { return be(field, 8); }
  std::uint16_t u16le(std::string_view field) { return static_cast<std::uint16_t>(le(field, 2)); }
  std::uint32_t u32le(std::string_view field) { return static_cast<std::uint32_t>(le(field, 4)); }
  std::uint64_t u64le(std::string_view field) { return le(field, 8); }

  /// Exactly `count` octets.
  ByteSpan bytes(std::size_t count, std::string_view field) {
    const auto at = offset();
    const auto view = take(count, field);
    if (wants_fields() && !failed()) annotate(field, at, count, {});
    return view;
  }

  /// All octets that are left, none included.
  ByteSpan rest(std::string_view field);

  /// The next octets without consuming them; fewer when fewer are left.
  [[nodiscard]] ByteSpan peek(std::size_t count) const;

  void skip(std::size_t count, std::string_view field) { bytes(count, field); }
  void skip_rest(std::string_view field) { rest(field); }

  /// A scope of exactly `count` octets.
  Reader block(std::size_t count, std::string_view field) {
    const auto at = offset();
    const auto view = bytes(count, field);
    return Reader(view, at, field, *this);
  }
  /// Like `block`, for a part whose header was just read under the same name: in a dump the
  /// header's field stands for it.
  Reader body(std::uint64_t count, std::string_view field) {
    const auto at = offset();
    const auto view = take(count, field);
    return Reader(view, at, field, *this);
  }
  /// Like `block`, but a failure stays inside: for a part that may be malformed without spoiling
  /// the message around it. Offsets, notes and nesting go on; whoever opens it asks its own
  /// `error`.
  Reader isolated(std::size_t count, std::string_view field) {
    const auto at = offset();
    const auto view = bytes(count, field);
    return Reader(view, at, depth_ + 1, notes());
  }
  /// Scopes that begin with their length in octets.
  Reader block8(std::string_view field) { return prefixed(be(field, 1), field); }
  Reader block16be(std::string_view field) { return prefixed(be(field, 2), field); }
  Reader block24be(std::string_view field) { return prefixed(be(field, 3), field); }
  Reader block16le(std::string_view field) { return prefixed(le(field, 2), field); }
  Reader block32le(std::string_view field) { return prefixed(le(field, 4), field); }

  /// True while octets are left and nothing failed.
  [[nodiscard]] bool more() const { return !failed() && position_ < bytes_.size(); }
  [[nodiscard]] std::size_t left() const { return failed() ? 0 : bytes_.size() - position_; }

  /// Octets from the start of the outermost message.
  [[nodiscard]] std::uint64_t offset() const { return base_ + position_; }

  /// A fatal violation of the grammar unless `condition` holds. `field` is where it shows; the
  /// offset said is where the last read began, or `at`.
  void require(bool condition, std::string_view text, std::string_view field = {}) {
    if (!condition) violate(text, field, last_);
  }
  void require(bool condition, std::string_view text, std::string_view field, std::uint64_t at) {
    if (!condition) violate(text, field, at);
  }

  /// An anomaly unless `condition` holds: noted, and reading goes on.
  void expect(bool condition, std::string_view text, std::string_view field = {}) {
    if (!condition) note(text, field, last_);
  }
  void expect(bool condition, std::string_view text, std::string_view field, std::uint64_t at) {
    if (!condition) note(text, field, at);
  }

  /// Notes a reading of the field just read, for annotated dumps ("0xC030 TLS_ECDHE_...").
  void value(std::string text);

  /// Fails the whole message with an error found elsewhere (a nested decoder).
  void fail(DecodeError error);

  [[nodiscard]] bool failed() const { return state_->error.has_value(); }
  [[nodiscard]] const std::optional<DecodeError>& error() const { return state_->error; }
  [[nodiscard]] Notes* notes() const { return state_->notes; }
  [[nodiscard]] bool wants_fields() const { return notes() != nullptr && notes()->wants_fields(); }

  /// Leaves a scope: octets that nobody read are a failure.
  void close() {
    if (closed_) return;
    closed_ = true;
    if (state_->innermost == this) {
      state_->innermost = outer_;
    } else {
      unlink();
    }
    if (position_ != bytes_.size()) complain_of_rest();
  }

  /// The end of a message: the value, or the first failure. Octets left over are a failure.
  template <typename T>
  std::expected<std::remove_cvref_t<T>, DecodeError> finish(T&& value) {
    close_inner();
    close();
    if (state_->error) return std::unexpected(*state_->error);
    return std::forward<T>(value);
  }

 private:
  // Shared by a message and its scopes. The open ones are a list, innermost first, so that `finish`
  // finds a scope that outlives it with octets unread.
  struct State {
    Notes* notes = nullptr;
    std::optional<DecodeError> error;
    Reader* innermost = nullptr;
  };

  Reader(ByteSpan bytes, std::uint64_t base, std::string_view name, Reader& parent)
      : bytes_(bytes),
        base_(base),
        last_(base),
        depth_(parent.depth_ + 1),
        name_(name),
        outer_(parent.state_->innermost),
        state_(parent.state_) {
    state_->innermost = this;
  }

  Reader(ByteSpan bytes, std::uint64_t base, int depth, Notes* notes)
      : bytes_(bytes),
        base_(base),
        last_(base),
        depth_(depth),
        state_(&own_),
        own_{notes, {}, this} {}

  Reader prefixed(std::uint64_t count, std::string_view field) {
    if (wants_fields()) value(std::to_string(count) + " octets");
    return body(count, field);
  }

  // Inline, as all that is done when nothing fails and no dump is wanted: a number of known size is
  // a load then.
  std::uint64_t be(std::string_view field, std::size_t size) {
    const auto view = take(size, field);
    std::uint64_t value = 0;
    if (view.size() != size) return value;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | view[i];
    if (wants_fields()) annotate_number(field, value, size);
    return value;
  }
  std::uint64_t le(std::string_view field, std::size_t size) {
    const auto view = take(size, field);
    std::uint64_t value = 0;
    if (view.size() != size) return value;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | view[i];
    if (wants_fields()) annotate_number(field, value, size);
    return value;
  }
  ByteSpan take(std::uint64_t count, std::string_view field) {
    if (failed()) return {};
    if (count > bytes_.size() - position_) {
      fail_truncated(count, field);
      return {};
    }
    const auto view = bytes_.subspan(position_, count);
    last_ = offset();
    position_ += count;
    return view;
  }
  void fail_truncated(std::uint64_t count, std::string_view field);
  void unlink();
  void complain_of_rest();
  void annotate_number(std::string_view field, std::uint64_t value, std::size_t size);
  void annotate(std::string_view field, std::uint64_t at, std::size_t size, std::string value);
  void violate(std::string_view text, std::string_view field, std::uint64_t at);
  void note(std::string_view text, std::string_view field, std::uint64_t at);
  void close_inner();

  ByteSpan bytes_;
  std::size_t position_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t last_ = 0;  // where the last read began
  int depth_ = 0;
  bool closed_ = false;
  std::string_view name_;
  Reader* outer_ = nullptr;  // the next open scope outwards
  State* state_;
  State own_;
};

}  // namespace rdpwhy::base

namespace rdpwhy {
using base::Reader;
}  // namespace rdpwhy
