#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "rdpwhy/base/bytes.h"

namespace rdpwhy::capture::testing {

/// The folder of real captures; nothing where it is absent.
inline std::optional<std::filesystem::path> shared_captures() {
  const char* told = std::getenv("RDPWHY_SHARED");
  const auto shared = told != nullptr ? std::filesystem::path(told)
                                      : std::filesystem::path(RDPWHY_SOURCE_DIR) / "../shared";
  const auto captures = shared / "captures";
  if (!std::filesystem::exists(captures / "truth.json")) return std::nullopt;
  return captures;
}

inline Bytes read_whole(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline nlohmann::json truth(const std::filesystem::path& captures) {
  std::ifstream in(captures / "truth.json");
  return nlohmann::json::parse(in);
}

/// Runs a command and gives its standard output; nothing where it failed.
inline std::optional<std::string> output_of(const std::string& command) {
  auto* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string out;
  char part[65536];
  for (std::size_t size = 0; (size = std::fread(part, 1, sizeof part, pipe)) > 0;) {
    out.append(part, size);
  }
  return ::pclose(pipe) == 0 ? std::optional(out) : std::nullopt;
}

inline bool has_tshark() { return output_of("tshark --version").has_value(); }

}  // namespace rdpwhy::capture::testing

#define RDPWHY_NEED_SHARED_CAPTURES(name)                                                \
  const auto name##_or_none = ::rdpwhy::capture::testing::shared_captures();             \
  if (!name##_or_none) GTEST_SKIP() << "skipped: the folder of real captures is absent"; \
  const auto& name = *name##_or_none
