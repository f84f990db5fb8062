#include "rdpwhy/base/reader.h"

#include <algorithm>

#include "rdpwhy/base/hex.h"

namespace rdpwhy::base {

ByteSpan Reader::rest(std::string_view field) { return bytes(left(), field); }

ByteSpan Reader::peek(std::size_t count) const {
  return bytes_.subspan(position_, std::min(count, left()));
}

void Reader::fail_truncated(std::uint64_t count, std::string_view field) {
  fail({.kind = DecodeError::Kind::kTruncated,
        .field = std::string(field),
        .offset = offset(),
        .needed = count,
        .left = bytes_.size() - position_});
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

// Scopes close innermost first, so this is rarely needed.
void Reader::unlink() {
  for (auto** link = &state_->innermost; *link != nullptr; link = &(*link)->outer_) {
    if (*link == this) {
      *link = outer_;
      break;
    }
  }
}

void Reader::complain_of_rest() {
  if (failed()) return;
  fail({.kind = DecodeError::Kind::kTrailing,
        .field = std::string(name_),
        .offset = offset(),
        .left = bytes_.size() - position_});
}

void Reader::close_inner() {
  if (closed_) return;
  while (state_->innermost != nullptr && state_->innermost != this) state_->innermost->close();
}

void Reader::annotate_number(std::string_view field, std::uint64_t value, std::size_t size) {
  annotate(field, last_, size, to_hex_number(value, static_cast<int>(2 * size)));
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
