#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "rdpwhy/base/error.h"

namespace rdpwhy::net {

/// A host name in the letters that DNS, certificates and server_name know: labels with others than
/// ASCII become A-labels (RFC 5890 2.3.2.1). Capitals are made small; what would have to be
/// composed or mapped by the tables of IDNA is refused, since half a mapping asks for another name.
[[nodiscard]] std::expected<std::string, Error> to_ascii_host(std::string_view utf8);

}  // namespace rdpwhy::net
