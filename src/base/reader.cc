#include "rdpwhy/base/reader.h"

#include <algorithm>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::base {

std::uint64_t Reader::be(std::string_view field, std::size_t size) {
  const auto at = offset();
  const auto view = take(size, field);
  std::uint64_t value = 0;
  for (const auto octet : view) value = value << 8 | octet;
  if (wants_fields() && view.size() == size) {
    annotate(field, at, size, to_hex_number(value, static_cast<int>(2 * size)));
  }
  return value;
}

std::uint64_t Reader::le(std::string_view field, std::size_t size) {
  const auto at = offset();
  const auto view = take(size, field);
  std::uint64_t value = 0;
  for (std::size_t i = view.size(); i-- > 0;) value = value << 8 | view[i];
  if (wants_fields() && view.size() == size) {
    annotate(field, at, size, to_hex_number(value, static_cast<int>(2 * size)));
  }
  return value;
}

ByteSpan Reader::bytes(std::size_t count, std::string_view field) {
  const auto at = offset();
  const auto view = take(count, field);
  if (wants_fields() && !failed()) annotate(field, at, count, {});
  return view;
}

ByteSpan Reader::rest(std::string_view field) { return bytes(left(), field); }

ByteSpan Reader::peek(std::size_t count) const {
  return bytes_.subspan(position_, std::min(count, left()));
}

ByteSpan Reader::take(std::uint64_t count, std::string_view field) {
  if (failed()) return {};
  const auto available = bytes_.size() - position_;
  if (count > available) {
    fail({.kind = DecodeError::Kind::kTruncated,
          .field = std::string(field),
          .offset = offset(),
          .needed = count,
          .left = available});
    return {};
  }
  const auto view = bytes_.subspan(position_, count);
  last_ = offset();
  position_ += count;
  return view;
}

void Reader::violate(std::string_view text, std::string_view field, std::uint64_t at) {
  if (failed()) return;
  fail({.kind = DecodeError::Kind::kBadValue,
        .field = std::string(field),
        .offset = at,
        .text = std::string(text)});
}

void Reader::note(std::string_view text, std::string_view field, std::uint64_t at) {
  if (failed() || notes() == nullptr) return;
  notes()->add_anomaly(at, field, std::string(text));
}

void Reader::value(std::string text) {
  if (!wants_fields() || failed() || notes()->fields.empty()) return;
  auto& field = notes()->fields.back();
  // Past the limit of kept fields the last one kept is not the last one read.
  if (field.offset == last_ && field.offset + field.size == offset()) field.value = std::move(text);
}

void Reader::fail(DecodeError error) {
  if (!failed()) state_->error = std::move(error);
}

void Reader::close() {
  if (closed_) return;
  closed_ = true;
  // Scopes close innermost first, so this is almost always the first step.
  for (auto** link = &state_->innermost; *link != nullptr; link = &(*link)->outer_) {
    if (*link == this) {
      *link = outer_;
      break;
    }
  }
  if (failed() || position_ == bytes_.size()) return;
  fail({.kind = DecodeError::Kind::kTrailing,
        .field = std::string(name_),
        .offset = offset(),
        .left = bytes_.size() - position_});
}

void Reader::close_inner() {
  if (closed_) return;
  while (state_->innermost != nullptr && state_->innermost != this) state_->innermost->close();
}

void Reader::annotate(std::string_view field, std::uint64_t at, std::size_t size,
                      std::string value) {
  notes()->add_field({.offset = at,
                      .size = size,
                      .depth = depth_,
                      .name = std::string(field),
                      .value = std::move(value)});
}

}  // namespace rdpwhy::base
