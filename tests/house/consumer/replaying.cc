// Replays a capture with the installed library: one line per RDP connection.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "rdpwhy/record/queries.h"
#include "rdpwhy/replay/replay.h"

int main(int count, char** arguments) {
  if (count != 2) return 2;
  std::ifstream file(arguments[1], std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  const rdpwhy::Bytes octets(text.begin(), text.end());
  const auto summary =
      rdpwhy::replay::replay(octets, {}, [](rdpwhy::replay::ReplayedConnection connection) {
        const auto progress = rdpwhy::record::progress(connection.record);
        const std::string reached =
            progress.reached ? std::string(rdpwhy::record::name_of(*progress.reached)) : "nothing";
        std::printf("connection %ju reached %s\n", static_cast<std::uintmax_t>(connection.number),
                    reached.c_str());
      });
  if (!summary) std::printf("error: %s\n", summary.error().text.c_str());
  return summary ? 0 : 1;
}
