// A capture file through all of the offline path, with the certificate cache and without it: equal
// records.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "rdpwhy/record/queries.h"
#include "rdpwhy/replay/replay.h"

namespace {

struct Replayed {
  bool readable = false;
  std::vector<rdpwhy::replay::ReplayedConnection> connections;
};

Replayed replayed(rdpwhy::ByteSpan file, bool certificate_cache) {
  rdpwhy::replay::ReplayOptions options;
  options.certificate_cache = certificate_cache;
  Replayed result;
  const auto summary = rdpwhy::replay::replay(
      file, options, [&](auto connection) { result.connections.push_back(std::move(connection)); });
  result.readable = summary.has_value();
  return result;
}

void hold(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "oracle: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const auto cached = replayed({octets, size}, true);
  const auto uncached = replayed({octets, size}, false);
  hold(cached.readable == uncached.readable, "the cache does not change what is readable");
  hold(cached.connections.size() == uncached.connections.size(),
       "the cache does not change what is found");
  for (std::size_t i = 0; i < cached.connections.size(); ++i) {
    const auto& one = cached.connections[i];
    hold(one.number == i, "connections come in order");
    hold(one.record.evidence.size() == uncached.connections[i].record.evidence.size(),
         "the cache does not change the evidence");
    static_cast<void>(rdpwhy::record::progress(one.record));
    static_cast<void>(rdpwhy::record::tls_summary(one.record));
  }
  return 0;
}
