#include "cli/trust.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/files.h"

namespace rdpwhy::cli {
namespace {

constexpr std::size_t kMostPem = 16u << 20;
constexpr const char* kSystemAnchors = "/etc/ssl/certs";

crypto::TrustStore hashed_directory(std::string directory) {
  return crypto::TrustStore::hashed_directory(
      [directory = std::move(directory)](const std::string& name) -> std::optional<std::string> {
        if (name.empty() || name.find('/') != std::string::npos) return {};
        auto text = read_small_file(directory + "/" + name, kMostPem);
        return text ? std::optional(std::move(*text)) : std::nullopt;
      });
}

}  // namespace

std::expected<crypto::TrustStore, Error> open_trust_store(const std::string& chosen) {
  if (chosen.empty()) return hashed_directory(kSystemAnchors);
  struct stat status{};
  if (::stat(chosen.c_str(), &status) != 0) {
    return std::unexpected(Error{fmt::format("cannot read {}: {}", chosen, std::strerror(errno))});
  }
  if (S_ISDIR(status.st_mode)) return hashed_directory(chosen);
  auto pem = read_small_file(chosen, kMostPem);
  if (!pem) return std::unexpected(pem.error());
  auto store = crypto::TrustStore::from_pem(*pem);
  if (!store) return std::unexpected(store.error().in(chosen));
  return store;
}

}  // namespace rdpwhy::cli
