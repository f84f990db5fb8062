// Stands in for libFuzzer in ordinary builds: gives each file named to the target, and each file of
// each folder named. Past finds and seeds are an ordinary test this way.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size);

namespace {

std::size_t replay_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  return 1;
}

std::size_t replay_path(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return replay_file(path);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) count += replay_file(entry.path());
  }
  return count;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t replayed = replay_file("/dev/null");  // no octets at all
  for (int i = 1; i < count; ++i) {
    if (std::filesystem::exists(arguments[i])) replayed += replay_path(arguments[i]);
  }
  std::printf("%zu inputs\n", replayed);
  return 0;
}
