// What a person types or a portal hands out: .rdp files, targets, proxies.

#include "oracles/oracle.h"
#include "rdpwhy/base/bytes.h"
#include "rdpwhy/net/target.h"

namespace {

using rdpwhy::oracle::hold;

bool printable(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const auto text = rdpwhy::base::as_text({octets, size});
  if (const auto file = rdpwhy::net::parse_rdp_file(text)) {
    hold(!file->target.host.empty(), "a file that is accepted names a host");
    for (const auto& remark : file->remarks) hold(printable(remark), "a remark is printable");
  } else {
    hold(printable(file.error().text) && !file.error().text.empty(), "an error is printable");
  }
  if (const auto target = rdpwhy::net::parse_target(text)) {
    hold(!target->host.empty() && target->port != 0, "a target has a host and a port");
  } else {
    hold(printable(target.error().text) && !target.error().text.empty(), "an error is printable");
  }
  if (const auto proxy = rdpwhy::net::parse_proxy(text)) {
    hold(!proxy->server.host.empty(), "a proxy has a host");
  }
  return 0;
}
