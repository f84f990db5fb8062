#pragma once

#include <cstddef>
#include <optional>

namespace rdpwhy::base {

/// How often this program has allocated. Nothing under a sanitizer, which must keep its own
/// operator new to see what it is there to see.
std::optional<std::size_t> allocations_so_far();

}  // namespace rdpwhy::base
