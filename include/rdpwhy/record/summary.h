#pragma once

#include <optional>
#include <string>

#include "rdpwhy/record/queries.h"

namespace rdpwhy::record {

/// What diagnosis and report both ask of a record: of each of the 90,000 connections of a large
/// capture it is asked once and handed on.
struct Summary {
  Progress progress;
  std::optional<TlsSummary> tls;
};
[[nodiscard]] Summary summary(const HandshakeRecord& record);

/// What `describe` says, behind what stands in `out`: no new text for each of millions.
void append_description(std::string& out, const Evidence& evidence);

}  // namespace rdpwhy::record
