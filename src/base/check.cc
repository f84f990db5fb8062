#include "rdpwhy/base/check.h"

#include <fmt/format.h>

#include <cstdlib>

namespace rdpwhy::base {

void check_failed(const char* condition, const char* file, int line) {
#ifdef NDEBUG
  throw OurBug(fmt::format("{}:{}: {} does not hold", file, line, condition));
#else
  // The one place where a library of ours may end the program: our own bug, in a debug build.
  fmt::print(stderr, "rdpwhy: our bug: {}:{}: {} does not hold\n", file, line, condition);
  std::abort();
#endif
}

}  // namespace rdpwhy::base
