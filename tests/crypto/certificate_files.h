#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/crypto/certificate.h"

/// Certificates of tests as octets and files, and other programs' opinion of them.
namespace rdpwhy::crypto {

/// The DER of every block of a PEM text.
inline std::vector<Bytes> der_blocks(std::string_view pem) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  std::vector<Bytes> blocks;
  for (auto at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at)) {
    at += kBegin.size();
    Bytes der;
    unsigned bits = 0;
    int count = 0;
    for (; at < pem.size() && pem[at] != '-' && pem[at] != '='; ++at) {
      const auto value = kAlphabet.find(pem[at]);
      if (value == std::string_view::npos) continue;  // line ends
      bits = bits << 6 | static_cast<unsigned>(value);
      count += 6;
      if (count >= 8) {
        count -= 8;
        der.push_back(static_cast<std::uint8_t>(bits >> count));
      }
    }
    blocks.push_back(std::move(der));
  }
  return blocks;
}

inline std::vector<record::CertificateHandle> read_chain(std::string_view pem) {
  std::vector<record::CertificateHandle> chain;
  for (const auto& der : der_blocks(pem)) {
    chain.push_back(std::make_shared<record::CertificateFacts>(read_certificate(der)));
  }
  return chain;
}

struct Ran {
  int exit_code = -1;
  std::string output;  // standard output and standard error
};

inline Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  char buffer[4096];
  while (const auto got = std::fread(buffer, 1, sizeof buffer, pipe))
    ran.output.append(buffer, got);
  const int status = pclose(pipe);
  ran.exit_code = status < 0 ? -1 : status >> 8 & 0xFF;
  return ran;
}

inline bool have(const std::string& program) { return run("command -v " + program).exit_code == 0; }

/// A folder of this test's own, emptied first. Tests of one fixture run side by side, so the test's
/// name is part of it.
inline std::filesystem::path scratch_folder(const std::string& name) {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const auto folder = std::filesystem::path(RDPWHY_BINARY_DIR) / "scratch" / "crypto" /
                      (name + "-" + test->test_suite_name() + "-" + test->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline std::filesystem::path shared_folder() {
  if (const char* folder = std::getenv("RDPWHY_SHARED")) return folder;
  return std::filesystem::path(RDPWHY_SOURCE_DIR) / ".." / "shared";
}

}  // namespace rdpwhy::crypto
