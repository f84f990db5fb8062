#pragma once

#include <stdexcept>

namespace rdpwhy::base {

/// Thrown by RDPWHY_CHECK in release builds; caught at the root of one probe and reported as our
/// bug.
struct OurBug : std::logic_error {
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace rdpwhy::base

/// An impossible state: our bug, never the peer's. Aborts in debug builds, tests and fuzzing; in
/// release builds throws OurBug.
#define RDPWHY_CHECK(condition)                        \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::rdpwhy::base::check_failed(#condition, __FILE__, __LINE__))
