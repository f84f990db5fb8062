#pragma once

#include <string>
#include <string_view>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::base {

/// UTF-16LE to UTF-8; lone surrogates and a dangling octet become U+FFFD.
[[nodiscard]] std::string utf16le_to_utf8(ByteSpan bytes);

/// UTF-8 to UTF-16LE without a terminator; invalid sequences become U+FFFD.
[[nodiscard]] Bytes utf8_to_utf16le(std::string_view text);

/// RFC 3629: well-formed from end to end.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace rdpwhy::base
