#pragma once

#include <span>

#include "rdpwhy/lab/lab.h"

namespace rdpwhy::lab {

/// One scenario and the faults that make it.
struct Row {
  Scenario scenario;
  Faults (*faults)();
  Faults (*faults_with)(std::uint32_t number) = nullptr;  ///< where a number may follow
};

/// Of what takes exception to one thing.
[[nodiscard]] std::span<const Row> dislike_rows();
/// Of servers with Network Level Authentication.
[[nodiscard]] std::span<const Row> nla_rows();
/// Of session hosts behind TLS.
[[nodiscard]] std::span<const Row> session_rows();

}  // namespace rdpwhy::lab
