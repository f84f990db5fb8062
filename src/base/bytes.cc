#include "rdpwhy/base/bytes.h"

#include <algorithm>

namespace rdpwhy::base {

bool equal(ByteSpan a, ByteSpan b) { return std::ranges::equal(a, b); }

}  // namespace rdpwhy::base
