#pragma once

#include <cstddef>
#include <string_view>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/record/phase.h"

namespace rdpwhy::dissect {

/// How many octets to wait for before naming a protocol that is not ours: a line, a record or a
/// fixed count, never more than 64. The same however the octets were cut, so that records stay
/// equal (I3).
[[nodiscard]] std::size_t octets_to_recognise(ByteSpan begin);

/// The name of what speaks here instead, by its first octets; empty when unknown.
[[nodiscard]] std::string_view recognise_protocol(ByteSpan first, Side side);

}  // namespace rdpwhy::dissect
