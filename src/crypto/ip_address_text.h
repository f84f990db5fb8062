#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::crypto {

/// "192.0.2.1" or RFC 5952's "2001:db8::1" for 4 or 16 octets; empty for any other number.
[[nodiscard]] std::string ip_address_text(ByteSpan octets);

/// The 4 or 16 octets of an address in text; brackets and a zone ("%eth0") are passed over.
[[nodiscard]] std::optional<Bytes> parse_ip_address(std::string_view text);

}  // namespace rdpwhy::crypto
