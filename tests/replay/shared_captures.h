#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "rdpwhy/base/bytes.h"

// Real captures with verified truth, where the folder that holds them is present.
namespace rdpwhy::replay::shared {

inline std::filesystem::path folder() {
  if (const char* given = std::getenv("RDPWHY_SHARED")) return given;
  return std::filesystem::path(RDPWHY_SOURCE_DIR).parent_path() / "shared";
}

inline Bytes file_octets(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline nlohmann::json truth() {
  std::ifstream in(folder() / "captures" / "truth.json");
  return nlohmann::json::parse(in, nullptr, false);
}

inline bool present() { return std::filesystem::exists(folder() / "captures" / "truth.json"); }

inline std::string key_log_beside(std::filesystem::path capture) {
  const auto octets = file_octets(capture.replace_extension(".keys"));
  return {octets.begin(), octets.end()};
}

}  // namespace rdpwhy::replay::shared

#define RDPWHY_SKIP_WITHOUT_SHARED_CAPTURES() \
  if (!rdpwhy::replay::shared::present()) GTEST_SKIP() << "skipped: no folder of shared captures"
