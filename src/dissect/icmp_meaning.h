#pragma once

#include <string_view>

#include "rdpwhy/record/facts.h"

namespace rdpwhy::dissect {

/// RFC 792, RFC 1812 5.2.7.1, RFC 4443 3: what the type and code of an ICMP error say, in words.
[[nodiscard]] std::string_view icmp_meaning(const record::IcmpError& error);

}  // namespace rdpwhy::dissect
