#include "rdpwhy/base/error.h"

#include <fmt/format.h>

namespace rdpwhy::base {

std::string DecodeError::message() const {
  const auto name = field.empty() ? std::string("the message") : field;
  switch (kind) {
    case Kind::kTruncated:
      return fmt::format("{} needs {} byte{} at offset {}, {} left", name, needed,
                         needed == 1 ? "" : "s", offset, left);
    case Kind::kBadValue:
      return field.empty() ? fmt::format("{} (offset {})", text, offset)
                           : fmt::format("{}: {} (offset {})", field, text, offset);
    case Kind::kTrailing:
      return fmt::format("{} byte{} left over{} at offset {}", left, left == 1 ? "" : "s",
                         field.empty() ? "" : " in " + field, offset);
  }
  return "undecodable";
}

Error Error::in(std::string_view context) const { return {fmt::format("{}: {}", context, text)}; }

}  // namespace rdpwhy::base
