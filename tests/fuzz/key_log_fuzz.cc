// Key logs from anywhere, whole and in two parts.
#include <cstdio>
#include <cstdlib>

#include "rdpwhy/base/bytes.h"
#include "rdpwhy/crypto/key_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const auto text = rdpwhy::base::as_text({octets, size});
  rdpwhy::crypto::KeyLog whole;
  const auto secrets = whole.add(text);
  if ((secrets == 0) != whole.empty()) {
    std::fprintf(stderr, "oracle: a log is empty exactly when no secret was understood\n");
    std::abort();
  }
  rdpwhy::crypto::KeyLog parts;  // cut behind a line: the same secrets
  const auto line = text.find('\n', size / 2);
  if (line != std::string_view::npos) {
    const auto sum = parts.add(text.substr(0, line + 1)) + parts.add(text.substr(line + 1));
    if (sum != secrets) {
      std::fprintf(stderr, "oracle: a log in two parts holds the same secrets\n");
      std::abort();
    }
  }
  return 0;
}
